"""What the generators of pages write: rows that GitHub reads, commands for the environment's own version, and no cost that nobody knows."""

from __future__ import annotations

import datetime
import importlib
import re
from pathlib import Path
from typing import Any

import pytest

from mlgate.bill import make_bill
from mlgate.bill_lines import Resource
from mlgate.platform import Platform
from mlgate.platform_files import read_platform
from mlgate.prices import price_book
from mlgate.remains import Remaining
from mlgate_components.aws.gpu.checks import planned
from tests.components.aws.gpu.pools import USUAL

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
BUCKET, ADDRESS, DATABASE = "aws:s3/bucket:Bucket", "aws:ec2/eip:Eip", "aws:rds/instance:Instance"


def generator(name: str) -> Any:
    """A module of `docs/`, which is no package."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(DOCS))
        return importlib.import_module(name)


def going_on(*types: str) -> str:
    """What is said of things that stay, by the bill of them."""
    book = price_book()
    bill = make_bill([Resource(each, "x", {}) for each in types], "us-east-1", book, on=datetime.date.fromisoformat(book.written))
    said: str = generator("platform_page")._going_on([Remaining(each, "x", "", "") for each in types], bill)
    return said


def test_what_stays_costs_what_is_known_and_the_rest_is_told_by_its_reason() -> None:
    assert going_on(ADDRESS) == "It costs, in USD a month: 1 Eip 3.65.\n"
    assert going_on(ADDRESS, BUCKET) == "It costs, in USD a month: 1 Eip 3.65. By use, and so not known here: Bucket.\n"
    assert going_on(BUCKET, DATABASE) == "By use, and so not known here: Bucket. Of no known cost: Instance.\n"
    assert going_on(DATABASE) == "Of no known cost: Instance.\n"
    assert going_on() == ""


def test_a_stroke_in_what_a_key_is_does_not_end_its_cell() -> None:
    properties = {"name": {"description": "a|b", "pattern": "^(a|b)$", "default": "|"}}
    page = generator("generate").reference("Thing", {"properties": properties}, "")
    assert page.splitlines()[-1] == r'| `name` | a\|b | text that matches `^(a\|b)$` | `"\|"` |'


def test_what_says_a_version_is_the_command_for_the_environments_own_kubernetes() -> None:
    prod, _ = read_platform(ROOT / "stacks" / "Pulumi.prod.yaml")
    values = prod.model_dump()
    values["cluster"]["version"] = "1.34"
    rows = dict(row.strip("|\n ").split(" | ", 1) for row in generator("generate").versions(Platform.model_validate(values)).splitlines())
    assert rows["`eks_addons`, and `addons` of EKS's own"].endswith("--kubernetes-version 1.34 --addon-name coredns`")
    for image, folder in (("bottlerocket", "aws-k8s-1.34/"), ("al2023", "1.34/amazon-linux-2023/")):
        assert folder in rows[f"`nodes_release` of {image}"]
    assert "/bottlerocket/aws-k8s-1.34-nvidia/x86_64/latest/image_version`" in rows["`gpu_ami.version` of bottlerocket"]
    assert "/1.34/amazon-linux-2023/x86_64/nvidia/recommended/release_version`" in rows["`gpu_ami.version` of al2023"]
    assert "1.35" not in "".join(rows.values())


def test_every_pin_has_its_row() -> None:
    page = (DOCS / "environments.md").read_text(encoding="utf-8").partition("## Where versions come from")[2].partition("\n## ")[0]
    for image in ("bottlerocket", "al2023"):
        for pin in ("nodes_release", "gpu_ami.version"):
            assert f"| `{pin}` of {image} |" in page
    (version,) = re.findall(r"`gpu_ami.version` of al2023 .* such as `(.*)` \|", page)
    assert planned("gpu", {**USUAL, "ami": {"family": "al2023", "version": version}}).ami_version == version  # type: ignore[typeddict-item]
