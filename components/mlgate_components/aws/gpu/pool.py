"""`GpuNodePool`: nodes with GPUs of one kind, for pods of one shape, bought in the order that is said."""

from collections.abc import Mapping

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as kubernetes

from mlgate.accelerators import sources
from mlgate_components.arguments import Wrong
from mlgate_components.aws.cluster.entries import provider_of
from mlgate_components.aws.gpu.arguments import GpuNodePoolArgs
from mlgate_components.aws.gpu.checks import planned
from mlgate_components.aws.gpu.groups import create_group
from mlgate_components.aws.gpu.images import device_plugin
from mlgate_components.aws.gpu.karpenter import API, CLASS_API, node_class, node_pool, pool_names
from mlgate_components.aws.gpu.plan import PoolPlan, value_of
from mlgate_components.aws.gpu.quotas import too_small
from mlgate_components.aws.outputs import register_declared
from mlgate_components.aws.parts import Parts

__all__ = ["GpuNodePool"]

TYPE = "mlgate:index:GpuNodePool"
_AFTER_DRAIN_S = 600  # until EC2 has ended what was drained


class GpuNodePool(pulumi.ComponentResource):
    """Karpenter's objects and node groups of fixed size, over the machines of the catalogue that fit. Give it the cluster's Kubernetes
    provider among `opts.providers`, and what installs Karpenter as `depends_on`: so the pool's nodes go before it does."""

    node_class_name: pulumi.Output[str]
    """The EC2NodeClass; "" where Karpenter has no part in the pool."""
    node_pool_names: pulumi.Output[list[str]]
    """The NodePools, the one that is tried first first."""
    node_group_names: pulumi.Output[list[str]]
    """The managed node groups of fixed size."""
    instance_types: pulumi.Output[list[str]]
    """The machines that fit, cheapest for each pod first."""
    rejected: pulumi.Output[dict[str, str]]
    """Why each other machine of the catalogue does not."""
    catalogue: pulumi.Output[str]
    """The day, ISO, of the catalogue that this was resolved against."""
    labels: pulumi.Output[dict[str, str]]
    """What pods choose the pool's nodes by; they tolerate the taint nvidia.com/gpu."""
    resource: pulumi.Output[str]
    """What pods ask for: nvidia.com/gpu, which with a MIG profile is one instance of it, or nvidia.com/gpu.shared for a time slice."""
    device_plugin: pulumi.Output[str]
    """Who tells Kubernetes of the GPUs: brought by the image, or needed."""
    vcpu_quotas: pulumi.Output[dict[str, int]]
    """The vCPUs that each quota must allow at least, by its code, for all replicas to be had."""
    said: pulumi.Output[list[str]]
    """What its resources do not show: the floor's arithmetic, what Karpenter does not scale, the order."""

    def __init__(self, name: str, args: GpuNodePoolArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        plan = planned(name, args)
        super().__init__(TYPE, name, None, opts)
        self._parts = Parts(name, args["tags"], self)
        if plan.ranks:
            provider_of(self, name)
        needed, unknown = plan.quotas()
        if args.get("check_quota"):
            self._require_quotas(needed)
        near = self._create_placement(plan)
        groups = [create_group(self._parts, plan, group, near) for group in plan.groups]
        self._create_pools(plan, near)
        said = [*plan.said(), *(f"no source names the quota of {each}: it is not checked" for each in unknown)]
        for line in said:
            pulumi.log.info(line, resource=self)
        self.node_class_name = pulumi.Output.from_input(plan.name if plan.ranks else "")
        self.node_pool_names = pulumi.Output.from_input(list(pool_names(plan)))
        self.node_group_names = pulumi.Output.all(*(group.node_group_name for group in groups))
        self.instance_types = pulumi.Output.from_input([kind.name for kind in plan.found.machines])
        self.rejected = pulumi.Output.from_input(dict(plan.found.rejected))
        self.catalogue = pulumi.Output.from_input(sources().written)
        self.labels = pulumi.Output.from_input(dict(plan.labels))
        self.resource = pulumi.Output.from_input(plan.resource)
        self.device_plugin = pulumi.Output.from_input(device_plugin(plan.family))
        self.vcpu_quotas = pulumi.Output.from_input(dict(needed))
        self.said = pulumi.Output.from_input(said)
        register_declared(self)

    def _require_quotas(self, needed: Mapping[str, int]) -> None:
        wrong = Wrong("GpuNodePool", self._parts.name)
        for found, expected in too_small(needed, pulumi.InvokeOptions(parent=self)):
            wrong.add("replicas", found, expected)
        wrong.stop()

    def _create_placement(self, plan: PoolPlan) -> pulumi.Output[str] | None:
        if value_of(plan.args.get("placement", "any")) != "cluster":
            return None
        group = aws.ec2.PlacementGroup(self._parts.called(), strategy="cluster", tags=self._parts.tagged(), opts=self._parts.opts())
        name: pulumi.Output[str] = group.name
        return name

    def _create_pools(self, plan: PoolPlan, near: pulumi.Output[str] | None) -> None:
        if not plan.ranks:
            return
        made = kubernetes.apiextensions.CustomResource(
            self._parts.called(),
            api_version=CLASS_API,
            kind="EC2NodeClass",
            metadata={"name": plan.name},
            spec=node_class(plan, near, self._parts.tagged()),
            opts=self._parts.opts(),
        )
        for rank, name in enumerate(pool_names(plan)):
            # Its nodes are drained and gone before it is, and its class and Karpenter after it.
            waits = pulumi.CustomTimeouts(delete=f"{plan.drain_s + _AFTER_DRAIN_S}s")
            kubernetes.apiextensions.CustomResource(
                name,
                api_version=API,
                kind="NodePool",
                metadata={"name": name},
                spec=node_pool(plan, rank),
                opts=pulumi.ResourceOptions.merge(self._parts.opts(made), pulumi.ResourceOptions(custom_timeouts=waits)),
            )
