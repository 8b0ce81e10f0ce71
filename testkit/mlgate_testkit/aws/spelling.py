"""Names as programs of Pulumi spell them, and as the APIs of AWS do: `noncurrentDays` and `NoncurrentDays`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlgate_testkit.aws.tags import tag_list, tags_of
from mlgate_testkit.aws.times import time_of

__all__ = ["from_api", "lower", "to_api", "upper"]


def upper(name: str) -> str:
    """The API's spelling of a name."""
    return name[0].upper() + name[1:]


def lower(name: str) -> str:
    """Pulumi's spelling of a name."""
    return name[0].lower() + name[1:]


def to_api(value: Any, names: Mapping[str, str]) -> Any:
    """A value in the API's spelling at any depth, tags as it lists them, without what is None. `names`: those that it spells otherwise."""
    if isinstance(value, dict):
        made = {names.get(key, upper(key)): to_api(member, names) for key, member in value.items() if member is not None}
        return {**made, "Tags": tag_list(value["tags"])} if isinstance(value.get("tags"), dict) else made
    return [to_api(member, names) for member in value] if isinstance(value, list) else value


def from_api(value: Any, names: Mapping[str, str]) -> Any:
    """A value of the API in Pulumi's spelling at any depth, tags as programs give them, times as texts. `names`: what `lower` misses."""
    if isinstance(value, dict):
        made = {names.get(key, lower(key)): from_api(member, names) for key, member in value.items()}
        return {**made, "tags": tags_of(value["Tags"])} if "Tags" in value else made
    return [from_api(member, names) for member in value] if isinstance(value, list) else time_of(value)
