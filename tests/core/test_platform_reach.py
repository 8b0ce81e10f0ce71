"""Who may be let in to the cluster from the internet, which pools need Karpenter, and which labels pods can be named by."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from mlgate import DeclarationError
from mlgate.platform import Label
from mlgate.platform_files import read_platform

from .platforms import varied, write

WITHOUT_KARPENTER = {"pins.addons": {"karpenter": {"on": False}}}
FLOOR = {"rate_per_s": 40, "replica_rate_per_s": 10, "node_start_s": 100, "image_pull_s": 60, "model_start_s": 9}


def refused(folder: Path, changes: dict[str, Any]) -> list[tuple[str, str, str]]:
    """The line that is named, as it stands in the file, what was found, what would be accepted."""
    path = write(folder, "dev", varied(changes))
    with pytest.raises(DeclarationError) as error:
        read_platform(path)
    lines = path.read_text(encoding="utf-8").splitlines()
    return [(lines[int(each.where.rpartition(":")[2]) - 1].strip(), each.found, each.expected) for each in error.value.problems]


def test_who_comes_from_no_address_of_the_internet_is_told_by_line_each_and_all_at_once(tmp_path: Path) -> None:
    blocks = ["10.0.0.0/8", "198.51.100.0/24", "100.64.0.0/10", "0.0.0.0/0", "here"]
    assert [(line, found.removeprefix("cluster.public_from")) for line, found, _ in refused(tmp_path, {"cluster.public_from": blocks})] == [
        ("- 10.0.0.0/8", "[0]: is 10.0.0.0/8, where no address of the internet is"),
        ("- 100.64.0.0/10", "[2]: is 100.64.0.0/10, where no address of the internet is"),
        ("- 0.0.0.0/0", "[3]: is 0.0.0.0/0, which is everybody"),
        ("- here", "[4]: is 'here'"),
    ]


def test_a_pool_that_needs_karpenter_is_told_by_its_line_where_that_is_turned_off(tmp_path: Path) -> None:
    ((line, found, accepted),) = refused(tmp_path, WITHOUT_KARPENTER)
    assert (line, found) == ("l4:", "pools.l4: needs Karpenter, which pins.addons.karpenter.on turns off")
    assert accepted == "that set to true, or a share for the pool: its nodes are a group of fixed size then"


def test_a_pool_needs_it_for_what_is_left_beside_its_floor(tmp_path: Path) -> None:
    floor = {"pools.l4.floor": FLOOR, **WITHOUT_KARPENTER}
    assert read_platform(write(tmp_path, "dev", varied({**floor, "pools.l4.replicas": 4})))
    assert "needs Karpenter" in refused(tmp_path, {**floor, "pools.l4.replicas": 5})[0][1]


@pytest.mark.parametrize(
    "changes",
    [
        {**WITHOUT_KARPENTER, "pools.l4.share": {"time_slices": 2}},
        {**WITHOUT_KARPENTER, "pools": {}},
        {"pins.addons": {"karpenter": {"on": True}}},
        {"pins.addons": {"keda": {"on": False}}},
    ],
)
def test_who_has_karpenter_or_nothing_that_needs_it_is_refused_nothing(tmp_path: Path, changes: dict[str, Any]) -> None:
    assert read_platform(write(tmp_path, "dev", varied(changes)))


def is_label(name: str) -> bool:
    """RFC 1035, 2.3.1, in lower case."""
    return 0 < len(name) <= 63 and set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-") and name[0].isalpha() and name[-1] != "-"


def test_a_label_is_one_of_rfc_1035_in_lower_case() -> None:
    label = TypeAdapter(Label)

    def taken(name: str) -> bool:
        try:
            return bool(label.validate_python(name))
        except ValidationError:
            return False

    names = ["".join(signs) for length in range(5) for signs in itertools.product("az09-A_ \n", repeat=length)]
    names += [first + "b" * length + last for first in "a0-" for length in (60, 61, 62) for last in "a0-"]
    assert [name for name in names if taken(name) != is_label(name)] == []
    assert sum(map(is_label, names)) > 100
