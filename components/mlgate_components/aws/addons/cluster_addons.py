"""`ClusterAddons`: what a cluster of models needs besides itself, by a table: nodes and replicas on demand, GPUs, metrics, the way in."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as kubernetes

from mlgate_components.aws.addons.arguments import ClusterAddonsArgs
from mlgate_components.aws.addons.plan import AddonPlan, merged, planned
from mlgate_components.aws.addons.policies import external_dns, karpenter, load_balancers, place_of
from mlgate_components.aws.cluster.eks_addon import create_addon
from mlgate_components.aws.cluster.entries import provider_of
from mlgate_components.aws.cluster.roles import create_pod_role
from mlgate_components.aws.gpu.interruption_queue import InterruptionQueue
from mlgate_components.aws.outputs import register_declared
from mlgate_components.aws.parts import Parts
from mlgate_components.aws.policies import Statement, policy_text
from mlgate_components.aws.tags import handed_on

__all__ = ["ClusterAddons"]

TYPE = "mlgate:index:ClusterAddons"


class ClusterAddons(pulumi.ComponentResource):
    """Add-ons of EKS's where it has them, else charts at exact versions; controllers have roles of their own. Give it the cluster's
    Kubernetes provider among `opts.providers`. Whatever owns nodes, load balancers or records goes before its controller, if it waits
    for that: `depends_on=[addons.controllers["karpenter"]]`."""

    versions: pulumi.Output[dict[str, str]]
    """The version of each that is there, by its name in the table."""
    interruption_queue_name: pulumi.Output[str]
    """The queue by which Karpenter hears that nodes will be taken away; "" without Karpenter."""
    role_arns: pulumi.Output[dict[str, str]]
    """The roles of controllers, by name in the table: for policies of yours that let them in, such as that of a key of nodes' disks."""

    def __init__(self, name: str, args: ClusterAddonsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        plans = planned(name, args)
        super().__init__(TYPE, name, None, opts)
        self._parts = Parts(name, args["tags"], self)
        self._args = args
        self._kubernetes = provider_of(self, name)
        self._queue = self._create_queue() if "karpenter" in plans else None
        self._roles: dict[str, Any] = {}
        self.controllers: dict[str, pulumi.Resource] = {}
        for plan in plans.values():
            create = self._create_release if plan.chart else self._create_addon
            self.controllers[plan.name] = create(plan, self._before(plan))
        made = self.controllers.items()
        self.versions = pulumi.Output.all(
            **{each: found.addon_version if isinstance(found, aws.eks.Addon) else plans[each].version for each, found in made}
        )
        self.role_arns = pulumi.Output.from_input(self._roles)
        self.interruption_queue_name = self._queue.queue_name if self._queue else pulumi.Output.from_input("")
        register_declared(self)

    def _create_queue(self) -> InterruptionQueue:
        return InterruptionQueue(self._parts.called("interruptions"), {"tags": self._args["tags"]}, self._parts.opts())

    def _create_addon(self, plan: AddonPlan, after: list[pulumi.Resource]) -> "aws.eks.Addon":
        return create_addon(
            self._parts,
            plan.addon.eks,
            cluster_name=self._args["cluster"]["cluster_name"],
            kubernetes_version=self._args["cluster"]["version"],
            version=plan.version,
            values=merged(self._told(plan.name), plan.values),
            after=[self._kubernetes, *after],  # what it is made of waits for nodes, as everything in the cluster does
        )

    def _create_release(self, plan: AddonPlan, after: list[pulumi.Resource]) -> "kubernetes.helm.v3.Release":
        """What owns nothing outside of the cluster goes with it, unless it is protected.

        To take each out of a cluster that ends would cost minutes, and of one that is lost already could not be done. Of a protected one a
        `destroy` would forget them, and they would be there all the same.
        """
        goes = not plan.addon.owns and not self._args.get("deletion_protection", True)
        own = pulumi.ResourceOptions(deleted_with=self._kubernetes if goes else None)
        return kubernetes.helm.v3.Release(
            self._parts.called(plan.name),
            name=plan.name,
            namespace=plan.addon.namespace,
            create_namespace=plan.addon.namespace != "kube-system",
            chart=plan.reference,
            version=plan.version,
            repository_opts={"repo": plan.repository} if plan.repository else None,
            skip_crds=plan.name == "karpenter",
            values=merged(self._told(plan.name), plan.values),
            opts=pulumi.ResourceOptions.merge(self._parts.opts(*after), own),
        )

    def _before(self, plan: AddonPlan) -> list[pulumi.Resource]:
        """What must be there first: add-ons above it in the table, and the role of its pods."""
        above = [self.controllers[each] for each in plan.addon.after if each in self.controllers]
        statements = self._allowed(plan.name)
        if statements is None:
            return above
        taken = self._create_role(plan, statements)
        self._roles[plan.name] = taken.role_arn
        return [*above, taken]

    def _create_role(self, plan: AddonPlan, statements: pulumi.Output[Sequence[Statement]]) -> "aws.eks.PodIdentityAssociation":
        return create_pod_role(
            self._parts,
            plan.name,
            cluster_name=self._args["cluster"]["cluster_name"],
            cluster_arn=self._args["cluster"]["cluster_arn"],
            namespace=plan.addon.namespace,
            service_account=plan.name,
            policy=statements.apply(_document),
        )

    def _allowed(self, name: str) -> pulumi.Output[Sequence[Statement]] | None:
        """What the add-on's controller may do in the account; its service account is called like the add-on."""
        cluster = self._args["cluster"]
        if name == "karpenter" and self._queue:
            known = pulumi.Output.all(cluster["cluster_arn"], cluster["node_role_arn"], self._queue.queue_arn)
            return known.apply(lambda of: karpenter(place_of(of[0]), *of[1:]))
        if name == "aws-load-balancer-controller":
            known = pulumi.Output.all(cluster["cluster_arn"], self._args["vpc_id"], cluster["security_group_id"])
            return known.apply(lambda of: load_balancers(place_of(of[0]), *of[1:]))
        if name == "external-dns":
            return pulumi.Output.all(*self._args.get("dns_zone_ids", [])).apply(external_dns)
        return None

    def _told(self, name: str) -> Mapping[str, Any]:
        """What only this cluster can tell the add-on. Its pods do not reach the metadata of their nodes, so they cannot ask there."""
        cluster_name = self._args["cluster"]["cluster_name"]
        if name == "karpenter" and self._queue:
            settings = {"clusterName": cluster_name, "interruptionQueue": self._queue.queue_name, "eksControlPlane": True}
            return {"settings": settings}
        if name == "aws-load-balancer-controller":
            region = pulumi.Output.from_input(self._args["cluster"]["cluster_arn"]).apply(lambda arn: place_of(arn).region)
            return {
                "clusterName": cluster_name,
                "vpcId": self._args["vpc_id"],
                "region": region,
                "defaultTags": handed_on(self._args["tags"]),
            }
        if name == "external-dns":
            # It deletes what it made, and only that: its records say whose they are.
            sources = ["service", "ingress", *(["gateway-httproute"] if "gateway" in self.controllers else [])]
            return {"txtOwnerId": cluster_name, "policy": "sync", "sources": sources}
        return {}


def _document(statements: Sequence[Statement]) -> pulumi.Output[str]:
    return policy_text(*statements)
