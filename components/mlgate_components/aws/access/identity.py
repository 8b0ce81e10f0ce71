"""`ServiceIdentity`: what the pods of one service are to AWS, and what they may do there."""

import re
from typing import NotRequired, TypedDict

import pulumi
import pulumi_aws as aws

from mlgate_components.arguments import Wrong, check
from mlgate_components.aws.access.flows import CLUSTER, OPENS_TRAFFIC, SIGNS, Verb
from mlgate_components.aws.access.permissions import Flow, Permissions, check_flows
from mlgate_components.aws.access.trusts import BOUNDARY, pods
from mlgate_components.aws.names import ROLE_NAME, check_arn, check_name
from mlgate_components.aws.outputs import register_declared
from mlgate_components.aws.parts import Parts
from mlgate_components.aws.policies import policy_text
from mlgate_components.aws.tags import Tags

__all__ = ["ServiceCluster", "ServiceIdentity", "ServiceIdentityArgs"]

TYPE = "mlgate:index:ServiceIdentity"
# Kubernetes docs, "Object Names and IDs": a namespace is an RFC 1123 label, a service account an RFC 1123 subdomain.
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_SUBDOMAIN = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")


class ServiceCluster(TypedDict):
    """The cluster that the service runs in: a Cluster has both."""

    cluster_name: pulumi.Input[str]
    """Its name."""
    cluster_arn: pulumi.Input[str]
    """Its ARN."""


class ServiceIdentityArgs(TypedDict):
    """Which pods, and what they do."""

    cluster: ServiceCluster
    """Where the pods run."""
    namespace: str
    """The pods' namespace."""
    service_account: str
    """Their service account: every pod that runs under it has this identity."""
    tags: Tags
    """What every resource of it carries."""
    flows: NotRequired[list[Flow]]
    """What they do; nothing unless said. What names this role in its own policy, a secret, is made after it: see Permissions."""
    boundary_arn: NotRequired[pulumi.Input[str]]
    """The policy that bounds what the role could ever do, whatever its own policies say; none unless said."""


class ServiceIdentity(pulumi.ComponentResource):
    """A role for the pods of one service account, which nobody else takes, by EKS Pod Identity."""

    role_arn: pulumi.Output[str]
    """The role."""
    namespace: pulumi.Output[str]
    """The namespace of its pods."""
    service_account: pulumi.Output[str]
    """Their service account."""

    def __init__(self, name: str, args: ServiceIdentityArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        _planned(name, args)
        super().__init__(TYPE, name, None, opts)
        parts = Parts(name, args["tags"], self)
        cluster = args["cluster"]
        role = aws.iam.Role(
            name,
            description=f"pods of {args['namespace']}/{args['service_account']}",
            assume_role_policy=policy_text(pods(cluster["cluster_arn"], args["namespace"], args["service_account"])),
            permissions_boundary=args.get("boundary_arn"),
            tags=parts.tagged(),
            opts=parts.opts(),
        )
        flows = args.get("flows")
        allowed = [] if flows is None else [Permissions(name, {"role_arn": role.arn, "flows": flows}, parts.opts())]
        aws.eks.PodIdentityAssociation(
            name,
            cluster_name=cluster["cluster_name"],
            namespace=args["namespace"],
            service_account=args["service_account"],
            role_arn=role.arn,
            tags=parts.tagged(),
            opts=parts.opts(*allowed),  # no pod begins before it may do its work
        )
        self.role_arn = role.arn
        self.namespace = pulumi.Output.from_input(args["namespace"])
        self.service_account = pulumi.Output.from_input(args["service_account"])
        register_declared(self)


def _planned(name: str, args: ServiceIdentityArgs) -> None:
    """Raises ArgumentsError with everything that is wrong."""
    wrong = Wrong("ServiceIdentity", name)
    check(ServiceIdentityArgs, args, wrong)
    wrong.stop()
    check_name(name, wrong, at_most=ROLE_NAME)
    check_arn(args["cluster"]["cluster_arn"], wrong, "cluster.cluster_arn", CLUSTER)
    check_arn(args.get("boundary_arn"), wrong, "boundary_arn", BOUNDARY)
    for path, kind in (("namespace", _LABEL), ("service_account", _SUBDOMAIN)):
        if not kind.fullmatch(args[path]):  # type: ignore[literal-required]
            wrong.add(path, f"is {args[path]!r}", "a name that Kubernetes takes, such as digits")  # type: ignore[literal-required]
    if (flows := args.get("flows")) is not None:
        check_flows(flows, wrong)
        for index, verb in enumerate(Verb(flow["verb"]) for flow in flows):
            if verb in SIGNS | OPENS_TRAFFIC:
                wrong.add(f"flows[{index}].verb", f"is {verb.value!r}", "what a service does: no service judges or moves services")
    wrong.stop()
