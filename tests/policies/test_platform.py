"""The environments that come with the project keep every rule."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import pytest
from typer.testing import CliRunner

from mlgate.prices import price_book
from mlgate_cli.main import app
from mlgate_policies.cost import month_of, month_told
from mlgate_policies.judge import Judge
from mlgate_policies.rules import RULES
from tests.stacks.platforms import ENVIRONMENTS, PROJECT
from tests.stacks.test_who_may_do_what import composed

from .asking import resources
from .page import block
from .programs import EVERY_RULE_OF_AWS
from .test_rules import NO_EXCEPTIONS


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_platform_keeps_every_rule(environment: str) -> None:
    graph = composed(environment)
    judge = Judge(environment, NO_EXCEPTIONS, date(2026, 12, 31))
    looked, found = set(), []
    for rule in RULES:
        shown = resources(graph, at_end=rule.at_end)
        found += map(str, judge.all([rule], shown))
        if any(each.type in rule.types for each in shown):
            looked.add(rule.name)
    assert found == []
    assert looked == EVERY_RULE_OF_AWS
    bill = month_of(resources(graph, at_end=True), price_book(), datetime.now(UTC).date())
    assert bill
    assert [cost and round(float(cost), 4) for cost in bill.total.each()] == costing(environment)


def test_the_page_tells_the_bill_of_prod_as_a_preview_does() -> None:
    book = price_book()
    told = month_told(resources(composed("prod"), at_end=True), book, date.fromisoformat(book.written)).splitlines()
    shown = [line for line in block("text", "a month costs").splitlines() if line.strip() != "..."]
    assert [line for line in told if line in shown] == shown


def costing(environment: str) -> list[float]:
    """The sums that `mlgate cost` says."""
    done = CliRunner().invoke(app, ["cost", environment, "--json", "--project", str(PROJECT)])
    total = json.loads(done.stdout)["total"]
    return [total[case] for case in ("min", "expected", "max")]
