"""`python -m mlgate_tools`: get every tool that mlgate runs, with progress on stderr and the result on stdout.

`python -m mlgate_tools engine` gets the Pulumi engine alone: all that the testkit needs for simulated clouds. `python -m mlgate_tools
cluster` gets instead what its Kubernetes clusters consist of: some 20 minutes of building, once, that only their users need. `python -m
mlgate_tools policies` gets what the policy pack runs with, and says what to give to `pulumi up --policy-pack`. `python -m mlgate_tools sdk
LANGUAGE FOLDER` writes the SDK of the platform's components into the folder, and says where the provider is that makes them.

Exit codes: 0 everything is here, 1 something cannot be had (the message says why and what to do), 2 usage, 130 interrupted.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from mlgate.errors import ToolError
from mlgate_tools.control_plane import MODULES, ensure_modules
from mlgate_tools.envoy import find_envoy
from mlgate_tools.java import find_java
from mlgate_tools.policies import ensure_policies
from mlgate_tools.pulumi import ensure_pulumi
from mlgate_tools.sdk import LANGUAGES, write_sdk
from mlgate_tools.tool import Tool

_INTERRUPTED = 130
_Way = Callable[[], Sequence[Tool]]


def main(arguments: list[str] | None = None) -> int:
    """Get or find each tool; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m mlgate_tools", description="Get every tool that mlgate runs: Pulumi, Java, Envoy.")
    parser.add_argument(
        "what",
        nargs="?",
        metavar="|".join([*_WAYS, "sdk"]),
        choices=[*_WAYS, "sdk"],
        help="engine: the Pulumi engine alone; cluster: the parts of the testkit's Kubernetes clusters, about 20 minutes on 2 cores, once; "
        "policies: the policy pack; sdk: the components of the platform for another language",
    )
    parser.add_argument("language", nargs="?", choices=LANGUAGES, help="of `sdk`")
    parser.add_argument("folder", nargs="?", type=Path, help="of `sdk`: what is not there, is empty, or holds one that was written before")
    given = parser.parse_args(arguments)
    if [given.language is None, given.folder is None] != [given.what != "sdk"] * 2:
        parser.error("sdk takes a language and a folder, and nothing else does, as in: sdk typescript sdks/mlgate")
    failed = False
    ways = _WAYS.get(given.what, lambda: _sdk(given.language, given.folder) if given.folder else _everything())
    try:
        for way in ways():
            began = time.monotonic()
            try:
                tools = way()
            except ToolError as error:
                failed = True
                _say(f"error: {error}")
            else:
                for tool in tools:
                    sys.stdout.write(f"{tool.name} {tool.version}: {tool.path} ({tool.source}, {time.monotonic() - began:.1f} s)\n")
                sys.stdout.flush()
    except KeyboardInterrupt:
        _say("interrupted; the same command starts again")
        return _INTERRUPTED
    return 1 if failed else 0


def _engine() -> list[_Way]:
    return [lambda: [ensure_pulumi(_say)]]


def _everything() -> list[_Way]:
    return [*_engine(), lambda: [find_java()], lambda: [find_envoy()]]


def _control_plane() -> list[_Way]:
    # All in one way, for they share what they are built on.
    return [lambda: ensure_modules(MODULES, _say)]


def _policies() -> list[_Way]:
    return [lambda: [ensure_policies(_say)]]


def _sdk(language: str, folder: Path) -> list[_Way]:
    return [lambda: write_sdk(language, folder, _say)]


_WAYS: dict[str, Callable[[], list[_Way]]] = {"engine": _engine, "cluster": _control_plane, "policies": _policies}


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
