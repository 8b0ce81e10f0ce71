"""Files that go into a bill, YAML or JSON: prices of your own, with source and date, and what is expected of a month."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from mlgate.documents import Declared, Location, contradictions, read_document
from mlgate.prices import EVERY_REGION, Price, unit_of, unknown_item
from mlgate.regions import unknown_region

__all__ = ["OwnPrices", "read_prices", "read_usage"]


def _number(value: Any) -> Any:
    """As it is written: a number of YAML or JSON, or a text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return value
    try:
        return Decimal(str(value))
    except InvalidOperation:
        raise ValueError(f"{value!r} is no number, such as 0.052") from None


def _day(value: Any) -> Any:
    """JSON has no dates, only texts."""
    try:
        return datetime.date.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        raise ValueError(f"{value!r} is no day, such as 2026-11-20") from None


def _known(region: str) -> str:
    if region != EVERY_REGION and (accepted := unknown_region(region)):
        raise ValueError(f"{region!r} is no region; {accepted} For all of them: '{EVERY_REGION}'")
    return region


def _asked_for(item: str) -> str:
    if unit_of(item) is None:
        raise ValueError(f"{item!r} is nothing that a bill asks for; {unknown_item(item)}")
    return item


class OwnPrice(Declared):
    """What one unit of an item costs in a region."""

    item: Annotated[str, AfterValidator(_asked_for)]
    region: Annotated[str, AfterValidator(_known)]
    amount: Annotated[Decimal, BeforeValidator(_number), Field(ge=0)]
    unit: str

    @model_validator(mode="after")
    def _counted(self) -> OwnPrice:
        if self.unit != (unit := unit_of(self.item)):
            raise contradictions({("unit",): (f"{self.unit!r}, and {self.item} is counted in {unit!r}", f"the amount for one {unit}")})
        return self


class OwnPrices(Declared):
    """`source` and `date` are of all of them."""

    apiVersion: Literal["mlgate/v1"]
    kind: Literal["Prices"]
    source: str = Field(min_length=1)
    date: Annotated[datetime.date, BeforeValidator(_day)]
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    prices: list[OwnPrice] = Field(min_length=1)

    @model_validator(mode="after")
    def _consistent(self) -> OwnPrices:
        found: dict[Location, tuple[str, str]] = {}
        seen: dict[tuple[str, str], int] = {}
        for index, price in enumerate(self.prices):
            first = seen.setdefault((price.item, price.region), index)
            if first != index:
                found["prices", index] = (f"{price.item} in {price.region} has a price already, prices[{first}]", "keep one of the two")
        if found:
            raise contradictions(found)
        return self

    def as_prices(self) -> list[Price]:
        """Each with the file's currency, source and date."""
        return [
            Price(each.item, each.amount, self.currency, each.unit, each.region, self.source, self.date.isoformat()) for each in self.prices
        ]


def read_prices(path: Path) -> OwnPrices:
    """The prices that a file states. Raises DeclarationError with everything that is wrong, by file and line."""
    return read_document(path, OwnPrices)


class Expected(Declared):
    """`usage`: by the resource's name and by item, in the item's unit."""

    apiVersion: Literal["mlgate/v1"]
    kind: Literal["Usage"]
    usage: dict[str, dict[str, Annotated[Decimal, BeforeValidator(_number), Field(ge=0)]]] = Field(min_length=1)


def read_usage(path: Path) -> Mapping[str, Mapping[str, Decimal]]:
    """What a file expects of a month. Raises DeclarationError with everything that is wrong, by file and line."""
    return read_document(path, Expected).usage
