"""`GpuNodePool`, recorded: Karpenter's objects, node groups of fixed size, and what is refused before anything is made."""

from __future__ import annotations

import base64
import itertools
import json
import tomllib
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from mlgate.accelerators import instance_type, mig_profiles
from mlgate.errors import Problem
from mlgate.gpu_types import pods_per_machine
from mlgate_components.arguments import ArgumentsError
from mlgate_components.aws.gpu.arguments import Accelerator, AmiFamily, Buy
from mlgate_components.aws.gpu.checks import planned
from mlgate_components.aws.gpu.plan import PoolPlan
from mlgate_testkit.record import Graph, Resource, record

ZONES = ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
FLOOR = {"rate_per_s": 100.0, "replica_rate_per_s": 30.0, "node_start_s": 60.0, "image_pull_s": 90.0, "model_start_s": 40.0}
BLOCK = {"id": "cr-1a", "zone": "us-east-1b", "instance_type": "p5.48xlarge"}
LOCAL = {"id": "cr-2b", "zone": "eu-central-1a", "instance_type": "g6.xlarge"}
AL2023 = {"family": "al2023", "id": "ami-1"}
VIRGINIA = {"zones": ["us-east-1a", "us-east-1b"], "private_subnet_ids": ["subnet-1", "subnet-2"]}
CLUSTER = {
    "cluster_name": "ml",
    "endpoint": "https://ml.eks",
    "certificate_authority": "QQ==",
    "version": "1.35",
    "security_group_id": "sg-1",
    "node_role_name": "nodes",
    "node_role_arn": "arn:aws:iam::123456789012:role/nodes",
}
USUAL: dict[str, Any] = {
    "accelerator": "l4",
    "replicas": 8,
    "cluster": CLUSTER,
    "network": {"zones": ZONES, "private_subnet_ids": ["subnet-1", "subnet-2", "subnet-3"]},
    "capacity": [{"buy": "spot"}, {"buy": "on-demand"}],
    "ami": {"family": "bottlerocket", "version": "1.53.0"},
    "tags": {"environment": "dev", "owner": "platform"},
}
OUTPUTS = ("node_class_name", "node_pool_names", "instance_types", "rejected", "labels", "resource", "device_plugin", "vcpu_quotas", "said")
POOL, CLASS, GROUP = "kubernetes:karpenter.sh/v1:NodePool", "kubernetes:karpenter.k8s.aws/v1:EC2NodeClass", "aws:eks/nodeGroup:NodeGroup"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
QUOTA = "aws:servicequotas/getServiceQuota:getServiceQuota"
IMAGE = "aws:ssm/getParameter:getParameter"


def program(args: Mapping[str, Any], provider: bool) -> Callable[[], None]:
    def pool() -> None:
        import pulumi
        import pulumi_kubernetes as kubernetes

        from mlgate_components.aws.gpu.pool import GpuNodePool

        providers = [kubernetes.Provider("eks", kubeconfig="{}")] if provider else []
        made = GpuNodePool("gpu", args, pulumi.ResourceOptions(providers=providers))  # type: ignore[arg-type]
        for output in OUTPUTS:
            pulumi.export(output, getattr(made, output))

    return pool


def recorded(*, provider: bool = True, invokes: Mapping[str, Any] | None = None, **args: Any) -> Graph:
    return record(program({**USUAL, **args}, provider), invokes=invokes)


def refused(**args: Any) -> dict[str, str]:
    """What is wrong, and what would do instead, by path."""
    with pytest.raises(ArgumentsError) as caught:
        planned("gpu", {**USUAL, **args})  # type: ignore[typeddict-item]
    return {problem.where: f"{problem.found}: {problem.expected}" for problem in caught.value.problems}


def requirements(pool: Resource) -> dict[str, list[str]]:
    return {each["key"]: each["values"] for each in pool.inputs["spec"]["template"]["spec"]["requirements"]}


def told(template: Resource) -> str:
    return base64.b64decode(template.inputs["userData"]).decode()


# -- what Karpenter is told


def test_karpenters_own_order_is_one_pool_that_names_its_machines() -> None:
    graph = recorded()
    needs = requirements(graph.one(POOL))
    assert needs["node.kubernetes.io/instance-type"][:2] == ["g6.xlarge", "g6.2xlarge"]
    assert "g6f.large" not in needs["node.kubernetes.io/instance-type"]
    assert needs["karpenter.sh/capacity-type"] == ["on-demand", "spot"]
    assert needs["topology.kubernetes.io/zone"] == ZONES
    assert needs["kubernetes.io/arch"] == ["amd64"]
    spec = graph.one(POOL).inputs["spec"]
    assert spec["limits"] == {"nvidia.com/gpu": "8"}
    assert "weight" not in spec
    assert spec["template"]["spec"]["taints"] == [{"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}]
    assert graph.outputs["node_pool_names"] == ["gpu"]
    assert graph.outputs["labels"] == {"mlgate/pool": "gpu", "mlgate/accelerator": "l4", "mlgate/share": "whole"}


def test_another_order_is_a_pool_for_each_way_with_weights_and_that_is_said() -> None:
    graph = recorded(capacity=[{"buy": Buy.ON_DEMAND}, {"buy": Buy.SPOT}])
    pools = {pool.name: pool for pool in graph.all(POOL)}
    assert {name: pool.inputs["spec"]["weight"] for name, pool in pools.items()} == {"gpu-on-demand": 100, "gpu-spot": 90}
    assert requirements(pools["gpu-spot"])["karpenter.sh/capacity-type"] == ["spot"]
    assert graph.outputs["said"][-1].startswith("on-demand, spot is not Karpenter's own order")
    assert graph.outputs["node_pool_names"] == ["gpu-on-demand", "gpu-spot"]


def test_a_block_is_taken_first_by_its_id_and_never_bought() -> None:
    ways = [{"buy": "block", "reservations": [BLOCK]}, {"buy": "spot"}]
    graph = recorded(accelerator="h100", count=8, replicas=2, network=VIRGINIA, capacity=ways)
    assert graph.one(CLASS).inputs["spec"]["capacityReservationSelectorTerms"] == [{"id": "cr-1a"}]
    assert requirements(graph.one(POOL))["karpenter.sh/capacity-type"] == ["reserved", "spot"]
    assert not [made for made in graph.resources if "apacityBlock" in made.type or "apacityReservation" in made.type]
    after = recorded(accelerator="h100", count=8, replicas=2, network=VIRGINIA, capacity=ways[::-1])
    block = requirements(after.one(POOL, "gpu-block"))
    assert block["karpenter.k8s.aws/capacity-reservation-type"] == ["capacity-block"]
    assert block["node.kubernetes.io/instance-type"] == ["p5.48xlarge"]


def test_nodes_have_imdsv2_for_themselves_alone_and_encrypted_disks_for_images() -> None:
    spec = recorded(image_disk_gib=300, disk_key_arn="arn:aws:kms:eu-central-1:123456789012:key/1").one(CLASS).inputs["spec"]
    assert (spec["metadataOptions"]["httpTokens"], spec["metadataOptions"]["httpPutResponseHopLimit"]) == ("required", 1)
    system, images = spec["blockDeviceMappings"]
    assert (system["deviceName"], images["deviceName"], images["rootVolume"]) == ("/dev/xvda", "/dev/xvdb", True)
    for disk in (system, images):
        assert (disk["ebs"]["volumeType"], disk["ebs"]["encrypted"], disk["ebs"]["kmsKeyID"][-1]) == ("gp3", True, "1")
    assert images["ebs"]["volumeSize"] == "300Gi"
    assert spec["amiSelectorTerms"] == [{"alias": "bottlerocket@1.53.0"}]
    assert spec["role"] == "nodes"
    assert {**spec["tags"], "Name": ""} == {"Name": "", "environment": "dev", "owner": "platform", "managed-by": "mlgate"}


def test_amazon_linux_has_one_disk_and_no_device_plugin() -> None:
    graph = recorded(ami={"family": AmiFamily.AL2023, "version": "v20261101"})
    spec = graph.one(CLASS).inputs["spec"]
    assert [disk["deviceName"] for disk in spec["blockDeviceMappings"]] == ["/dev/xvda"]
    assert (spec["amiFamily"], spec["amiSelectorTerms"]) == ("AL2023", [{"alias": "al2023@v20261101"}])
    assert graph.outputs["device_plugin"].startswith("needed")
    assert graph.outputs["labels"]["nvidia.com/gpu.present"] == "true", "where NVIDIA's own goes by its chart"
    bottlerocket = recorded().outputs
    assert bottlerocket["device_plugin"] == "brought by the image"
    assert "nvidia.com/gpu.present" not in bottlerocket["labels"]


def test_an_image_of_your_own_is_taken_by_its_id() -> None:
    spec = recorded(ami={"family": "bottlerocket", "id": "ami-1"}).one(CLASS).inputs["spec"]
    assert (spec["amiFamily"], spec["amiSelectorTerms"]) == ("Bottlerocket", [{"id": "ami-1"}])
    moving = recorded(ami={"family": "bottlerocket", "version": "latest"}, pinned=False).one(CLASS).inputs["spec"]
    assert moving["amiSelectorTerms"] == [{"alias": "bottlerocket@latest"}]


def test_a_pool_stands_in_the_zones_that_are_chosen() -> None:
    graph = recorded(zones=["eu-central-1c", "eu-central-1a"])
    assert graph.one(CLASS).inputs["spec"]["subnetSelectorTerms"] == [{"id": "subnet-1"}, {"id": "subnet-3"}]
    assert requirements(graph.one(POOL))["topology.kubernetes.io/zone"] == ["eu-central-1a", "eu-central-1c"]


def test_a_cluster_placement_group_is_in_one_zone_and_its_nodes_in_it() -> None:
    graph = recorded(placement="cluster", zones=["eu-central-1a"], efa=True)
    group = graph.one("aws:ec2/placementGroup:PlacementGroup")
    assert group.inputs["strategy"] == "cluster"
    assert graph.one(CLASS).inputs["spec"]["placementGroupSelector"] == {"name": "<name of PlacementGroup gpu>"}
    machines = graph.outputs["instance_types"]
    assert "g6.8xlarge" in machines
    assert all(instance_type(name).efa_interfaces for name in machines)


def test_a_pool_goes_before_its_class_and_waits_for_its_nodes() -> None:
    graph = recorded(disruption={"drain_s": 100, "idle_s": 60, "nodes_at_once": 2, "expire_after_h": 24, "move_pods": True})
    pool = graph.one(POOL)
    assert pool.needs(graph.one(CLASS))
    assert pool.deleted_with is None
    assert pool.custom_timeouts["delete"] == "700s"
    spec = pool.inputs["spec"]
    assert spec["disruption"] == {
        "consolidationPolicy": "WhenEmptyOrUnderutilized",
        "consolidateAfter": "60s",
        "budgets": [{"nodes": "2"}],
    }
    assert (spec["template"]["spec"]["expireAfter"], spec["template"]["spec"]["terminationGracePeriod"]) == ("24h", "100s")


# -- what is of fixed size


def test_the_floor_is_a_node_group_on_demand_and_its_arithmetic_is_said() -> None:
    graph = recorded(floor=FLOOR, invokes={IMAGE: {"value": "ami-9"}})
    group = graph.one(GROUP).inputs
    assert group["scalingConfig"] == {"minSize": 4, "desiredSize": 4, "maxSize": 4}
    assert (group["capacityType"], group["instanceTypes"]) == ("ON_DEMAND", ["g6.xlarge"])
    assert group["taints"] == [{"key": "nvidia.com/gpu", "value": "present", "effect": "NO_SCHEDULE"}]
    assert graph.one(POOL).inputs["spec"]["limits"] == {"nvidia.com/gpu": "4"}, "the rest of the replicas"
    said = graph.outputs["said"]
    assert any("ceil(100/s / 30/s" in line and "node 60 s + image 90 s + model 40 s" in line for line in said)
    assert any("Karpenter does not scale it" in line and "0.8048 USD/h" in line for line in said)
    assert graph.outputs["vcpu_quotas"] == {"L-DB2E81BA": 4 * 4 + 4 * 4, "L-3819A6DF": 4 * 4}


def test_nodes_of_fixed_size_start_as_karpenters_do() -> None:
    template = recorded(floor=FLOOR, invokes={IMAGE: {"value": "ami-9"}}).one(TEMPLATE).inputs
    assert template["imageId"] == "ami-9"
    assert template["metadataOptions"] == {"httpEndpoint": "enabled", "httpTokens": "required", "httpPutResponseHopLimit": 1}
    assert [disk["ebs"]["encrypted"] for disk in template["blockDeviceMappings"]] == ["true", "true"]
    assert {each["resourceType"] for each in template["tagSpecifications"]} == {"instance", "volume", "network-interface"}
    assert template["vpcSecurityGroupIds"] == ["sg-1"]


@pytest.mark.parametrize(
    ("ami", "path"),
    [
        ({"family": "bottlerocket", "version": "v1.53.0"}, "/aws/service/bottlerocket/aws-k8s-1.35-nvidia/x86_64/1.53.0/image_id"),
        (
            {"family": "al2023", "version": "v20261101"},
            "/aws/service/eks/optimized-ami/1.35/amazon-linux-2023/x86_64/nvidia/"
            "amazon-eks-node-al2023-x86_64-nvidia-1.35-v20261101/image_id",
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
    assert settings["kubernetes"]["cluster-name"] == "ml"
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
    assert graph.outputs["vcpu_quotas"] == {}, "a block is counted when it is bought"


def test_a_shared_pool_may_start_from_a_reservation() -> None:
    capacity = [{"buy": "reservation", "reservations": [LOCAL]}]
    graph = recorded(share={"time_slices": 2}, capacity=capacity, ami={"family": "bottlerocket", "id": "ami-1"})
    template, group = graph.one(TEMPLATE).inputs, graph.one(GROUP).inputs
    target = {"capacityReservationTarget": {"capacityReservationId": "cr-2b"}}
    assert (template["capacityReservationSpecification"], "instanceMarketOptions" in template) == (target, False)
    assert (group["capacityType"], group["subnetIds"], group["instanceTypes"]) == ("ON_DEMAND", ["subnet-1"], ["g6.xlarge"])


def test_a_floor_with_efa_has_one_on_each_network_card() -> None:
    args = {"accelerator": "a100-40g", "count": 8, "efa": True, "network": VIRGINIA, "ami": {"family": "bottlerocket", "id": "ami-1"}}
    interfaces = recorded(floor=FLOOR, **args).one(TEMPLATE).inputs["networkInterfaces"]
    assert [(each["networkCardIndex"], each["deviceIndex"]) for each in interfaces] == [(0, 0), (1, 1), (2, 1), (3, 1)]
    assert {each["interfaceType"] for each in interfaces} == {"efa"}


# -- quotas, providers


def test_a_quota_that_is_too_small_is_told_with_both_numbers() -> None:
    small = {QUOTA: lambda args: {"value": 16.0, "quotaName": f"All {args['quotaCode']}"}}
    with pytest.raises(ArgumentsError) as caught:
        recorded(check_quota=True, invokes=small)
    said = [f"{problem.found}: {problem.expected}" for problem in caught.value.problems]
    assert said == [
        "need 32 vCPUs of All L-3819A6DF (L-3819A6DF): the quota is 16: have it raised",
        "need 32 vCPUs of All L-DB2E81BA (L-DB2E81BA): the quota is 16: have it raised",
    ]
    assert recorded(check_quota=True, invokes={QUOTA: {"value": 32.0, "quotaName": "All"}}).one(POOL)


def test_a_quota_that_nobody_names_is_said_not_to_be_checked() -> None:
    graph = recorded(accelerator="b200", count=8, network=VIRGINIA)
    assert graph.outputs["said"][-1] == "no source names the quota of spot p6-b200.48xlarge: it is not checked"
    assert graph.outputs["vcpu_quotas"] == {"L-417A185B": 8 * 192}


def test_a_region_without_known_offers_is_taken_and_that_is_said() -> None:
    graph = recorded(network={"zones": ["mx-central-1a", "mx-central-1b"], "private_subnet_ids": ["subnet-1", "subnet-2"]})
    assert "g6.xlarge" in graph.outputs["instance_types"]
    assert "what is offered in mx-central-1 is not in the catalogue" in graph.outputs["said"]


def test_without_the_clusters_provider_nothing_is_sent_to_whatever_cluster_is_at_hand() -> None:
    with pytest.raises(ArgumentsError, match="has no Kubernetes provider"):
        recorded(provider=False)


# -- what is refused


@pytest.mark.parametrize(
    ("args", "path", "said"),
    [
        ({"accelerator": "a100"}, "accelerator", "one of t4, a10g, l4"),
        ({"count": 3}, "count", "carry pods of 1, 2, 4 or 8"),
        ({"accelerator": "h100"}, "network.zones", "it is in eu-north-1, eu-west-2"),
        ({"share": {"mig_profile": "1g.5gb"}, "capacity": [{"buy": "spot"}]}, "share.mig_profile", "l4 cannot be partitioned"),
        ({"ami": {"family": "al2023", "id": "ami-1", "architecture": "arm64"}}, "ami.architecture", "machines with l4 are amd64"),
        ({"least_zones": 3, "zones": ZONES[:2]}, "zones", "3 or more, as least_zones says"),
        ({"zones": ["eu-central-1d"]}, "zones[0]", "one of the network's"),
        ({"zones": []}, "zones", "one or more"),
        ({"placement": "cluster"}, "placement", "zones=['eu-central-1a']"),
        ({"replicas": 0}, "replicas", "1 or more"),
        ({"labels": {"team": "vision", "x.karpenter.sh/team": "vision"}}, "labels.x.karpenter.sh/team", "one outside of karpenter.sh"),
        ({"labels": {"mlgate/pool": "other"}}, "labels.mlgate/pool", "mlgate"),
        ({"image_disk_gib": 10}, "image_disk_gib", "20 or more"),
        ({"disruption": {"idle_s": 0}}, "disruption.idle_s", "1 or more"),
        ({"ami": {"family": "bottlerocket"}}, "ami", "neither version nor id"),
        ({"ami": {"family": "bottlerocket", "version": "1.53.0", "id": "ami-1"}}, "ami", "both version and id"),
        ({"ami": {"family": "bottlerocket", "version": "latest"}}, "ami.version", "or pinned=False"),
        ({"ami": {"family": "bottlerocket", "version": "1.53"}}, "ami.version", "such as '1.53.0'"),
        ({"ami": {"family": "al2023", "version": "1.53.0"}}, "ami.version", "such as 'v20261101'"),
        ({"ami": {"family": "al2023", "id": "latest"}}, "ami.id", "ami-..."),
        ({"ami": {"family": "al2023", "version": "v20261101"}, "floor": FLOOR}, "cluster.service_cidr", "AL2023's nodes"),
        ({"floor": FLOOR, "capacity": [{"buy": "on-demand"}]}, "floor", "no floor"),
        ({"floor": FLOOR, "replicas": 3}, "floor", "comes to 4 replicas, more than replicas=3"),
        ({"floor": {**FLOOR, "replica_rate_per_s": 0.0}}, "floor.replica_rate_per_s", "more than 0"),
        ({"floor": {**FLOOR, "image_pull_s": -1.0}}, "floor.image_pull_s", "0 or more"),
        ({"capacity": []}, "capacity", "is empty"),
        ({"capacity": [{"buy": "spot"}, {"buy": "spot"}]}, "capacity[1].buy", "each way once"),
        ({"capacity": [{"buy": "reservation"}]}, "capacity[0].reservations", "none is bought here"),
        ({"capacity": [{"buy": "spot", "reservations": [LOCAL]}]}, "capacity[0].reservations", "only a reservation or block is by id"),
        ({"share": {}, "capacity": [{"buy": "spot"}]}, "share", "one of mig_profile and time_slices"),
        ({"share": {"time_slices": 1}, "capacity": [{"buy": "spot"}]}, "share.time_slices", "2 or more"),
        ({"share": {"time_slices": 2}}, "capacity", "one: a shared pool is of fixed size"),
        (
            {"share": {"time_slices": 2}, "capacity": [{"buy": "reservation", "reservations": [LOCAL, LOCAL]}]},
            "capacity[0].reservations",
            "one",
        ),
        ({"network": {"zones": ["eu-central-1a"], "private_subnet_ids": []}}, "network.zones", "2 or more"),
        ({"share": {"time_slices": 2}, "count": 2, "capacity": [{"buy": "spot"}]}, "count", "a pod asks for one"),
        ({"share": {"time_slices": 2}, "efa": True, "capacity": [{"buy": "spot"}]}, "efa", "whole GPUs"),
        ({"share": {"time_slices": 2}, "capacity": [{"buy": "spot"}], "ami": AL2023}, "ami.family", "bottlerocket where GPUs are shared"),
        ({"acelerator": "l4"}, "acelerator", "did you mean accelerator?"),
    ],
)
def test_what_cannot_be_is_refused_by_its_path_with_the_nearest_that_can(args: dict[str, Any], path: str, said: str) -> None:
    found = refused(**args)
    assert list(found) == [path]
    assert said in found[path]


@pytest.mark.parametrize(
    ("block", "path", "said"),
    [
        ({"zone": "us-east-1f"}, "zone", "a zone of the pool's subnets, us-east-1a, us-east-1b"),
        ({"id": "block-1"}, "id", "cr-..."),
        ({"instance_type": "p4d.24xlarge"}, "instance_type", "which has a100-40g"),
        ({"instance_type": "p9.large"}, "instance_type", "is no machine of the catalogue"),
    ],
)
def test_a_block_is_in_the_zone_of_the_subnets_and_of_a_machine_that_fits(block: dict[str, str], path: str, said: str) -> None:
    found = refused(accelerator="h100", network=VIRGINIA, capacity=[{"buy": "block", "reservations": [{**BLOCK, **block}]}])
    assert list(found) == [f"capacity[0].reservations[0].{path}"]
    assert said in next(iter(found.values()))


@pytest.mark.parametrize("name", ["", "GPU", "9lives", "gpu_pool", "g" * 49])
def test_a_name_that_kubernetes_would_refuse_is_refused(name: str) -> None:
    with pytest.raises(ArgumentsError, match="lower case letters"):
        planned(name, USUAL)  # type: ignore[arg-type]


def test_all_that_is_wrong_is_told_at_once() -> None:
    found = refused(
        accelerator="h100",
        count=3,
        replicas=0,
        capacity=[{"buy": "block", "reservations": [BLOCK]}],
        ami={"family": "bottlerocket", "version": "latest"},
        floor=FLOOR,
    )
    assert set(found) == {"network.zones", "count", "replicas", "capacity[0].reservations[0].zone", "ami.version", "floor"}


def test_subnets_that_do_not_go_with_the_zones_are_refused() -> None:
    with pytest.raises(ValueError, match=r"3 zones .* and 1 subnets"):
        recorded(network={"zones": ZONES, "private_subnet_ids": ["subnet-1"]})


# -- all accelerators, counts and shares


def either(args: Any) -> PoolPlan | list[Problem]:
    """What the arguments come to, or all that is wrong with them."""
    try:
        return planned("gpu", args)
    except ArgumentsError as error:
        return error.problems


@pytest.mark.parametrize("accelerator", Accelerator, ids=lambda member: member.value)
def test_every_accelerator_count_and_share_is_either_planned_whole_or_refused_with_a_way_out(accelerator: Accelerator) -> None:
    shares: list[dict[str, Any]] = [{}, {"time_slices": 3}, {"mig_profile": "1g.6gb"}]
    shares += [{"mig_profile": profile} for profile in mig_profiles(accelerator.value)]
    plans = 0
    for count, share, replicas in itertools.product((1, 2, 3, 5, 8), shares, (1, 9)):
        shared = {"share": share, "capacity": [{"buy": "spot"}]} if share else {}
        floor = {"floor": FLOOR} if replicas > 1 else {}
        args = {**USUAL, "network": VIRGINIA, "accelerator": accelerator, "count": count, "replicas": replicas, **shared, **floor}
        plan = either(args)
        if not isinstance(plan, PoolPlan):
            assert {problem.where for problem in plan} <= {"count", "share.mig_profile"}
            assert all(problem.expected for problem in plan)
            continue
        plans += 1
        carried = sum(group.machines.number * group.machines.pods_each for group in plan.groups) + plan.karpenter_replicas
        assert carried >= replicas
        assert bool(plan.karpenter_replicas) == bool(plan.ranks)
        assert not (share and plan.ranks), "Karpenter does not understand shared GPUs"
        assert all(group.machines.pods_each == pods_per_machine(group.machines.kind, plan.wanted) for group in plan.groups)
        assert all(kind.count % count == 0 for kind in plan.found.machines)
    assert plans >= 4, "whole ones and time slices at least, of one GPU each"
