"""Which releases a service's configuration names, and whether they may have the traffic it gives them. No Pulumi in here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mlgate.digests import DIGEST
from mlgate.environment import Environment
from mlgate.errors import EvidenceError, LedgerError, UsageError
from mlgate.release import Release
from mlgate.service import Service
from mlgate_components.local.config import KEY, ServiceConfig
from mlgate_evidence.history import Promotion
from mlgate_evidence.ledger import Ledger
from mlgate_evidence.traffic import require_traffic
from mlgate_serving.runtime import configuration_digest


@dataclass(frozen=True, slots=True)
class ServedRelease:
    """One arm: the release, where it comes from (None: it is in the store already), and the declaration it is served by."""

    release: Release
    source: Path | None
    declaration: Path
    declared: Service

    @property
    def configuration(self) -> str:
        """The endpoint configuration digest: what evidence names beside the release."""
        return configuration_digest(self.declared.name, self.declared.serving)


@dataclass(frozen=True, slots=True)
class Arms:
    """The two arms of a service; either may be missing. `weight`: percent of the traffic that goes to the candidate."""

    stable: ServedRelease | None
    candidate: ServedRelease | None
    weight: float


def read_arms(environment: Environment, project: Path, name: str, config: ServiceConfig) -> Arms:
    """The arms that `config` names; relative paths in it start at `project`. Stable is served by the declaration it was promoted with.

    Raises UsageError for a combination that means nothing, DeclarationError and EvidenceError for files that are wrong, and for a stable
    that is not what was promoted last, LedgerError with the command that restores it.
    """
    if config.weight > 0 and config.candidate is None:
        raise UsageError(
            f"weight is {config.weight:g}, but there is no candidate to have it",
            where=f"{KEY}.{name}",
            remedy=f"pulumi config set --path '{KEY}.{name}.weight' 0",
        )
    candidate = _candidate(environment, project, name, config, config.candidate) if config.candidate else None
    if candidate and candidate.release.digest == config.stable:
        raise UsageError(
            f"candidate and stable are both {config.stable}",
            where=f"{KEY}.{name}",
            remedy=f"pulumi config rm --path '{KEY}.{name}.candidate'",
        )
    promoted = _promoted(environment, name, config, candidate)
    stable = _stored(environment, promoted) if promoted else None
    return Arms(stable=stable, candidate=candidate, weight=config.weight)


def require_allowed(environment: Environment, name: str, arms: Arms) -> None:
    """Refuses traffic that no evidence allows, or that the last promotion did not give: that left all of it to stable.

    Raises RefusedError where evidence does not allow an arm, LedgerError with the command that restores what was promoted last.
    """
    for arm in (arms.stable, arms.candidate if arms.weight > 0 else None):
        if arm:
            require_traffic(environment, service=name, release=arm.release.digest, configuration=arm.configuration)
    if arms.weight > 0:
        raise LedgerError(
            f"weight is {arms.weight:g}, but what was promoted last has all of the traffic",
            where=f"{KEY}.{name}.weight",
            remedy=f"{_no_weight(name)}; or give the candidate all of it: mlgate promote",
        )


def _promoted(environment: Environment, name: str, config: ServiceConfig, candidate: ServedRelease | None) -> Promotion | None:
    promoted = Ledger.of(environment).stable(name, environment.name)
    if promoted and promoted.release != config.stable:
        raise LedgerError(
            f"stable is {config.stable or 'not set'}, but what was promoted last is {promoted.release}",
            where=f"{KEY}.{name}.stable",
            remedy=_restoring(name, promoted.release, config, candidate),
        )
    if config.stable and not promoted:
        raise LedgerError(
            f"stable is {config.stable}, but no release was ever promoted",
            where=f"{KEY}.{name}.stable",
            remedy=f"pulumi config rm --path '{KEY}.{name}.stable'; a release becomes stable by mlgate promote",
        )
    return promoted


def _restoring(name: str, release: str, config: ServiceConfig, candidate: ServedRelease | None) -> str:
    commands = [f"pulumi config set --path '{KEY}.{name}.stable' {release}"]
    if config.weight > 0:
        commands.append(_no_weight(name))
    if candidate and candidate.release.digest == release:
        commands.append(f"pulumi config rm --path '{KEY}.{name}.candidate'")
    return " && ".join(commands)


def _no_weight(name: str) -> str:
    return f"pulumi config set --path '{KEY}.{name}.weight' 0"


def _candidate(environment: Environment, project: Path, name: str, config: ServiceConfig, candidate: str) -> ServedRelease:
    if config.declaration is None:
        raise UsageError(
            f"there is a candidate, {candidate}, but no declaration to serve it by",
            where=f"{KEY}.{name}",
            remedy=f"pulumi config set --path '{KEY}.{name}.declaration' FILE",
        )
    declaration = project / config.declaration
    declared = Service.read(declaration)
    source = None if DIGEST.fullmatch(candidate) else project / candidate
    release = Release.read(source) if source else _in_store(environment, candidate)
    for other, says in ((declared.name, f"{declaration} declares"), (release.service, f"{source or candidate} is a release of")):
        if other != name:
            raise UsageError(
                f"{says} service {other}", where=f"{KEY}.{name}", remedy=f"put it under {KEY}.{other}, or name a file of {name}"
            )
    return ServedRelease(release=release, source=source, declaration=declaration, declared=declared)


def _stored(environment: Environment, promoted: Promotion) -> ServedRelease:
    release = _in_store(environment, promoted.release)
    declaration = environment.declaration_file(promoted.release, promoted.configuration)
    return ServedRelease(release=release, source=None, declaration=declaration, declared=Service.read(declaration))


def _in_store(environment: Environment, digest: str) -> Release:
    folder = environment.release_folder(digest)
    try:
        release = Release.read(folder)
    except EvidenceError as error:
        problem = error.problem
    else:
        if release.digest == digest:
            return release
        problem = f"{release.digest} is"
    raise EvidenceError(
        f"{problem} where release {digest} should be, in the model store",
        where=str(folder),
        remedy="copy the archive and release.json that it was packed into to this folder",
    )
