"""What Karpenter may buy follows from the catalogue; node pools written for AWS are played and never passed over."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlgate.accelerators import accelerators, instance_type
from mlgate_testkit.cluster import ClusterError
from mlgate_testkit.cluster.certificates import certificates_in
from mlgate_testkit.cluster.karpenter import Drought, instance_types_file, play, write_instance_types
from mlgate_testkit.cluster.nodes import ZONES
from mlgate_testkit.cluster.parts import Layout

Machines = dict[str, dict[str, Any]]


def written(folder: Path, *droughts: Drought) -> Machines:
    layout = Layout(folder, certificates_in(folder), {})
    write_instance_types(layout, droughts)
    return {machine["name"]: machine for machine in json.loads(instance_types_file(layout).read_text())}


def offers(machine: dict[str, Any]) -> list[dict[str, str]]:
    return [{need["key"]: need["values"][0] for need in offer["Requirements"]} for offer in machine["offerings"]]


def test_a_machine_has_its_gpus_its_price_and_the_labels_that_pools_for_aws_choose_by(tmp_path: Path) -> None:
    machine = written(tmp_path)["g6.12xlarge"]
    assert machine["resources"]["nvidia.com/gpu"] == "4"
    assert machine["resources"]["memory"] == "196608Mi"
    assert {offer["Price"] for offer in machine["offerings"]} == {4.6016, 1.84064}
    assert {(offer["karpenter.sh/capacity-type"], offer["topology.kubernetes.io/zone"]) for offer in offers(machine)} == {
        (capacity, zone) for capacity in ("spot", "on-demand") for zone in ZONES
    }
    assert offers(machine)[0]["karpenter.k8s.aws/instance-gpu-name"] == "l4"
    assert offers(machine)[0]["karpenter.k8s.aws/instance-generation"] == "6"


def test_what_has_no_whole_gpu_or_no_price_is_not_for_sale(tmp_path: Path) -> None:
    machines = written(tmp_path)
    assert "g6f.large" not in machines
    assert instance_type("p5e.48xlarge").usd_per_hour is None
    assert "p5e.48xlarge" not in machines
    assert "nvidia.com/gpu" not in machines["m7i.large"]["resources"]


def test_arm_machines_are_arm(tmp_path: Path) -> None:
    assert written(tmp_path)["g5g.xlarge"]["architecture"] == "arm64"


@settings(max_examples=30)
@given(
    capacity=st.sampled_from([None, "spot", "on-demand"]),
    accelerator=st.sampled_from([None, *accelerators()]),
    zone=st.sampled_from([None, *ZONES]),
)
def test_a_drought_takes_exactly_the_offers_it_names(
    tmp_path_factory: pytest.TempPathFactory, capacity: str | None, accelerator: str | None, zone: str | None
) -> None:
    def sold(machines: Machines) -> set[tuple[str, str, str]]:
        return {
            (name, offer["karpenter.sh/capacity-type"], offer["topology.kubernetes.io/zone"])
            for name, machine in machines.items()
            for offer in offers(machine)
        }

    def hit(name: str, its_capacity: str, its_zone: str) -> bool:
        kind = None if name.startswith("m7i.") else instance_type(name).accelerator
        return (
            (capacity is None or its_capacity == capacity)
            and (accelerator is None or kind == accelerator)
            and (zone is None or its_zone == zone)
        )

    folder = tmp_path_factory.mktemp("types")
    before, after = sold(written(folder)), sold(written(folder, Drought(capacity, accelerator, zone)))
    assert after == {offer for offer in before if not hit(*offer)}


def pool(reference: dict[str, str], *requirements: dict[str, Any]) -> dict[str, Any]:
    template = {"spec": {"nodeClassRef": reference, "requirements": list(requirements)}}
    return {"apiVersion": "karpenter.sh/v1", "kind": "NodePool", "metadata": {"name": "gpu"}, "spec": {"template": template}}


EC2 = {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "bottlerocket"}


def test_only_the_node_class_of_a_pool_for_aws_is_replaced_and_that_is_said() -> None:
    given_pool = pool(EC2, {"key": "kubernetes.io/arch", "operator": "In", "values": ["amd64"]})
    played, said = play(given_pool)
    assert said == "node pool gpu: its EC2NodeClass 'bottlerocket' is played by KWOKNodeClass 'default'"
    reference = played["spec"]["template"]["spec"].pop("nodeClassRef")
    assert reference == {"group": "karpenter.kwok.sh", "kind": "KWOKNodeClass", "name": "default"}
    assert given_pool["spec"]["template"]["spec"].pop("nodeClassRef") == EC2
    assert played == given_pool


@pytest.mark.parametrize(
    "manifest",
    [pool({"group": "karpenter.kwok.sh", "kind": "KWOKNodeClass", "name": "default"}), {"kind": "Pod", "metadata": {"name": "x"}}],
)
def test_anything_else_stays_as_it_is(manifest: dict[str, Any]) -> None:
    assert play(manifest) == (manifest, "")


def test_a_label_of_aws_that_no_machine_has_is_refused_with_the_nearest() -> None:
    wrong = {"key": "karpenter.k8s.aws/instance-gpu-nam", "operator": "In", "values": ["l4"]}
    with pytest.raises(ClusterError, match="no machine here has") as caught:
        play(pool(EC2, wrong))
    assert caught.value.where == "node pool gpu"
    assert caught.value.remedy.startswith("use karpenter.k8s.aws/instance-gpu-name")


def test_a_teams_own_label_is_its_own_business() -> None:
    played, _ = play(pool(EC2, {"key": "team", "operator": "In", "values": ["vision"]}))
    assert played["spec"]["template"]["spec"]["requirements"][0]["key"] == "team"
