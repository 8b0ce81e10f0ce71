"""What is stable where, since when, by which evidence, and what runs. Looks only; works when nothing is up and without an engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from mlgate.digests import short
from mlgate.environment import Environment
from mlgate.errors import EvidenceError
from mlgate.release import Release
from mlgate_delivery.exports import backend_of
from mlgate_delivery.resources import find, ours
from mlgate_evidence.entries import Promoted
from mlgate_evidence.history import History, Promotion
from mlgate_evidence.ledger import Ledger
from mlgate_serving.endpoint import find_endpoint
from mlgate_serving.envoy import LocalRouter
from mlgate_serving.router import Arm, Arms
from mlgate_serving.supervisor import Supervisor
from mlgate_tools.pulumi_state import FileState, StateResource


@dataclass(frozen=True, slots=True)
class ArmStatus:
    """One arm: `stable`, `candidate`, or `leaving` for what the URL still serves though neither ledger nor stack name it any more.

    `release`: its digest, `name` how people call it. `weight`: the share of the traffic it has now, from 0 to 1.
    `process`: whether it runs, and its pid. `since` and `evidence`: of its promotion; empty for a candidate.
    """

    arm: str
    release: str
    name: str
    weight: float
    process: str
    url: str | None
    since: str
    evidence: str


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """One service. `url`: its one address, None where its proxy does not run. No arms: nothing was promoted and nothing is deployed."""

    name: str
    url: str | None
    arms: Sequence[ArmStatus]


def status(environment: Environment) -> Sequence[ServiceStatus]:
    """Every service that the ledger or the stack knows, by name. Raises LedgerError where the ledger is damaged."""
    history = Ledger.of(environment).history()
    state = FileState.found(backend_of(environment), environment.name)
    resources = ours(state.checkpoint().resources) if state else []
    deployed = {str(resource.properties["service"]) for resource in resources}
    promoted = {line.entry.service for line in history.lines if isinstance(line.entry, Promoted) and line.entry.stage == environment.name}
    return [_service(environment, name, history, resources) for name in sorted(deployed | promoted)]


def _service(environment: Environment, name: str, history: History, resources: Sequence[StateResource]) -> ServiceStatus:
    routed = find(resources, "StableUrl", service=name)
    arms = LocalRouter(Supervisor(environment.processes), environment.routers).arms(name)
    shares = (arms or Arms()).shares()
    stable = history.stable(name, environment.name)
    candidate = routed.properties.get("candidate") if routed else None
    found = [_arm(environment, name, "stable", stable.release, shares, stable)] if stable else []
    if candidate and not (stable and stable.release == candidate):
        found.append(_arm(environment, name, "candidate", str(candidate), shares, None))
    leaving = {served.release for served in shares} - {arm.release for arm in found}
    found += [_arm(environment, name, "leaving", release, shares, None) for release in sorted(leaving)]
    return ServiceStatus(name=name, url=str(routed.properties["url"]) if routed and arms else None, arms=found)


def _arm(
    environment: Environment, service: str, arm: str, release: str, shares: Mapping[Arm, float], promotion: Promotion | None
) -> ArmStatus:
    endpoint = find_endpoint(Supervisor(environment.processes), service, release)
    return ArmStatus(
        arm=arm,
        release=release,
        name=_name(environment, release),
        weight=sum((share for served, share in shares.items() if served.release == release), 0.0),
        process=f"running (pid {endpoint.pid})" if endpoint else "not running",
        url=endpoint.url if endpoint else None,
        since=f"{datetime.fromtimestamp(promotion.at_ns // 10**9).astimezone():%Y-%m-%d %H:%M:%S %Z}" if promotion else "",
        evidence=_evidence(environment, promotion) if promotion else "",
    )


def _name(environment: Environment, release: str) -> str:
    try:
        stored = Release.read(environment.release_folder(release))
    except EvidenceError:  # it was never here, or is damaged: its digest names it all the same
        return short(release)
    return f"{stored.version} ({short(release)})"


def _evidence(environment: Environment, promotion: Promotion) -> str:
    back = f" (rolled back to: {promotion.reason})" if promotion.reason is not None else ""
    return f"{promotion.attempt}{back}"
