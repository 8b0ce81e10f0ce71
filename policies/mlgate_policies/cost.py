"""What a stack would cost in a month: told in every preview, and held against the budget that the stack declares itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import Any

from mlgate.bill import Bill, make_bill
from mlgate.bill import Resource as Priced
from mlgate.errors import UsageError
from mlgate.prices import PriceBook, price_book
from mlgate_policies.resource import Resource
from mlgate_policies.rule import BEFORE_PROD, EVERYTHING, Rule

__all__ = ["RULES", "month_of", "rules_by", "told"]

_IN_A_CLOUD = ("aws:", "kubernetes:")
_TEMPLATE = "launchTemplate"


def month_of(resources: Sequence[Resource], book: PriceBook, on: date) -> Bill | None:
    """The bill of a month with these, as of that day; None where none of them is in a region that has prices."""
    region = next((each.region for each in resources if each.region), None)
    return _bill(resources, region, book, on) if region else None


def told(bill: Bill) -> str:
    """The three sums in a sentence, and how old the prices are."""
    sums = ", ".join(
        f"{case} {'at least ' if left_out else ''}{cost:,.2f}"
        for case, cost, left_out in zip(("min", "expected", "max"), bill.total.each(), bill.at_least.each(), strict=True)
    )
    dates = f"; prices of {' to '.join(dict.fromkeys(bill.dates))}" if bill.dates else ""
    return f"a month costs, in {bill.currency}: {sums}{dates}"


def _bill(resources: Iterable[Resource], region: str, book: PriceBook, on: date) -> Bill | None:
    made = [
        Priced(each.type, each.name, _inputs(each), each.urn, each.region)
        for each in resources
        if each.type.startswith(_IN_A_CLOUD)  # components and providers are in none
    ]
    try:
        return make_bill(made, region, book, on=on)
    except UsageError:  # a region of which no price is known: nothing can be said
        return None


def _inputs(resource: Resource) -> Mapping[str, Any]:
    """As they are; a node group's template goes by its URN, since nobody knows its id in a preview of something new."""
    template = resource.at(_TEMPLATE)
    made_from = [urn for urn in resource.made_from.get(_TEMPLATE, ()) if ":LaunchTemplate::" in urn]
    if isinstance(template, Mapping) and len(made_from) == 1:
        return {**resource.properties, _TEMPLATE: {**template, "id": made_from[0]}}
    return resource.properties


def _breached(book: Callable[[], PriceBook], resource: Resource, others: Sequence[Resource]) -> Iterator[str]:
    """By what is expected at the prices that are known: a sum that leaves something out is told as "at least", and breaches no less."""
    limit, region, prices = _amount(resource), resource.region, book()
    if limit is None or region is None or (resource.at("timeUnit"), resource.at("limitUnit")) != ("MONTHLY", prices.currency):
        return
    if (month := _bill(others, region, prices, datetime.now(UTC).date())) is None:
        return
    cost, left_out = month.total.expected, month.at_least.expected
    if cost is not None and cost > limit:
        yield f"a month is expected to cost {'at least ' if left_out else ''}{cost:,.2f} {prices.currency}, and its limit is {limit:,.2f}"


def _amount(resource: Resource) -> Decimal | None:
    try:
        return Decimal(str(resource.at("limitAmount")))
    except InvalidOperation:  # not given, or not known yet
        return None


def rules_by(book: Callable[[], PriceBook]) -> tuple[Rule, ...]:
    """The rules at the prices of a book, which is asked for when it is needed."""
    return (
        Rule(
            name="budget-breach",
            why="a budget that is broken on the day it is made warns of nothing later",
            remedy="see where it goes (`mlgate cost`), then take smaller or fewer, or have the budget raised by who pays it",
            levels=BEFORE_PROD,
            types=frozenset({"aws:budgets/budget:Budget"}),
            beside=EVERYTHING,
            check=partial(_breached, book),
            at_end=True,
        ),
    )


RULES = rules_by(price_book)
