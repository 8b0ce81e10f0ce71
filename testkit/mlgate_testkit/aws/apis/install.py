"""Puts our operations in front of moto's."""

from __future__ import annotations

import moto.budgets.urls
import moto.ec2.urls
import moto.eks.urls
import moto.rds.urls
from moto.budgets.models import budgets_backends
from moto.budgets.responses import BudgetsResponse
from moto.ec2.models import ec2_backends
from moto.ec2.responses import EC2Response
from moto.eks.models import eks_backends
from moto.eks.responses import EKSResponse
from moto.rds.models import rds_backends
from moto.rds.responses import RDSResponse

from mlgate_testkit.aws.apis import (
    budgets,
    ec2_capacity,
    ec2_machines,
    ec2_network,
    ec2_rules,
    eks_access,
    eks_addons,
    eks_clusters,
    eks_nodes,
    eks_versions,
    rds,
    s3_policies,
)
from mlgate_testkit.aws.apis.dispatch import extended

__all__ = ["install"]


def install() -> None:
    """To be called before moto's server gets its first request for EC2, EKS, RDS or budgets: it makes its table of addresses then."""
    ec2 = ec2_network.OPERATIONS | ec2_rules.OPERATIONS | ec2_capacity.OPERATIONS | ec2_machines.OPERATIONS
    eks = eks_versions.OPERATIONS | eks_clusters.OPERATIONS | eks_nodes.OPERATIONS | eks_addons.OPERATIONS | eks_access.OPERATIONS
    moto.ec2.urls.url_paths = {"{0}/": extended(EC2Response, "ec2", ec2_backends, ec2)}
    moto.eks.urls.url_paths = {"{0}/(?P<path>.+)$": extended(EKSResponse, "eks", eks_backends, eks)}
    moto.rds.urls.url_paths = {"{0}/$": extended(RDSResponse, "rds", rds_backends, rds.OPERATIONS)}
    s3_policies.install()
    moto.budgets.urls.url_paths = {"{0}/$": extended(BudgetsResponse, "budgets", budgets_backends, budgets.OPERATIONS, partition_wide=True)}
