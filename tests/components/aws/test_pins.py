"""Pins that are missing: all that the components would ask for, and what stands in for them in a recording and nowhere else."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml

from mlgate.platform import Platform
from mlgate.platform_files import KEY
from mlgate_cli.answers import Answers
from mlgate_components.aws.pins import stand_ins, unpinned
from mlgate_testkit.record import record
from tests.stacks.platforms import values

PROJECT = Path(__file__).resolve().parents[3]


def prod(**pins: Any) -> dict[str, Any]:
    """The project's prod, in which those pins are others."""
    content = yaml.safe_load((PROJECT / "stacks" / "Pulumi.prod.yaml").read_text(encoding="utf-8"))
    platform: dict[str, Any] = content["config"][KEY]
    platform["pins"] |= pins
    return platform


BARE = prod(eks_addons={}, addons={}, nodes_release=None)


def recorded(platform: dict[str, Any]) -> Any:
    return record(PROJECT, stack="prod", config={"platform": platform}, preview=True, invokes=Answers(platform["account"]))


def refused(platform: dict[str, Any]) -> set[str]:
    """What is said to be missing, by the paths of the component that says it."""
    with pytest.raises(pulumi.RunError) as error:
        recorded(platform)
    return set(re.findall(r"^(?:\w+: )?(\S+): is missing$", str(error.value), re.MULTILINE))


def test_every_pin_that_the_components_would_ask_for_is_told() -> None:
    platform = Platform.model_validate(BARE)
    missing = unpinned(platform)
    of_the_cluster = [each for each in missing if each.at[1] != "addons"]
    asked = refused(BARE) | refused(stand_ins(platform, of_the_cluster))
    theirs = {"pins.eks_addons": "addon_versions", "pins.nodes_release": "nodes.release", "pins.addons": "addons"}
    told = {each.path for each in missing}
    commands = {each.path: each.command for each in missing}
    of_coredns = f"aws eks describe-addon-versions --kubernetes-version {platform.cluster.version} --addon-name coredns"
    assert commands["pins.eks_addons.coredns"] == of_coredns
    assert f"aws-k8s-{platform.cluster.version}/" in commands["pins.nodes_release"]
    assert "{" not in "".join(commands.values())
    assert asked == {path.replace(ours, its) for path in told for ours, its in theirs.items() if path.startswith(ours)}


def test_with_what_stands_in_for_them_the_program_is_recorded() -> None:
    platform = Platform.model_validate(BARE)
    graph = recorded(stand_ins(platform, unpinned(platform)))
    (karpenter,) = [found for found in graph.all("kubernetes:helm.sh/v3:Release") if found.name == "addons-karpenter"]
    assert karpenter.inputs["chart"].endswith(f"@sha256:{0:064}")


def test_what_is_pinned_lacks_nothing_and_dev_looks_things_up() -> None:
    assert unpinned(Platform.model_validate(values("prod"))) == []
    assert unpinned(Platform.model_validate({**BARE, "level": "dev"})) == []


def test_no_version_that_only_aws_knows_and_no_digest_that_only_a_registry_knows_comes_with_the_project() -> None:
    for path in sorted((PROJECT / "stacks").glob("Pulumi.*.yaml")):
        assert not re.findall(r"eksbuild|sha256:", path.read_text(encoding="utf-8")), path


def test_an_engine_is_never_given_what_stands_in() -> None:
    areas = ("cli", "components", "core", "delivery", "policies", "stacks", "testkit")
    files = [path for area in areas for path in (PROJECT / area).rglob("*.py")]
    using = {path.name for path in files if "stand_ins" in path.read_text(encoding="utf-8")}
    assert using == {"recorded.py", "pins.py"}
    assert not [path for path in (PROJECT / "stacks").glob("Pulumi.*.yaml") if f"{0:064}" in path.read_text(encoding="utf-8")]
