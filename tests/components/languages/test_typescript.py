"""The example in TypeScript: compiled against the SDK that is written for it, and brought up by the real engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlgate_testkit.engine import UpdateError
from tests.testkit.aws.cloud import by_hand

from .projects import COLD_S, compile_typescript, link_packages, served, with_sdk, written

pytestmark = pytest.mark.timeout(COLD_S)
WHO = "arn:aws:iam::123456789012:role/deployer"
NOBODY = '{"Version": "2012-10-17", "Statement": []}'
POOL, COMPONENT = "kubernetes:karpenter.sh/v1:NodePool", "mlgate:index:GpuNodePool"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example, compiled."""
    made = with_sdk("typescript", tmp_path_factory.mktemp("typescript") / "gpu-pool")
    link_packages(made)
    assert not compile_typescript(made)
    return made


def test_it_compiles(project):
    assert (project / "bin" / "index.js").is_file()


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("components.Accelerator.L4", '"l5"', "'\"l5\"' is not assignable to type 'Accelerator'"),
        ("replicas: 12,", "", "'replicas' is missing"),
        ("replicas: 12,", "replicas: 12, leastZone: 2,", "'leastZone' does not exist in type 'GpuNodePoolArgs'"),
    ],
    ids=["accelerator", "missing", "misspelt"],
)
def test_what_the_schema_rules_out_does_not_compile(project, right, wrong, said):
    with written(project / "index.ts", right, wrong):
        assert said in compile_typescript(project)


@pytest.mark.engine
@pytest.mark.cluster
def test_it_goes_up_and_rests_and_wrong_arguments_are_told_without_a_stack(
    project, stack, simulated_aws, kubernetes_standin, kubernetes_cluster
):
    assert not compile_typescript(project)
    by_hand(simulated_aws.endpoint(), "iam").create_role(RoleName="deployer", AssumeRolePolicyDocument=NOBODY)
    config = {"aws:region": "eu-central-1", "version": "1.35", "deployer": WHO}
    dev = stack("dev", program=project, config=config, secrets={"kubeconfig": kubernetes_cluster.kubeconfig.read_text()})
    with served(project) as program:
        assert dev.operate("preview", program).created(COMPONENT)
    with served(project) as program:
        dev.operate("up", "--yes", "--skip-preview", program)
    assert dev.outputs["instanceTypes"][0] == "g6.xlarge"
    assert dev.outputs["labels"]["mlgate/pool"] == "digits"
    assert any("4 replicas = ceil(200/s / 60/s a replica)" in line for line in dev.outputs["said"])
    (pool,) = kubernetes_cluster.objects.list("NodePool")
    assert pool["spec"]["limits"] == {"nvidia.com/gpu": "8"}
    with served(project) as program:
        assert dev.operate("preview", program).nothing()

    dev.change(config={"version": "1.35.1"})
    with served(project) as program, pytest.raises(UpdateError) as refused:
        dev.operate("preview", program)
    assert "property version" in str(refused.value)
    assert "Traceback" not in str(refused.value)
    assert ".py" not in str(refused.value)
