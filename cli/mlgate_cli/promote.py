"""Move a service's traffic to a release. Refuses without fresh signed evidence of a PASS for exactly this release, configuration and stage.

A refusal leaves with the exit code of the verdict that refuses.

Example: mlgate promote examples/digits/service.yaml --release dist/digits-2
"""

from __future__ import annotations

from mlgate_cli.options import EnvironmentName, ReleaseName, ServiceFile, environment_named
from mlgate_cli.output import JsonFlag, print_json, progress_since, say


def command(service: ServiceFile, release: ReleaseName, environment: EnvironmentName = "local", as_json: JsonFlag = False) -> None:
    from mlgate import Service
    from mlgate_delivery.promote import promote

    declared = Service.read(service)
    promotion = promote(environment_named(environment), declared, service, release, progress_since())
    if as_json:
        print_json(
            {"service": declared.name, "stable": promotion.release, "attempt": promotion.attempt, "evidence": promotion.evidence_digest}
        )
    else:
        say(f"{declared.name}: {promotion.release} is stable in {environment}, by the evidence of {promotion.attempt}")
