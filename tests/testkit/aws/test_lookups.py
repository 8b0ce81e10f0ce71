"""What programs ask about networks, machines, clusters and quotas."""

from __future__ import annotations

import pytest

from mlgate_testkit.provider.provider import ProviderError

from .cloud import Cloud
from .samples_compute import VPC, cluster, subnets, vpc

QUOTA = "aws:servicequotas/getServiceQuota:getServiceQuota"
PARAMETER = "aws:ssm/getParameter:getParameter"
ADDON = "aws:eks/getAddonVersion:getAddonVersion"


def test_a_lookup_finds_exactly_one_or_says_so(cloud: Cloud) -> None:
    lookup = "aws:ec2/getVpc:getVpc"
    main = cloud.up(VPC, cidrBlock="10.0.0.0/16", tags={"Name": "main"})
    assert cloud.invoke(lookup, default=True)["cidrBlock"] == "172.31.0.0/16"
    assert cloud.invoke(lookup, tags={"Name": "main"})["id"] == main.id
    assert cloud.invoke(lookup, id=main.id)["mainRouteTableId"] == main.outputs["mainRouteTableId"]
    with pytest.raises(ProviderError, match="no matching EC2 VPC found"):
        cloud.invoke(lookup, tags={"Name": "other"})
    with pytest.raises(ProviderError, match="multiple EC2 VPCs matched"):
        cloud.invoke(lookup)


def test_subnets_are_found_by_their_vpc(cloud: Cloud) -> None:
    vpc_id = vpc(cloud)
    made = subnets(cloud, vpc_id)
    found = cloud.invoke("aws:ec2/getSubnets:getSubnets", filters=[{"name": "vpc-id", "values": [vpc_id]}])
    assert sorted(found["ids"]) == sorted(made)
    assert cloud.invoke("aws:ec2/getSubnet:getSubnet", id=made[0])["availabilityZone"] == "eu-central-1a"
    assert vpc_id in cloud.invoke("aws:ec2/getVpcs:getVpcs")["ids"]
    assert cloud.invoke("aws:ec2/getSecurityGroup:getSecurityGroup", name="default", vpcId=vpc_id)["vpcId"] == vpc_id


def test_machines_are_those_of_the_table(cloud: Cloud) -> None:
    kind = cloud.invoke("aws:ec2/getInstanceType:getInstanceType", instanceType="g6.xlarge")
    assert (kind["defaultVcpus"], kind["gpuses"][0]["name"], kind["gpuses"][0]["count"]) == (4, "L4", 1)
    zones = cloud.invoke(
        "aws:ec2/getInstanceTypeOfferings:getInstanceTypeOfferings",
        locationType="availability-zone",
        filters=[{"name": "instance-type", "values": ["g6.xlarge"]}],
    )
    assert set(zones["instanceTypes"]) == {"g6.xlarge"}
    assert set(zones["locations"]) <= {"eu-central-1a", "eu-central-1b", "eu-central-1c"}
    image = cloud.invoke("aws:ec2/getAmi:getAmi", owners=["amazon"], mostRecent=True)
    assert image["id"].startswith("ami-")
    with pytest.raises(ProviderError, match="more than one result"):
        cloud.invoke("aws:ec2/getAmi:getAmi", owners=["amazon"])
    with pytest.raises(ProviderError, match="returned no results"):
        cloud.invoke("aws:ec2/getAmi:getAmi", nameRegex="^none$")


def test_a_cluster_is_found_by_its_name(cloud: Cloud) -> None:
    cluster(cloud)
    found = cloud.invoke("aws:eks/getCluster:getCluster", name="models")
    assert found["vpcConfig"]["clusterSecurityGroupId"].startswith("sg-")
    assert cloud.invoke("aws:eks/getClusterAuth:getClusterAuth", name="models")["token"].startswith("k8s-aws-v1.simulated-")
    with pytest.raises(ProviderError, match="No cluster found for name: other"):
        cloud.invoke("aws:eks/getCluster:getCluster", name="other")


def test_the_version_of_an_addon_is_the_default_one_or_the_newest(cloud: Cloud) -> None:
    old = {"addonName": "vpc-cni", "kubernetesVersion": "1.30"}
    assert cloud.invoke(ADDON, **old)["version"] == "v1.19.6-eksbuild.7"
    assert cloud.invoke(ADDON, **old, mostRecent=True)["version"] == "v1.20.4-eksbuild.1"
    with pytest.raises(ProviderError, match="Addon vpc is not known"):
        cloud.invoke(ADDON, addonName="vpc", kubernetesVersion="1.34")


def test_a_quota_is_what_the_test_set(cloud: Cloud) -> None:
    cloud.package.quota("L-417A185B", 96)
    asked = {"serviceCode": "ec2", "quotaCode": "L-417A185B"}
    assert cloud.invoke(QUOTA, **asked)["value"] == 96
    assert cloud.invoke(QUOTA, serviceCode="vpc", quotaName="VPCs per Region")["value"] == 5
    with pytest.raises(ProviderError, match="no quota L-0 of ec2 is simulated"):
        cloud.invoke(QUOTA, serviceCode="ec2", quotaCode="L-0")


def test_images_of_eks_are_public_parameters(cloud: Cloud) -> None:
    name = "/aws/service/eks/optimized-ami/1.34/amazon-linux-2023/x86_64/nvidia/recommended/image_id"
    assert cloud.invoke(PARAMETER, name=name)["value"].startswith("ami-")
    assert cloud.invoke(PARAMETER, name=name) == cloud.invoke(PARAMETER, name=name)
    rocket = "/aws/service/bottlerocket/aws-k8s-1.34-nvidia/x86_64/latest/image_id"
    assert cloud.invoke(PARAMETER, name=rocket)["insecureValue"].startswith("ami-")
    for wrong in (name.replace("1.34", "1.11"), "/own/none"):
        with pytest.raises(ProviderError, match="ParameterNotFound"):
            cloud.invoke(PARAMETER, name=wrong)
