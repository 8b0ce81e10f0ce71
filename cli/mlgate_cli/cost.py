"""Print what an environment costs in a month, from its program alone: no engine, no account.

Example: mlgate cost prod
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mlgate_cli.output import JsonFlag, print_json, print_table, say

if TYPE_CHECKING:
    from mlgate.bill import Bill, Difference, Line, Span
    from mlgate.prices import PriceBook
    from mlgate_components.aws.pins import Unpinned

_CASES = ("min", "expected", "max")
_FEW = 2


def command(
    name: Annotated[str, typer.Argument(metavar="ENVIRONMENT", help="The stack, such as prod.")],
    project: Annotated[Path, typer.Option("--project", metavar="FOLDER", help="The folder of Pulumi.yaml.")] = Path(),
    prices: Annotated[
        list[Path] | None, typer.Option("--prices", metavar="FILE", help="Prices of your own, over prices.yaml of the project; also twice.")
    ] = None,
    usage: Annotated[
        Path | None, typer.Option("--usage", metavar="FILE", help="What is expected of a month, for what is paid by use.")
    ] = None,
    deployed: Annotated[
        Path | None, typer.Option("--deployed", metavar="FILE", help="What `pulumi stack export` wrote: say what would change.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    import datetime

    from mlgate.bill import make_bill
    from mlgate.bill_files import read_usage
    from mlgate.prices import project_book
    from mlgate_cli.recorded import deployed_program, recorded_program

    book = project_book(project).with_own(*(prices or []))
    expected = read_usage(usage) if usage else {}
    program = recorded_program(project, name)
    today = datetime.datetime.now(datetime.UTC).date()
    bill = make_bill(program.resources, program.region, book, on=today, usage=expected)
    difference = None
    if deployed:
        there = deployed_program(deployed, name, program.graph.project).resources
        names = {resource.name for resource in there}
        before = make_bill(there, program.region, book, on=today, usage={each: expected[each] for each in expected if each in names})
        difference = bill.since(before)
    if as_json:
        print_json(_described(name, bill, book, difference, program.unpinned))
    else:
        _print(name, bill, book, difference, program.unpinned)


def _print(name: str, bill: Bill, book: PriceBook, difference: Difference | None, unpinned: Sequence[Unpinned]) -> None:
    priced = [line for line in bill.lines if not line.free and any(cost is not None for cost in line.cost.each())]
    rows = [(_resource(line), _few(line.what), _quantity(line), *map(_money, line.cost.each())) for line in priced]
    columns = ("resource", "what", "a month", *_CASES)
    print_table(f"{name}, {bill.currency} a month", columns, [*rows, _sum(bill)], right=columns[2:])
    if unpinned:
        pins = [(each.path, each.command) for each in unpinned]
        print_table("not pinned yet, which costs nothing: `pulumi up` asks for it", ("pin", "what says it"), pins)
    if unknown := _grouped(line for line in bill.lines if not line.known):
        print_table("not known, so not in the sum", ("why", "what", "resources"), unknown)
    if notes := [(_resource(line), line.note) for line in bill.lines if line.known and line.note and not line.free]:
        print_table("to know", ("resource", "note"), notes)
    if difference:
        _print_difference(difference)
    nothing = [line for line in bill.lines if line.free]
    say(f"{len(nothing)} resources cost nothing themselves; --json says who says so")
    dates = f"prices of {' to '.join(dict.fromkeys(bill.dates))}" if bill.dates else "no price was needed"
    say(f"{bill.region}, 730 hours; {dates}, put together {book.written}")
    say("not in it: tax, discounts, free tiers, CPU credits, traffic between zones and to the internet")


def _sum(bill: Bill) -> tuple[str, ...]:
    """The last row. "at least" stands once where it is true of all, since each cell that has it makes the table wider."""
    sums, lacking = [*map(_money, bill.total.each())], bill.at_least.each()
    if all(lacking):
        return "sum, at least", "", "", *sums
    return "sum", "", "", *(f"at least {each}" if here else each for each, here in zip(sums, lacking, strict=True))


def _few(what: str) -> str:
    """Of many machines the first; --json has all."""
    kind, *named = what.split(", ")
    return what if len(named) <= _FEW else f"{kind}, {named[0]} and {len(named) - 1} more"


def _print_difference(difference: Difference) -> None:
    rows = [
        (f"{_short(change.type)} {change.name}", change.what, _cost(change.before), _cost(change.after)) for change in difference.changes
    ]
    signed = ", ".join(f"{case} {_signed(cost)}" for case, cost in zip(_CASES, difference.total.each(), strict=True))
    if rows:
        print_table("otherwise than deployed", ("resource", "what", "deployed", "then"), rows, right=("deployed", "then"))
    say(f"against what is deployed: {signed}" + ("" if difference.complete else ", of what is known"))


def _grouped(lines: Iterable[Line]) -> list[tuple[str, str, str]]:
    """One row for all that is not known for one reason."""
    groups: dict[tuple[str, str], list[str]] = {}
    for line in lines:
        groups.setdefault((line.note, line.what), []).append(_resource(line))
    return [(why, what, ", ".join(names)) for (why, what), names in groups.items()]


def _described(name: str, bill: Bill, book: PriceBook, difference: Difference | None, unpinned: Sequence[Unpinned]) -> dict[str, Any]:
    oldest, newest = bill.dates or (None, None)
    return {
        "environment": name,
        "region": bill.region,
        "currency": bill.currency,
        "prices": {"written": book.written, "oldest": oldest, "newest": newest},
        "total": _numbers(bill.total),
        "at_least": {case: bool(left_out) for case, left_out in zip(_CASES, bill.at_least.each(), strict=True)},
        "lines": [
            {
                "type": line.type,
                "name": line.name,
                "what": line.what,
                "unit": line.unit,
                "quantity": _numbers(line.quantity),
                "cost": _numbers(line.cost),
                "prices": [
                    {"item": price.item, "amount": float(price.amount), "unit": price.unit, "region": price.region}
                    | {"source": price.source, "date": price.date}
                    for price in line.prices
                ],
                "note": line.note,
            }
            for line in bill.lines
        ],
        "unpinned": [{"path": each.path, "command": each.command} for each in unpinned],
        "difference": difference
        and {
            "total": _numbers(difference.total),
            "complete": difference.complete,
            "changes": [
                {"type": each.type, "name": each.name, "what": each.what}
                | {"before": each.before and _numbers(each.before), "after": each.after and _numbers(each.after)}
                for each in difference.changes
            ],
        },
    }


def _numbers(span: Span) -> dict[str, float | None]:
    return {case: None if value is None else float(round(value, 4)) for case, value in zip(_CASES, span.each(), strict=True)}


def _resource(line: Line) -> str:
    return f"{_short(line.type)} {line.name}"


def _short(token: str) -> str:
    return token.rpartition(":")[2]


def _quantity(line: Line) -> str:
    values = [None if value is None else f"{round(value, 2).normalize():,f}" for value in line.quantity.each()]
    return f"{_range(values)} {line.unit}".strip()


def _cost(span: Span | None) -> str:
    return "-" if span is None else _range([_money(value) for value in span.each()])


def _range(values: Sequence[str | None]) -> str:
    return " / ".join("?" if value is None else value for value in dict.fromkeys(values))


def _money(amount: Decimal | None) -> str:
    return "unknown" if amount is None else f"{amount:,.2f}"


def _signed(amount: Decimal | None) -> str:
    return "unknown" if amount is None else f"{amount:+,.2f}"
