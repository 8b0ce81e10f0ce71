"""Rules over tags, of images and of resources: each fires, and leaves alone what is right or not known yet."""

from __future__ import annotations

from typing import Any

import pytest

from mlgate_policies.naming import IMAGES, TAGGABLE
from mlgate_policies.resource import UNKNOWN

from .asking import BUCKET, objections, resource
from .taggable import taggable

GROUP = "aws:autoscaling/group:Group"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("MUTABLE", ["imageTagMutability is MUTABLE"]),
        ("IMMUTABLE_WITH_EXCLUSION", ["imageTagMutability is IMMUTABLE_WITH_EXCLUSION"]),
        (None, ["imageTagMutability is not said, which is MUTABLE"]),
        ("IMMUTABLE", []),
        (UNKNOWN, []),
    ],
)
@pytest.mark.parametrize("kind", sorted(IMAGES))
def test_a_tag_of_an_image_stays_what_it_is(kind: str, value: Any, expected: list[str]) -> None:
    assert objections("mutable-tag", resource(kind, {"imageTagMutability": value})) == expected


@pytest.mark.parametrize(
    ("properties", "default_tags", "objected"),
    [
        ({}, {}, True),
        ({"tags": {"Owner": "platform"}}, {}, True),
        ({"tags": {"owner": ""}}, {}, True),
        ({"tags": {"owner": ""}}, {"owner": "platform"}, True),
        ({"tags": {"key": "owner", "value": "platform"}}, {}, True),
        ({"tags": {"owner": "platform"}}, {}, False),
        ({"tags": {"owner": UNKNOWN}}, {}, False),
        ({}, {"owner": "platform"}, False),
        ({"tags": UNKNOWN}, {}, False),
        ({}, UNKNOWN, False),
    ],
)
def test_somebody_answers_for_a_resource(properties: dict[str, Any], default_tags: Any, objected: bool) -> None:
    found = objections("missing-owner", resource(BUCKET, properties, default_tags=default_tags))
    assert found == (["it has no tag 'owner'"] if objected else [])


def test_tags_that_are_a_list_are_read_too() -> None:
    tags = [{"key": "owner", "value": "platform", "propagateAtLaunch": True}]
    assert objections("missing-owner", resource(GROUP, {"tags": tags})) == []
    for other in ({"key": "team"}, {"value": ""}):
        assert objections("missing-owner", resource(GROUP, {"tags": [{**tags[0], **other}]})) == ["it has no tag 'owner'"]


def test_the_types_that_take_tags_are_those_of_the_sdk() -> None:
    assert sorted(taggable()) == sorted(TAGGABLE), "write the list anew: python -m tests.policies.taggable"
