"""What tests of a whole platform look for in what was made."""

from __future__ import annotations

from collections import Counter

from mlgate_testkit.cluster import Cluster
from mlgate_testkit.engine import Simulated, Stack
from tests.testkit.aws.cloud import by_hand

STORES = {"models", "models-logs", "evidence", "evidence-logs", "evidence-signing", "audit", "audit-logs"}


def once(made: Stack) -> bool:
    """Whether what the clouds hold is what the state holds: each resource of the program, and none a second time."""
    there = Counter((found.type, found.name) for cloud in made.attached for found in cloud.alive())
    return there == Counter((found.type, found.name) for found in made.state.checkpoint().resources)


def change_by_hand(made: Stack, aws: Simulated, cluster: Cluster) -> set[str]:
    """Opens a store and the network, and lets a pool grow; the names of what is otherwise then.

    What a hand sets on an object of Kubernetes is that hand's from then on, so `up` is refused there until somebody gives it back.
    """
    s3, ec2 = by_hand(aws.endpoint(), "s3"), by_hand(aws.endpoint(), "ec2")
    opened = dict.fromkeys(("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"), False)
    s3.put_public_access_block(Bucket=made.outputs["models"], PublicAccessBlockConfiguration=opened)
    (group,) = ec2.describe_security_groups(Filters=[{"Name": "tag:Name", "Values": ["network-default"]}])["SecurityGroups"]
    anywhere = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    ec2.authorize_security_group_egress(GroupId=group["GroupId"], IpPermissions=anywhere)
    cluster.objects.patch("NodePool", "l4", {"spec": {"limits": {"nvidia.com/gpu": "80"}}})
    return {"models", "network-default", "l4"}


def lose_cluster(aws: Simulated, kubernetes: Simulated, name: str) -> None:
    """Somebody takes its protection away and deletes it and its nodes; what stood in it goes with it."""
    eks = by_hand(aws.endpoint(), "eks")
    eks.update_cluster_config(name=name, deletionProtection=False)
    for group in eks.list_nodegroups(clusterName=name)["nodegroups"]:
        eks.delete_nodegroup(clusterName=name, nodegroupName=group)
    eks.delete_cluster(name=name)
    kubernetes.reap(kubernetes.alive())
