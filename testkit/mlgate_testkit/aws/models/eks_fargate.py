"""EKS Fargate profiles."""

from __future__ import annotations

from typing import Any

from mlgate_testkit.aws.account import Aws
from mlgate_testkit.aws.model import AutoName, Behaviour, ResourceModel, same_set
from mlgate_testkit.aws.models.ec2_common import given
from mlgate_testkit.aws.models.eks_common import parts, retag_arn, seen_role
from mlgate_testkit.provider.provider import Inputs, Outputs

__all__ = ["MODELS"]


def _create_profile(aws: Aws, inputs: Inputs) -> str:
    role = inputs["podExecutionRoleArn"]
    seen_role(
        aws, role, f"Misconfigured PodExecutionRole Trust Policy; Please add the eks-fargate-pods.amazonaws.com Service Principal ({role})"
    )
    request = given(
        inputs,
        clusterName="clusterName",
        fargateProfileName="fargateProfileName",
        podExecutionRoleArn="podExecutionRoleArn",
        selectors="selectors",
        subnets="subnetIds",
        tags="tags",
    )
    aws.client("eks").create_fargate_profile(**request)
    return f"{inputs['clusterName']}:{inputs['fargateProfileName']}"


def _read_profile(aws: Aws, profile_id: str, _known: Inputs) -> Outputs | None:
    cluster, name = parts(profile_id)
    profile: dict[str, Any] = aws.client("eks").describe_fargate_profile(clusterName=cluster, fargateProfileName=name)["fargateProfile"]
    return {
        "clusterName": profile["clusterName"],
        "fargateProfileName": profile["fargateProfileName"],
        "arn": profile["fargateProfileArn"],
        "podExecutionRoleArn": profile["podExecutionRoleArn"],
        "selectors": profile["selectors"],
        "subnetIds": profile["subnets"],
        "status": profile["status"],
        "tags": profile["tags"],
    }


def _update_profile(aws: Aws, profile_id: str, olds: Inputs, news: Inputs) -> None:
    cluster, name = parts(profile_id)
    arn = aws.client("eks").describe_fargate_profile(clusterName=cluster, fargateProfileName=name)["fargateProfile"]["fargateProfileArn"]
    retag_arn(aws, arn, olds, news)


def _delete_profile(aws: Aws, profile_id: str, _inputs: Inputs) -> None:
    cluster, name = parts(profile_id)
    aws.client("eks").delete_fargate_profile(clusterName=cluster, fargateProfileName=name)


MODELS = (
    ResourceModel(
        type="aws:eks/fargateProfile:FargateProfile",
        noun="EKS Fargate Profile",
        create=_create_profile,
        read=_read_profile,
        update=_update_profile,
        delete=_delete_profile,
        name=AutoName("fargateProfileName", 100),
        forces_new=frozenset({"clusterName", "fargateProfileName", "podExecutionRoleArn", "selectors", "subnetIds"}),
        computed=frozenset({"subnetIds"}),
        equivalent={"subnetIds": same_set, "selectors": same_set},
        behaviours=(
            Behaviour(
                "its subnets have no route to an internet gateway",
                "EKS user guide, Define which Pods use AWS Fargate when launched; message of CreateFargateProfile",
                "test_eks_nodes.py::test_a_fargate_profile_stands_in_private_subnets",
            ),
            Behaviour(
                "its role exists and trusts eks-fargate-pods.amazonaws.com",
                "EKS user guide, Amazon EKS Pod execution IAM role; message of CreateFargateProfile",
                "test_eks_nodes.py::test_the_role_of_a_fargate_profile_trusts_its_pods",
            ),
        ),
    ),
)
