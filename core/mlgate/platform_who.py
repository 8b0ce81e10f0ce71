"""Who may take which role in an environment, by whole name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from mlgate.documents import Declared, Location, contradictions, once
from mlgate.platform_whole import Whole, Wrong
from mlgate.roles import GITLAB_TIERS, OPENING, ROLES

__all__ = ["APART", "Host", "Pipeline", "Principal", "Takers", "Who", "duty_of_made"]

APART = "somebody else: who signs evidence must not act on it"
Host = Literal["github", "gitlab"]
# `build` of the components calls what makes the roles `access`, and Pulumi puts a hyphen and seven hex digits behind a name (Pulumi docs,
# "Resource names", autonaming).
_MADE = re.compile(r".*:role/access-([a-z-]+)-[0-9a-f]{7}")
_PRINCIPAL = re.compile(r"arn:aws:iam::\d{12}:(role|user)/[\w+=,.@/-]+", re.ASCII)


def _principal(arn: str) -> str:
    if not _PRINCIPAL.fullmatch(arn):
        raise ValueError(f"{arn!r} is no role or user by whole name: write one such as arn:aws:iam::111122223333:role/ml-engineers")
    return arn


# IAM user guide, "IAM identifiers": a role or user, by whole name. A pattern or a whole account would let in who is not named here.
Principal = Annotated[str, AfterValidator(_principal)]


def duty_of_made(principal: str) -> str | None:
    """The role of `who` that a principal is, by what an environment's roles are called; None for what is called otherwise."""
    made = _MADE.fullmatch(principal)
    return made[1].replace("-", "_") if made else None


class Pipeline(Declared):
    """The jobs of one repository, in one of its deployment environments."""

    host: Host = Field(default="github", description="where it runs; it signs the pipeline's identity")
    # GitHub docs, "OpenID Connect reference": of repositories made after 15 July 2026 the claim has owner@id/repository@id.
    repository: str = Field(
        pattern=r"^[A-Za-z0-9_.-]+(@[0-9]+)?(/[A-Za-z0-9_.-]+(@[0-9]+)?)+$", description="the repository, such as acme/digits"
    )
    environment: str = Field(
        pattern=r"^[A-Za-z0-9_.-]+$", description="the deployment environment there that a job must run in; of GitLab its tier"
    )

    @field_validator("environment")
    @classmethod
    def _of_its_host(cls, environment: str, info: ValidationInfo) -> str:
        if info.data.get("host") == "gitlab" and environment not in GITLAB_TIERS:
            raise contradictions({(): (f"is {environment!r}", f"a tier of GitLab: {', '.join(GITLAB_TIERS)}")})
        return environment


class Takers(Declared):
    """Who may take a role; nobody where both lists are empty."""

    principals: Annotated[list[Principal], AfterValidator(once)] = Field(default=[], description="roles and users by whole ARN")
    pipelines: list[Pipeline] = Field(default=[], description="jobs of pipelines")
    session_s: int = Field(default=3600, ge=3600, le=43_200, description="how long a session lasts at most (IAM: 3600 to 43,200)")


def _second_factor(who: Who) -> Iterator[Wrong]:
    # IAM user guide, "MFA-protected API access": what a role or a pipeline was given does not tell of a second factor.
    for where, taker in _each(who.break_glass):
        if not (isinstance(taker, str) and ":user/" in taker):
            yield ("break_glass", *where), "has no second factor of its own", "a user, who has one"


def _signs_too(duty: str, who: Who) -> Iterator[Wrong]:
    """Who opens traffic, as one of his roles, and takes the gate's role as well."""
    signing = [taker for _, taker in _each(who.gate)]
    for where, taker in _each(getattr(who, duty)):
        if taker in signing:
            yield (duty, *where), "takes the gate's role too", APART


def _is_the_other(duty: str, who: Who) -> Iterator[Wrong]:
    """A role of the environment that takes another one of it: the gate's one that opens traffic, or the other way round."""
    others = OPENING if duty == "gate" else ("gate",)
    for index, principal in enumerate(getattr(who, duty).principals):
        if (other := duty_of_made(principal)) in others:
            yield (duty, "principals", index), f"is {principal}, which is called as the role of {other} is", APART


class Who(Whole):
    """Who may take which role."""

    checks = (
        _second_factor,
        *(partial(_signs_too, duty) for duty in OPENING),
        *(partial(_is_the_other, duty) for duty in ("gate", *OPENING)),
    )

    ci: Takers = Field(default=Takers(), description="builds images and models and stores them")
    deployer: Takers = Field(default=Takers(), description="puts services into the cluster")
    gate: Takers = Field(default=Takers(), description="judges releases and signs the evidence")
    promoter: Takers = Field(default=Takers(), description="moves traffic to releases that have evidence")
    auditor: Takers = Field(default=Takers(), description="reads models, evidence and the trail, and changes nothing")
    break_glass: Takers = Field(default=Takers(), description="repairs the cluster in an emergency: users, after a second factor")
    existing_oidc_providers: list[Host] = Field(
        default=[],
        description="hosts of pipelines whose identity provider the account has already, from another environment: it can have one of each",
    )

    @property
    def oidc_providers(self) -> frozenset[Host]:
        """The hosts whose identity provider the environment makes: those of its pipelines that the account does not have."""
        hosts = {pipeline.host for role in ROLES for pipeline in getattr(self, role).pipelines}
        return frozenset(hosts - set(self.existing_oidc_providers))


def _each(takers: Takers) -> list[tuple[Location, str | Pipeline]]:
    """Who may take a role, each with where it stands."""
    return [
        *((("principals", index), each) for index, each in enumerate(takers.principals)),
        *((("pipelines", index), each) for index, each in enumerate(takers.pipelines)),
    ]
