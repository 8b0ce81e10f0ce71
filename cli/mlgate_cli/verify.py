"""Check signed evidence offline: signature, digests, and the verdict computed again from the raw rows.

Leaves with the exit code of the verdict (0 PASS, 10 FAIL, 11 INCONCLUSIVE, 12 VOID), or 1 where the evidence does not hold or, with
--release, is about something else.

Example: mlgate verify .mlgate/local/evidence/20261124T213059-0a1b2c3d4e5f-r1 --trust .mlgate/local/trust.yaml
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from mlgate_cli.options import EvidenceFolder, TrustFile, verified_evidence
from mlgate_cli.output import JsonFlag, print_json, say

if TYPE_CHECKING:
    from mlgate_gates.verify import Verified

_ALONE = {True: "nothing, as the first release", False: "nothing"}


def command(
    evidence: EvidenceFolder,
    trust: TrustFile = None,
    release: Annotated[
        str | None, typer.Option("--release", "-r", metavar="DIGEST", help="The release that the evidence has to be about.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    from mlgate import EvidenceError

    folder, verified = verified_evidence(evidence, trust)
    plan, result = verified.plan, verified.result
    if release is not None and release != plan.subject.release:
        raise EvidenceError(
            f"this is evidence about {plan.subject.release or plan.subject.url}, not about {release}",
            where=str(folder),
            remedy="name the folder of an attempt at that release, and the release by its whole digest",
        )
    if as_json:
        print_json(
            {
                "verdict": result.verdict,
                "reason": result.reason,
                "service": plan.service,
                "stage": plan.stage,
                "release": plan.subject.release,
                "configuration": plan.subject.configuration,
                "url": plan.subject.url,
                "attempt": plan.attempt,
                "route": plan.route,
                "first_release": plan.first_release,
                "signed_ns": verified.signed_ns,
                "keyid": verified.keyid,
                "plan_digest": verified.plan_digest,
                "rows": verified.rows,
                "checks": {finding.name: finding.verdict or "not run" for finding in result.findings},
            }
        )
    else:
        say(f"{result.verdict}: {result.reason}")
        for name, value in _about(verified).items():
            say(f"  {name:<14} {value}")
        if (called := folder.resolve().name) != plan.attempt:
            say(f"the folder is called {called}: see that this is the attempt you mean")
    raise typer.Exit(result.verdict.exit_code)


def _about(verified: Verified) -> dict[str, str]:
    """What was judged and by whom, since evidence can be copied to where it does not belong."""
    plan = verified.plan
    return {
        "service": f"{plan.service} in {plan.stage}",
        **({"release": plan.subject.release} if plan.subject.release else {}),
        **({"configuration": plan.subject.configuration} if plan.subject.configuration else {}),
        "address": plan.subject.url,
        "compared with": (plan.stable.release or plan.stable.url) if plan.stable else _ALONE[plan.first_release],
        "attempt": f"{plan.attempt}, route {plan.route}",
        "signed": f"{datetime.fromtimestamp(verified.signed_ns // 10**9, UTC):%Y-%m-%d %H:%M:%S} UTC by key {verified.keyid}",
        "plan": verified.plan_digest,
        "computed from": f"{verified.rows:,} rows",
    }
