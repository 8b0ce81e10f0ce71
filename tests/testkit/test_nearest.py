"""A name that is not there is told with the nearest one that is, and with the others as long as they are few."""

import pytest

from mlgate_testkit.nearest import listed, meant, nearest


@pytest.mark.parametrize(
    ("wanted", "near"),
    [("bucket_nmae", "bucketName"), ("BUCKETNAME", "bucketName"), ("tag", "tags"), ("colour", None)],
)
def test_the_nearest_name_is_found_however_it_is_written(wanted: str, near: str | None) -> None:
    assert nearest(wanted, ["tags", "bucketName", "arn"]) == near


@pytest.mark.parametrize(
    ("count", "told"),
    [(0, ""), (2, "a1, a2"), (12, "a10, a11, a12"), (13, "a12 and 1 more"), (40, "a12 and 28 more")],
)
def test_of_many_names_the_first_are_told_and_how_many_more_there_are(count: int, told: str) -> None:
    assert listed([f"a{number}" for number in range(1, count + 1)]).endswith(told)


def test_a_sentence_says_what_was_meant_and_what_there_is() -> None:
    assert meant("log", ["logs", "main"], "the resources") == "did you mean 'logs'? the resources: logs, main"
    assert meant("colour", ["logs", "main"], "the resources") == "the resources: logs, main"
    assert meant("log", [], "the resources") == "there was none at all (the resources)"
