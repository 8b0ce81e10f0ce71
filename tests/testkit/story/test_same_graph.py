"""One program, recorded without an engine and brought up by the engine on simulated providers: the same graph."""

from __future__ import annotations

from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest

from mlgate_testkit.engine import Stacks
from mlgate_testkit.provider.values import plain
from mlgate_testkit.record import Graph, record

from ..aws.cloud import by_hand
from ..lint import shop
from .same import differences, require_same

PROGRAMS = Path(__file__).parents[1]
REGION = {"aws:region": "eu-central-1"}
INVOKES = {"aws:index/getAvailabilityZones:getAvailabilityZones": {"names": ["eu-central-1a", "eu-central-1b", "eu-central-1c"]}}

pytestmark = pytest.mark.engine


def both(stack: Stacks, program: Path, config: dict[str, str], secrets: dict[str, str]) -> tuple[Graph, Graph]:
    """The graphs of the program, recorded and deployed."""
    given = {**config, **REGION}
    recorded = record(program, stack="check", config=given, secrets=secrets, invokes=INVOKES)
    made = stack("check", program=program, config=given, secrets=secrets)
    made.up()
    deployed = Graph.from_state(made.export(show_secrets=True))
    if deployed.outputs.get("root") == "":  # language hosts before 3.80 do not say it
        del deployed.outputs["root"], recorded.outputs["root"]
    return recorded, deployed


@pytest.mark.parametrize(
    ("program", "config", "secrets"),
    [
        ("record/programs/static_site", {}, {}),
        ("record/programs/cluster", {"nodes": "2"}, {"token": "x"}),
        ("story/platform", {"keys": "2"}, {"login": "correct-horse"}),
    ],
)
def test_a_program_has_the_same_graph_recorded_and_deployed(
    stack: Stacks, simulated_aws: Any, program: str, config: dict[str, str], secrets: dict[str, str]
) -> None:
    s3 = by_hand(simulated_aws.endpoint(), "s3")
    s3.create_bucket(Bucket="taken-over", CreateBucketConfiguration={"LocationConstraint": REGION["aws:region"]})
    require_same(*both(stack, PROGRAMS / program, config, secrets))


def test_the_sample_stack_has_the_same_graph_recorded_and_deployed(stack: Stacks, simulated_aws: Any) -> None:
    require_same(*both(stack, Path(shop.__file__), {}, {"password": shop.PASSWORD}))


@pytest.mark.cluster
def test_a_program_on_aws_and_kubernetes_has_the_same_graph_and_its_objects_lie_on_the_control_plane(
    stack: Stacks, simulated_aws: Any, kubernetes_standin: Any, kubernetes_cluster: Any
) -> None:
    kubernetes_cluster.add_nodes(1)
    recorded, deployed = both(stack, PROGRAMS / "story" / "service", {}, {"key": "correct-horse"})
    require_same(recorded, deployed)
    assert {resource.type.split(":")[0] for resource in recorded.resources if resource.custom} == {"aws", "kubernetes"}
    for one in recorded.resources:
        if one.type.startswith("kubernetes:"):
            other = deployed.find(one.urn)
            assert other
            namespace, name = other.id.split("/")
            lies = kubernetes_cluster.objects.find(one.type.rpartition(":")[2], name, namespace)
            assert lies, str(one)
            wanted = plain(one.inputs)
            for key, text in wanted.pop("stringData", {}).items():
                assert b64decode(lies["data"][key]).decode() == text
            assert differences(wanted, lies, deployed) == [], str(one)
