"""Stop everything local: endpoints, proxies, the stack's resources, what a killed demo or `mlgate serve` left.

Evidence, ledger, keys and promoted releases stay.

Example: mlgate down
"""

from __future__ import annotations

from mlgate_cli.output import JsonFlag, print_json, progress_since, say


def command(as_json: JsonFlag = False) -> None:
    from mlgate import local
    from mlgate_cli.serve import end_killed
    from mlgate_delivery.down import down_everywhere

    progress = progress_since()
    try:
        deployed = down_everywhere(local(), progress)
    finally:  # whatever cannot be stopped keeps nothing else up
        served = end_killed(progress)
    stopped = [*deployed, *served]
    if as_json:
        print_json({"stopped": stopped})
    else:
        say(f"stopped {len(stopped)}: {', '.join(stopped)}" if stopped else "nothing was running")
