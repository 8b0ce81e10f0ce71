"""Pack a model directory into a release: an archive and release.json, the same bytes for the same inputs.

Example: mlgate pack build/digits-1 --service examples/digits/service.yaml --version 1 --output dist/digits-1
"""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import Annotated

import typer

from mlgate_cli.output import JsonFlag, print_json, progress_since, say


def command(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The model directory: model.py and weights, or model.pt2.")],
    version: Annotated[str, typer.Option("--version", "-v", help="What people call this release, such as 1 or 2026-11-24.")],
    service: Annotated[Path, typer.Option("--service", "-s", help="The declaration, service.yaml.")] = Path("service.yaml"),
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Where the release goes; default dist/SERVICE-VERSION.")] = None,
    as_json: JsonFlag = False,
) -> None:
    from mlgate import Service
    from mlgate_serving.pack import pack

    declared = Service.read(service)
    target = output or Path("dist") / f"{declared.name}-{version}"
    release = pack(folder, service=declared, version=version, output=target, progress=progress_since())
    if as_json:
        print_json({"release": release.digest, "version": release.version, "folder": str(target), "archive": str(target / release.archive)})
    else:
        say(f"packed {release.label} into {target}")
        for line in _next(declared.name, service, target):
            say(line)


def _next(name: str, service: Path, target: Path) -> list[str]:
    """What brings the release up beside stable and judges it; outside of a project, what serves it alone."""
    from mlgate import StackError
    from mlgate_delivery.project import Project

    try:
        project = Project.find()
    except StackError:
        return [f"next: mlgate serve {quote(str(target))} --service {quote(str(service))}"]
    key = f"mlgate:services.{name}"
    return [
        "next:",
        '  eval "$(mlgate env local)"',
        f"  pulumi config set --path '{key}.declaration' {quote(project.spelt(service))}",
        f"  pulumi config set --path '{key}.candidate' {quote(project.spelt(target))}",
        "  pulumi up -s local",
        f"  mlgate gate {quote(str(service))} --release {quote(str(target))}",
    ]
