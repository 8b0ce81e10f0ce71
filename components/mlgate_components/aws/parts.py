"""How the parts of a component are called, tagged and owned."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

from mlgate_components.aws.tags import Tags, tags_of

__all__ = ["Parts"]


@dataclass(frozen=True, slots=True)
class Parts:
    """Of the component `owner`, which is called `name` in the program."""

    name: str
    tags: Tags
    owner: pulumi.Resource

    def called(self, what: str = "") -> str:
        """The name of a part; without a word, of the one that is what the component is about."""
        return f"{self.name}-{what}" if what else self.name

    def tagged(self, what: str = "") -> dict[str, str]:
        """The tags of a part."""
        return tags_of(self.tags, self.called(what))

    def opts(self, *after: pulumi.Resource, kept: bool = False) -> pulumi.ResourceOptions:
        """A child of the component, made after those. `kept`: it holds what nobody can make again, so nothing but a person deletes it."""
        return pulumi.ResourceOptions(parent=self.owner, depends_on=list(after), protect=kept or None, retain_on_delete=kept or None)
