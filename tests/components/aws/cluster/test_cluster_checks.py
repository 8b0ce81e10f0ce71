"""What cannot be a cluster is refused before anything is made."""

from __future__ import annotations

from typing import Any

import pytest

from mlgate_components.arguments import ArgumentsError
from mlgate_components.aws import Cluster
from mlgate_components.aws.cluster.arguments import ADDONS, ClusterArgs
from mlgate_testkit.record import record

from .clusters import ADMIN, PINS, USUAL, recorded


@pytest.mark.parametrize(
    ("args", "path", "said"),
    [
        ({"cluster_name": ""}, "cluster_name", "1 to 100"),
        ({"cluster_name": "m" * 101}, "cluster_name", "1 to 100"),
        ({"cluster_name": "-ml"}, "cluster_name", "no sign first"),
        ({"version": "1.34.2"}, "version", "a minor version"),
        ({"version": 1.34}, "version", "input should be a valid string"),
        ({"version": "latest"}, "version", "a minor version"),
        ({"public_from": []}, "public_from", "leave it out"),
        ({"public_from": ["0.0.0.0/0"]}, "public_from[0]", "the networks that operators come from"),
        ({"public_from": ["::/0"]}, "public_from[0]", "is no IPv4 block"),
        ({"public_from": ["198.51.100.1/24"]}, "public_from[0]", "write 198.51.100.0/24"),
        ({"public_from": ["192.168.7.0/24"]}, "public_from[0]", "addresses of the internet"),
        ({"public_from": ["198.51.100.0/24", "100.64.0.0/10"]}, "public_from[1]", "addresses of the internet"),
        ({"admins": {}}, "admins", "the role that this program runs by"),
        ({"admins": {"me": "arn:aws:iam::123456789012:user/me"}}, "admins.me", "an ARN such as"),
        ({"admins": {"all": "*"}}, "admins.all", "an ARN such as"),
        ({"viewers": {"deployer": f"{ADMIN}2"}}, "viewers.deployer", "each name once"),
        ({"viewers": {"same": ADMIN}}, "viewers.same", "each role once"),
        ({"key_arn": "alias/mine"}, "key_arn", "an ARN such as arn:aws:kms"),
        ({"deletion_days": 6}, "deletion_days", "7 to 30 days"),
        ({"log_days": 4}, "log_days", "CloudWatch Logs keeps for 1, 3, 5"),
        ({"network": {**USUAL["network"], "intra_subnet_ids": ["subnet-3"]}}, "network.intra_subnet_ids", "2 or more"),
        ({"network": {**USUAL["network"], "private_subnet_ids": []}}, "network.private_subnet_ids", "2 or more"),
        ({"nodes": {"instance_types": []}}, "nodes.instance_types", "at least one type"),
        ({"nodes": {"instance_types": ["m7i.large"], "min": 1}}, "nodes.min", "2 or more"),
        ({"nodes": {"instance_types": ["m7i.large"], "min": 5, "max": 4}}, "nodes.max", "5 or more, which is nodes.min"),
        ({"nodes": {"instance_types": ["m7i.large"], "disk_gib": 8}}, "nodes.disk_gib", "20 GiB or more"),
        ({"nodes": {"instance_types": ["m7i.large"], "image": "ubuntu"}}, "nodes.image", "one of al2023, bottlerocket"),
        ({"addon_versions": {**PINS, "core-dns": "v1.2.3-eksbuild.4"}}, "addon_versions.core-dns", "did you mean coredns?"),
        ({"addon_versions": {**PINS, "coredns": "latest"}}, "addon_versions.coredns", "a version of EKS's"),
        ({"pinned": True}, "nodes.release", "pin the image"),
        ({"deletion_protected": False}, "deletion_protected", "did you mean deletion_protection?"),
    ],
)
def test_what_cannot_be_is_refused_by_its_path_before_anything_is_made(args: dict[str, Any], path: str, said: str) -> None:
    with pytest.raises(ArgumentsError) as refused:
        recorded(**args)
    assert [(problem.where, said in problem.expected) for problem in refused.value.problems] == [(path, True)]


def test_whoever_pins_is_told_of_everything_that_is_not_pinned() -> None:
    with pytest.raises(ArgumentsError) as refused:
        recorded(pinned=True, addon_versions={"coredns": "v1.2.3-eksbuild.4"})
    others = {f"addon_versions.{name}" for name in ADDONS if name != "coredns"}
    assert {problem.where for problem in refused.value.problems} == {*others, "nodes.release"}


def test_a_name_that_its_roles_could_not_have_is_refused() -> None:
    with pytest.raises(ArgumentsError, match="37 at most"):
        record(lambda: Cluster("m" * 38, ClusterArgs(**USUAL)) and None)
