"""Say what is stable where, since when, by which evidence, and what runs.

Example: mlgate status
"""

from __future__ import annotations

from mlgate_cli.output import JsonFlag, print_json, print_table, say


def command(as_json: JsonFlag = False) -> None:
    from dataclasses import asdict

    from mlgate import local
    from mlgate_delivery.status import status

    services = status(local())
    if as_json:
        print_json({"environment": "local", "services": [asdict(service) for service in services]})
        return
    if not services:
        say("nothing is deployed in local (a demo keeps an environment of its own: MLGATE_HOME=.mlgate/demo mlgate status)")
        return
    for service in services:
        print_table(
            f"{service.name} at {service.url or '(no address)'}",
            ["arm", "release", "traffic", "process", "since", "evidence"],
            [(arm.arm, arm.name, f"{arm.weight:.0%}", arm.process, arm.since, arm.evidence) for arm in service.arms],
            right=["traffic"],
        )
