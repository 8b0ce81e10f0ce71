"""Set up an environment and print the shell exports it needs.

Example: eval "$(mlgate env local)" && pulumi up -s local
"""

from __future__ import annotations

from typing import Annotated

import typer

from mlgate_cli.options import environment_named
from mlgate_cli.output import JsonFlag, print_json, progress_since, say


def command(
    name: Annotated[str, typer.Argument(metavar="ENVIRONMENT", help="The environment; this version knows local.")],
    recover: Annotated[
        bool, typer.Option("--recover", help="Also clear what a killed update left: its lock, half-made resources, processes nobody wants.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    import shlex

    from mlgate_delivery.exports import prepare

    progress = progress_since()
    environment = environment_named(name)
    exports = {**prepare(environment, progress), "PULUMI_STACK": environment.name}
    if recover:
        from mlgate_delivery.recover import recover as clear

        clear(environment, progress)
    if as_json:
        print_json({"environment": name, "exports": exports})
    else:
        say("unset PULUMI_CONFIG_PASSPHRASE")  # it would win over the file that holds the stack's
        for variable, value in exports.items():
            say(f"export {variable}={shlex.quote(value)}")
