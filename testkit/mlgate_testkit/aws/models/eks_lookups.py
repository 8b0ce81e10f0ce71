"""What programs ask about clusters, add-ons, quotas and parameters."""

from __future__ import annotations

import hashlib
import re

from mlgate_testkit.aws.account import Aws, ClientError
from mlgate_testkit.aws.apis.eks_versions import VERSIONS
from mlgate_testkit.aws.model import Behaviour, FunctionModel
from mlgate_testkit.aws.models.ec2_lookups import echo
from mlgate_testkit.aws.quotas import QUOTAS
from mlgate_testkit.aws.times import time_of
from mlgate_testkit.provider.provider import Inputs, Outputs, ProviderError

__all__ = ["FUNCTIONS"]


def _cluster(aws: Aws, arguments: Inputs) -> Outputs:
    cluster = aws.client("eks").describe_cluster(name=arguments["name"])["cluster"]
    network = cluster["resourcesVpcConfig"]
    return echo(arguments, aws, cluster["name"]) | {
        "accessConfigs": [cluster["accessConfig"]],
        "arn": cluster["arn"],
        "certificateAuthorities": [cluster["certificateAuthority"]],
        "createdAt": time_of(cluster["createdAt"]),
        "deletionProtection": cluster["deletionProtection"],
        "endpoint": cluster["endpoint"],
        "identities": [{"oidcs": [cluster["identity"]["oidc"]]}],
        "kubernetesNetworkConfigs": [
            {key: cluster["kubernetesNetworkConfig"][key] for key in ("ipFamily", "serviceIpv4Cidr")},
        ],
        "platformVersion": cluster["platformVersion"],
        "roleArn": cluster["roleArn"],
        "status": cluster["status"],
        "upgradePolicies": [cluster["upgradePolicy"]],
        "version": cluster["version"],
        "vpcConfig": network,
        "tags": cluster["tags"],
    }


def _cluster_auth(aws: Aws, arguments: Inputs) -> Outputs:
    """A token in the real form (k8s-aws-v1. and a signed address), which no API server accepts."""
    name = arguments["name"]
    token = hashlib.sha256(f"{aws.account_id}/{aws.region}/{name}".encode()).hexdigest()
    return echo(arguments, aws, name) | {"token": f"k8s-aws-v1.simulated-{token}"}


def _addon_version(aws: Aws, arguments: Inputs) -> Outputs:
    name, version = arguments["addonName"], arguments["kubernetesVersion"]
    addon = aws.client("eks").describe_addon_versions(addonName=name, kubernetesVersion=version)["addons"][0]
    newest = addon["addonVersions"][0]
    default = next(each for each in addon["addonVersions"] if each["compatibilities"][0]["defaultVersion"])
    chosen = newest if arguments.get("mostRecent") else default
    return echo(arguments, aws, name) | {"version": chosen["addonVersion"]}


def _service_quota(aws: Aws, arguments: Inputs) -> Outputs:
    wanted = {arguments.get("quotaCode"), arguments.get("quotaName")} - {None}
    found = next((quota for quota in QUOTAS if wanted & ({quota.code, quota.name} - {""})), None)
    if found is None:
        known = ", ".join(quota.code for quota in QUOTAS if quota.code)
        raise ProviderError(
            f"no quota {' '.join(sorted(map(str, wanted)))} of {arguments['serviceCode']} is simulated; simulated are: {known}"
        )
    service = arguments["serviceCode"]
    return echo(arguments, aws, found.code) | {
        "adjustable": True,
        "arn": aws.arn("servicequotas", f"{service}/{found.code}"),
        "defaultValue": found.value,
        "globalQuota": False,
        "quotaCode": found.code,
        "quotaName": found.name,
        "serviceName": service,
        "usageMetrics": [],
        "value": aws.account.orders.quota(found.code),
    }


_EKS_IMAGE = re.compile(
    r"/aws/service/(?:eks/optimized-ami/(?P<eks>\d\.\d+)/[\w./-]+/recommended(?:/image_id)?|bottlerocket/aws-k8s-(?P<rocket>\d\.\d+)[\w./-]*/image_id)"
)


def _parameter(aws: Aws, arguments: Inputs) -> Outputs:
    name = arguments["name"]
    try:
        found = aws.client("ssm").get_parameter(Name=name, WithDecryption=arguments.get("withDecryption", True))["Parameter"]
        value, kind, version, arn = found["Value"], found["Type"], found["Version"], found["ARN"]
    except ClientError as error:
        image = _EKS_IMAGE.fullmatch(name)
        if error.response["Error"]["Code"] != "ParameterNotFound" or not image or (image["eks"] or image["rocket"]) not in VERSIONS:
            raise
        value, kind, version = f"ami-{hashlib.sha256(f'{aws.region}{name}'.encode()).hexdigest()[:17]}", "String", 1
        arn = f"arn:{aws.partition}:ssm:{aws.region}::parameter{name}"
    plain = {} if kind == "SecureString" else {"insecureValue": value}
    return echo(arguments, aws, name) | {"arn": arn, "type": kind, "value": value, "version": version, **plain}


FUNCTIONS = (
    FunctionModel("aws:eks/getCluster:getCluster", _cluster),
    FunctionModel("aws:eks/getClusterAuth:getClusterAuth", _cluster_auth),
    FunctionModel(
        "aws:eks/getAddonVersion:getAddonVersion",
        _addon_version,
        (
            Behaviour(
                "the default version, or the newest if asked, of those in our excerpt",
                "EKS API reference, DescribeAddonVersions",
                "test_lookups.py::test_the_version_of_an_addon_is_the_default_one_or_the_newest",
            ),
        ),
    ),
    FunctionModel(
        "aws:servicequotas/getServiceQuota:getServiceQuota",
        _service_quota,
        (
            Behaviour(
                "a quota that a test set is the value that a program reads",
                "Service Quotas API reference, GetServiceQuota",
                "test_lookups.py::test_a_quota_is_what_the_test_set",
            ),
        ),
    ),
    FunctionModel(
        "aws:ssm/getParameter:getParameter",
        _parameter,
        (
            Behaviour(
                "public parameters of EKS images exist for the Kubernetes versions of EKS; the images are made up",
                "EKS user guide, Retrieve recommended AMI IDs",
                "test_lookups.py::test_images_of_eks_are_public_parameters",
            ),
        ),
    ),
)
