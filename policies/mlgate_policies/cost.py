"""What a stack would cost in a month, held against the budget that it declares itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

from mlgate import bill
from mlgate.errors import UsageError
from mlgate.prices import price_book
from mlgate_policies.resource import Resource
from mlgate_policies.rule import BEFORE_PROD, EVERYTHING, Rule

__all__ = ["RULES"]

_IN_A_CLOUD = ("aws:", "kubernetes:")


def _breached(resource: Resource, others: Sequence[Resource]) -> Iterator[str]:
    """By what is expected at the prices that are known: a sum that leaves something out is told as "at least", and breaches no less."""
    limit, region, book = _amount(resource), resource.region, price_book()
    if limit is None or region is None or (resource.at("timeUnit"), resource.at("limitUnit")) != ("MONTHLY", book.currency):
        return
    made = [
        bill.Resource(each.type, each.name, each.properties, region=each.region)
        for each in others
        if each.type.startswith(_IN_A_CLOUD)  # components and providers are in none
    ]
    try:
        month = bill.make_bill(made, region, book, on=datetime.now(UTC).date())
    except UsageError:  # a region of which no price is known: nothing can be said
        return
    cost, left_out = month.total.expected, month.at_least.expected
    if cost is not None and cost > limit:
        yield f"a month is expected to cost {'at least ' if left_out else ''}{cost:,.2f} {book.currency}, and its limit is {limit:,.2f}"


def _amount(resource: Resource) -> Decimal | None:
    try:
        return Decimal(str(resource.at("limitAmount")))
    except InvalidOperation:  # not given, or not known yet
        return None


RULES = (
    Rule(
        name="budget-breach",
        why="a budget that is broken on the day it is made warns of nothing later",
        remedy="see where it goes (`mlgate cost`), then take smaller or fewer, or have the budget raised by who pays it",
        levels=BEFORE_PROD,
        types=frozenset({"aws:budgets/budget:Budget"}),
        beside=EVERYTHING,
        check=_breached,
        at_end=True,
    ),
)
