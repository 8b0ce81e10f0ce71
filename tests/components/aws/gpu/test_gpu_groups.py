"""A pool's node groups of fixed size, recorded: the floor, shared GPUs, and what their nodes are told."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from typing import Any

import pytest

from mlgate.accelerators import instance_type, mig_profiles

from .pools import BLOCK, CLASS, CLUSTER, FLOOR, GROUP, IMAGE, LOCAL, POOL, TEMPLATE, VIRGINIA, recorded, told


def test_the_floor_is_a_node_group_on_demand_and_its_arithmetic_is_said() -> None:
    graph = recorded(floor=FLOOR, invokes={IMAGE: {"value": "ami-9"}})
    group = graph.one(GROUP).inputs
    assert group["scalingConfig"] == {"minSize": 4, "desiredSize": 4, "maxSize": 4}
    assert (group["capacityType"], group["instanceTypes"]) == ("ON_DEMAND", ["g6.xlarge"])
    assert group["taints"] == [{"key": "nvidia.com/gpu", "value": "present", "effect": "NO_SCHEDULE"}]
    assert group["labels"] == {"mlgate/pool": "gpu", "mlgate/accelerator": "l4", "mlgate/share": "whole"}
    assert (group["nodeRoleArn"], group["subnetIds"]) == (CLUSTER["node_role_arn"], ["subnet-1", "subnet-2", "subnet-3"])
    assert group["updateConfig"] == {"maxUnavailable": 1}, "new ones come first, so that the floor stands"
    assert graph.one(POOL).inputs["spec"]["limits"] == {"nvidia.com/gpu": "4"}, "the rest of the replicas"
    said = graph.outputs["said"]
    assert any("ceil(100/s / 30/s" in line and "node 60 s + image 90 s + model 40 s" in line for line in said)
    assert any("Karpenter does not scale it" in line and "0.8048 USD/h" in line for line in said)
    assert graph.outputs["vcpu_quotas"] == {"L-DB2E81BA": 4 * 4 + 4 * 4, "L-3819A6DF": 4 * 4}


def test_nodes_of_fixed_size_start_as_karpenters_do() -> None:
    key = "arn:aws:kms:eu-central-1:123456789012:key/1"
    template = recorded(floor=FLOOR, invokes={IMAGE: {"value": "ami-9"}}, disk_key_arn=key).one(TEMPLATE).inputs
    assert template["imageId"] == "ami-9"
    assert template["metadataOptions"] == {"httpEndpoint": "enabled", "httpTokens": "required", "httpPutResponseHopLimit": 1}
    assert [(disk["ebs"]["encrypted"], disk["ebs"]["kmsKeyId"]) for disk in template["blockDeviceMappings"]] == [("true", key)] * 2
    assert {each["resourceType"] for each in template["tagSpecifications"]} == {"instance", "volume", "network-interface"}
    assert template["vpcSecurityGroupIds"] == ["sg-1"]


@pytest.mark.parametrize(
    ("ami", "path"),
    [
        ({"family": "bottlerocket", "version": "v1.46.0"}, "/aws/service/bottlerocket/aws-k8s-1.35-nvidia/x86_64/1.46.0/image_id"),
        (
            {"family": "al2023", "version": "v20240807"},
            "/aws/service/eks/optimized-ami/1.35/amazon-linux-2023/x86_64/nvidia/"
            "amazon-eks-node-al2023-x86_64-nvidia-1.35-v20240807/image_id",
        ),
        (
            {"family": "al2023", "version": "latest"},
            "/aws/service/eks/optimized-ami/1.35/amazon-linux-2023/x86_64/nvidia/recommended/image_id",
        ),
    ],
)
def test_the_image_of_a_fixed_group_is_that_of_karpenters_nodes(ami: dict[str, str], path: str) -> None:
    asked: list[str] = []

    def answer(args: Mapping[str, Any]) -> dict[str, str]:
        asked.append(args["name"])
        return {"value": "ami-9"}

    cluster = {**CLUSTER, "service_cidr": "172.20.0.0/16"}
    recorded(floor=FLOOR, ami=ami, cluster=cluster, pinned=False, invokes={IMAGE: answer})
    assert set(asked) == {path}


def test_amazon_linux_is_told_its_cluster_its_labels_and_its_taint() -> None:
    graph = recorded(floor=FLOOR, ami={"family": "al2023", "id": "ami-1"}, cluster={**CLUSTER, "service_cidr": "172.20.0.0/16"})
    head, _, rest = told(graph.one(TEMPLATE)).partition("application/node.eks.aws\n\n")
    assert head.startswith("MIME-Version: 1.0")
    spec = json.loads(rest.partition("\n--BOUNDARY--")[0])["spec"]
    assert spec["cluster"] == {
        "name": "ml",
        "apiServerEndpoint": "https://ml.eks",
        "certificateAuthority": "QQ==",
        "cidr": "172.20.0.0/16",
    }
    labels, taints = spec["kubelet"]["flags"]
    assert "mlgate/pool=gpu" in labels
    assert "nvidia.com/gpu.present=true" in labels, "its image has no device plugin, and NVIDIA's goes by this"
    assert taints == "--register-with-taints=nvidia.com/gpu=present:NoSchedule"


@pytest.mark.parametrize(
    ("accelerator", "profile", "model"),
    [("a100-40g", "1g.5gb", "a100.40gb"), ("h100", "2g.20gb", "h100.80gb"), ("b200", "1g.23gb", "b200.180gb")],
)
def test_mig_is_set_as_bottlerocket_starts_and_the_pool_is_of_fixed_size(accelerator: str, profile: str, model: str) -> None:
    capacity, share = [{"buy": "on-demand"}], {"mig_profile": profile}
    args = {"accelerator": accelerator, "network": VIRGINIA, "capacity": capacity, "ami": {"family": "bottlerocket", "id": "ami-1"}}
    graph = recorded(replicas=60, share=share, **args)
    settings = tomllib.loads(told(graph.one(TEMPLATE)))["settings"]
    assert settings["kubelet-device-plugins"]["nvidia"] == {"device-partitioning-strategy": "mig", "mig": {"profile": {model: profile}}}
    assert settings["kubernetes"]["node-taints"] == {"nvidia.com/gpu": ["present:NoSchedule"]}
    assert settings["kubernetes"]["node-labels"] == {"mlgate/pool": "gpu", "mlgate/accelerator": accelerator, "mlgate/share": profile}
    said = {"cluster-name": "ml", "api-server": "https://ml.eks", "cluster-certificate": "QQ=="}
    assert {key: settings["kubernetes"][key] for key in said} == said
    nodes = graph.one(GROUP).inputs["scalingConfig"]["desiredSize"]
    (machine,) = graph.one(GROUP).inputs["instanceTypes"]
    assert nodes == -(-60 // (instance_type(machine).count * mig_profiles(accelerator)[profile]))
    assert not graph.all(POOL)
    assert not graph.all(CLASS)
    assert (graph.outputs["resource"], graph.outputs["node_class_name"]) == ("nvidia.com/gpu", "")


def test_time_slices_are_asked_for_by_a_name_of_their_own() -> None:
    graph = recorded(share={"time_slices": 4}, capacity=[{"buy": "spot"}], floor=FLOOR, ami={"family": "bottlerocket", "id": "ami-1"})
    settings = tomllib.loads(told(graph.one(TEMPLATE, "gpu-shared")))["settings"]["kubelet-device-plugins"]["nvidia"]
    assert settings == {"device-sharing-strategy": "time-slicing", "time-slicing": {"replicas": 4, "rename-by-default": True}}
    assert graph.outputs["resource"] == "nvidia.com/gpu.shared"
    groups = {group.name: group.inputs for group in graph.all(GROUP)}
    assert {name: group["capacityType"] for name, group in groups.items()} == {"gpu-floor": "ON_DEMAND", "gpu-shared": "SPOT"}
    assert {name: group["scalingConfig"]["maxSize"] for name, group in groups.items()} == {"gpu-floor": 1, "gpu-shared": 1}


def test_a_shared_pool_starts_from_its_block_in_the_blocks_zone() -> None:
    capacity = [{"buy": "block", "reservations": [BLOCK]}]
    ami = {"family": "bottlerocket", "id": "ami-1"}
    graph = recorded(accelerator="h100", share={"mig_profile": "1g.10gb"}, network=VIRGINIA, capacity=capacity, ami=ami)
    template, group = graph.one(TEMPLATE).inputs, graph.one(GROUP).inputs
    assert template["instanceMarketOptions"] == {"marketType": "capacity-block"}
    target = {"capacityReservationTarget": {"capacityReservationId": "cr-1a"}}
    assert (template["capacityReservationSpecification"], template["instanceType"]) == (target, "p5.48xlarge")
    assert (group["capacityType"], group["subnetIds"], "instanceTypes" in group) == ("CAPACITY_BLOCK", ["subnet-2"], False)
    assert group["updateConfig"] == {"maxUnavailable": 1, "updateStrategy": "MINIMAL"}, "a block has no machine more to start first"
    assert graph.outputs["vcpu_quotas"] == {}, "a block is counted when it is bought"


def test_a_shared_pool_may_start_from_a_reservation() -> None:
    capacity = [{"buy": "reservation", "reservations": [LOCAL]}]
    graph = recorded(share={"time_slices": 2}, capacity=capacity, ami={"family": "bottlerocket", "id": "ami-1"})
    template, group = graph.one(TEMPLATE).inputs, graph.one(GROUP).inputs
    target = {"capacityReservationTarget": {"capacityReservationId": "cr-2b"}}
    assert (template["capacityReservationSpecification"], "instanceMarketOptions" in template) == (target, False)
    assert (group["capacityType"], group["subnetIds"], group["instanceTypes"]) == ("ON_DEMAND", ["subnet-1"], ["g6.xlarge"])
    assert group["updateConfig"]["updateStrategy"] == "MINIMAL"


def test_a_floor_with_efa_has_one_on_each_network_card() -> None:
    args = {"accelerator": "a100-40g", "count": 8, "efa": True, "network": VIRGINIA, "ami": {"family": "bottlerocket", "id": "ami-1"}}
    interfaces = recorded(floor=FLOOR, **args).one(TEMPLATE).inputs["networkInterfaces"]
    assert [(each["networkCardIndex"], each["deviceIndex"]) for each in interfaces] == [(0, 0), (1, 1), (2, 1), (3, 1)]
    assert {(each["interfaceType"], *each["securityGroups"]) for each in interfaces} == {("efa", "sg-1")}


def test_a_floor_stands_in_the_pools_placement_group() -> None:
    graph = recorded(floor=FLOOR, placement="cluster", zones=["eu-central-1a"], invokes={IMAGE: {"value": "ami-9"}})
    assert graph.one(TEMPLATE).inputs["placement"] == {"groupName": "<name of PlacementGroup gpu>"}
    assert graph.one(GROUP).inputs["subnetIds"] == ["subnet-1"]
