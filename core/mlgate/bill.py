"""The bill of a platform: what each resource costs in a month, from its inputs, a region and a price book, without asking anybody.

Each amount is three: the least that the bounds of the resource allow, what is expected, and the most. What is not known is None, with the
reason beside it, and is never counted as nothing: a sum that leaves such a line out says so.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from mlgate.bill_lines import NOTHING, Line, Resource, Span, Usage
from mlgate.charges import Charges
from mlgate.prices import PriceBook

__all__ = ["Bill", "Change", "Difference", "Line", "Resource", "Span", "Usage", "make_bill"]


@dataclass(frozen=True, slots=True)
class Change:
    """A thing whose cost is another than before; None where it is not there at all."""

    type: str
    name: str
    what: str
    before: Span | None
    after: Span | None


@dataclass(frozen=True, slots=True)
class Difference:
    """What changes, and by how much a month: `total` is of what is known on both sides, and `complete` whether that is all."""

    changes: Sequence[Change]
    total: Span
    complete: bool


@dataclass(frozen=True, slots=True)
class Bill:
    """Lines in the order of the resources."""

    lines: Sequence[Line]
    region: str
    currency: str

    @property
    def total(self) -> Span:
        """The sum of a month, of what is known."""
        return Span(*(sum((cost for cost in case if cost is not None), Decimal(0)) for case in _cases(line.cost for line in self.lines)))

    @property
    def at_least(self) -> Span:
        """1 where the sum leaves out what is not known, else 0: least, expected, most."""
        return Span(*(Decimal(None in case) for case in _cases(line.cost for line in self.lines)))

    @property
    def unknown(self) -> Sequence[Line]:
        return [line for line in self.lines if not line.known]

    @property
    def dates(self) -> tuple[str, str] | None:
        """The oldest and the newest day (ISO) of the prices that were used; None where none was."""
        dates = sorted({price.date for line in self.lines for price in line.prices})
        return (dates[0], dates[-1]) if dates else None

    def since(self, before: Bill) -> Difference:
        """What this bill has otherwise than that one, by type, name and thing."""
        old, new = ({(line.type, line.name, line.what): line.cost for line in each.lines} for each in (before, self))
        keys = dict.fromkeys([*old, *new])
        changes = [Change(*key, old.get(key), new.get(key)) for key in keys if old.get(key, NOTHING) != new.get(key, NOTHING)]
        deltas = [_minus(change.after or NOTHING, change.before or NOTHING) for change in changes]
        total = Span(*(sum((delta for delta in case if delta is not None), Decimal(0)) for case in _cases(deltas)))
        return Difference(changes, total, all(None not in delta.each() for delta in deltas))


def make_bill(resources: Iterable[Resource], region: str, book: PriceBook, *, on: datetime.date, usage: Usage | None = None) -> Bill:
    """The bill of a month with these resources, at the prices of `book`. `on`: the day that decides on EKS's extended support.

    Raises UsageError for a region of which the book has no price at all, and for usage that no resource has.
    """
    charges = Charges(list(resources), region, book, on, usage or {})
    return Bill(charges.lines(), region, book.currency)


def _minus(one: Span, other: Span) -> Span:
    pairs = zip(one.each(), other.each(), strict=True)
    return Span(*(None if mine is None or theirs is None else mine - theirs for mine, theirs in pairs))


def _cases(spans: Iterable[Span]) -> tuple[Sequence[Decimal | None], ...]:
    """All the least, all the expected, all the most."""
    found = [span.each() for span in spans]
    return tuple([span[index] for span in found] for index in range(3))
