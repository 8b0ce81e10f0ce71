"""Tags: the program's, the provider's default ones, and what is really there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mlgate_testkit.aws.arguments import argument_names
from mlgate_testkit.provider.provider import Failure, Inputs, Outputs
from mlgate_testkit.provider.values import UNKNOWN

__all__ = ["TagRules", "tag_list", "tags_of"]

_MOST = 50  # tags of one resource, by nearly every service


def tag_list(tags: Mapping[str, Any] | None, key: str = "Key", value: str = "Value") -> list[dict[str, str]]:
    """Tags as most APIs take them."""
    return [{key: name, value: str(content)} for name, content in (tags or {}).items()]


def tags_of(tags: list[dict[str, str]] | None, key: str = "Key", value: str = "Value") -> dict[str, str]:
    """Tags as most APIs give them, without those that belong to AWS."""
    return {tag[key]: tag.get(value, "") for tag in tags or () if not tag[key].startswith("aws:")}


@dataclass(frozen=True, slots=True)
class TagRules:
    """`defaultTags` and `ignoreTags` of one provider configuration."""

    default: Mapping[str, str] = field(default_factory=dict)
    ignored: frozenset[str] = frozenset()
    ignored_prefixes: tuple[str, ...] = ()

    def all(self, inputs: Inputs) -> Any:
        """`tagsAll`: default tags and the resource's own, which win."""
        tags = inputs.get("tags")
        return UNKNOWN if tags is UNKNOWN else {**self.default, **(tags or {})}

    def joined(self, inputs: Inputs, token: str) -> Inputs:
        """The inputs with every tag that the cloud is to hold under "tags"."""
        return {**inputs, "tags": self.all(inputs)} if "tags" in argument_names(token) else inputs

    def split(self, seen: Outputs, inputs: Inputs, arguments: Mapping[str, Any]) -> Outputs:
        """What is really there, as `tags` (the resource's own, and whatever nobody declared) and `tagsAll`."""
        if "tags" not in arguments or seen.get("tags") is None:
            return {}
        own: Mapping[str, str] = inputs.get("tags") or {}
        present = {key: value for key, value in seen["tags"].items() if not self._ignores(key)}
        tags = {key: value for key, value in present.items() if key in own or self.default.get(key) != value}
        return {"tags": tags or None, "tagsAll": present}

    def wrong(self, inputs: Inputs) -> list[Failure]:
        """What no service accepts as tags."""
        tags = self.all(inputs) if isinstance(inputs.get("tags"), Mapping) else {}
        failures = (
            [Failure("tags", f"{len(tags)} tags, default tags among them; a resource has at most {_MOST}")] if len(tags) > _MOST else []
        )
        for key, value in tags.items():
            if key.startswith("aws:"):
                failures.append(Failure(f"tags.{key}", f"{key!r}: the prefix 'aws:' is reserved for AWS's own tags"))
            if not 1 <= len(key) <= 128 or (isinstance(value, str) and len(value) > 256):
                failures.append(Failure(f"tags.{key}", "a tag's key has 1 to 128 characters, its value at most 256"))
        return failures

    def _ignores(self, key: str) -> bool:
        return key in self.ignored or key.startswith(self.ignored_prefixes or "\0")
