"""The order of deletions is judged by what the engine knew, and not by what happened to go first."""

import itertools

import pytest

from mlgate_testkit.engine import Changes, Event, ResourceState
from mlgate_testkit.lint import lint_run

ROLE, POLICY = ("aws:iam/role:Role", "reader"), ("aws:iam/rolePolicy:RolePolicy", "read")


def urn(type_: str, name: str) -> str:
    return f"urn:pulumi:prod::shop::{type_}::{name}"


def state(id_: str, *, retained: bool = False, **inputs: str) -> ResourceState:
    return ResourceState(id_, "", protect=False, retained=retained, inputs=inputs, outputs=inputs)


def destroyed(order: str, needs: dict[str, set[str]], *, retained: bool = False, operation: str = "destroy") -> Changes:
    """A run that deleted a role (R begins, r ends) and a policy that names it (P, p), in that order."""
    held = {"r": (ROLE, state("reader-1", retained=retained, name="reader-1")), "p": (POLICY, state("reader-1:read", role="reader-1"))}
    events = []
    for number, letter in enumerate(order, start=1):
        (type_, name), before = held[letter.lower()]
        phase = "begun" if letter.isupper() else "ended"
        events.append(Event(number, phase, "delete", type_, name, urn(type_, name), old=before))
    return Changes(operation, events, [], {of: frozenset(others) for of, others in needs.items()})


ORDERS = [order for order in map("".join, itertools.permutations("RrPp")) if order.index("R") < order.index("r")]


@pytest.mark.parametrize("order", [order for order in ORDERS if order.index("P") < order.index("p")])
def test_a_name_that_the_engine_does_not_know_of_is_found_in_whichever_order_they_went(order):
    (finding,) = lint_run(destroyed(order, {}))
    assert (finding.rule, finding.resource, finding.path, finding.property) == ("delete-order", *POLICY, "role")
    assert "it names aws:iam/role:Role reader" in finding.problem


@pytest.mark.parametrize(
    "needs",
    [
        {urn(*POLICY): {urn(*ROLE)}},
        {urn(*POLICY): {"urn:between"}, "urn:between": {urn(*ROLE), urn(*POLICY)}},
        {urn(*ROLE): {urn(*POLICY)}},  # made first, so it does without the role
    ],
)
def test_what_the_engine_knows_is_left_to_it(needs):
    assert lint_run(destroyed("PpRr", needs)) == []


def test_what_stays_in_the_cloud_is_named_for_ever():
    assert lint_run(destroyed("RrPp", {}, retained=True)) == []


def test_what_a_refresh_finds_gone_was_not_deleted_by_the_engine():
    assert {finding.rule for finding in lint_run(destroyed("RrPp", {}, operation="refresh"))} == {"drift"}
