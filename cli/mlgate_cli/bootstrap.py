"""Make what must be there before the first update of an environment on AWS: the bucket of Pulumi's state, and the key of its secrets.

Example: mlgate bootstrap dev
"""

from __future__ import annotations

from typing import Annotated

import typer

from mlgate_cli.output import JsonFlag, print_json, progress_since, say


def command(
    name: Annotated[str, typer.Argument(metavar="ENVIRONMENT", help="The environment, as in stacks/Pulumi.ENVIRONMENT.yaml.")],
    as_json: JsonFlag = False,
) -> None:
    from mlgate.platform_files import read_platform, stack_file
    from mlgate.platform_rules import read_ruled
    from mlgate_delivery.bootstrap import bootstrap
    from mlgate_delivery.project import Project
    from mlgate_delivery.remote_state import RemoteState

    stacks = Project.find().stack_files
    state = RemoteState(name, *read_platform(stack_file(stacks, name)))
    read_ruled(stacks)
    bootstrap(state, progress_since())
    if as_json:
        print_json({"bucket": state.bucket, "key": state.alias, "backend": state.backend, "secrets_provider": state.secrets_provider})
        return
    say(f'the state of {name} is {state.backend}, its secrets are under {state.alias}; go on with: eval "$(mlgate env {name})"')
