"""Stop everything local: endpoints, proxies, the stack's resources, what a killed demo left. Evidence, ledger and packed releases stay.

Example: mlgate down
"""

from __future__ import annotations

from mlgate_cli.output import JsonFlag, print_json, progress_since, say


def command(as_json: JsonFlag = False) -> None:
    from mlgate import local
    from mlgate_delivery.down import down_everywhere

    stopped = down_everywhere(local(), progress_since())
    if as_json:
        print_json({"stopped": stopped})
    else:
        say(f"stopped {len(stopped)}: {', '.join(stopped)}" if stopped else "nothing was running")
