"""What the environments on AWS are, in what they differ, and whether they keep the rules between them.

Example: mlgate environments diff staging prod
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from mlgate_cli.output import JsonFlag, errors_as_words, print_json, print_table, say

_HELP: dict[str, Any] = {"context_settings": {"help_option_names": ["-h", "--help"]}, "no_args_is_help": True, "rich_markup_mode": None}
app = typer.Typer(help=__doc__, add_completion=False, **_HELP)


def check(as_json: JsonFlag = False) -> None:
    """Check every environment of the project, and the rules between them: production is at least as protected, and stands alone.

    Example: mlgate environments check
    """
    from mlgate.platform_rules import read_ruled

    environments = read_ruled(_stack_files())
    if as_json:
        print_json({"environments": {name: platform.model_dump() for name, (platform, _) in environments.items()}})
        return
    for name, (platform, _) in environments.items():
        say(f"{name}: {platform.level}, account {platform.account}, {platform.region}")
    say("all well declared, and every rule between them holds")


def diff(
    one: Annotated[str, typer.Argument(metavar="A", help="An environment.")],
    other: Annotated[str, typer.Argument(metavar="B", help="Another one.")],
    as_json: JsonFlag = False,
) -> None:
    """Show every value in which two environments differ.

    Example: mlgate environments diff staging prod
    """
    from mlgate.platform_diff import differences
    from mlgate.platform_files import read_platform, stack_file

    folder = _stack_files()
    found = differences(*(read_platform(stack_file(folder, name))[0] for name in (one, other)))
    if as_json:
        print_json({"differences": [{"path": each.path, one: each.one, other: each.other} for each in found]})
        return
    print_table(
        f"{one} and {other} differ in {len(found)} values",
        ("value", one, other),
        [(each.path, *("-" if value is None else value for value in (each.one, each.other))) for each in found],
    )


def _stack_files() -> Path:
    from mlgate_delivery.project import Project

    return Project.find().stack_files


for verb in (check, diff):
    app.command(name=verb.__name__, help=verb.__doc__)(errors_as_words()(verb))
