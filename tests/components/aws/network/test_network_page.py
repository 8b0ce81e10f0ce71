"""The page about the network: its programs run, what is there already stays untouched, and its figures are those of the code."""

from __future__ import annotations

import inspect
import re
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from mlgate.addresses import divide
from mlgate_components.aws.network.network import NetworkArgs
from mlgate_components.aws.network.services import _INTERFACES, FLOW_LOG_DAYS
from mlgate_testkit.lint import assert_clean
from mlgate_testkit.record import Graph, record

PAGE = (Path(__file__).parents[4] / "docs" / "platform-network.md").read_text(encoding="utf-8")
OWN, ON_WHAT_IS_THERE = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
ANSWERS = {"aws:eks/getAddonVersion:getAddonVersion": {"version": "v1.0.0-eksbuild.1"}}
QUEUE = {"aws:sqs/queue:Queue": {"arn": "arn:aws:sqs:eu-central-1:111122223333:ml"}}
ROLE = {"aws:iam/role:Role": {"arn": "arn:aws:iam::111122223333:role/digits"}}


def recorded(program: str, folder: Path, **config: str) -> Graph:
    file = folder / "program.py"
    file.write_text(program, encoding="utf-8")
    return record(file, invokes=ANSWERS, resources={**QUEUE, **ROLE}, config=config)


def test_its_first_program_makes_the_subnets_that_the_page_says(tmp_path: Path) -> None:
    graph = recorded(OWN, tmp_path)
    blocks = {found.name: IPv4Network(found.inputs["cidrBlock"]) for found in graph.all("aws:ec2/subnet:Subnet")}
    assert {block.prefixlen for name, block in blocks.items() if "private" in name} == {19}
    assert {block.prefixlen for name, block in blocks.items() if "private" not in name} == {21}
    assert f"{blocks['core-private-eu-central-1a'].num_addresses - 5:,} addresses" in PAGE
    assert_clean(graph)


def test_a_platform_on_what_is_there_already_makes_nothing_of_it_and_names_it_where_it_is_used(tmp_path: Path) -> None:
    graph = recorded(ON_WHAT_IS_THERE, tmp_path, kubeconfig="through: a tunnel")
    made = {found.type for found in graph.resources if found.component}
    assert made == {
        f"mlgate:index:{name}" for name in ("ClusterAddons", "InterruptionQueue", "GpuNodePool", "ServiceIdentity", "Permissions", "Secret")
    }
    kinds = {found.type.rpartition(":")[2] for found in graph.resources if found.type.startswith("aws:")}
    assert not kinds & {"Vpc", "Subnet", "Cluster", "Bucket", "Key", "Repository"}
    spec = graph.one("kubernetes:karpenter.k8s.aws/v1:EC2NodeClass").inputs["spec"]
    assert (spec["subnetSelectorTerms"], spec["role"]) == ([{"id": "subnet-1"}, {"id": "subnet-2"}], "nodes")
    policies = {found.name: found.inputs["policy"] for found in graph.all("aws:iam/rolePolicy:RolePolicy")}
    assert "arn:aws:s3:::acme-models/digits/*" in policies["digits"]
    assert "repository/digits" in policies["nodes-pull"]
    assert "vpc/vpc-1" in policies["ml-aws-load-balancer-controller"]


@pytest.mark.parametrize("argument", inspect.get_annotations(NetworkArgs))
def test_every_argument_has_a_row(argument: str) -> None:
    assert re.search(rf"^\| `{argument}` \|", PAGE, re.MULTILINE)


def test_its_numbers_are_those_of_the_code() -> None:
    assert f"{FLOW_LOG_DAYS} unless said" in PAGE
    assert len(_INTERFACES) == 9
    assert "interface endpoints (nine, in each zone)" in PAGE
    for zones in (2, 4):
        assert divide(IPv4Network("10.0.0.0/23"), [f"eu-central-1{letter}" for letter in "abcd"[:zones]])
    with pytest.raises(ValueError, match="too small"):
        divide(IPv4Network("10.0.0.0/24"), ["eu-central-1a", "eu-central-1b"])
