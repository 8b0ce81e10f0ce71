"""The project's own stacks with the real engine, on simulated AWS and a real API server with Karpenter's definitions."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mlgate.platform_state import state_key_alias
from mlgate.remains import Kept, remaining
from mlgate_testkit.cluster import Cluster
from mlgate_testkit.cluster.extensions import Chosen
from mlgate_testkit.engine import UpdateError, recover
from mlgate_testkit.provider.values import plain
from mlgate_testkit.record import Graph
from tests.testkit.aws.cloud import by_hand
from tests.testkit.cluster.conftest import require_built

from .platforms import ENVIRONMENTS, PROJECT, values

pytestmark = [pytest.mark.engine, pytest.mark.cluster]
DEFINITIONS = PROJECT / "tests" / "components" / "aws" / "gpu" / "karpenter-provider-aws-1.15.1"


@pytest.fixture(scope="module")
def kubernetes_cluster() -> Iterator[Cluster]:
    """One that knows what Karpenter on AWS is asked for."""
    require_built(Chosen())
    with Cluster() as cluster:
        for path in sorted(DEFINITIONS.glob("*.yaml")):
            cluster.apply(path.read_text(encoding="utf-8"))
        yield cluster


@pytest.fixture
def deployed(stack, simulated_aws, kubernetes_standin, kubernetes_cluster):
    """Makes the stack of an environment, whose state's key is there as `mlgate bootstrap` makes it."""

    def make(name, **cluster):
        kms = by_hand(simulated_aws.endpoint(), "kms")
        key = kms.create_key()["KeyMetadata"]["KeyId"]
        kms.create_alias(AliasName=state_key_alias(name), TargetKeyId=key)
        secrets = {"mlgate:kubeconfig": kubernetes_cluster.kubeconfig.read_text(encoding="utf-8")}
        return stack(name, program=PROJECT, config={"mlgate:platform": values(name, **cluster)}, secrets=secrets)

    return make


def remaining_of(made):
    """What is told to stay, of what the state holds."""
    graph = Graph.from_state(made.export())
    return remaining(
        Kept(
            found.urn,
            found.type,
            found.name,
            plain(dict(found.inputs)),
            found.protect or found.retain_on_delete,
            (*found.dependency_urns, found.parent_urn or ""),
            not found.custom,
        )
        for found in graph.resources
    )


def names(made):
    return sorted((found.type, found.name) for found in made)


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_an_environment_goes_up_from_nothing_and_rests(deployed, name):
    made = deployed(name)
    made.up()
    assert made.preview().nothing()
    graph = Graph.from_state(made.export())
    out = [route for route in graph.all("aws:ec2/route:Route") if "private" in route.name]
    assert out
    assert all(group.needs(route) for group in graph.all("aws:eks/nodeGroup:NodeGroup") for route in out), (
        "no node starts without a way out"
    )


def test_what_was_told_to_stay_stays_and_nothing_else(deployed, simulated_aws):
    dev = deployed("dev", deletion_protection=False)
    dev.up()
    told = remaining_of(dev)
    assert {each.name for each in told if each.holds} >= {"models", "evidence", "evidence-signing", "digits"}
    dev.operate("destroy", "--exclude-protected", "--yes", "--skip-preview")
    assert names(simulated_aws.alive()) == sorted((each.type, each.name) for each in told)


def test_a_cluster_that_was_lost_is_made_again_and_no_store_is_touched(deployed, simulated_aws, kubernetes_cluster):
    dev = deployed("dev", deletion_protection=False)
    dev.up()
    eks = by_hand(simulated_aws.endpoint(), "eks")
    for group in eks.list_nodegroups(clusterName="mlgate-dev")["nodegroups"]:
        eks.delete_nodegroup(clusterName="mlgate-dev", nodegroupName=group)
    eks.delete_cluster(name="mlgate-dev")
    dev.refresh()
    changes = dev.up()
    assert [step.name for step in changes.created("aws:eks/cluster:Cluster")] == ["cluster"]
    stores = {"models", "models-logs", "evidence", "evidence-logs", "evidence-signing", "audit", "audit-logs"}
    assert not [step for step in [*changes.created(), *changes.updated(), *changes.replaced()] if step.name in stores]
    assert dev.preview().nothing()


def test_an_engine_that_was_killed_is_recovered_from_by_one_command(deployed, simulated_aws):
    dev = deployed("dev")
    with pytest.raises(UpdateError, match="killed on order"):
        dev.up(kill_at=160)
    recover(dev)
    dev.up()
    assert dev.preview().nothing()
    made = names(simulated_aws.alive())
    assert len(made) == len(set(made))
