"""Print the shell exports that an environment needs; local is set up first, those on AWS by `mlgate bootstrap`.

Example: eval "$(mlgate env local)" && pulumi up -s local
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from textwrap import indent
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from mlgate_cli.output import JsonFlag, print_json, progress_since, say


@contextmanager
def _refusing(as_json: bool) -> Iterator[None]:
    """Says `false` where it fails: to `eval` nothing is a success, and what stands behind && would run in whatever environment is set."""
    try:
        yield
    except typer.Exit:  # after the help
        raise
    except BaseException:
        if not as_json:
            say("false")
        raise


class Evaluated(TyperCommand):
    """A command whose output a shell carries out, also where it is called wrongly, which is seen before the verb runs."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """As every command; raises typer's usage errors."""
        with _refusing("--json" in args):
            return super().parse_args(ctx, args)

    def get_help(self, ctx: Any) -> str:
        """The help; where no terminal shows it in comments, since its examples are commands."""
        said = super().get_help(ctx)
        return said if sys.stdout.isatty() else f"{indent(said, '# ', lambda _line: True)}\nfalse"


def command(
    name: Annotated[str, typer.Argument(metavar="ENVIRONMENT", help="local, or one of stacks/Pulumi.ENVIRONMENT.yaml.")],
    recover: Annotated[
        bool, typer.Option("--recover", help="Also clear what a killed update left: its lock, half-made resources, processes nobody wants.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    import shlex

    with _refusing(as_json):
        exports, line = _local(recover) if name == "local" else _on_aws(name, recover)
    if as_json:
        print_json({"environment": name, "exports": exports})
        return
    say(line)
    for variable, value in exports.items():
        say(f"export {variable}={shlex.quote(value)}")


def _local(recover: bool) -> tuple[dict[str, str], str]:
    """The exports, and a line before them."""
    from mlgate import local
    from mlgate_delivery.exports import prepare

    progress, environment = progress_since(), local()
    exports = {**prepare(environment, progress), "PULUMI_STACK": environment.name}
    if recover:
        from mlgate_delivery.recover import recover as clear

        clear(environment, progress)
    # A passphrase would win over the file that holds the stack's, a stack over the one that is named.
    return exports, "unset PULUMI_CONFIG_PASSPHRASE"


def _on_aws(name: str, recover: bool) -> tuple[dict[str, str], str]:
    """The exports, and a line before them. Says how the stack is made where its file has no encryption lines yet.

    Only for credentials of its account: by others Pulumi finds no state, and says so in words of S3.
    """
    from mlgate.platform_files import read_platform, stack_file
    from mlgate_delivery.account import session_of
    from mlgate_delivery.project import Project
    from mlgate_delivery.remote_state import RemoteState
    from mlgate_delivery.stackfile import StackFile

    project = Project.find()
    path = stack_file(project.stack_files, name)
    state = RemoteState(name, *read_platform(path))
    session_of(state)
    if not StackFile(path).initialised():
        # Where it is seen: standard output goes to `eval`.
        typer.echo(f"{name} has no stack yet; once: mlgate bootstrap {name}, then {state.init_command()}", err=True)
    elif recover:
        from mlgate_delivery.recover_remote import recover_remote

        for left in recover_remote(state, project, progress_since()):
            typer.echo(f"left to you: {left}", err=True)
    return dict(state.exports()), "unset PULUMI_CONFIG_PASSPHRASE PULUMI_CONFIG_PASSPHRASE_FILE"
