"""What a bill is made of: resources that go in, and lines with three amounts each that come out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from mlgate.prices import OWN_FILE, Price

__all__ = ["HOURS_PER_MONTH", "NOTHING", "UNKNOWN", "Line", "Resource", "Span", "Usage", "give", "no_price"]

HOURS_PER_MONTH = 730
Usage = Mapping[str, Mapping[str, Decimal | int | float]]
"""What is expected of a month, by the resource's name in the program and by item, in the item's unit: {"core": {"nat-gateway-data": 500}}.
A pool of nodes takes the number of its nodes: {"gpus": {"nodes": 2}}."""


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource of a program, of a preview or of a state: components and what is only looked up cost nothing and are left out.

    `inputs` have Pulumi's own names; whatever is no plain value counts as not known. `region`: its own, where it has one.
    """

    type: str
    name: str
    inputs: Mapping[str, Any]
    id: str | None = None
    region: str | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """Least, expected, most; None where it is not known."""

    min: Decimal | None
    expected: Decimal | None
    max: Decimal | None

    @classmethod
    def of(cls, value: Decimal | int | None) -> Span:
        """The same in every case."""
        exact = None if value is None else Decimal(value)
        return cls(exact, exact, exact)

    def each(self) -> tuple[Decimal | None, Decimal | None, Decimal | None]:
        return self.min, self.expected, self.max

    def times(self, factor: Span) -> Span:
        """The product, case by case; nothing of something unknown is nothing."""
        return Span(*(_product(mine, theirs) for mine, theirs in zip(self.each(), factor.each(), strict=True)))


NOTHING = Span.of(0)
UNKNOWN = Span.of(None)


@dataclass(frozen=True, slots=True)
class Line:
    """What one resource costs for one thing: `quantity` in `unit` a month, and `cost` in the bill's currency.

    `prices` are those that were used. `note`: why a cost is not known, who says that it is nothing, or what is about to change.
    """

    type: str
    name: str
    what: str
    quantity: Span
    unit: str
    cost: Span
    prices: Sequence[Price] = ()
    note: str = ""

    @property
    def known(self) -> bool:
        return None not in self.cost.each()

    @property
    def free(self) -> bool:
        """Whether it costs nothing whatever happens, so that no price was needed."""
        return self.cost == NOTHING and not self.prices


def no_price(items: Sequence[str], region: str) -> str:
    """Why a cost is not known of which nobody gave the price, and what to do: the items are called as the file has them."""
    return f"no price of {', '.join(items)} in {region}: {give('it' if len(items) == 1 else 'them')}"


def give(what: str) -> str:
    """Where prices of one's own go."""
    return f"give {what} in {OWN_FILE}"


def _product(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    if 0 in (one, other):
        return Decimal(0)
    return None if one is None or other is None else one * other
