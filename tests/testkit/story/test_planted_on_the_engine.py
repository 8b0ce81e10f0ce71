"""Of the twelve defects planted in a sample stack, those that only a run of the engine shows: each named with property and remedy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest

from mlgate.errors import UsageError
from mlgate_testkit.lint import assert_expected, lint_run

pytestmark = pytest.mark.engine
Deploy = Callable[[str], Any]
Write = Callable[[str], Path]

BUCKET = """
import pulumi, pulumi_aws as aws
logs = aws.s3.Bucket("logs", bucket="shop-{name}", tags={{"Owner": "shop"}})
versions = aws.s3.BucketVersioning(
    "versions", bucket={reference}, versioning_configuration={{"status": "Enabled"}})
"""
SOUND = BUCKET.format(name="logs", reference="logs.id")


@pytest.fixture
def written(tmp_path: Path) -> Write:
    """A program as a file."""

    def write(text: str) -> Path:
        path = tmp_path / "__main__.py"
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def deployed(stack: Any, simulated_aws: Any, written: Write) -> Deploy:
    """The stack of a program, up."""

    def deploy(text: str) -> Any:
        made = stack("prod", program=written(text), config={"aws:region": "eu-central-1"})
        made.up()
        return made

    return deploy


def refused(changes: Any) -> str:
    with pytest.raises(AssertionError) as caught:
        assert_expected(changes)
    return str(caught.value)


def test_what_nobody_touched_is_as_expected(deployed: Deploy) -> None:
    prod = deployed(SOUND)
    assert_expected(prod.preview())
    assert_expected(prod.refresh())
    assert_expected(prod.destroy())


def test_a_forced_replacement_is_seen_in_the_preview(deployed: Deploy, written: Write) -> None:
    prod = deployed(SOUND)
    prod.change(program=written(BUCKET.format(name="journal", reference="logs.id")))
    said = refused(prod.preview())
    assert "forced-replacement  aws:s3/bucket:Bucket logs" in said
    assert "bucket" in said
    assert "it is 'shop-journal' and was 'shop-logs'" in said
    assert "-> keep the old value" in said
    allowed = {"forced-replacement:logs": "the old bucket is empty", "forced-replacement:versions": "it goes with its bucket"}
    assert lint_run(prod.preview(), allow=allowed) == []


@pytest.mark.parametrize("gone", [False, True])
def test_drift_is_seen_by_a_refresh(deployed: Deploy, simulated_aws: Any, gone: bool) -> None:
    prod = deployed(SOUND)
    s3 = boto3.client("s3", endpoint_url=simulated_aws.endpoint(), region_name="eu-central-1", **KEYS)
    if gone:
        s3.delete_bucket(Bucket="shop-logs")
    else:
        s3.put_bucket_tagging(Bucket="shop-logs", Tagging={"TagSet": [{"Key": "Owner", "Value": "somebody"}]})
    said = refused(prod.refresh())
    assert "drift  " in said
    assert "aws:s3/bucket:Bucket logs" in said
    assert ("somebody deleted it by hand" if gone else "tags.Owner") in said
    assert "-> run `pulumi up`" in said


def test_a_wrong_order_of_deletion_is_seen_when_the_stack_goes(deployed: Deploy, written: Write) -> None:
    unaware = BUCKET.format(name="logs", reference='"shop-logs"')
    prod = deployed(unaware.split("versions =")[0])
    prod.change(program=written(unaware))
    prod.up()
    said = refused(prod.destroy())
    assert "delete-order  aws:s3/bucketVersioning:BucketVersioning versions  bucket" in said
    assert "it names aws:s3/bucket:Bucket logs" in said
    assert "-> pass that resource's own output" in said
    assert "1 finding" in said


def test_an_exception_that_nothing_needs_is_itself_a_finding(deployed: Deploy) -> None:
    prod = deployed(SOUND)
    (found,) = lint_run(prod.preview(), allow={"drift:logs": "it is being moved"})
    assert found.rule == "stale-allow"


@pytest.mark.parametrize(("allow", "said"), [({"drif": "it moves"}, "names no rule"), ({"drift": " "}, "for no reason")])
def test_an_exception_must_name_a_rule_and_a_reason(deployed: Deploy, allow: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        lint_run(deployed(SOUND).preview(), allow=allow)


KEYS = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
