"""`Permissions`: what one identity may do, from its flows. The only thing here that grants anything to anybody.

Roles come first and what they may do comes last: the policies of keys, repositories and secrets name the roles, and a role's own policy
names the keys, repositories and secrets.
"""

from functools import partial
from typing import Any, NotRequired, TypedDict, cast

import pulumi
import pulumi_aws as aws

from mlgate.errors import UsageError
from mlgate_components.arguments import Wrong, check
from mlgate_components.aws.access.flows import OPENS_TRAFFIC, SIGNS, Right, Verb, arns_of, document, statements, wrong_flow
from mlgate_components.aws.names import AUTOMATIC, ROLE, check_arn, check_name, check_once
from mlgate_components.aws.outputs import register_declared

__all__ = [
    "Flow",
    "FlowResource",
    "Permissions",
    "PermissionsArgs",
    "audits",
    "check_flows",
    "check_roles",
    "keeps_state",
    "operates",
    "pulls",
    "pushes",
    "reads",
    "reads_secret",
    "signs",
    "validates",
    "verifies",
    "views",
    "writes",
    "writes_secret",
]

TYPE = "mlgate:index:Permissions"
_NAME = 128  # IAM API reference, PutRolePolicy: PolicyName
_LONGEST = 10_240  # IAM user guide, "IAM and STS quotas": all inline policies of a role, in characters without white space


class FlowResource(TypedDict):
    """The resource of a flow: the ARNs that its verb takes."""

    bucket_arn: NotRequired[pulumi.Input[str]]
    """The bucket of a store: reads, writes, audits, validates, keeps-state."""
    key_arn: NotRequired[pulumi.Input[str]]
    """The KMS key that the store or the secret is encrypted with; none where AWS uses a key of its own."""
    signing_key_arn: NotRequired[pulumi.Input[str]]
    """The KMS key that evidence is signed with: signs, verifies."""
    repository_arn: NotRequired[pulumi.Input[str]]
    """The repository of images: pulls, pushes."""
    secret_arn: NotRequired[pulumi.Input[str]]
    """The secret: reads-secret, writes-secret."""
    cluster_arn: NotRequired[pulumi.Input[str]]
    """The EKS cluster: operates, views."""


class Flow(TypedDict):
    """What an identity does to a resource."""

    verb: Verb
    """What it does."""
    resource: FlowResource
    """What it does it to."""
    prefix: NotRequired[str]
    """Below which names of a store, ending in a slash; the whole store unless said."""


class PermissionsArgs(TypedDict):
    """Who, and what they do."""

    role_arn: pulumi.Input[str]
    """The role, such as a service identity's."""
    flows: list[Flow]
    """All that it does."""


class Permissions(pulumi.ComponentResource):
    """The policy of a role, made of what it declares to do and of nothing else."""

    role_arn: pulumi.Output[str]
    """The role."""

    def __init__(self, name: str, args: PermissionsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        _planned(name, args)
        super().__init__(TYPE, name, None, opts)
        flows = args["flows"]
        self.role_arn = pulumi.Output.from_input(args["role_arn"])
        resources = pulumi.Output.all(*(pulumi.Output.from_input(each["resource"]) for each in flows))
        aws.iam.RolePolicy(
            name,
            role=self.role_arn.apply(lambda arn: arn.rsplit("/", 1)[-1]),
            policy=resources.apply(lambda known: _policy(name, flows, known)),
            opts=pulumi.ResourceOptions(parent=self),
        )
        register_declared(self)


def flow(verb: Verb, resource: object, prefix: str = "") -> Flow:
    """A flow to a component, or to anything of yours with the same outputs: `reads(models, "digits/")`."""
    arns = {name: getattr(resource, name) for name in arns_of(verb) if getattr(resource, name, None) is not None}
    return Flow(verb=verb, resource=cast(FlowResource, arns), prefix=prefix)


reads = partial(flow, Verb.READS)
writes = partial(flow, Verb.WRITES)
audits = partial(flow, Verb.AUDITS)
validates = partial(flow, Verb.VALIDATES)
keeps_state = partial(flow, Verb.KEEPS_STATE)
signs = partial(flow, Verb.SIGNS)
verifies = partial(flow, Verb.VERIFIES)
pulls = partial(flow, Verb.PULLS)
pushes = partial(flow, Verb.PUSHES)
reads_secret = partial(flow, Verb.READS_SECRET)
writes_secret = partial(flow, Verb.WRITES_SECRET)
operates = partial(flow, Verb.OPERATES)
views = partial(flow, Verb.VIEWS)


def check_flows(flows: "list[Flow]", wrong: Wrong) -> None:
    """Flows whose kinds are checked already: each by itself, and that nobody who can open traffic can also sign."""
    if not flows:
        wrong.add("flows", "are none", "all that the identity does; leave it out where that is nothing")
    opening = [index for index, each in enumerate(flows) if Verb(each["verb"]) in OPENS_TRAFFIC]
    for index, each in enumerate(flows):
        verb = Verb(each["verb"])
        for path, found, expected in wrong_flow(verb, each["resource"], each.get("prefix", "")):
            wrong.add(f"flows[{index}].{path}", found, expected)
        if verb in SIGNS and opening:
            wrong.add(
                f"flows[{index}].verb",
                f"is {verb.value!r}, and by flows[{opening[0]}] the same identity can open traffic",
                "two identities: who signs evidence must not be who acts on it",
            )


def check_roles(arns: "list[pulumi.Input[str]]", wrong: Wrong, path: str) -> None:
    """ARNs of roles, each once."""
    check_once(arns, wrong, path)
    for index, arn in enumerate(arns):
        if isinstance(arn, str) and arn:
            check_arn(arn, wrong, f"{path}[{index}]", ROLE)


def _planned(name: str, args: PermissionsArgs) -> None:
    """Raises ArgumentsError with everything that is wrong."""
    wrong = Wrong("Permissions", name)
    check(PermissionsArgs, args, wrong)
    wrong.stop()
    check_name(name, wrong, at_most=_NAME - AUTOMATIC)
    check_arn(args["role_arn"], wrong, "role_arn", ROLE)
    check_flows(args["flows"], wrong)
    wrong.stop()


def _policy(name: str, flows: "list[Flow]", resources: "list[Any]") -> str:
    rights = [Right(Verb(each["verb"]), arns, each.get("prefix", "")) for each, arns in zip(flows, resources, strict=True)]
    policy = document(statements(rights))
    size = len("".join(policy.split()))
    if size > _LONGEST:
        raise UsageError(
            f"its policy has {size} characters, and a role takes {_LONGEST}",
            where=f"Permissions {name!r}",
            remedy="give it fewer, wider prefixes, or divide what it does among several identities",
        )
    return policy
