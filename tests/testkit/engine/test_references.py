"""One program asks for the outputs of another's stack, in one test."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlgate_testkit.engine import Stacks, UpdateError

pytestmark = pytest.mark.engine

NETWORK = """
import pulumi
pulumi.export("vpc", pulumi.Config().require("vpc"))
pulumi.export("key", pulumi.Config().require_secret("key"))
"""
SHOP = """
import pulumi
network = pulumi.StackReference(pulumi.Config().get("of") or f"{pulumi.get_organization()}/network/{pulumi.get_stack()}")
pulumi.export("vpc", network.require_output("vpc"))
pulumi.export("length", network.require_output("key").apply(len))
"""


@pytest.fixture
def projects(tmp_path: Path) -> Path:
    for name, program in (("network", NETWORK), ("shop", SHOP)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "Pulumi.yaml").write_text(f"name: {name}\nruntime: python\n")
        (tmp_path / name / "__main__.py").write_text(program)
    return tmp_path


def test_a_stack_reads_what_another_of_the_same_name_exports(stack: Stacks, projects: Path) -> None:
    network = stack("prod", program=projects / "network", config={"vpc": "vpc-1"}, secrets={"key": "four"})
    network.up()
    shop = stack("prod", program=projects / "shop")
    shop.up()
    assert (shop.outputs["vpc"], shop.outputs["length"]) == ("vpc-1", "[secret]")
    network.change(config={"vpc": "vpc-2"})
    network.up()
    shop.up()
    assert shop.outputs["vpc"] == "vpc-2"
    assert shop.preview().nothing()
    assert (network.project, shop.project) == ("network", "shop")


@pytest.mark.parametrize(
    ("of", "said", "remedy"),
    [
        ("organization/network/prod", "unknown stack", "bring the stack that it names up in the same test"),
        ("acme/network/prod", "organization name must be", "pulumi.get_organization()"),
    ],
)
def test_a_stack_that_is_not_there_is_told_with_the_way_to_one(stack: Stacks, projects: Path, of: str, said: str, remedy: str) -> None:
    with pytest.raises(UpdateError, match=said) as failure:
        stack("prod", program=projects / "shop", config={"of": of}).preview()
    assert remedy in failure.value.remedy


def test_an_output_that_the_other_stack_does_not_export_is_told_with_those_that_it_does(stack: Stacks, projects: Path) -> None:
    stack("prod", program=projects / "network", config={"vpc": "vpc-1"}, secrets={"key": "four"}).up()
    program = projects / "shop" / "__main__.py"
    program.write_text(SHOP.replace('"vpc")', '"vpcs")'))
    shop = stack("prod", program=projects / "shop")
    with pytest.raises(UpdateError, match="organization/network/prod exports none of that name") as failure:
        shop.preview()
    assert "KeyError: 'vpcs'" in str(failure.value)
    assert "Traceback" not in str(failure.value)
    assert "did you mean 'vpc'? the outputs of organization/network/prod: key, vpc" in failure.value.remedy
    program.write_text("import pulumi\n{}['vpcs']\n" + SHOP)
    with pytest.raises(UpdateError, match=r"(?s)__main__\.py.*KeyError: 'vpcs'") as failure:
        shop.preview()
    assert "exports none" not in str(failure.value)
