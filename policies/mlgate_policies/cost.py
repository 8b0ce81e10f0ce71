"""What a stack would cost in a month: told in every preview, and held against the budget that the stack declares itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import Any

from mlgate.bill import Bill, Line, Span, make_bill
from mlgate.bill import Resource as Priced
from mlgate.errors import UsageError
from mlgate.prices import PriceBook, price_book
from mlgate_policies.resource import Resource
from mlgate_policies.rule import BEFORE_PROD, EVERYTHING, Rule

__all__ = ["RULES", "month_of", "month_told", "rules_by", "told"]

_IN_A_CLOUD = ("aws:", "kubernetes:")
_TEMPLATE = "launchTemplate"
_FEW = 2
_MORE = "  -> `mlgate cost` says where each price is from, and with --deployed what changes"


def month_of(resources: Sequence[Resource], book: PriceBook, on: date) -> Bill | None:
    """The bill of a month with these, as of that day; None where none of them is in a region. Raises UsageError for one without prices."""
    region = next((each.region for each in resources if each.region), None)
    return _bill(resources, region, book, on) if region else None


def month_told(resources: Sequence[Resource], book: PriceBook, on: date) -> str:
    """What a preview says of a month with these: nothing where none of them is in a region."""
    try:
        bill = month_of(resources, book, on)
    except UsageError as error:
        return f"what a month costs is not known, and held against no budget: {error}"
    if bill is None:
        return ""
    return "\n".join([told(bill), *(f"  {line}" for line in _lines(bill)), _MORE])


def told(bill: Bill) -> str:
    """The three sums in a sentence, and how old the prices are."""
    sums = ", ".join(
        f"{case} {'at least ' if left_out else ''}{cost:,.2f}"
        for case, cost, left_out in zip(("min", "expected", "max"), bill.total.each(), bill.at_least.each(), strict=True)
    )
    dates = f"; prices of {' to '.join(dict.fromkeys(bill.dates))}" if bill.dates else ""
    return f"a month costs, in {bill.currency}: {sums}{dates}"


def _lines(bill: Bill) -> Iterator[str]:
    """What each thing costs that costs anything; then what is not known, by the reason."""
    for line in bill.lines:
        if not line.free and any(cost is not None for cost in line.cost.each()):
            note = f" ({line.note})" if line.known and line.note else ""
            yield f"{_named(line)}: {_few(line.what)}: {_costs(line.cost)}{note}"
    unknown: dict[tuple[str, str], list[str]] = {}
    for line in bill.unknown:
        unknown.setdefault((line.what, line.note), []).append(_named(line))
    for (what, why), names in unknown.items():
        yield f"not known: {_first(names)}: {_few(what)} ({why})"


def _named(line: Line) -> str:
    return f"{line.type.rpartition(':')[2]} {line.name}"


def _few(what: str) -> str:
    """A preview is read at a glance: of many machines the first."""
    kind, *named = what.split(", ")
    return f"{kind}, {_first(named)}" if named else kind


def _first(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) <= _FEW else f"{names[0]} and {len(names) - 1} more"


def _costs(cost: Span) -> str:
    """One amount where it is the same in every case."""
    amounts = ["unknown" if each is None else f"{each:,.2f}" for each in cost.each()]
    different = {*amounts}
    return different.pop() if len(different) == 1 else "min {}, expected {}, max {}".format(*amounts)


def _bill(resources: Iterable[Resource], region: str, book: PriceBook, on: date) -> Bill:
    made = [
        Priced(each.type, each.name, _inputs(each), each.urn, each.region)
        for each in resources
        if each.type.startswith(_IN_A_CLOUD)  # components and providers are in none
    ]
    return make_bill(made, region, book, on=on)


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
    try:
        month = _bill(others, region, prices, datetime.now(UTC).date())
    except UsageError:  # which the bill tells beside
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
