"""The `mlgate` command: one thin module per verb, heavy imports inside the verb, so that `--help` answers at once."""

from __future__ import annotations

import signal
from typing import Annotated

import typer

from mlgate_cli import (
    approve,
    bootstrap,
    cost,
    demo,
    doctor,
    down,
    env,
    environments,
    gate,
    pack,
    promote,
    remains,
    report,
    rollback,
    serve,
    status,
    testkit,
    validate,
    verify,
)
from mlgate_cli.output import errors_as_words

app = typer.Typer(
    name="mlgate",
    help=(
        "Infrastructure and deployment gates for ML: a model version reaches an environment only with signed evidence.\n\n"
        "Exit codes: 0 PASS or done, 10 FAIL, 11 INCONCLUSIVE, 12 VOID, 1 error, 2 usage, 130 interrupted."
    ),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

for verb in (
    demo,
    doctor,
    bootstrap,
    cost,
    env,
    validate,
    pack,
    serve,
    gate,
    verify,
    report,
    promote,
    approve,
    rollback,
    status,
    remains,
    down,
):
    cls = env.Evaluated if verb is env else None
    app.command(name=verb.__name__.rsplit(".", 1)[1], help=verb.__doc__, cls=cls)(errors_as_words()(verb.command))

app.add_typer(environments.app, name="environments")
app.add_typer(testkit.app, name="testkit")


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"mlgate {version('mlgate')}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")] = False,
) -> None:
    """Options before the verb."""


def main() -> None:
    """The entry point."""
    # Whoever asks us to end gets the same orderly end as Ctrl-C: SIGHUP comes when the terminal is closed, unless `nohup` has it ignored.
    for ending in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(ending) == signal.SIG_DFL:
            signal.signal(ending, signal.default_int_handler)
    app()
