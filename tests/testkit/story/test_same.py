"""The comparison itself: an input that a recording loses is seen, one that a provider fills in is not taken for it."""

from typing import Any

import pytest

from mlgate_testkit.record import Resource

from .same import unrecorded

BLOCK, QUEUE = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", "aws:sqs/queue:Queue"


def made(token: str, **inputs: Any) -> Resource:
    return Resource(type=token, name="x", urn=f"urn:pulumi:prod::shop::{token}::x", inputs=inputs)


@pytest.mark.parametrize(
    ("token", "there", "lost"),
    [
        (BLOCK, {"blockPublicAcls": True}, {"blockPublicAcls": True}),
        (BLOCK, {"blockPublicAcls": False}, {}),
        (QUEUE, {"tags": {}}, {"tags": {}}),
        (QUEUE, {"name": "x-0a1b2c3"}, {}),
        (QUEUE, {"name": "jobs"}, {"name": "jobs"}),
        ("aws:new/type:Type", {"size": 1}, {"size": 1}),
    ],
)
def test_an_input_beside_the_recorded_ones_is_a_default_a_made_up_name_or_lost(
    token: str, there: dict[str, Any], lost: dict[str, Any]
) -> None:
    assert unrecorded(made(token, bucket="b"), made(token, bucket="b", **there)) == lost
