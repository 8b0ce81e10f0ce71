"""Say what stays after an environment is destroyed, and until when, before anything is.

Example: mlgate remains prod
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from mlgate_cli.output import JsonFlag, print_json, print_table, say


def command(
    name: Annotated[str, typer.Argument(metavar="ENVIRONMENT", help="The stack, such as prod.")],
    project: Annotated[Path, typer.Option("--project", metavar="FOLDER", help="The folder of Pulumi.yaml.")] = Path(),
    deployed: Annotated[
        Path | None, typer.Option("--deployed", metavar="FILE", help="What `pulumi stack export` wrote; the program unless given.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    from mlgate.remains import remaining, waiting
    from mlgate_cli.recorded import deployed_program, recorded_program

    program = deployed_program(deployed, name) if deployed else recorded_program(project, name)
    found, waits = remaining(program.kept, datetime.now(UTC).date()), waiting(program.kept)
    if as_json:
        print_json({"environment": name, "remains": [asdict(each) for each in found], "waits": [asdict(each) for each in waits]})
        return
    holding = [each for each in found if each.holds]
    rows = [(f"{_short(each.type)} {each.name}", each.holds, each.until) for each in holding]
    print_table(f"{name}: what `pulumi destroy --exclude-protected` leaves", ("resource", "holds", "until"), rows)
    if waits:
        print_table(
            "deleted by it, and waiting",
            ("resource", "holds", "until"),
            [(f"{_short(each.type)} {each.name}", each.holds, each.until) for each in waits],
        )
    beside = Counter(_short(each.type) for each in found if not each.holds)
    if beside:
        named = ", ".join(f"{count} {kind}" for kind, count in sorted(beside.items()))
        say(f"beside them what is set on them, and what they name: {named}")
    if program.unpinned:
        say(f"not pinned yet, on which none of it depends: {', '.join(each.path for each in program.unpinned)}")


def _short(token: str) -> str:
    return token.rsplit(":", 1)[1]
