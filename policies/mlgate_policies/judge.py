"""Rules applied to resources: the violations, exceptions taken into account."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from mlgate_policies.exceptions import PolicyException, PolicyExceptions
from mlgate_policies.resource import Resource
from mlgate_policies.rule import Level, Rule

__all__ = ["Judge", "Violation"]


@dataclass(frozen=True, slots=True)
class Violation:
    """What a rule objects to in a resource. `expired`: exceptions that no longer count."""

    rule: Rule
    resource: Resource
    level: Level
    objection: str
    expired: Sequence[PolicyException]

    @property
    def told(self) -> str:
        """All but of which resource, which the engine says."""
        expired = "".join(f"\n  {each} has expired" for each in self.expired)
        return f"{self.objection}{expired}\n  -> {self.rule.remedy}"

    def __str__(self) -> str:
        return f"{self.rule.name}: {self.resource.type} {self.resource.name}: {self.told}"


@dataclass(frozen=True, slots=True)
class Judge:
    """Judges the resources of one stack."""

    stack: str
    exceptions: PolicyExceptions
    today: date

    @classmethod
    def now(cls, stack: str, exceptions: PolicyExceptions) -> Judge:
        """One that goes by today's date, in UTC."""
        return cls(stack, exceptions, datetime.now(UTC).date())

    def violations(self, rule: Rule, resource: Resource, others: Iterable[Resource]) -> Iterator[Violation]:
        """What the rule objects to in a resource of its types, beside others of any type; none where an exception counts."""
        about = self.exceptions.covering(rule.name, resource.name, self.stack)
        if any(each.counts(self.today) for each in about):
            return
        beside = [other for other in others if rule.sees(other.type) and other.urn != resource.urn]
        for objection in rule.check(resource, beside):
            yield Violation(rule, resource, rule.levels.of(self.stack), objection, about)

    def all(self, rules: Iterable[Rule], resources: Sequence[Resource]) -> list[Violation]:
        """Those of all rules that are not disabled, over all resources of a stack in the order in which the program makes them."""
        return [
            violation
            for rule in rules
            if rule.levels.of(self.stack) is not Level.DISABLED
            for index, resource in enumerate(resources)
            if resource.type in rule.types
            for violation in self.violations(rule, resource, resources if rule.at_end else resources[:index])
        ]
