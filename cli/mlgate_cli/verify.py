"""Check signed evidence offline: signature, digests, and the verdict computed again from the raw rows.

Leaves with the exit code of the verdict (0 PASS, 10 FAIL, 11 INCONCLUSIVE, 12 VOID), or 1 where the evidence does not hold.

Example: mlgate verify .mlgate/local/evidence/20261124T213059-0a1b2c3d4e5f-r1 --trust .mlgate/local/trust.yaml
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mlgate_cli.output import JsonFlag, print_json, say


def command(
    evidence: Annotated[Path, typer.Argument(metavar="EVIDENCE", help="The folder of one attempt, or its evidence.json.")],
    trust: Annotated[Path | None, typer.Option("--trust", help="The trust policy; default: that of the local environment.")] = None,
    as_json: JsonFlag = False,
) -> None:
    from mlgate import local
    from mlgate_evidence.trust import Trust
    from mlgate_gates.verify import verify_folder

    folder = evidence.parent if evidence.name == "evidence.json" else evidence
    verified = verify_folder(folder, Trust.read(trust or local().trust))
    result = verified.result
    if as_json:
        print_json(
            {
                "verdict": result.verdict,
                "reason": result.reason,
                "rows": verified.rows,
                "keyid": verified.keyid,
                "plan_digest": verified.plan_digest,
                "checks": {finding.name: finding.verdict or "not run" for finding in result.findings},
            }
        )
    else:
        say(f"{result.verdict}: {result.reason}")
        say(f"recomputed from {verified.rows:,} rows; signed by key {verified.keyid[:16]}; plan {verified.plan_digest}")
    raise typer.Exit(result.verdict.exit_code)
