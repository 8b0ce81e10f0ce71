"""What the project's own program refuses, by whom it is told, and that nothing of the platform is registered then."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pulumi
import pytest

from mlgate_cli.answers import Answers
from mlgate_testkit.engine import UpdateError
from mlgate_testkit.record import Graph, record
from mlgate_testkit.record.monitor import RecordingMonitor

from .platforms import ACCOUNT, PROJECT, values

QUOTA = "aws:servicequotas/getServiceQuota:getServiceQuota"
NOTHING = {"pulumi:pulumi:Stack", "pulumi:providers:aws"}
"""What the program registers and nothing is made of."""
OTHER = "111122223333"


def composed(platform: dict[str, Any], **answers: Any) -> Graph:
    return record(PROJECT, stack="dev", config={"platform": platform}, preview=True, invokes={**dict(Answers()), **answers})


def test_what_makes_anything_on_aws_is_bound_to_account_and_region_and_no_default_provider_is_made() -> None:
    graph = composed(values("dev"))
    assert {each.name for each in graph.all("pulumi:providers:aws")} == {"aws", "whose-credentials"}
    provider = graph.one("pulumi:providers:aws", "aws")
    assert (provider.inputs["allowedAccountIds"], provider.inputs["region"]) == (f'["{ACCOUNT}"]', "eu-central-1")
    made = [each for each in graph.resources if each.type.startswith("aws:")]
    assert made
    assert {each.provider.urn for each in made if each.provider} == {provider.urn}
    assert json.loads(str(graph.config["pulumi:disable-default-providers"])) == ["aws", "kubernetes"]


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The types of all that a program asks for, whether or not it comes to its end."""
    types: list[str] = []
    register = RecordingMonitor.RegisterResource
    monkeypatch.setattr(
        RecordingMonitor, "RegisterResource", lambda monitor, request: (types.append(request.type), register(monitor, request))[1]
    )
    return types


def test_a_pool_that_no_machine_carries_is_told_before_anything_is_registered(registered: list[str]) -> None:
    platform = values("dev")
    platform["pools"]["l4"]["accelerator"] = "h300"
    with pytest.raises(pulumi.RunError, match=r"pools\.l4\.accelerator: is 'h300'\n  -> did you mean h200 or h100\?"):
        composed(platform)
    assert set(registered) <= NOTHING


def impossible() -> dict[str, Any]:
    """An environment whose file is well, and which Cluster, ClusterAddons and GpuNodePool refuse."""
    platform = values("dev")
    platform["pins"] |= {"addons": {"karpentr": {"version": "1"}}, "eks_addons": {"corens": "v1"}}
    platform["pins"]["gpu_ami"]["version"] = "newest"
    return platform


REFUSED = (
    "environment 'dev': wrong arguments\n"
    "cluster: addon_versions.corens: is no add-on here\n  -> did you mean coredns?\n"
    "addons: addons.karpentr: is no add-on\n  -> did you mean karpenter?\n"
    "pools.l4: ami.version: is 'newest'\n  -> a version of bottlerocket, such as '1.46.0'"
)


def test_what_components_refuse_is_told_of_all_of_them_at_once_before_anything_is_registered(registered: list[str]) -> None:
    with pytest.raises(pulumi.RunError) as refused:
        composed(impossible())
    assert str(refused.value) == REFUSED
    assert set(registered) <= NOTHING


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project's program and environments."""
    shutil.copy(PROJECT / "Pulumi.yaml", tmp_path)
    shutil.copytree(PROJECT / "stacks", tmp_path / "stacks", ignore=shutil.ignore_patterns("__pycache__", "Pulumi.local.yaml"))
    return tmp_path


def line_of(text: str, path: Path) -> int:
    """The first that has it."""
    return next(number for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1) if text in line)


def test_addresses_of_another_environment_are_told_before_anything_is_registered(registered: list[str]) -> None:
    platform = values("dev")
    platform["network"]["cidr"] = "10.30.64.0/18"
    with pytest.raises(pulumi.RunError) as refused:
        composed(platform)
    prod = PROJECT / "stacks" / "Pulumi.prod.yaml"
    assert str(refused.value) == (
        f"network.cidr: network.cidr is 10.30.64.0/18, which overlaps prod's 10.30.0.0/16 ({prod}:{line_of('10.30.0.0', prod)})\n"
        "  -> blocks apart, or the two can never be connected"
    )
    assert set(registered) <= NOTHING
    composed(values("dev"))
    assert "aws:ec2/vpc:Vpc" in registered


def test_what_two_environments_share_is_told_by_the_line_of_the_one_that_is_brought_up(project: Path) -> None:
    dev = project / "stacks" / "Pulumi.dev.yaml"
    dev.write_text(dev.read_text(encoding="utf-8").replace("111122223333", "777788889999"), encoding="utf-8")
    with pytest.raises(pulumi.RunError) as refused:
        record(project, stack="dev", preview=True, invokes=Answers())
    assert str(refused.value).startswith(
        f"{dev}:{line_of('account:', dev)}: account is 777788889999, which is prod's too\n  -> production has"
    )


def test_the_broken_file_of_another_environment_is_warned_of_and_stops_nothing(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    warned: list[str] = []
    monkeypatch.setattr("pulumi.log.warn", warned.append)
    record(project, stack="prod", config={"platform": values("prod")}, preview=True, invokes=Answers())
    assert warned == []
    dev = project / "stacks" / "Pulumi.dev.yaml"
    dev.write_text("config: {", encoding="utf-8")
    graph = record(project, stack="prod", config={"platform": values("prod")}, preview=True, invokes=Answers())
    assert graph.all("aws:ec2/vpc:Vpc")
    assert warned == [f"{dev} is not well declared, so prod was not compared with it: mlgate environments check says why"]


def test_a_quota_that_is_too_small_for_all_pools_together_is_told_in_the_preview_and_nothing_is_registered(registered: list[str]) -> None:
    platform = values("dev")
    platform["pools"]["second"] = dict(platform["pools"]["l4"])
    allowed = {"quotaName": "G and VT", "value": 32.0}
    assert composed(values("dev"), **{QUOTA: allowed}).all("aws:ec2/vpc:Vpc"), "one of them may have so many"
    registered.clear()
    with pytest.raises(pulumi.RunError) as refused:
        composed(platform, **{QUOTA: allowed})
    assert str(refused.value) == (
        "environment 'dev': wrong arguments\n"
        "pools: need 64 vCPUs of G and VT (L-3819A6DF)\n  -> the quota is 32: have it raised\n"
        "pools: need 64 vCPUs of G and VT (L-DB2E81BA)\n  -> the quota is 32: have it raised"
    )
    assert set(registered) <= NOTHING


ELSEWHERE = (
    f"environment 'dev': wrong arguments\naccount: is {OTHER}, and the credentials are of {ACCOUNT} (arn:aws:sts::{ACCOUNT}:%s)\n"
    "  -> take credentials of that account (export AWS_PROFILE=..., or run aws sso login), or correct the environment's account"
)


def test_credentials_of_another_account_are_told_with_a_remedy_before_a_quota_is_asked_or_anything_registered(
    registered: list[str],
) -> None:
    with pytest.raises(pulumi.RunError) as refused:
        composed(values("dev") | {"account": OTHER}, **{QUOTA: {"quotaName": "G and VT", "value": 0.0}})
    assert str(refused.value) == ELSEWHERE % "assumed-role/nobody/bill"
    assert registered == ["pulumi:pulumi:Stack", "pulumi:providers:aws"]


@pytest.mark.engine
def test_in_another_account_a_preview_ends_with_what_to_do_and_an_update_makes_nothing(stack: Any, simulated_aws: Any) -> None:
    dev = stack("dev", program=PROJECT, config={"mlgate:platform": values("dev") | {"account": OTHER}})
    with pytest.raises(UpdateError) as previewed:
        dev.preview()
    with pytest.raises(UpdateError) as updated:
        dev.operate("up", "--yes", "--skip-preview")
    assert ELSEWHERE % "user/moto" in str(previewed.value)
    assert ELSEWHERE % "user/moto" in str(updated.value)
    assert dev.state.checkpoint().resources == []
    assert simulated_aws.alive() == []


@pytest.mark.engine
def test_an_update_without_a_preview_makes_nothing_of_what_is_refused(stack: Any, simulated_aws: Any) -> None:
    dev = stack("dev", program=PROJECT, config={"mlgate:platform": impossible()})
    with pytest.raises(UpdateError) as refused:
        dev.operate("up", "--yes", "--skip-preview")
    assert REFUSED in str(refused.value)
    assert simulated_aws.alive() == []
