"""`GpuNodePool`, recorded: Karpenter's objects, quotas, and the provider that they are made by."""

from __future__ import annotations

import pytest

from mlgate.accelerators import instance_type
from mlgate_components.arguments import ArgumentsError
from mlgate_components.aws.gpu.arguments import AmiFamily, Buy

from .pools import BLOCK, CLASS, POOL, QUOTA, VIRGINIA, ZONES, recorded, requirements


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
    assert spec["disruption"] == {"consolidationPolicy": "WhenEmpty", "consolidateAfter": "300s", "budgets": [{"nodes": "1"}]}
    template = spec["template"]["spec"]
    assert (template["expireAfter"], template["terminationGracePeriod"]) == ("720h", "1800s")
    assert template["nodeClassRef"] == {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "gpu"}
    assert {each["operator"] for each in template["requirements"]} == {"In"}
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
    only = {"httpEndpoint": "enabled", "httpProtocolIPv6": "disabled", "httpPutResponseHopLimit": 1, "httpTokens": "required"}
    assert spec["metadataOptions"] == only
    system, images = spec["blockDeviceMappings"]
    assert (system["deviceName"], images["deviceName"], images["rootVolume"]) == ("/dev/xvda", "/dev/xvdb", True)
    for disk in (system, images):
        assert (disk["ebs"]["volumeType"], disk["ebs"]["encrypted"], disk["ebs"]["kmsKeyID"][-1]) == ("gp3", True, "1")
    assert (system["ebs"]["volumeSize"], images["ebs"]["volumeSize"]) == ("6Gi", "300Gi"), "EC2 takes no disk smaller than its snapshot"
    assert spec["associatePublicIPAddress"] is False
    assert spec["securityGroupSelectorTerms"] == [{"id": "sg-1"}]
    assert spec["amiSelectorTerms"] == [{"alias": "bottlerocket@1.46.0"}]
    assert spec["role"] == "nodes"
    assert {**spec["tags"], "Name": ""} == {"Name": "", "environment": "dev", "owner": "platform", "managed-by": "mlgate"}


def test_amazon_linux_has_one_disk_and_no_device_plugin() -> None:
    graph = recorded(ami={"family": AmiFamily.AL2023, "version": "v20240807"})
    spec = graph.one(CLASS).inputs["spec"]
    assert [disk["deviceName"] for disk in spec["blockDeviceMappings"]] == ["/dev/xvda"]
    assert (spec["amiFamily"], spec["amiSelectorTerms"]) == ("AL2023", [{"alias": "al2023@v20240807"}])
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
