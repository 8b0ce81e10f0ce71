"""Check service.yaml, its data, and that its claims could be proven by them, without a request.

Example: mlgate validate examples/digits/service.yaml
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mlgate_cli.output import JsonFlag, print_json, say


def command(
    service: Annotated[Path, typer.Argument(metavar="SERVICE", help="The declaration, service.yaml.")],
    as_json: JsonFlag = False,
) -> None:
    from mlgate import DeclarationError, Service
    from mlgate_evidence.routes import alpha_share
    from mlgate_gates.provable import unprovable
    from mlgate_gates.samples import read_samples

    declared = Service.read(service)
    samples = read_samples(declared)
    # By the alpha of a first gate; later ones have less, and say so themselves.
    if problems := unprovable(declared, declared.quality, samples, declared.alpha * alpha_share(1)):
        raise DeclarationError(problems)
    if as_json:
        print_json(
            {
                "service": declared.name,
                "digest": declared.digest,
                "samples": [
                    {"id": sample.id, "data": sample.data, "cases": len(sample.cases), "repeats": sample.repeats} for sample in samples
                ],
            }
        )
        return
    checks = ["contract", *(check.name for check in (*declared.quality, *declared.objectives))]
    say(f"{service}: service {declared.name} is well declared; checks: {', '.join(checks)}")
    for sample in samples:
        more = f"; {sample.repeats:,} more repeat one of them and are not asked" if sample.repeats else ""
        say(f"{sample.data}: {len(sample.cases):,} cases{more}")
