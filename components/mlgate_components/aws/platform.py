"""`build`: the platform of an environment, composed of the components of this folder. Take it, or copy it and compose your own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pulumi
import pulumi_aws as aws

from mlgate.platform_state import state_bucket, state_key_alias
from mlgate_components.aws.access.access import Access
from mlgate_components.aws.access.duties import duties
from mlgate_components.aws.access.identity import ServiceIdentity
from mlgate_components.aws.access.permissions import Permissions, reads
from mlgate_components.aws.access.trusts import HOSTS
from mlgate_components.aws.addons.cluster_addons import ClusterAddons
from mlgate_components.aws.budget import Budget
from mlgate_components.aws.cluster.cluster import Cluster
from mlgate_components.aws.gpu.pool import GpuNodePool
from mlgate_components.aws.network.network import Nat, Network
from mlgate_components.aws.platform_args import PlatformArgs
from mlgate_components.aws.storage.audit_trail import AuditTrail
from mlgate_components.aws.storage.buckets import Lock, LockMode
from mlgate_components.aws.storage.evidence_storage import EvidenceStorage
from mlgate_components.aws.storage.keys import Key
from mlgate_components.aws.storage.model_storage import ModelStorage
from mlgate_components.aws.storage.repository import ImageRepository
from mlgate_components.aws.tags import Tags

if TYPE_CHECKING:
    from mlgate.platform import Platform, Service

__all__ = ["Built", "build"]


@dataclass(frozen=True, slots=True)
class Built:
    """What a platform is made of, for what comes on top of it. `pools`, `identities` and `repositories` by name."""

    network: Network
    cluster: Cluster
    addons: ClusterAddons
    models: ModelStorage
    evidence: EvidenceStorage
    trail: AuditTrail
    access: Access
    pools: Mapping[str, GpuNodePool] = field(default_factory=dict)
    identities: Mapping[str, ServiceIdentity] = field(default_factory=dict)
    repositories: Mapping[str, ImageRepository] = field(default_factory=dict)

    def exports(self) -> dict[str, Any]:
        """What operators and other stacks ask for."""
        return {
            "cluster": {"name": self.cluster.cluster_name, "endpoint": self.cluster.endpoint, "version": self.cluster.version},
            "models": self.models.bucket_name,
            "evidence": self.evidence.bucket_name,
            "audit": self.trail.bucket_name,
            "trust": self.evidence.trust,
            "roles": self.access.roles,
            "pools": {name: {"instance_types": pool.instance_types, "said": pool.said} for name, pool in self.pools.items()},
            "quotas": {name: pool.vcpu_quotas for name, pool in self.pools.items()},
            "services": {
                name: {"role_arn": identity.role_arn, "repository": self.repositories[name].repository_url}
                for name, identity in self.identities.items()
            },
        }


def build(name: str, platform: Platform, kubeconfig: pulumi.Input[str] | None = None) -> Built:
    """Registers everything of the environment `name`, by providers that are bound to its account.

    `kubeconfig`: how the program reaches the cluster where its endpoint cannot be reached from here, through a tunnel or a proxy.

    Raises ArgumentsError, before anything of a component is registered, for what it cannot be.
    """
    args = PlatformArgs(name, platform, kubeconfig)
    args.require_possible()
    args.require_account()
    provider = aws.Provider("aws", region=platform.region, allowed_account_ids=[platform.account])
    args.require_quotas(pulumi.InvokeOptions(provider=provider))
    return _Composition(args, provider).build()


@dataclass(frozen=True, slots=True)
class _Composition:
    args: PlatformArgs
    provider: pulumi.ProviderResource

    @property
    def opts(self) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(providers=[self.provider])

    @property
    def platform(self) -> Platform:
        return self.args.platform

    @property
    def tags(self) -> Tags:
        return self.args.tags

    def build(self) -> Built:
        platform, kept = self.platform, self.platform.retention
        network = Network(
            "network",
            {
                "cidr": platform.network.cidr,
                "zones": platform.network.zones,
                "nat": Nat(platform.network.nat),
                "flow_log_days": kept.logs_days,
                "cluster": self.args.cluster_name,
                "tags": self.tags,
            },
            self.opts,
        )
        access = Access("access", {"who": self.args.who(), "oidc_provider_arns": self._theirs(), "tags": self.tags}, self.opts)
        models = ModelStorage(
            "models",
            {"tags": self.tags, "noncurrent_days": kept.models_days, "log_days": kept.logs_days, "deletion_days": kept.keys_days},
            self.opts,
        )
        evidence = EvidenceStorage(
            "evidence",
            {
                "tags": self.tags,
                "lock": self._lock(kept.evidence_days),
                "gate_role_arn": access.roles["gate"],
                "log_days": kept.logs_days,
                "deletion_days": kept.keys_days,
            },
            self.opts,
        )
        trail = AuditTrail(
            "audit",
            {
                "tags": self.tags,
                "bucket_arns": [models.bucket_arn, evidence.bucket_arn],
                "lock": self._lock(kept.audit_days),
                "log_days": kept.logs_days,
                "deletion_days": kept.keys_days,
            },
            self.opts,
        )
        cluster = Cluster("cluster", self.args.cluster(network, access), self.opts)
        # The way out goes last: Karpenter and the load balancers' controller call AWS until what they look after is gone.
        addons = ClusterAddons("addons", self.args.addons(network, cluster), self._in_cluster(cluster, network))
        repositories = self._repositories(access, cluster)
        self._permissions(access, models, evidence, trail, cluster, repositories)
        Budget(
            "budget",
            {
                "monthly_limit": platform.budget.monthly_usd,
                "alerts": [{"percent": percent} for percent in platform.budget.alert_percents],
                "emails": list(platform.budget.notify),
                "tags": self.tags,
            },
            self.opts,
        )
        return Built(
            network,
            cluster,
            addons,
            models,
            evidence,
            trail,
            access,
            {name: self._pool(name, network, cluster, addons) for name in platform.pools},
            {name: self._identity(name, service, cluster, models) for name, service in platform.services.items()},
            repositories,
        )

    def _lock(self, days: int) -> Lock:
        return {"mode": LockMode(self.platform.retention.evidence_lock.upper()), "days": days}

    def _theirs(self) -> dict[str, pulumi.Input[str]]:
        """The identity providers that the account has already."""
        account = f"arn:aws:iam::{self.platform.account}"
        return {host: f"{account}:oidc-provider/{HOSTS[host]}" for host in self.platform.who.existing_oidc_providers}

    def _pool(self, name: str, network: Network, cluster: Cluster, addons: ClusterAddons) -> GpuNodePool:
        after = [network, cluster, *(each for each in [addons.controllers.get("karpenter")] if each)]
        return GpuNodePool(name, self.args.pool(self.platform.pools[name], network, cluster), self._in_cluster(cluster, *after))

    def _identity(self, name: str, service: Service, cluster: Cluster, models: ModelStorage) -> ServiceIdentity:
        return ServiceIdentity(
            name,
            {
                "cluster": {"cluster_name": cluster.cluster_name, "cluster_arn": cluster.cluster_arn},
                "namespace": service.namespace,
                "service_account": service.service_account,
                "flows": [reads(models, f"{name}/")],
                "tags": self.tags,
            },
            self.opts,
        )

    def _repositories(self, access: Access, cluster: Cluster) -> dict[str, ImageRepository]:
        """One for each service, all under one key."""
        if not self.platform.services:
            return {}
        days = self.platform.retention.keys_days
        key = Key("images", {"description": "images", "services": ["ecr"], "deletion_days": days, "tags": self.tags}, self.opts)
        pushers: list[pulumi.Input[str]] = [access.roles["ci"]] if "ci" in self.args.who() else []
        return {
            name: ImageRepository(
                name,
                {
                    "key_arn": key.key_arn,
                    "pushers": pushers,
                    "pullers": [cluster.node_role_arn, access.roles["gate"]],
                    "kept_images": self.platform.retention.images,
                    "tags": self.tags,
                },
                self.opts,
            )
            for name in self.platform.services
        }

    def _permissions(
        self,
        access: Access,
        models: ModelStorage,
        evidence: EvidenceStorage,
        trail: AuditTrail,
        cluster: Cluster,
        repositories: Mapping[str, ImageRepository],
    ) -> None:
        """What each role that somebody takes may do."""
        flows = duties(
            models=models,
            evidence=evidence,
            cluster=cluster,
            state=self._state(),
            repositories=list(repositories.values()),
            trail=trail,
        )
        for duty in self.args.who():
            Permissions(duty.replace("_", "-"), {"role_arn": access.roles[duty], "flows": flows[duty]}, self.opts)

    def _state(self) -> _State:
        """The environment's own state, which `mlgate bootstrap` made."""
        options = pulumi.InvokeOptions(provider=self.provider)
        key = aws.kms.get_alias_output(name=state_key_alias(self.args.name), opts=options)
        return _State(f"arn:aws:s3:::{state_bucket(self.args.name, self.platform.account)}", key.target_key_arn)

    def _in_cluster(self, cluster: Cluster, *after: pulumi.Resource) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(providers=[self.provider, cluster.kubernetes], depends_on=list(after))


@dataclass(frozen=True, slots=True)
class _State:
    """The bucket and the key of a stack's state, as `duties` takes them."""

    bucket_arn: str
    key_arn: pulumi.Output[str]
