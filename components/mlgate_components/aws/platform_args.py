"""What the components of an environment are told that may be refused, and all of that asked before the first one is registered.

A program that fails in its middle leaves to the engine what it registered before, and an update without a preview makes it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pulumi
import pulumi_aws as aws

from mlgate.credentials import of_another_account
from mlgate.errors import Problem
from mlgate.roles import ROLES
from mlgate_components.arguments import ArgumentsError
from mlgate_components.aws.access.access import Access, Who
from mlgate_components.aws.addons.plan import planned as planned_addons
from mlgate_components.aws.cluster.arguments import check_cluster
from mlgate_components.aws.cluster.cluster import Cluster
from mlgate_components.aws.gpu.checks import planned as planned_pool
from mlgate_components.aws.gpu.quotas import too_small
from mlgate_components.aws.network.network import Network
from mlgate_components.aws.pins import addon_settings, is_pinned
from mlgate_components.aws.tags import Tags

if TYPE_CHECKING:
    from mlgate.platform import Platform
    from mlgate.platform_pools import Pool

__all__ = ["PlatformArgs"]


@dataclass(frozen=True, slots=True)
class PlatformArgs:
    """Of the environment `name`. `kubeconfig`: a way to its cluster, where there is another one than its endpoint."""

    name: str
    platform: Platform
    kubeconfig: pulumi.Input[str] | None

    @property
    def tags(self) -> Tags:
        """What every resource carries."""
        tags = Tags(environment=self.name, owner=self.platform.owner)
        if self.platform.cost_center is not None:
            tags["cost_center"] = self.platform.cost_center
        return tags

    @property
    def cluster_name(self) -> str:
        """By which the cluster is known in its account."""
        return f"mlgate-{self.name}"

    def who(self) -> Who:
        """The roles that somebody takes, as Access is told: without what is empty."""
        given = {role: getattr(self.platform.who, role).model_dump() for role in ROLES}
        taken = {role: {key: value for key, value in takers.items() if value} for role, takers in given.items()}
        return cast(Who, {role: takers for role, takers in taken.items() if takers.keys() & {"principals", "pipelines"}})

    def cluster(self, network: Network, access: Access) -> Any:
        """What Cluster is told."""
        wanted, pins, taken = self.platform.cluster, self.platform.pins, self.who()
        # The promoter is none of them: what it needs in the cluster comes with what it promotes.
        operators = {role.replace("_", "-"): access.roles[role] for role in ("deployer", "break_glass") if role in taken}
        viewers = {"auditor": access.roles["auditor"]} if "auditor" in taken else {}
        release = {} if pins.nodes_release is None else {"release": pins.nodes_release}
        reached = {"public_from": wanted.public_from or None, "kubeconfig": self.kubeconfig}
        return {
            "cluster_name": self.cluster_name,
            "version": wanted.version,
            "network": {"private_subnet_ids": network.private_subnet_ids, "intra_subnet_ids": network.intra_subnet_ids},
            "nodes": {
                "instance_types": wanted.system_instance_types,
                "min": wanted.system_nodes_min,
                "max": wanted.system_nodes_max,
                "image": pins.nodes_image,
                **release,
            },
            "admins": {**wanted.admins, **operators},
            "viewers": viewers,
            "deletion_days": self.platform.retention.keys_days,
            "log_days": self.platform.retention.logs_days,
            "addon_versions": pins.eks_addons,
            "pinned": is_pinned(self.platform),
            "tags": self.tags,
            "deletion_protection": wanted.deletion_protection,
            **{key: value for key, value in reached.items() if value is not None},
        }

    def addons(self, network: Network, cluster: Cluster) -> Any:
        """What ClusterAddons is told."""
        pins = self.platform.pins
        mirror = {} if pins.mirror is None else {"mirror": pins.mirror}
        zones = self.platform.network.dns_zone_ids
        return {
            "cluster": {
                "cluster_name": cluster.cluster_name,
                "cluster_arn": cluster.cluster_arn,
                "version": self.platform.cluster.version,
                "security_group_id": cluster.security_group_id,
                "node_role_arn": cluster.node_role_arn,
            },
            "vpc_id": network.vpc_id,
            **({"dns_zone_ids": zones} if zones else {}),
            "addons": addon_settings(self.platform),
            "deletion_protection": self.platform.cluster.deletion_protection,
            "pinned": is_pinned(self.platform),
            "tags": self.tags,
            **mirror,
        }

    def pool(self, pool: Pool, network: Network, cluster: Cluster) -> Any:
        """What GpuNodePool is told."""
        assert self.platform.pins.gpu_ami
        return {
            **pool.model_dump(exclude_none=True),
            "cluster": {
                "cluster_name": cluster.cluster_name,
                "endpoint": cluster.endpoint,
                "certificate_authority": cluster.certificate_authority,
                "version": self.platform.cluster.version,
                "security_group_id": cluster.security_group_id,
                "service_cidr": cluster.service_cidr,
                "node_role_name": cluster.node_role_name,
                "node_role_arn": cluster.node_role_arn,
            },
            "network": {"zones": self.platform.network.zones, "private_subnet_ids": network.private_subnet_ids},
            "ami": self.platform.pins.gpu_ami.model_dump(exclude_none=True),
            "pinned": is_pinned(self.platform),
            "tags": self.tags,
        }

    def require_possible(self) -> None:
        """Raises ArgumentsError with all that the cluster, what is in it and its pools refuse; nothing is registered yet."""
        network, cluster, access = (cast(Any, _unmade(kind)) for kind in (Network, Cluster, Access))
        access.roles = dict.fromkeys(ROLES, _unknown())
        asked: list[tuple[str, Any, str, Any]] = [
            ("cluster", check_cluster, "cluster", self.cluster(network, access)),
            ("addons", planned_addons, "addons", self.addons(network, cluster)),
            *((f"pools.{name}", planned_pool, name, self.pool(pool, network, cluster)) for name, pool in self.platform.pools.items()),
        ]
        refused: list[Problem] = []
        for where, check, name, args in asked:
            try:
                check(name, args)
            except ArgumentsError as error:
                refused += [Problem(f"{where}: {each.where}", each.found, each.expected) for each in error.problems]
        if refused:
            raise ArgumentsError("environment", self.name, refused)

    def require_account(self) -> None:
        """Raises ArgumentsError where the credentials are of another account.

        A provider that is bound to an account refuses it too, by its own inputs and without a remedy, and nobody can ask it anything then:
        whose they are is asked of one that is bound to none, by which nothing is made.
        """
        asked = aws.Provider("whose-credentials", region=self.platform.region)
        caller = aws.get_caller_identity(opts=pulumi.InvokeOptions(provider=asked))
        if caller.account_id != self.platform.account:
            problem = Problem("account", *of_another_account(self.platform.account, caller.account_id, caller.arn))
            raise ArgumentsError("environment", self.name, [problem])

    def require_quotas(self, opts: pulumi.InvokeOptions) -> None:
        """Raises ArgumentsError where EC2 allows fewer vCPUs than all pools need together, each of which alone might fit."""
        network, cluster = (cast(Any, _unmade(kind)) for kind in (Network, Cluster))
        needed: Counter[str] = Counter()
        for name, pool in self.platform.pools.items():
            needed.update(planned_pool(name, self.pool(pool, network, cluster)).quotas()[0])
        refused = [Problem("pools", found, expected) for found, expected in too_small(needed, opts)]
        if refused:
            raise ArgumentsError("environment", self.name, refused)


def _unmade(kind: type) -> SimpleNamespace:
    """A component that is still to be made: nothing of what it will tell is known."""
    return SimpleNamespace(**{output: _unknown() for output in kind.__annotations__})


def _unknown() -> pulumi.Output[str]:
    return pulumi.Output.from_input("")
