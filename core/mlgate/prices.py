"""What AWS asks for what a platform is made of: a price book, each price with its source and its date, and prices of your own over it.

The book lies in `prices.json`, which says where each price comes from (`docs/prices.py` writes it), and is read when the first question is
asked. A price that no source gives is not in it: whoever asks gets None and has to show that.
"""

from __future__ import annotations

import datetime
import difflib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlgate.errors import UsageError

if TYPE_CHECKING:
    from mlgate.bill_files import OwnPrices

__all__ = ["EVERY_REGION", "OWN_FILE", "Machine", "Price", "PriceBook", "price_book", "project_book", "unit_of", "unknown_item"]

OWN_FILE = "prices.yaml"
EVERY_REGION = "*"
_DATA = "prices.json"
_HOUR = "hour"
_MINOR = re.compile(r"1\.\d+")
_INSTANCES = ("instance", "spot")  # "instance m5.large" on demand, "spot m5.large" as spot: such a price is only ever your own
_GPUS = "nvidia.com/gpu"


@dataclass(frozen=True, slots=True)
class Price:
    """`amount` in `currency` for one `unit` of `item` in `region` ("*": all of AWS's commercial ones), as `source` said on `date` (ISO)."""

    item: str
    amount: Decimal
    currency: str
    unit: str
    region: str
    source: str
    date: str


@dataclass(frozen=True, slots=True)
class Machine:
    """What Karpenter's limits count of an instance type, in their words: the node itself, CPUs, memory in bytes, whole GPUs."""

    resources: Mapping[str, int]


@dataclass(frozen=True)
class PriceBook:
    """Prices by item and region. `own` are yours, which win; `data` is what the file holds."""

    data: Mapping[str, Any]
    own: Mapping[tuple[str, str], Price]

    @property
    def currency(self) -> str:
        return str(self.data["currency"])

    @property
    def written(self) -> str:
        """The day (ISO) on which the book was put together; each price has a date of its own."""
        return str(self.data["written"])

    @cached_property
    def regions(self) -> Sequence[str]:
        """Those with a price of their own, sorted."""
        named = {*self.data["instances"], *(region for _, region in self.own), *(region for _, region in self._services)}
        return sorted(named - {EVERY_REGION})

    def price(self, item: str, region: str) -> Price | None:
        """Yours, else the book's, each for the region, else for all of them; None where no source has one."""
        places = (region, EVERY_REGION)
        mine = next((self.own[item, where] for where in places if (item, where) in self.own), None)
        return mine or next(
            (found for where in places if (found := self._services.get((item, where)) or self._instance(item, where))), None
        )

    def free(self, type: str) -> str:  # noqa: A002 - Pulumi's own word for it
        """Who says that a resource of that type costs nothing; "" where nobody does."""
        return f"{self._said('free')}" if type in self.data["free"] else ""

    def machine(self, instance_type: str) -> Machine | None:
        """What an instance type has; None for one that is not known."""
        from mlgate.accelerators import instance_types

        if instance_type not in self.data["machines"]:
            return None
        cpus, memory_mib = self.data["machines"][instance_type]
        gpus = next((kind.count for kind in instance_types() if kind.name == instance_type), 0)
        return Machine({"nodes": 1, "cpu": cpus, "memory": memory_mib * 2**20, _GPUS: gpus})

    def standard_support_ends(self, version: str) -> str | None:
        """The day (ISO) on which EKS's standard support of a Kubernetes version ends; None for one that the calendar has not."""
        ends: Mapping[str, str] = self.data["standard_support_ends"]
        return ends.get(version)

    def extended_support(self, version: str, on: datetime.date) -> bool:
        """Whether EKS asks more for that Kubernetes version on that day, because its standard support has ended.

        A version older than the calendar of the book has ended, one that is newer has not, and what is no version is not judged.
        """
        ends: Mapping[str, str] = self.data["standard_support_ends"]
        if version in ends:
            return on >= datetime.date.fromisoformat(ends[version])
        return _MINOR.fullmatch(version) is not None and _minor(version) < min(map(_minor, ends))

    def with_own(self, *paths: Path) -> PriceBook:
        """The book with the prices of those files over it, a later file over an earlier one.

        Raises DeclarationError with everything that is wrong, by file and line, and UsageError for a currency other than the book's.
        """
        from mlgate.bill_files import read_prices

        own = dict(self.own)
        for path in paths:
            own.update({(price.item, price.region): price for price in self._checked(read_prices(path), path)})
        return PriceBook(self.data, own)

    def _checked(self, given: OwnPrices, path: Path) -> list[Price]:
        if given.currency != self.currency:
            raise UsageError(
                f"its prices are in {given.currency}, the book's in {self.currency}, and no sum is of two currencies",
                where=str(path),
                remedy=f"give them in {self.currency}",
            )
        return given.as_prices()

    @cached_property
    def _services(self) -> dict[tuple[str, str], Price]:
        return {
            (row["item"], row["region"]): self._made(row["item"], Decimal(row["amount"]), row["unit"], row["region"], row["source"])
            for row in self.data["prices"]
        }

    def _instance(self, item: str, region: str) -> Price | None:
        kind, _, name = item.partition(" ")
        table = self.data["instances"].get(region, {"usd_per_hour": {}})
        if kind != _INSTANCES[0] or name not in table["usd_per_hour"]:
            return None
        return self._made(item, Decimal(str(table["usd_per_hour"][name])), _HOUR, region, table["source"])

    def _made(self, item: str, amount: Decimal, unit: str, region: str, source: str) -> Price:
        said = self.data["sources"][source]
        return Price(item, amount, self.currency, unit, region, said["what"], said["date"])

    def _said(self, source: str) -> str:
        said = self.data["sources"][source]
        return f"{said['what']}, {said['date']}"


@cache
def price_book() -> PriceBook:
    """The book of this version of mlgate, with no prices of your own."""
    return PriceBook(json.loads(files("mlgate").joinpath(_DATA).read_text(encoding="utf-8")), {})


def project_book(folder: Path) -> PriceBook:
    """The book with the prices of a project over it, those of `prices.yaml` beside its `Pulumi.yaml`, where there is one.

    Raises as `PriceBook.with_own`.
    """
    path = folder / OWN_FILE
    return price_book().with_own(path) if path.is_file() else price_book()


def unit_of(item: str) -> str | None:
    """What an item is counted in; None for an item that no bill asks for."""
    kind, _, name = item.partition(" ")
    if kind in _INSTANCES and name in price_book().data["machines"]:
        return _HOUR
    return _units().get(item)


def unknown_item(item: str) -> str:
    """What would be accepted instead of an item that there is not."""
    kind, _, name = item.partition(" ")
    if kind in _INSTANCES:
        near = difflib.get_close_matches(name, price_book().data["machines"], n=1)
        return f"did you mean {kind} {near[0]}?" if near else f"{kind} and the name of an instance type, such as {kind} m5.large"
    near = difflib.get_close_matches(item, _units(), n=1)
    return f"did you mean {near[0]}?" if near else f"one of {', '.join(sorted(_units()))}, or instance m5.large"


def _units() -> dict[str, str]:
    return {row["item"]: row["unit"] for row in price_book().data["prices"]}


def _minor(version: str) -> int:
    return int(version.split(".")[1])
