"""What flows come to, said once more and apart from the policies: identity, action, resource."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from mlgate_components.aws.access.flows import TABLE, At, Verb

Flow = tuple[Verb, str, str]
"""A verb, the name of what it is done to, and below which prefix."""


@dataclass(frozen=True, slots=True)
class Thing:
    """A resource of any kind; of a bucket some of the objects that may lie in it."""

    arn: str
    key: str = ""
    signing_key: str = ""
    objects: tuple[str, ...] = ()

    def places(self, at: At, prefix: str) -> list[str]:
        """The resources that an action is declared on."""
        if at is At.OBJECTS:
            return [f"{self.arn}/{name}" for name in self.objects if name.startswith(prefix)]
        if at in {At.KEY, At.KEY_ITSELF}:
            return [self.key]
        return [self.signing_key if at is At.SIGNING_KEY else "*" if at is At.ACCOUNT else self.arn]


def declared(flows: Mapping[str, Collection[Flow]], things: Mapping[str, Thing]) -> set[tuple[str, str, str]]:
    """All that the identities do by these flows."""
    return {
        (identity, action, place)
        for identity, does in flows.items()
        for verb, what, prefix in does
        for act in TABLE[verb]
        for action in act.actions
        for place in things[what].places(act.at, prefix)
    }


def duties(images: Collection[str], secrets: Collection[str] = ()) -> dict[str, set[Flow]]:
    """What the roles of an environment do: to `models`, `evidence`, their trail `audit`, the cluster `ml`, its `state`, and these."""
    looks = {(Verb.READS, "models", ""), (Verb.READS, "evidence", ""), (Verb.VERIFIES, "evidence", "")}
    moves = {(Verb.OPERATES, "ml", ""), (Verb.KEEPS_STATE, "state", ""), *looks}
    return {
        "ci": {(Verb.READS, "models", ""), (Verb.WRITES, "models", ""), *((Verb.PUSHES, each, "") for each in images)},
        "gate": {*looks, (Verb.WRITES, "evidence", ""), (Verb.SIGNS, "evidence", ""), *((Verb.PULLS, each, "") for each in images)},
        "deployer": {*moves, *((Verb.WRITES_SECRET, each, "") for each in secrets)},
        "promoter": moves,
        "auditor": {
            (Verb.AUDITS, "models", ""),
            (Verb.AUDITS, "evidence", ""),
            (Verb.AUDITS, "audit", ""),
            (Verb.VALIDATES, "audit", ""),
            (Verb.VERIFIES, "evidence", ""),
            (Verb.VIEWS, "ml", ""),
        },
        "break_glass": moves,
    }
