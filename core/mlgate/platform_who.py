"""Who may take which role in an environment, by whole name."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from mlgate.documents import Declared, Location, contradictions, once
from mlgate.roles import GITLAB_TIERS, OPENING, ROLES

__all__ = ["Host", "Pipeline", "Principal", "Takers", "Who"]

Host = Literal["github", "gitlab"]
_PRINCIPAL = re.compile(r"arn:aws:iam::\d{12}:(role|user)/[\w+=,.@/-]+", re.ASCII)


def _principal(arn: str) -> str:
    if not _PRINCIPAL.fullmatch(arn):
        raise ValueError(f"{arn!r} is no role or user by whole name: write one such as arn:aws:iam::111122223333:role/ml-engineers")
    return arn


# IAM user guide, "IAM identifiers": a role or user, by whole name. A pattern or a whole account would let in who is not named here.
Principal = Annotated[str, AfterValidator(_principal)]


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

    @model_validator(mode="after")
    def _of_its_host(self) -> Self:
        if self.host == "gitlab" and self.environment not in GITLAB_TIERS:
            raise contradictions({("environment",): (f"is {self.environment!r}", f"a tier of GitLab: {', '.join(GITLAB_TIERS)}")})
        return self


class Takers(Declared):
    """Who may take a role; nobody where both lists are empty."""

    principals: Annotated[list[Principal], AfterValidator(once)] = Field(default=[], description="roles and users by whole ARN")
    pipelines: list[Pipeline] = Field(default=[], description="jobs of pipelines")
    session_s: int = Field(default=3600, ge=3600, le=43_200, description="how long a session lasts at most (IAM: 3600 to 43,200)")


class Who(Declared):
    """Who may take which role."""

    ci: Takers = Field(default=Takers(), description="builds images and models and stores them")
    deployer: Takers = Field(default=Takers(), description="puts services into the cluster")
    gate: Takers = Field(default=Takers(), description="judges releases and signs the evidence")
    promoter: Takers = Field(default=Takers(), description="moves traffic to releases that have evidence")
    auditor: Takers = Field(default=Takers(), description="reads everything and changes nothing")
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

    @model_validator(mode="after")
    def _apart(self) -> Self:
        found: dict[Location, tuple[str, str]] = {}
        # IAM user guide, "MFA-protected API access": what a role or a pipeline was given does not tell of a second factor.
        for where, taker in _each(self.break_glass):
            if not (isinstance(taker, str) and ":user/" in taker):
                found["break_glass", *where] = "has no second factor of its own", "a user, who has one"
        signing = [taker for _, taker in _each(self.gate)]
        for duty in OPENING:
            for where, taker in _each(getattr(self, duty)):
                if taker in signing:
                    found[duty, *where] = "takes the gate's role too", "somebody else: who signs evidence must not act on it"
        if found:
            raise contradictions(found)
        return self


def _each(takers: Takers) -> list[tuple[Location, str | Pipeline]]:
    """Who may take a role, each with where it stands."""
    return [
        *((("principals", index), each) for index, each in enumerate(takers.principals)),
        *((("pipelines", index), each) for index, each in enumerate(takers.pipelines)),
    ]
