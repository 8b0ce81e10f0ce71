"""Arguments that several verbs share, spelt once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from mlgate import Environment

ServiceFile = Annotated[Path, typer.Argument(metavar="SERVICE", help="The declaration, service.yaml.")]
EnvironmentName = Annotated[str, typer.Option("--environment", "-e", help="The environment; this version knows local.")]
ReleaseName = Annotated[
    str, typer.Option("--release", "-r", metavar="RELEASE", help="A packed folder, or the digest of a release in the model store.")
]


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
