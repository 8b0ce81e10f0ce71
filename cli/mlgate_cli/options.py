"""Arguments that several verbs share, spelt once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from mlgate import Environment
    from mlgate_gates.verify import Verified

ServiceFile = Annotated[Path, typer.Argument(metavar="SERVICE", help="The declaration, service.yaml.")]
EnvironmentName = Annotated[str, typer.Option("--environment", "-e", help="The environment; this version knows local.")]
ReleaseName = Annotated[
    str, typer.Option("--release", "-r", metavar="RELEASE", help="A packed folder, or the digest of a release in the model store.")
]
EvidenceFolder = Annotated[Path, typer.Argument(metavar="EVIDENCE", help="The folder of one attempt, or its evidence.json.")]
TrustFile = Annotated[Path | None, typer.Option("--trust", help="The trust policy; default: that of the local environment.")]


def verified_evidence(evidence: Path, trust: Path | None) -> tuple[Path, Verified]:
    """The folder that was named, and what its evidence proves. Raises EvidenceError where it does not hold."""
    from mlgate import local
    from mlgate_evidence.trust import Trust
    from mlgate_gates.verify import verify_folder

    folder = evidence.parent if evidence.name == "evidence.json" else evidence
    return folder, verify_folder(folder, Trust.read(trust or local().trust))


def environment_named(name: str) -> Environment:
    """The environment of that name. Raises UsageError for one that this version does not know."""
    from mlgate import UsageError, local

    if name != "local":
        raise UsageError(
            f"environment {name!r} is not known",
            where="--environment",
            remedy="use local; an endpoint anywhere: mlgate gate --candidate URL",
        )
    return local()
