"""The modules of networks, machines and clusters, listed apart since there are many."""

from __future__ import annotations

from types import ModuleType

from mlgate_testkit.aws.models import (
    ec2_capacity,
    ec2_endpoints,
    ec2_gateways,
    ec2_instance,
    ec2_key_pair,
    ec2_launch_template,
    ec2_lookups,
    ec2_routes,
    ec2_security_groups,
    ec2_security_rules,
    ec2_vpc,
    eks_access,
    eks_addons,
    eks_cluster,
    eks_fargate,
    eks_lookups,
    eks_nodes,
)

__all__ = ["MODULES"]

MODULES: tuple[ModuleType, ...] = (
    ec2_vpc,
    ec2_gateways,
    ec2_routes,
    ec2_security_groups,
    ec2_security_rules,
    ec2_endpoints,
    ec2_launch_template,
    ec2_instance,
    ec2_key_pair,
    ec2_capacity,
    eks_cluster,
    eks_nodes,
    eks_fargate,
    eks_addons,
    eks_access,
    ec2_lookups,
    eks_lookups,
)
