"""What holds between environments: production is at least as protected as staging, staging as dev, and production stands alone."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from mlgate.addresses import network_of
from mlgate.documents import Location, dotted
from mlgate.errors import DeclarationError, Problem
from mlgate.platform import LEVELS, Platform
from mlgate.platform_files import Declared, Source, read_others, read_platforms
from mlgate.platform_who import Pipeline, Takers
from mlgate.roles import ROLES

__all__ = ["AT_LEAST", "Ordered", "broken_rules", "read_ruled", "require_apart"]


@dataclass(frozen=True, slots=True)
class Ordered:
    """A value of which a higher level has at least as much. `rank`: how much a value is."""

    at: tuple[str, ...]
    why: str
    rank: Callable[[Any], float] = float


def _position(*order: str) -> Callable[[Any], float]:
    return order.index


AT_LEAST = (
    Ordered(("network", "zones"), "a lost zone takes no more of it down", len),
    Ordered(("network", "nat"), "a lost zone cuts no other off", _position("none", "single", "per-zone")),
    Ordered(("cluster", "system_nodes_min"), "its own services stand on as many nodes"),
    Ordered(("cluster", "deletion_protection"), "nobody deletes it by mistake"),
    Ordered(("retention", "evidence_days"), "evidence is kept as long"),
    Ordered(("retention", "evidence_lock"), "evidence is as hard to delete", _position("governance", "compliance")),
    Ordered(("retention", "models_days"), "a model can be brought back as long"),
    Ordered(("retention", "logs_days"), "logs are kept as long"),
    Ordered(("retention", "audit_days"), "the record of who did what is kept as long"),
    Ordered(("retention", "images"), "as many images are kept"),
    Ordered(("retention", "keys_days"), "a deleted key can be brought back as long"),
)


def read_ruled(stacks: Path) -> dict[str, Declared]:
    """All environments of a project by name, as `read_platforms`, and DeclarationError with every rule between them that does not hold."""
    environments = read_platforms(stacks)
    if problems := broken_rules(environments):
        raise DeclarationError(problems)
    return environments


def broken_rules(environments: Mapping[str, Declared]) -> list[Problem]:
    """Every rule that does not hold, by file and line. Empty where all of them do."""
    found: list[Problem] = []
    for name, declared in environments.items():
        for other, below in environments.items():
            if other in _next_below(name, environments):
                found += _at_least(declared, other, below[0])
                found += _never_wider(declared, other, below[0], _lower_accounts(declared[0], environments))
            if LEVELS.index(below[0].level) < LEVELS.index(declared[0].level):
                found += _of_no_account_below(declared, other, below[0])
    for (name, one), (other, two) in combinations(environments.items(), 2):
        found += _apart(name, one, other, two)
    return found


def require_apart(name: str, declared: Declared, stacks: Path) -> list[Path]:
    """Asks before an environment is brought up what it shares with another one of the project and must not, by what their files say.

    Raises DeclarationError with all of it, by file and line or path of this environment's value. Returns the files that were not compared,
    since they are not well declared: that stops their own environment and no other. Its own file is not read: its values may come from
    elsewhere. The rules between levels (how much is protected, who is let in) are not asked here, only by `broken_rules`: to take prod's
    deletion protection off before a destroy is a step like any other.
    """
    others, not_compared = read_others(stacks, name)
    if problems := [problem for other, its in others.items() for problem in _apart(other, its, name, declared)]:
        raise DeclarationError(problems)
    return not_compared


def _next_below(name: str, environments: Mapping[str, Declared]) -> list[str]:
    """The environments of the nearest lower level that there is: what holds against them holds against those below them."""
    level = LEVELS.index(environments[name][0].level)
    lower = {other: LEVELS.index(platform.level) for other, (platform, _) in environments.items() if LEVELS.index(platform.level) < level}
    return [other for other, its in lower.items() if its == max(lower.values())]


def _lower_accounts(platform: Platform, environments: Mapping[str, Declared]) -> set[str]:
    """The accounts of environments of a lower level that are not its own too."""
    level = LEVELS.index(platform.level)
    return {other.account for other, _ in environments.values() if LEVELS.index(other.level) < level} - {platform.account}


def _at_least(declared: Declared, other: str, below: Platform) -> Iterator[Problem]:
    platform, source = declared
    for rule in AT_LEAST:
        mine, theirs = _value(platform, rule.at), _value(below, rule.at)
        if rule.rank(mine) < rule.rank(theirs):
            found = f"{'.'.join(rule.at)} is {_said(mine)}, less than {other}'s {_said(theirs)}"
            yield Problem(source.place(*rule.at), found, f"as much or more: {rule.why}")
    missing = set(below.budget.alert_percents) - set(platform.budget.alert_percents)
    if missing:
        said = ", ".join(f"{percent} %" for percent in sorted(missing))
        yield Problem(
            source.place("budget", "alert_percents"), f"budget.alert_percents lacks {said}, which {other} has", "tell somebody as early"
        )


def _never_wider(declared: Declared, other: str, below: Platform, lower_accounts: Container[str]) -> Iterator[Problem]:
    """Who is of a lower account is told by `_of_no_account_below`, whatever he is there."""
    platform, source = declared
    for index, block in enumerate(platform.cluster.public_from):
        if not any(network_of(block).subnet_of(network_of(theirs)) for theirs in below.cluster.public_from):
            yield Problem(
                source.place("cluster", "public_from", index),
                f"cluster.public_from lets {block} in, which {other} does not",
                "reach it from inside of the VPC, or let these in there too",
            )
    known = {(among, name) for among, _, names in _let_in(below) for name in names}
    for among, at, names in _let_in(platform):
        if known.isdisjoint((among, name) for name in names) and _account(names[0]) not in lower_accounts:
            yield Problem(
                source.place(*at),
                f"{among} names {names[-1]}, who is {_what(among)} in {other}",
                f"nobody may do here what they may not do in {other}",
            )
    for role in ROLES:
        mine, theirs = getattr(platform.who, role), getattr(below.who, role)
        if (mine.principals or mine.pipelines) and mine.session_s > theirs.session_s:
            yield Problem(
                source.place("who", role, "session_s"),
                f"who.{role}.session_s is {mine.session_s}, longer than {other}'s {theirs.session_s}",
                f"as long or shorter: nobody is let in for longer than in {other}",
            )


def _of_no_account_below(declared: Declared, other: str, below: Platform) -> Iterator[Problem]:
    """Who administers an account makes himself any role or user of it."""
    platform, source = declared
    for _, at, (whom, *_) in _let_in(platform):
        if below.account != platform.account and _account(whom) == below.account:
            yield Problem(
                source.place(*at),
                f"{dotted(at)} is {whom}, of the account that {other} is in",
                f"one of account {platform.account}, or of one that no lower environment is in: {other}'s admins can be anybody there",
            )


def _apart(name: str, one: Declared, other: str, two: Declared) -> Iterator[Problem]:
    """What two environments never share, whatever their levels."""
    (platform, source), (second, place) = one, two
    if platform.account == second.account and "prod" in (platform.level, second.level):
        yield Problem(
            place.place("account"),
            f"account is {second.account}, which is {name}'s too",
            "production has an account of its own: state, keys and quotas are of an account",
        )
    elif platform.account == second.account:
        for host in sorted(platform.who.oidc_providers & second.who.oidc_providers):
            yield Problem(
                _first_of(host, second, place),
                f"who has pipelines of {host}, whose identity provider {name} makes in account {second.account} too",
                f"who.existing_oidc_providers: [{host}] in the one that comes up second: AWS has one of each in an account",
            )
    if network_of(platform.network.cidr).overlaps(network_of(second.network.cidr)):
        yield Problem(
            place.place("network", "cidr"),
            f"network.cidr is {second.network.cidr}, which overlaps {name}'s {platform.network.cidr} ({source.place('network', 'cidr')})",
            "blocks apart, or the two can never be connected",
        )
    if platform.level != second.level:
        taken = {pipeline: role for role in ROLES for pipeline in getattr(platform.who, role).pipelines}
        for role in ROLES:
            for index, pipeline in enumerate(getattr(second.who, role).pipelines):
                if pipeline in taken:
                    yield Problem(
                        place.place("who", role, "pipelines", index),
                        f"who.{role} names {_where_from(pipeline)} in {pipeline.environment}, as {name}'s who.{taken[pipeline]} does",
                        f"a deployment environment of its own: a job that {name} lets in must be nobody in {other}",
                    )


def _first_of(host: str, platform: Platform, source: Source) -> str:
    """Where its first pipeline of that host stands."""
    return next(
        source.place("who", role, "pipelines", index)
        for role in ROLES
        for index, pipeline in enumerate(getattr(platform.who, role).pipelines)
        if pipeline.host == host
    )


def _let_in(platform: Platform) -> Iterator[tuple[str, Location, tuple[str, ...]]]:
    """Everybody: among whom, where that stands, and by which names another environment may have the same."""
    for name, principal in platform.cluster.admins.items():
        yield "cluster.admins", ("cluster", "admins", name), _names(principal, platform)
    for role in ROLES:
        takers: Takers = getattr(platform.who, role)
        for index, principal in enumerate(takers.principals):
            yield f"who.{role}", ("who", role, "principals", index), _names(principal, platform)
        for index, pipeline in enumerate(takers.pipelines):
            yield f"who.{role}", ("who", role, "pipelines", index), (_where_from(pipeline),)


def _names(principal: str, platform: Platform) -> tuple[str, ...]:
    """The whole name, and without the account where that is the environment's own, which is another one in each."""
    return (principal, principal.rsplit(":", 1)[1]) if _account(principal) == platform.account else (principal,)


def _account(principal: str) -> str | None:
    """None for a pipeline."""
    parts = principal.split(":")
    return parts[4] if len(parts) > 4 else None


def _what(among: str) -> str:
    return "no admin" if among == "cluster.admins" else f"not {among.removeprefix('who.')}"


def _where_from(pipeline: Pipeline) -> str:
    """The pipeline without the deployment environment, which is another one in each environment."""
    return f"{pipeline.host}'s {pipeline.repository}"


def _value(platform: Platform, at: Sequence[str]) -> Any:
    value: Any = platform
    for part in at:
        value = getattr(value, part)
    return value


def _said(value: Any) -> str:
    return f"{len(value)} ({', '.join(value)})" if isinstance(value, list) else str(value)
