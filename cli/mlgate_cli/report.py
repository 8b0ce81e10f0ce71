"""Write the HTML report of an attempt anew from its evidence.

Example: mlgate report .mlgate/local/evidence/20261124T213059-0a1b2c3d4e5f-r1
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mlgate_cli.output import JsonFlag, print_json, say


def command(
    evidence: Annotated[Path, typer.Argument(metavar="EVIDENCE", help="The folder of one attempt.")],
    as_json: JsonFlag = False,
) -> None:
    from mlgate_gates.report import build_report

    path = build_report(evidence)
    if as_json:
        print_json({"report": str(path)})
    else:
        say(str(path))
