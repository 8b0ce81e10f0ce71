"""Move a service's traffic back to the release that was stable before.

Example: mlgate rollback examples/digits/service.yaml --reason "accuracy complaints since noon"
"""

from __future__ import annotations

from typing import Annotated

import typer

from mlgate_cli.options import EnvironmentName, ServiceFile, environment_named
from mlgate_cli.output import JsonFlag, print_json, progress_since, say


def command(
    service: ServiceFile,
    reason: Annotated[str, typer.Option("--reason", help="Why, in a sentence; it stands in the ledger.")],
    environment: EnvironmentName = "local",
    as_json: JsonFlag = False,
) -> None:
    from mlgate import Service
    from mlgate_delivery.rollback import rollback

    declared = Service.read(service)
    promotion = rollback(environment_named(environment), declared, reason, progress_since())
    if as_json:
        print_json({"service": declared.name, "stable": promotion.release, "attempt": promotion.attempt})
    else:
        say(f"{declared.name}: {promotion.release} is stable again in {environment}")
