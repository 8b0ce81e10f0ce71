"""The page about pools of GPUs: its program runs, and its tables and figures are those of the code."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest
import yaml

from mlgate.accelerators import instance_types
from mlgate.capacity import SPOT_NOTICE_S, Floor
from mlgate.platform import Platform
from mlgate_components.aws.gpu.arguments import Accelerator, Buy, GpuNodePoolArgs
from mlgate_components.aws.platform_args import PlatformArgs
from mlgate_testkit.record import record
from tests.stacks.platforms import values

PAGE = (Path(__file__).parents[4] / "docs" / "platform-gpu.md").read_text(encoding="utf-8")
(PROGRAM,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
(POOLS,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
PARTS = """

from types import SimpleNamespace

import pulumi_kubernetes as kubernetes

network = SimpleNamespace(private_subnet_ids=["subnet-1", "subnet-2", "subnet-3"])
names = "cluster_name endpoint certificate_authority version security_group_id node_role_name node_role_arn".split()
provider = kubernetes.Provider("ml", kubeconfig="{}")
cluster = SimpleNamespace(kubernetes=provider, **{name: name for name in names})
pulumi.export("said", gpus(network, cluster, provider).said)
"""


def test_its_program_runs_and_comes_to_the_floor_that_it_says(tmp_path: Path) -> None:
    file = tmp_path / "program.py"
    file.write_text(PROGRAM + PARTS, encoding="utf-8")
    quota = {"value": 500.0, "quotaName": "G and VT"}
    answers = {"aws:ssm/getParameter:getParameter": {"value": "ami-1"}, "aws:servicequotas/getServiceQuota:getServiceQuota": quota}
    graph = record(file, invokes=answers)
    assert graph.one("aws:eks/nodeGroup:NodeGroup").inputs["scalingConfig"]["desiredSize"] == 4
    assert graph.one("kubernetes:karpenter.sh/v1:NodePool").inputs["spec"]["limits"] == {"nvidia.com/gpu": "8"}
    assert any("= 185 s, 65 s longer" in line for line in graph.outputs["said"])


def test_its_pool_of_an_environments_file_is_one_that_prod_can_have_with_the_floor_of_its_program() -> None:
    platform = Platform.model_validate({**values("prod"), **yaml.safe_load(POOLS)})
    record(lambda: PlatformArgs("prod", platform, None).require_possible())
    ((_, pool),) = platform.pools.items()
    assert [way.buy for way in pool.capacity] == ["reservation", "spot"]
    assert pool.floor
    assert Floor(**pool.floor.model_dump()) == Floor(200, 60, 70, 90, 25)


def test_its_formula_is_that_of_the_code() -> None:
    floor = Floor(rate_per_s=200, replica_rate_per_s=60, node_start_s=70, image_pull_s=90, model_start_s=25)
    assert (floor.replacement_s, floor.gap_s, floor.replicas) == (185, 65, 4)
    assert f"replacement_s - {SPOT_NOTICE_S:g})" in PAGE


@pytest.mark.parametrize("argument", inspect.get_annotations(GpuNodePoolArgs))
def test_every_argument_has_a_row(argument: str) -> None:
    assert re.search(rf"^\| (?:`\w+`, )*`{argument}`", PAGE, re.MULTILINE)


def test_every_accelerator_and_way_to_buy_is_named() -> None:
    (accelerators,) = re.findall(r"^\| `accelerator` \| (.*) \|$", PAGE, re.MULTILINE)
    assert re.split(r", | or ", accelerators) == [each.value for each in Accelerator]
    assert all(f"`{each.value}`" in PAGE for each in Buy)


def test_no_accelerator_of_a_pool_stands_on_an_arm_machine() -> None:
    assert "`architecture: arm64` is always refused" in PAGE
    assert {kind.architecture for each in Accelerator for kind in instance_types(each.value)} == {"amd64"}
