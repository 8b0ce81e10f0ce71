"""`Access`: the roles that people and pipelines take in an environment, each with one duty, and who may take it."""

import enum
import re
from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict, cast

import pulumi
import pulumi_aws as aws

from mlgate.roles import GITLAB_TIERS, OPENING
from mlgate_components.arguments import Wrong, check
from mlgate_components.aws.access.trusts import AUDIENCE, BOUNDARY, HOSTS, people, pipeline
from mlgate_components.aws.names import ROLE_NAME, check_arn, check_name, check_once
from mlgate_components.aws.outputs import register_declared
from mlgate_components.aws.parts import Parts
from mlgate_components.aws.policies import Statement, policy_text
from mlgate_components.aws.tags import Tags

__all__ = ["Access", "AccessArgs", "Host", "Pipeline", "Takers", "Who"]

TYPE = "mlgate:index:Access"
_BREAK_GLASS = "break_glass"
_SIGNING = "gate"
_DUTIES = {
    "ci": "builds images and models and stores them",
    "deployer": "puts services into the cluster",
    _SIGNING: "judges releases and signs the evidence",
    "promoter": "moves traffic to releases that have evidence",
    "auditor": "reads models, evidence and the trail, and changes nothing",
    _BREAK_GLASS: "repairs the cluster in an emergency",
}
_HOUR = 3_600
_LONGEST_S = 12 * _HOUR  # IAM API reference, CreateRole, MaxSessionDuration: one to twelve hours
# IAM user guide, "IAM identifiers": by whole name. A pattern or a whole account would let in who is not named here.
_PRINCIPAL = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:(role|user)/[\w+=,.@/-]+", re.ASCII)
# GitHub docs, "OpenID Connect reference": of repositories made after 15 July 2026 the claim has owner@id/repository@id.
_REPOSITORY = re.compile(r"[\w.-]+(@\d+)?(/[\w.-]+(@\d+)?)+", re.ASCII)
_ENVIRONMENT = re.compile(r"[\w./ -]+", re.ASCII)  # a colon would end it, an asterisk be taken literally


class Host(enum.Enum):
    """Who runs a pipeline and signs its identity."""

    GITHUB = "github"
    GITLAB = "gitlab"


class Pipeline(TypedDict):
    """The jobs of one repository, in one of its deployment environments: what that environment requires, such as a review, came before."""

    host: Host
    """Where it runs."""
    repository: str
    """As the claim `sub` has it: acme/digits, or acme@1/digits@2 where GitHub adds ids."""
    environment: str
    """The environment's name on GitHub; on GitLab, whose claim does not have it, the tier of protected ones, such as production."""


class Takers(TypedDict):
    """Who may take a role."""

    principals: NotRequired[list[str]]
    """Roles and users by ARN, whole; none unless said."""
    pipelines: NotRequired[list[Pipeline]]
    """Jobs of pipelines; none unless said."""
    session_s: NotRequired[int]
    """How long a session lasts at most, in seconds; an hour unless said."""


class Who(TypedDict):
    """Who may take which role. A role that nobody may take is not made."""

    ci: NotRequired[Takers]
    """Builds images and models and stores them."""
    deployer: NotRequired[Takers]
    """Puts services into the cluster."""
    gate: NotRequired[Takers]
    """Judges releases and signs the evidence."""
    promoter: NotRequired[Takers]
    """Moves traffic to releases that have evidence."""
    auditor: NotRequired[Takers]
    """Reads models, evidence and the trail, and changes nothing."""
    break_glass: NotRequired[Takers]
    """Repairs the cluster in an emergency, after a second factor: users alone, who have one."""


class AccessArgs(TypedDict):
    """Who may do what in an environment; what that takes is `Permissions` of the roles."""

    who: Who
    """Who may take which role."""
    tags: Tags
    """What every resource of it carries."""
    oidc_provider_arns: NotRequired[dict[str, pulumi.Input[str]]]
    """By host, such as github, the identity provider that the account has already: there can be one of each. Made unless said."""
    boundary_arn: NotRequired[pulumi.Input[str]]
    """The policy that bounds what any of the roles could ever do, whatever their own policies say; none unless said."""


class Access(pulumi.ComponentResource):
    """One role for each duty. What opens traffic can never sign, whoever adds permissions later."""

    roles: pulumi.Output[dict[str, str]]
    """The ARNs of the roles, by duty."""

    def __init__(self, name: str, args: AccessArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        takers = _planned(name, args)
        super().__init__(TYPE, name, None, opts)
        self._parts = Parts(name, args["tags"], self)
        providers = self._create_providers(takers, args.get("oidc_provider_arns", {}))
        self.roles = pulumi.Output.from_input(
            {duty: self._create(duty, taken, providers, args.get("boundary_arn")).arn for duty, taken in takers.items()}
        )
        register_declared(self)

    def _create_providers(
        self, takers: "Mapping[str, Takers]", theirs: "Mapping[str, pulumi.Input[str]]"
    ) -> "dict[str, pulumi.Input[str]]":
        hosts = sorted({Host(each["host"]).value for taken in takers.values() for each in taken.get("pipelines", [])})
        return {host: theirs[host] if host in theirs else self._create_provider(host).arn for host in hosts}

    def _create_provider(self, host: str) -> "aws.iam.OpenIdConnectProvider":
        return aws.iam.OpenIdConnectProvider(
            self._parts.called(host),
            url=f"https://{HOSTS[host]}",
            client_id_lists=[AUDIENCE],
            tags=self._parts.tagged(host),
            opts=self._parts.opts(),
        )

    def _create(
        self,
        duty: str,
        takers: "Takers",
        providers: "Mapping[str, pulumi.Input[str]]",
        boundary: "pulumi.Input[str] | None",
    ) -> "aws.iam.Role":
        word = duty.replace("_", "-")
        role = aws.iam.Role(
            self._parts.called(word),
            description=_DUTIES[duty],
            assume_role_policy=policy_text(*_trust(duty, takers, providers)),
            max_session_duration=takers.get("session_s", _HOUR),
            permissions_boundary=boundary,
            tags={**self._parts.tagged(word), "duty": word},
            opts=self._parts.opts(),
        )
        if duty in OPENING:
            aws.iam.RolePolicy(
                self._parts.called(f"{word}-signs-nothing"),
                role=role.name,
                policy=policy_text({"Effect": "Deny", "Action": "kms:Sign", "Resource": "*"}),
                opts=self._parts.opts(),
            )
        return role


def _trust(duty: str, takers: Takers, providers: "Mapping[str, pulumi.Input[str]]") -> list[Statement]:
    named = takers.get("principals", [])
    jobs = [(Host(each["host"]).value, each) for each in takers.get("pipelines", [])]
    return [
        *([people(named, mfa=duty == _BREAK_GLASS)] if named else []),
        *(pipeline(providers[host], HOSTS[host], each["repository"], each["environment"]) for host, each in jobs),
    ]


def _planned(name: str, args: AccessArgs) -> dict[str, Takers]:
    """Who takes each role that is made. Raises ArgumentsError with everything that is wrong."""
    wrong = Wrong("Access", name)
    check(AccessArgs, args, wrong)
    wrong.stop()
    check_name(name, wrong, at_most=ROLE_NAME - len("-break-glass"))
    check_arn(args.get("boundary_arn"), wrong, "boundary_arn", BOUNDARY)
    takers = {duty: taken for duty in _DUTIES if (taken := cast(dict[str, Takers | None], args["who"]).get(duty)) is not None}
    for host in args.get("oidc_provider_arns", {}):
        if host not in HOSTS:
            wrong.add(f"oidc_provider_arns.{host}", "is no host", f"one of {', '.join(HOSTS)}")
    if not takers:
        wrong.add("who", "is nobody", f"who may take one of the roles {', '.join(_DUTIES)}")
    for duty, taken in takers.items():
        _check_takers(duty, taken, wrong)
    _check_apart(takers, wrong)
    wrong.stop()
    return takers


def _check_takers(duty: str, takers: Takers, wrong: Wrong) -> None:
    path, named, jobs = f"who.{duty}", takers.get("principals", []), takers.get("pipelines", [])
    if not named and not jobs:
        wrong.add(path, "is nobody", "principals or pipelines; leave the role out where nobody takes it")
    check_once(named, wrong, f"{path}.principals")
    for index, principal in enumerate(named):
        if principal and not _PRINCIPAL.fullmatch(principal):
            wrong.add(
                f"{path}.principals[{index}]", f"is {principal!r}", "one role or user, such as arn:aws:iam::111122223333:role/ml-gate"
            )
    for index, job in enumerate(jobs):
        _check_pipeline(job, wrong, f"{path}.pipelines[{index}]")
    if duty == _BREAK_GLASS:
        _check_second_factor(named, jobs, wrong, path)
    session = takers.get("session_s", _HOUR)
    if not _HOUR <= session <= _LONGEST_S:
        wrong.add(f"{path}.session_s", f"is {session}", f"{_HOUR} to {_LONGEST_S} seconds (IAM API reference, CreateRole)")


def _check_second_factor(named: Sequence[str], jobs: Sequence[Pipeline], wrong: Wrong, path: str) -> None:
    """IAM user guide, "MFA-protected API access": what AssumeRole gives out does not tell of a second factor, so no role could pass."""
    if jobs:
        wrong.add(f"{path}.pipelines", "are given", "none: a pipeline has no second factor")
    for index, principal in enumerate(named):
        if ":role/" in principal:
            wrong.add(f"{path}.principals[{index}]", f"is {principal!r}", "a user: the session of a role has no second factor of its own")


def _check_pipeline(job: Pipeline, wrong: Wrong, path: str) -> None:
    if not _REPOSITORY.fullmatch(job["repository"]):
        wrong.add(f"{path}.repository", f"is {job['repository']!r}", "one repository with its owner, such as acme/digits")
    if Host(job["host"]) is Host.GITLAB and job["environment"] not in GITLAB_TIERS:
        wrong.add(f"{path}.environment", f"is {job['environment']!r}", f"a deployment tier of GitLab: {', '.join(GITLAB_TIERS)}")
    elif not _ENVIRONMENT.fullmatch(job["environment"]):
        wrong.add(f"{path}.environment", f"is {job['environment']!r}", "one environment by name, such as prod")


def _check_apart(takers: Mapping[str, Takers], wrong: Wrong) -> None:
    """Who signs is nobody who can open traffic: two roles would be no safeguard if one and the same took both."""
    for signing in _each(takers.get(_SIGNING, {})):
        for duty in OPENING:
            if signing in _each(takers.get(duty, {})):
                wrong.add(f"who.{duty}", f"has {signing}, which who.{_SIGNING} has too", "others: who signs evidence must not act on it")


def _each(takers: Takers) -> list[str]:
    jobs = takers.get("pipelines", [])
    return [
        *takers.get("principals", []),
        *(f"{each['repository']}, environment {each['environment']}, on {Host(each['host']).value}" for each in jobs),
    ]
