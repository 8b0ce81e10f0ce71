"""Samples of networks, machines and clusters."""

from __future__ import annotations

from typing import Any

from .cloud import Cloud
from .samples import Arguments, Sample, trust

VPC = "aws:ec2/vpc:Vpc"
SUBNET = "aws:ec2/subnet:Subnet"
GATEWAY = "aws:ec2/internetGateway:InternetGateway"
GROUP = "aws:ec2/securityGroup:SecurityGroup"
TABLE = "aws:ec2/routeTable:RouteTable"
ROLE = "aws:iam/role:Role"
CLUSTER = "aws:eks/cluster:Cluster"
NODES = "aws:eks/nodeGroup:NodeGroup"
ZONES = ("eu-central-1a", "eu-central-1b")
PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAJvwnOLkMH6TNXiDUJ8/9MxGJM4A8QsCL/6sOviUvGe platform"


def vpc(cloud: Cloud) -> str:
    return cloud.up(VPC, "main", cidrBlock="10.0.0.0/16").id


def in_vpc(cloud: Cloud) -> Arguments:
    return {"vpcId": vpc(cloud)}


def subnets(cloud: Cloud, vpc_id: str) -> list[str]:
    return [
        cloud.up(SUBNET, f"private-{zone}", vpcId=vpc_id, cidrBlock=f"10.0.{index}.0/24", availabilityZone=zone).id
        for index, zone in enumerate(ZONES)
    ]


def nat(cloud: Cloud) -> Arguments:
    vpc_id = vpc(cloud)
    cloud.up(GATEWAY, "gateway", vpcId=vpc_id)
    address = cloud.up("aws:ec2/eip:Eip", "address", domain="vpc").id
    return {"subnetId": subnets(cloud, vpc_id)[0], "allocationId": address}


def route(cloud: Cloud) -> Arguments:
    vpc_id = vpc(cloud)
    gateway = cloud.up(GATEWAY, "gateway", vpcId=vpc_id).id
    return {"routeTableId": cloud.up(TABLE, "public", vpcId=vpc_id).id, "gatewayId": gateway}


def association(cloud: Cloud) -> Arguments:
    vpc_id = vpc(cloud)
    return {"routeTableId": cloud.up(TABLE, "private", vpcId=vpc_id).id, "subnetId": subnets(cloud, vpc_id)[0]}


def group(cloud: Cloud) -> Arguments:
    return {"securityGroupId": cloud.up(GROUP, "nodes", vpcId=vpc(cloud)).id}


def endpoint(cloud: Cloud) -> Arguments:
    vpc_id = vpc(cloud)
    return {"vpcId": vpc_id, "routeTableIds": [cloud.up(TABLE, "private", vpcId=vpc_id).id]}


def flow_log(cloud: Cloud) -> Arguments:
    cloud.up("aws:s3/bucket:Bucket", bucket="flow-logs")
    return {"vpcId": vpc(cloud), "logDestination": "arn:aws:s3:::flow-logs"}


def image(cloud: Cloud) -> str:
    return str(cloud.boto("ec2").describe_images(Owners=["amazon"])["Images"][0]["ImageId"])


def instance(cloud: Cloud) -> Arguments:
    return {"ami": image(cloud), "subnetId": subnets(cloud, vpc(cloud))[0]}


def offering(cloud: Cloud) -> Arguments:
    asked: dict[str, Any] = {"InstanceType": "p5.48xlarge", "InstanceCount": 2, "CapacityDurationHours": 48}
    return {
        "capacityBlockOfferingId": cloud.boto("ec2").describe_capacity_block_offerings(**asked)["CapacityBlockOfferings"][0][
            "CapacityBlockOfferingId"
        ]
    }


def role(cloud: Cloud, name: str = "cluster", service: str = "eks.amazonaws.com") -> str:
    return str(cloud.up(ROLE, name, name=name, assumeRolePolicy=trust(service)).outputs["arn"])


def cluster_arguments(cloud: Cloud) -> Arguments:
    return {"roleArn": role(cloud), "vpcConfig": {"subnetIds": subnets(cloud, vpc(cloud))}}


def cluster(cloud: Cloud, **more: Any) -> Arguments:
    access = {"accessConfig": {"authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": False}}
    made = cloud.up(CLUSTER, "it", name="models", **{"version": "1.33", **access, **cluster_arguments(cloud), **more})
    return {"clusterName": made.id}


def nodes(cloud: Cloud) -> Arguments:
    found = cluster(cloud)
    ids = cloud.boto("eks").describe_cluster(name="models")["cluster"]["resourcesVpcConfig"]["subnetIds"]
    return {**found, "nodeRoleArn": role(cloud, "nodes", "ec2.amazonaws.com"), "subnetIds": ids}


def profile(cloud: Cloud) -> Arguments:
    found = nodes(cloud)
    return {
        "clusterName": found["clusterName"],
        "subnetIds": found["subnetIds"],
        "podExecutionRoleArn": role(cloud, "pods", "eks-fargate-pods.amazonaws.com"),
    }


def pods(cloud: Cloud) -> Arguments:
    return {**cluster(cloud), "roleArn": role(cloud, "loader", "pods.eks.amazonaws.com")}


def principal(cloud: Cloud) -> Arguments:
    return {**cluster(cloud), "principalArn": role(cloud, "platform")}


def entry(cloud: Cloud) -> Arguments:
    found = principal(cloud)
    cloud.up("aws:eks/accessEntry:AccessEntry", "entry", **found)
    return found


HTTPS = {"fromPort": 443, "toPort": 443}
TAGS = {"tags": {"owner": "vision"}}
RETAG = {"tags": {"owner": "speech", "tier": "gpu"}}

SAMPLES: dict[str, Sample] = {
    VPC: Sample(
        {"cidrBlock": "10.0.0.0/16", "enableDnsHostnames": True, **TAGS},
        {"enableDnsHostnames": False, **RETAG},
        {"cidrBlock": "10.1.0.0/16"},
    ),
    SUBNET: Sample(
        {"cidrBlock": "10.0.0.0/24", "availabilityZone": "eu-central-1b", **TAGS},
        {"mapPublicIpOnLaunch": True, **RETAG},
        {"cidrBlock": "10.0.1.0/24"},
        in_vpc,
    ),
    GATEWAY: Sample(TAGS, RETAG, {}, in_vpc),
    "aws:ec2/natGateway:NatGateway": Sample(TAGS, RETAG, {}, nat),
    "aws:ec2/eip:Eip": Sample({"domain": "vpc", **TAGS}, RETAG, {"publicIpv4Pool": "own"}),
    TABLE: Sample(TAGS, RETAG, {}, in_vpc),
    "aws:ec2/route:Route": Sample(
        {"destinationCidrBlock": "0.0.0.0/0"},
        {},
        {"destinationCidrBlock": "10.9.0.0/16"},
        route,
        lambda _id, arguments: f"{arguments['routeTableId']}_0.0.0.0/0",
    ),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": Sample(
        {}, {}, {}, association, lambda _id, arguments: f"{arguments['subnetId']}/{arguments['routeTableId']}"
    ),
    GROUP: Sample(
        {
            "name": "nodes",
            "description": "Nodes",
            "ingress": [{"protocol": "tcp", **HTTPS, "cidrBlocks": ["10.0.0.0/16", "10.1.0.0/16"], "self": True, "description": "web"}],
            "egress": [{"protocol": "-1", "fromPort": 0, "toPort": 0, "cidrBlocks": ["0.0.0.0/0"]}],
            **TAGS,
        },
        {"ingress": [{"protocol": "udp", "fromPort": 53, "toPort": 53, "cidrBlocks": ["10.0.0.0/16"]}], **RETAG},
        {"description": "Other"},
        in_vpc,
    ),
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": Sample(
        {**TAGS}, {"ingress": [{"protocol": "tcp", **HTTPS, "self": True}], **RETAG}, {}, in_vpc
    ),
    "aws:ec2/securityGroupRule:SecurityGroupRule": Sample(
        {"type": "ingress", "protocol": "tcp", **HTTPS, "cidrBlocks": ["10.0.0.0/16", "10.2.0.0/16"], "description": "web"},
        {"description": "https"},
        {"cidrBlocks": ["10.3.0.0/16"]},
        group,
        lambda _id, arguments: f"{arguments['securityGroupId']}_ingress_tcp_443_443_10.0.0.0/16_10.2.0.0/16",
    ),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": Sample(
        {"ipProtocol": "tcp", **HTTPS, "cidrIpv4": "10.0.0.0/16", "description": "web", **TAGS},
        {"toPort": 444, "cidrIpv4": "10.2.0.0/16", "description": "https", **RETAG},
        {},
        group,
    ),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": Sample(
        {"ipProtocol": "-1", "cidrIpv4": "0.0.0.0/0"},
        {"cidrIpv4": "10.0.0.0/8", "description": "inside", **TAGS},
        {},
        group,
    ),
    "aws:ec2/vpcEndpoint:VpcEndpoint": Sample(
        {"serviceName": "com.amazonaws.eu-central-1.s3", **TAGS}, RETAG, {"serviceName": "com.amazonaws.eu-central-1.dynamodb"}, endpoint
    ),
    "aws:ec2/flowLog:FlowLog": Sample(
        {"trafficType": "ALL", "logDestinationType": "s3", **TAGS}, RETAG, {"trafficType": "REJECT"}, flow_log
    ),
    "aws:ec2/launchTemplate:LaunchTemplate": Sample(
        {
            "name": "gpu",
            "instanceType": "g6.xlarge",
            "description": "first",
            "blockDeviceMappings": [{"deviceName": "/dev/xvda", "ebs": {"volumeSize": 200, "volumeType": "gp3", "encrypted": "true"}}],
            "metadataOptions": {"httpTokens": "required", "httpPutResponseHopLimit": 1},
            "tagSpecifications": [{"resourceType": "instance", "tags": {"owner": "vision"}}],
            "networkInterfaces": [{"deviceIndex": 0, "associatePublicIpAddress": "false", "interfaceType": "efa"}],
            **TAGS,
        },
        {"instanceType": "g6.2xlarge", "metadataOptions": {"httpTokens": "required", "httpPutResponseHopLimit": 2}, **RETAG},
        {"name": "other"},
    ),
    "aws:ec2/instance:Instance": Sample({"instanceType": "t3.micro", **TAGS}, {"instanceType": "t3.small", **RETAG}, {}, instance),
    "aws:ec2/keyPair:KeyPair": Sample({"keyName": "ops", "publicKey": PUBLIC_KEY, **TAGS}, RETAG, {"keyName": "other"}),
    "aws:ec2/placementGroup:PlacementGroup": Sample({"name": "train", "strategy": "cluster", **TAGS}, RETAG, {"strategy": "spread"}),
    "aws:ec2/capacityReservation:CapacityReservation": Sample(
        {
            "instanceType": "g6.xlarge",
            "instancePlatform": "Linux/UNIX",
            "availabilityZone": "eu-central-1a",
            "instanceCount": 2,
            "endDateType": "limited",
            "endDate": "2030-01-01T00:00:00Z",
            **TAGS,
        },
        {"instanceCount": 3, **RETAG},
        {"instanceType": "g6.2xlarge"},
    ),
    "aws:ec2/capacityBlockReservation:CapacityBlockReservation": Sample(
        {"instancePlatform": "Linux/UNIX", **TAGS}, RETAG, {"instancePlatform": "Windows"}, offering
    ),
    CLUSTER: Sample(
        {
            "name": "models",
            "version": "1.33",
            "accessConfig": {"authenticationMode": "API_AND_CONFIG_MAP"},
            "enabledClusterLogTypes": ["audit", "api"],
            "kubernetesNetworkConfig": {"serviceIpv4Cidr": "172.21.0.0/16"},
            **TAGS,
        },
        {"enabledClusterLogTypes": ["audit"], "upgradePolicy": {"supportType": "STANDARD"}, "deletionProtection": True, **RETAG},
        {"bootstrapSelfManagedAddons": False},
        cluster_arguments,
    ),
    NODES: Sample(
        {
            "nodeGroupName": "gpu",
            "scalingConfig": {"minSize": 0, "desiredSize": 1, "maxSize": 3},
            "instanceTypes": ["g6.xlarge"],
            "amiType": "AL2023_x86_64_NVIDIA",
            "capacityType": "SPOT",
            "labels": {"pool": "gpu"},
            "taints": [{"key": "nvidia.com/gpu", "value": "true", "effect": "NO_SCHEDULE"}],
            "updateConfig": {"maxUnavailable": 1},
            **TAGS,
        },
        {"scalingConfig": {"minSize": 1, "desiredSize": 2, "maxSize": 4}, "labels": {"tier": "gpu"}, "taints": [], **RETAG},
        {"instanceTypes": ["g6.2xlarge"]},
        nodes,
    ),
    "aws:eks/fargateProfile:FargateProfile": Sample(
        {"fargateProfileName": "system", "selectors": [{"namespace": "kube-system", "labels": {"app": "dns"}}], **TAGS},
        RETAG,
        {"selectors": [{"namespace": "default"}]},
        profile,
    ),
    "aws:eks/addon:Addon": Sample(
        {"addonName": "vpc-cni", "addonVersion": "v1.19.6-eksbuild.7", "configurationValues": '{"env":{"A":"b"}}', **TAGS},
        {"addonVersion": "v1.20.4-eksbuild.1", "configurationValues": '{"env":{"A":"c"}}', "resolveConflictsOnUpdate": "PRESERVE", **RETAG},
        {"addonName": "coredns", "addonVersion": None},
        cluster,
    ),
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": Sample(
        {"namespace": "serving", "serviceAccount": "loader", **TAGS},
        {"disableSessionTags": True, **RETAG},
        {"serviceAccount": "other"},
        pods,
        lambda association_id, arguments: f"{arguments['clusterName']},{association_id}",
    ),
    "aws:eks/accessEntry:AccessEntry": Sample(
        {"kubernetesGroups": ["platform"], **TAGS}, {"kubernetesGroups": ["platform", "viewers"], **RETAG}, {}, principal
    ),
    "aws:eks/accessPolicyAssociation:AccessPolicyAssociation": Sample(
        {
            "policyArn": "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy",
            "accessScope": {"type": "namespace", "namespaces": ["serving"]},
        },
        {},
        {"accessScope": {"type": "cluster"}},
        entry,
    ),
    "aws:eks/identityProviderConfig:IdentityProviderConfig": Sample(
        {"oidc": {"identityProviderConfigName": "sso", "issuerUrl": "https://sso.example.com", "clientId": "kubernetes"}, **TAGS},
        RETAG,
        {"oidc": {"identityProviderConfigName": "sso", "issuerUrl": "https://sso.example.com", "clientId": "other"}},
        cluster,
    ),
}
