"""The price book: each price has a source and a date, what has no source has no price, and prices of your own win."""

from __future__ import annotations

import datetime
import importlib.util
import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlgate import DeclarationError, UsageError
from mlgate.accelerators import instance_types
from mlgate.prices import EVERY_REGION, price_book, unit_of
from mlgate.regions import REGIONS

ROOT = Path(__file__).parents[2]
BOOK = price_book()
OWN = """\
apiVersion: mlgate/v1
kind: Prices
source: our contract
date: 2026-11-20
currency: USD
prices:
- {item: nat-gateway, region: eu-central-1, amount: 0.04, unit: hour}
"""


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """The script that writes the book."""
    folder = str(ROOT / "docs")
    sys.path.insert(0, folder)
    try:
        spec = importlib.util.spec_from_file_location("docs_prices", ROOT / "docs" / "prices.py")
        assert spec
        assert spec.loader
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(folder)
    return module


def write(tmp_path: Path, text: str, name: str = "prices.yaml") -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def refused(path: Path) -> list[tuple[int, str]]:
    with pytest.raises(DeclarationError) as error:
        BOOK.with_own(path)
    return [(int(problem.where.rsplit(":", 1)[1]), f"{problem.found} -> {problem.expected}") for problem in error.value.problems]


def test_every_price_says_its_unit_its_source_and_a_day_that_has_been() -> None:
    items = {(row["item"], row["region"]) for row in BOOK.data["prices"]}
    for item, region in [*items, ("instance m5.large", "us-east-1"), ("instance m5.large", "eu-central-1")]:
        price = BOOK.price(item, region)
        assert price
        assert price.amount > 0
        assert price.unit == unit_of(item)
        assert price.source
        assert datetime.date(2024, 1, 1) <= datetime.date.fromisoformat(price.date) <= datetime.date.fromisoformat(BOOK.written)


def test_an_item_has_one_unit_in_all_regions() -> None:
    units: dict[str, set[str]] = {}
    for row in BOOK.data["prices"]:
        units.setdefault(row["item"], set()).add(row["unit"])
    assert {item: found for item, found in units.items() if len(found) > 1} == {}


def test_machines_with_an_accelerator_cost_what_the_catalogue_says() -> None:
    for kind in instance_types():
        price = BOOK.price(f"instance {kind.name}", "us-east-1")
        assert (float(price.amount) if price else None) == kind.usd_per_hour, kind.name


def test_what_has_no_source_has_no_price() -> None:
    assert BOOK.price("s3-standard", "eu-central-1") is None
    assert BOOK.price("instance p5.48xlarge", "us-east-1"), "AWS has lowered it since the older source"
    assert BOOK.price("instance p5.48xlarge", "us-east-2") is None, "so that one is not taken elsewhere"
    assert BOOK.price("spot m5.large", "us-east-1") is None
    assert BOOK.price("instance m5.lrge", "us-east-1") is None


def test_a_price_of_all_regions_holds_where_the_region_has_none_of_its_own() -> None:
    everywhere = BOOK.price("kms-key", "sa-east-1")
    assert everywhere
    assert everywhere.region == EVERY_REGION
    assert set(BOOK.regions) <= set(REGIONS)


def test_your_price_wins_and_a_later_file_over_an_earlier_one(tmp_path: Path) -> None:
    first = write(tmp_path, OWN)
    everywhere = write(tmp_path, OWN.replace("eu-central-1", "'*'").replace("0.04", "0.03"), "all.yaml")
    second = write(tmp_path, OWN.replace("0.04", "0.02"), "second.yaml")
    both = BOOK.with_own(first, everywhere)
    mine, theirs = (both.price("nat-gateway", region) for region in ("eu-central-1", "us-west-2"))
    assert mine
    assert theirs
    assert (mine.amount, mine.source, mine.date, theirs.amount) == (Decimal("0.04"), "our contract", "2026-11-20", Decimal("0.03"))
    of_the_book = both.price("nat-gateway", "us-east-1")
    assert of_the_book
    assert of_the_book.amount == Decimal("0.03"), "yours for all regions, over the book's for that one"
    later = BOOK.with_own(first, second).price("nat-gateway", "eu-central-1")
    assert later
    assert later.amount == Decimal("0.02")
    unchanged = BOOK.price("nat-gateway", "eu-central-1")
    assert unchanged
    assert unchanged.amount == Decimal("0.052")


@given(st.decimals(0, 1000, places=6), st.sampled_from(["instance p5.48xlarge", "spot g6.xlarge", "ebs-gp2"]), st.sampled_from(REGIONS))
def test_your_price_is_taken_to_the_last_digit(tmp_path_factory: pytest.TempPathFactory, amount: Decimal, item: str, region: str) -> None:
    price = {"item": item, "region": region, "amount": str(amount), "unit": unit_of(item)}
    document = {"apiVersion": "mlgate/v1", "kind": "Prices", "source": "x", "date": "2026-11-20", "currency": "USD", "prices": [price]}
    path = write(tmp_path_factory.mktemp("own"), json.dumps(document), "prices.json")
    found = BOOK.with_own(path).price(item, region)
    assert found
    assert (found.amount, found.unit) == (amount, unit_of(item))


def test_all_that_is_wrong_with_a_file_is_told_with_its_lines(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        OWN
        + """\
- {item: nat-gatewy, region: eu-central-9, amount: -1, unit: hour}
- {item: instance g6.xlarg, region: eu-west-1, amount: ten, unit: hour}
- {item: ebs-gp3, region: eu-west-1, amount: 0.1, unit: GiB}
- {item: ebs-gp2, region: eu-west-1, price: 0.1, unit: GiB-month}
""",
    )
    assert [line for line, _ in refused(path)] == [8, 8, 8, 9, 9, 10, 11, 11]
    told = " ".join(said for _, said in refused(path))
    for said in ("did you mean nat-gateway?", "did you mean eu-central-", "did you mean instance g6.xlarge?", "'ten' is no number"):
        assert said in told
    assert "ebs-gp3 is counted in 'GiB-month' -> the amount for one GiB-month" in told


@pytest.mark.parametrize(
    ("right", "wrong", "line", "said"),
    [
        ("date: 2026-11-20", "date: november", 4, "is no day, such as 2026-11-20"),
        ("date: 2026-11-20\n", "", 1, "date is missing"),
        ("source: our contract", "source: ''", 3, "source"),
        ("currency: USD", "currency: dollars", 5, "currency is 'dollars'"),
        ("kind: Prices", "kind: Price", 2, "'Prices'"),
        ("amount: 0.04", "amount: true", 7, "amount"),
        ("prices:\n", "prices: [\n", 7, "not valid YAML"),
    ],
)
def test_each_part_of_a_file_is_needed_and_has_a_form(tmp_path: Path, right: str, wrong: str, line: int, said: str) -> None:
    ((found, told),) = refused(write(tmp_path, OWN.replace(right, wrong)))
    assert (found, said in told) == (line, True), told


def test_one_thing_has_one_price_in_a_file(tmp_path: Path) -> None:
    assert refused(write(tmp_path, OWN + OWN.splitlines(keepends=True)[-1])) == [
        (8, "prices[1]: nat-gateway in eu-central-1 has a price already, prices[0] -> keep one of the two")
    ]


def test_another_currency_than_the_books_is_refused_and_so_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"in EUR, the book's in USD.*\n.*give them in USD"):
        BOOK.with_own(write(tmp_path, OWN.replace("USD", "EUR")))
    with pytest.raises(DeclarationError, match="there is no such file"):
        BOOK.with_own(tmp_path / "none.yaml")


def test_a_machine_has_what_karpenters_limits_count() -> None:
    machine, none = BOOK.machine("g6.12xlarge"), BOOK.machine("g6.13xlarge")
    assert machine
    assert machine.resources == {"nodes": 1, "cpu": 48, "memory": 192 * 2**30, "nvidia.com/gpu": 4}
    assert none is None


@pytest.mark.parametrize(
    ("version", "on", "more"),
    [
        ("1.33", "2026-07-28", False),
        ("1.33", "2026-07-29", True),
        ("1.24", "2026-07-29", True),
        ("1.99", "2030-01-01", False),
        ("latest", "2030-01-01", False),
    ],
)
def test_a_kubernetes_version_costs_more_from_the_day_its_standard_support_ends(version: str, on: str, more: bool) -> None:
    assert BOOK.extended_support(version, datetime.date.fromisoformat(on)) is more


def test_what_costs_nothing_has_a_source_too() -> None:
    assert "infracost" in BOOK.free("aws:ec2/subnet:Subnet")
    assert BOOK.free("aws:ec2/natGateway:NatGateway") == ""


def test_a_price_of_the_older_source_is_taken_only_where_it_has_not_moved_since(script: ModuleType) -> None:
    def sold(**prices: str) -> dict[str, dict[str, dict[str, str]]]:
        return {region.replace("_", "-"): {"linux": {"ondemand": price}} for region, price in prices.items()}

    older = {
        "still": sold(us_east_1="0.1", eu_west_1="0.2", eu_west_2="N/A"),
        "moved": sold(us_east_1="0.3", eu_west_1="0.4"),
        "old": sold(us_east_1="1", eu_west_1="1"),
    }
    assert dict(script._elsewhere({"still": 0.1, "moved": 0.2, "new": 0.5}, older)) == {"eu-west-1": {"still": 0.2}}


def test_the_support_calendar_is_read_from_rules_and_what_they_recommend(script: ModuleType, tmp_path: Path) -> None:
    rule = {
        "message": "Kubernetes 1.34 leaves Amazon EKS standard support on 2026-12-02. From then it costs more.",
        "fix": "upgrade to 1.35 (standard until 2027-03-27) or 1.36 (until 2027-08-02)",
    }
    rules = write(tmp_path, json.dumps([rule, {"message": "gp2", "fix": "gp3"}]))
    assert dict(script._support_ends(rules)) == {"1.34": "2026-12-02", "1.35": "2027-03-27", "1.36": "2027-08-02"}


def test_the_book_holds_the_services_that_the_script_states(script: ModuleType) -> None:
    stated = [dict(zip(("item", "unit", "amount", "region", "source"), row, strict=False)) for row in (*script.PRICES, *script.ELSEWHERE)]
    assert BOOK.data["prices"] == stated
    assert BOOK.data["free"] == sorted(script.FREE)
    assert set(BOOK.data["sources"]) == set(script.SOURCES)


def test_importing_reads_nothing() -> None:
    code = "import mlgate.prices as it, sys; assert not it.price_book.cache_info().currsize; assert 'pydantic' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
