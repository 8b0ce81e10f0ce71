"""List the tools mlgate uses: found where, which version, what for, and how to get what is missing.

Example: mlgate doctor
"""

from __future__ import annotations

from dataclasses import asdict

import typer

from mlgate_cli.output import JsonFlag, print_json, print_table


def command(as_json: JsonFlag = False) -> None:
    from mlgate_tools.doctor import inspect, missing

    tools = inspect()
    if as_json:
        print_json({"tools": [{**asdict(tool), "where": str(tool.where) if tool.where else None, "ok": tool.ok} for tool in tools]})
    else:
        rows = [
            (
                "ok" if tool.ok else "absent" if tool.optional else "missing",
                tool.tool,
                tool.version or "",
                str(tool.where or tool.problem or ""),
                tool.purpose,
                "" if tool.ok else tool.remedy,
            )
            for tool in tools
        ]
        print_table("", ["", "tool", "version", "found", "what for", "how to get it"], rows)
    if missing(tools):
        raise typer.Exit(1)
