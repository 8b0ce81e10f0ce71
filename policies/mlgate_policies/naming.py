"""What tells people what runs and who answers for it: image tags that stay what they were, and an owner."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from mlgate_policies.resource import UNKNOWN, Resource, at, known, listed_at
from mlgate_policies.rule import BEFORE_PROD, EVERYWHERE, Rule

__all__ = ["IMAGES", "OWNER", "RULES", "TAGGABLE"]

OWNER = "owner"
"""The tag that says which team answers for a resource."""

IMAGES = frozenset({"aws:ecr/repository:Repository", "aws:ecr/repositoryCreationTemplate:RepositoryCreationTemplate"})
"""Types that say whether tags of images may move."""

TAGGABLE = frozenset(
    line for line in (Path(__file__).parent / "taggable.txt").read_text(encoding="utf-8").splitlines() if not line.startswith("#")
)
"""Types of AWS that take tags; the file says of which version of the SDK."""


def _mutable_tags(resource: Resource, _others: Sequence[Resource]) -> Iterator[str]:
    if known(resource.at("imageTagMutability"), "IMMUTABLE"):
        yield f"imageTagMutability is {resource.at('imageTagMutability') or 'not said, which is MUTABLE'}"


def _without_owner(resource: Resource, _others: Sequence[Resource]) -> Iterator[str]:
    tags, defaults = resource.at("tags"), resource.default_tags
    if UNKNOWN in (tags, defaults):
        return
    given = {**defaults, **(tags if isinstance(tags, Mapping) else {})}
    listed = {at(tag, "key"): at(tag, "value") for tag in listed_at(tags) if not isinstance(tags, Mapping)}  # of autoscaling groups
    if not (given | listed).get(OWNER):
        yield f"it has no tag {OWNER!r}"


RULES = (
    Rule(
        name="mutable-tag",
        why="an image that changes under its tag is not the one that was scanned, signed and gated",
        remedy="set imageTagMutability to IMMUTABLE, and push each build under a tag of its own",
        levels=EVERYWHERE,
        types=IMAGES,
        check=_mutable_tags,
    ),
    Rule(
        name="missing-owner",
        why="what nobody answers for is paid for by everybody and deleted by nobody",
        remedy=f"add the tag {OWNER!r} to it, or to defaultTags of its provider",
        levels=BEFORE_PROD,
        types=TAGGABLE,
        check=_without_owner,
    ),
)
