"""What is here and what is missing: each tool, where it was found, which version, what it is for, and how to get it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mlgate.errors import ToolError
from mlgate_tools import control_plane, envoy, java, pulumi
from mlgate_tools.golang import GO_REMEDY, find_go
from mlgate_tools.tool import Tool, parse_version, probe

_CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_MACOS_CHROME = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
_OLDEST_GO = (1, 26, 0)


@dataclass(frozen=True, slots=True)
class ToolStatus:
    """One row. `where` and `version` are None, and `remedy` says what to do, when the tool is missing or of no use (`problem` says why).

    `optional`: nothing that a user runs needs it; what `purpose` names is left out without it.
    """

    tool: str
    purpose: str
    optional: bool
    where: Path | None
    version: str | None
    source: str | None
    problem: str | None
    remedy: str

    @property
    def ok(self) -> bool:
        """Found and usable."""
        return self.where is not None


def inspect() -> list[ToolStatus]:
    """Every tool, the needed ones first. Gets nothing, changes nothing, and a missing tool is a row and no error."""
    return [
        _row("Pulumi engine", "brings environments up and down (`mlgate demo`, `pulumi up`)", pulumi.find_pulumi, pulumi.REMEDY),
        _row("Java", "runs TorchServe", _running(java.find_java), java.REMEDY),
        _row("Envoy", "moves a service's traffic between releases", _running(envoy.find_envoy), envoy.REMEDY),
        _row(
            "git",
            "records the code commit a release was trained from",
            _program("git"),
            "install git with the system's packages",
            optional=True,
        ),
        _row("uv", "installs the locked environment quickly", _program("uv"), "pip install uv", optional=True),
        _row("Go", "builds the Pulumi engine where its archive cannot be reached", _go, GO_REMEDY, optional=True),
        _row(
            "Chromium", "tests the HTML report", _program(*_CHROMIUM_NAMES, _MACOS_CHROME), "install the package `chromium`", optional=True
        ),
        *(
            _row(module.title, module.purpose, _built(module.name), control_plane.REMEDY, optional=True)
            for module in control_plane.MODULES.values()
        ),
    ]


def _row(
    name: str, purpose: str, find: Callable[[Callable[[str], None]], Tool | None], remedy: str, *, optional: bool = False
) -> ToolStatus:
    said: list[str] = []
    try:
        found = find(said.append)
    except ToolError as error:
        found, said, remedy = None, [error.problem], error.remedy or remedy
    if found is None:
        problem = "; ".join(said) or "not found"
        return ToolStatus(name, purpose, optional, where=None, version=None, source=None, problem=problem, remedy=remedy)
    return ToolStatus(name, purpose, optional, where=found.path, version=found.version, source=found.source, problem=None, remedy="")


def _go(progress: Callable[[str], None]) -> Tool | None:
    return find_go(_OLDEST_GO, progress)


def _built(name: str) -> Callable[[Callable[[str], None]], Tool | None]:
    return lambda _progress: control_plane.find_module(name)


def _running(find: Callable[[], Tool]) -> Callable[[Callable[[str], None]], Tool | None]:
    """Asks what a wheel brought for its version too: made for another processor or C library, it is there and does not run."""

    def found(progress: Callable[[str], None]) -> Tool | None:
        tool = find()
        if not probe([str(tool.path), "--version"]):
            progress(f"{tool.path} does not run here")
            return None
        return tool

    return found


def _program(*names: str) -> Callable[[Callable[[str], None]], Tool | None]:
    """Looks for the first of `names` beside this interpreter and on PATH, and asks it for its version."""

    def find(progress: Callable[[str], None]) -> Tool | None:
        for name in names:
            beside = shutil.which(name, path=str(Path(sys.executable).parent))
            if path := beside or shutil.which(name):
                return _asked(name, path, "beside Python" if beside else "PATH", progress)
        return None

    return find


def _asked(name: str, path: str, source: str, progress: Callable[[str], None]) -> Tool | None:
    version = parse_version(probe([path, "--version"]))
    if version is None:
        progress(f"{path} does not say its version")
        return None
    return Tool(name=name, path=Path(path), version=".".join(map(str, version)), source=source)


def missing(rows: Sequence[ToolStatus]) -> list[ToolStatus]:
    """The rows that keep mlgate from doing its job."""
    return [row for row in rows if not row.ok and not row.optional]
