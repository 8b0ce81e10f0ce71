"""What one rule finds, the programs and states in which it looks, and the table that it is told in."""

import pulumi

from mlgate_testkit.lint import RULES, Finding, lint
from mlgate_testkit.record import record


def rows(said: str) -> list[list[str]]:
    """The rows of a table of findings, by column."""
    return [line.split() for line in said.splitlines()[2:] if not line.startswith(" ")]


def found(program, rule: str, **options) -> list[Finding]:
    return lint(record(program, **options), rules=[each for each in RULES if each.name == rule])


class Box(pulumi.ComponentResource):
    """A component that makes whatever it is given the recipe for."""

    def __init__(self, name, make, opts=None) -> None:
        super().__init__("test:index:Box", name, None, opts)
        self.made = make(self)

    def later(self, make) -> None:
        self.made = make(self)


def deployed(token: str, inputs: dict[str, object], **state) -> dict[str, object]:
    resource = {"urn": f"urn:pulumi:prod::shop::{token}::x", "type": token, "custom": True, "id": "x", "inputs": inputs, **state}
    return {"version": 3, "deployment": {"resources": [resource]}}
