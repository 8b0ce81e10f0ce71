"""List the tools mlgate uses: found where, which version, what for, and how to get what is missing.

Example: mlgate doctor
"""

from __future__ import annotations

from dataclasses import asdict

import typer

from mlgate_cli.output import JsonFlag, print_json, print_table


def command(as_json: JsonFlag = False) -> None:
    from mlgate_tools.doctor import inspect

    tools = inspect()
    if as_json:
        print_json({"tools": [asdict(tool) for tool in tools]})
    else:
        rows = [
            (
                "ok" if tool.ok else "missing",
                tool.name,
                tool.version or "",
                tool.path or "",
                tool.purpose,
                "" if tool.ok else tool.how_to_get,
            )
            for tool in tools
        ]
        print_table("", ["", "tool", "version", "found", "what for", "how to get it"], rows)
    if not all(tool.ok for tool in tools if tool.required):
        raise typer.Exit(1)
