"""Log groups."""

from __future__ import annotations

import pytest

from .cloud import Cloud

GROUP = "aws:cloudwatch/logGroup:LogGroup"


@pytest.mark.parametrize(("days", "taken"), [(0, True), (14, True), (10, False), (3653, True), (3654, False)])
def test_retention_takes_only_days_that_cloudwatch_knows(cloud: Cloud, days: int, taken: bool) -> None:
    assert (cloud.check(GROUP, retentionInDays=days) == []) is taken


def test_a_group_that_must_stay_stays(cloud: Cloud) -> None:
    state = cloud.up(GROUP, name="audit", skipDestroy=True)
    cloud.delete(GROUP, state)
    assert cloud.refresh(GROUP, state) is not None


def test_a_group_is_not_taken_for_another_whose_name_begins_alike(cloud: Cloud) -> None:
    cloud.up(GROUP, name="audit-old")
    assert cloud.imported(GROUP, "audit") is None


def test_the_class_of_a_group_is_read_as_it_was_given(cloud: Cloud) -> None:
    state = cloud.up(GROUP, name="audit", logGroupClass="INFREQUENT_ACCESS")
    assert cloud.refresh(GROUP, state) == state
    assert cloud.up(GROUP, name="events").outputs["logGroupClass"] == "STANDARD"
