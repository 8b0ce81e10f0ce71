"""The catalogue of accelerators: its traps are resolved, its sources said, and it is what its script makes of the installed moto."""

import gzip
import hashlib
import importlib.util
import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlgate.accelerators import InstanceType, accelerators, instance_type, instance_types, smallest, sources
from mlgate.errors import UsageError
from mlgate.service import Resources

ROOT = Path(__file__).parents[2]


def script() -> object:
    spec = importlib.util.spec_from_file_location("docs_accelerators", ROOT / "docs" / "accelerators.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_accelerator_that_a_service_may_name_has_a_machine() -> None:
    named = set(get_args(Resources.model_fields["accelerator"].annotation)) - {"cpu"}
    assert named <= set(accelerators())
    assert list(accelerators()) == sorted(accelerators())


def test_the_two_a100s_are_two() -> None:
    assert instance_type("p4d.24xlarge").accelerator == "a100-40g"
    assert instance_type("p4de.24xlarge").accelerator == "a100-80g"
    assert instance_type("p4d.24xlarge").accelerator_memory_mib == 40960


def test_a_fraction_of_a_gpu_is_no_whole_one() -> None:
    fraction = instance_type("g6f.large")
    assert (fraction.accelerator, fraction.count, fraction.share) == ("l4", 0, 0.125)
    assert fraction.accelerator_memory_mib == 2861
    assert smallest("l4").name == "g6.xlarge"


def test_arm_machines_say_so() -> None:
    assert {kind.architecture for kind in instance_types("t4g")} == {"arm64"}
    assert {kind.architecture for kind in instance_types("t4")} == {"amd64"}


def test_the_smallest_machine_has_as_many_as_asked_for() -> None:
    assert smallest("l4", 4).name == "g6.12xlarge"
    assert smallest("h100").name == "p5.4xlarge"
    assert smallest("h100", 8).name == "p5.48xlarge"


def test_prices_are_there_or_none_and_never_guessed() -> None:
    assert instance_type("g6.xlarge").usd_per_hour == 0.8048
    assert instance_type("p5e.48xlarge").usd_per_hour is None
    assert "us-east-1" in sources().prices
    assert sources().instance_types.startswith("moto ")
    assert sources().written >= "2026-11-26"


@pytest.mark.parametrize(("name", "nearest"), [("L4", "l4"), ("a100", "a100-80g"), ("h10", "h100"), ("rtx-6000", "rtx-pro-6000")])
def test_a_misspelt_accelerator_names_the_nearest(name: str, nearest: str) -> None:
    with pytest.raises(UsageError, match=f"'{name}' is no accelerator") as caught:
        smallest(name)
    assert nearest in caught.value.remedy


def test_a_count_that_no_machine_has_names_those_there_are() -> None:
    with pytest.raises(UsageError, match="no machine has 3 l4") as caught:
        smallest("l4", 3)
    assert caught.value.remedy == "machines with l4 have 1, 4, 8"
    with pytest.raises(UsageError, match="no machine has 0 l4"):
        smallest("l4", 0)


def test_a_misspelt_machine_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="no machine of the catalogue") as caught:
        instance_type("g6.xlarg")
    assert "g6.xlarge" in caught.value.remedy


@given(st.sampled_from([kind for kind in instance_types() if kind.count]))
def test_the_smallest_machine_is_never_larger_than_another_that_would_do(kind: InstanceType) -> None:
    found = smallest(kind.accelerator, kind.count)
    assert (found.accelerator, found.count) == (kind.accelerator, kind.count)
    assert found.cpus <= kind.cpus


@given(st.sampled_from(instance_types()))
def test_every_figure_is_possible(kind: InstanceType) -> None:
    assert instance_type(kind.name) == kind
    assert (kind.count > 0) == (kind.share == 1)
    assert kind.cpus > 0
    assert kind.memory_mib > 0
    assert kind.usd_per_hour is None or kind.usd_per_hour > 0
    assert set(kind.sold_as) <= {"on-demand", "spot", "capacity-block"}


def test_the_file_is_what_the_script_makes_of_the_installed_table() -> None:
    made = script()
    written = json.loads((ROOT / "core" / "mlgate" / "accelerators.json").read_text())
    packed = made.table().read_bytes()  # type: ignore[attr-defined]
    if written["instance_types_sha256"] != hashlib.sha256(packed).hexdigest():
        pytest.skip(f"written from another table: {written['instance_types_source']}; installed is moto {version('moto')}")
    prices = {entry["name"]: entry["usd_per_hour"] for entry in written["instance_types"]}
    assert made.instance_types(json.loads(gzip.decompress(packed)), prices) == written["instance_types"]  # type: ignore[attr-defined]


def test_offers_profiles_and_quotas_are_what_the_script_has() -> None:
    made = script()
    written = json.loads((ROOT / "core" / "mlgate" / "accelerators.json").read_text())
    assert (written["mig"], written["quotas"]) == (made.MIG, made.QUOTAS)  # type: ignore[attr-defined]
    if f"moto {version('moto')}" not in written["offered_source"]:
        pytest.skip(f"written from another table: {written['offered_source']}; installed is moto {version('moto')}")
    assert made.offered({entry["name"] for entry in written["instance_types"]}) == written["offered"]  # type: ignore[attr-defined]
    assert list(made.offers()) == written["regions"]  # type: ignore[attr-defined]


def test_every_part_of_the_catalogue_says_where_it_is_from() -> None:
    said = sources()
    assert said.offers.startswith("moto ")
    assert "mig-parted" in said.mig
    assert "quotas" in said.quotas


def test_prices_are_read_from_the_first_region_alone(tmp_path: Path) -> None:
    table = tmp_path / "prices.go"
    table.write_text(
        '// generated at 2026-07-06T14:20:29Z for us-east-1\n\t"us-east-1": {\n\t\t"g6.xlarge": 0.804800, "p5.4xlarge": 6.880000,\n\t},\n'
        '\t"eu-west-1": {\n\t\t"g6.xlarge": 9.0,\n\t},\n'
    )
    assert script().read_prices(table) == ({"g6.xlarge": 0.8048, "p5.4xlarge": 6.88}, "2026-07-06T14:20:29Z")  # type: ignore[attr-defined]


def test_importing_the_catalogue_reads_nothing() -> None:
    code = "import mlgate.accelerators as it, sys; assert it._read.cache_info().currsize == 0; assert 'pydantic' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
