"""A rule: what it looks at, what it objects to and why, and how much that weighs in which environment."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from mlgate_policies.resource import Resource

__all__ = ["BEFORE_PROD", "ENVIRONMENTS", "EVERYTHING", "EVERYWHERE", "IN_PROD", "Check", "Level", "Levels", "Rule"]

Check = Callable[[Resource, Sequence[Resource]], Iterable[str]]
"""Given a resource of the rule's types and the others it is judged beside, each objection as a sentence that names the value."""


class Level(enum.StrEnum):
    """What a violation does, from least to most: nothing, a line in the output, or the end of preview and update."""

    DISABLED = "disabled"
    ADVISORY = "advisory"
    MANDATORY = "mandatory"


ENVIRONMENTS = ("dev", "staging", "prod")


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """The level in each environment."""

    dev: Level
    staging: Level
    prod: Level

    def of(self, stack: str) -> Level:
        """In the environment that the stack is. A stack of another name is judged as prod: a new one must not be the way around a rule."""
        level: Level = getattr(self, stack if stack in ENVIRONMENTS else "prod")
        return level


EVERYTHING = frozenset({"*"})
"""Beside a rule that looks at all there is."""

EVERYWHERE = Levels(dev=Level.MANDATORY, staging=Level.MANDATORY, prod=Level.MANDATORY)
BEFORE_PROD = Levels(dev=Level.ADVISORY, staging=Level.MANDATORY, prod=Level.MANDATORY)
IN_PROD = Levels(dev=Level.DISABLED, staging=Level.ADVISORY, prod=Level.MANDATORY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """`types`: tokens of what it judges; `beside`: of what else it is shown, in the order in which the program makes things.

    A rule judges a resource before it is made, and is shown of the others those that were registered before. One that must see them all
    (`at_end`) judges when the program has ended: in a preview that is before anything is made as well, in an update it is afterwards.
    """

    name: str
    why: str
    remedy: str
    levels: Levels
    types: frozenset[str]
    check: Check
    beside: frozenset[str] = frozenset()
    at_end: bool = False

    def sees(self, type: str) -> bool:  # noqa: A002 - Pulumi's own word for it
        """Whether it is shown resources of that type beside the one that it judges."""
        return type in self.beside or self.beside == EVERYTHING
