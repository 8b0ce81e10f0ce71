"""`python -m mlgate_tools`: get every tool that mlgate runs, with progress on stderr and the result on stdout.

Exit codes: 0 everything is here, 1 something cannot be had (the message says why and what to do), 2 usage, 130 interrupted.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable

from mlgate.errors import ToolError
from mlgate_tools.envoy import find_envoy
from mlgate_tools.java import find_java
from mlgate_tools.pulumi import ensure_pulumi
from mlgate_tools.tool import Tool

_INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> int:
    """Get or find each tool; returns the exit code."""
    argparse.ArgumentParser(prog="python -m mlgate_tools", description="Get every tool that mlgate runs: Pulumi, Java, Envoy.").parse_args(
        arguments
    )
    ways: list[Callable[[], Tool]] = [lambda: ensure_pulumi(_say), find_java, find_envoy]
    failed = False
    try:
        for way in ways:
            began = time.monotonic()
            try:
                tool = way()
            except ToolError as error:
                failed = True
                _say(f"error: {error}")
            else:
                sys.stdout.write(f"{tool.name} {tool.version}: {tool.path} ({tool.source}, {time.monotonic() - began:.1f} s)\n")
                sys.stdout.flush()
    except KeyboardInterrupt:
        _say("interrupted; the same command starts again")
        return _INTERRUPTED
    return 1 if failed else 0


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
