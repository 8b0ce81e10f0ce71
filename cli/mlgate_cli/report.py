"""Write the HTML report of an attempt anew from its evidence, once that is verified: a page shows nothing that does not hold.

Example: mlgate report .mlgate/local/evidence/20261124T213059-0a1b2c3d4e5f-r1
"""

from __future__ import annotations

from mlgate_cli.options import EvidenceFolder, TrustFile, verified_evidence
from mlgate_cli.output import JsonFlag, print_json, say


def command(evidence: EvidenceFolder, trust: TrustFile = None, as_json: JsonFlag = False) -> None:
    from mlgate_gates.report import build_report

    folder, _ = verified_evidence(evidence, trust)
    path = build_report(folder)
    if as_json:
        print_json({"report": str(path)})
    else:
        say(str(path))
