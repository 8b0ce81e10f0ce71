"""The Pulumi engine: the user's own, the official release, or one built from pinned Go modules, whichever can be had first."""

from __future__ import annotations

import os
import shutil
import sysconfig
from functools import partial
from pathlib import Path

from mlgate.environment import cache_folder
from mlgate.errors import ToolError
from mlgate_tools.archive import RELEASES, fetch_archive
from mlgate_tools.cache import Installed, Slot, find_installed, install
from mlgate_tools.engine_build import build_engine
from mlgate_tools.tool import Progress, Tool, parse_version, platform_name, probe

ENGINE_VERSION = "3.259.0"
OLDEST_VERSION = (3, 231, 0)
_LANGUAGE_HOST = "pulumi-language-python"
# The engine fetches no provider by itself.
NO_PLUGINS = "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"
_QUIET = {"PULUMI_SKIP_UPDATE_CHECK": "true"}
REMEDY = (
    "run `python -m mlgate_tools engine`, or install Pulumi 3.231 or newer (https://www.pulumi.com/docs/install) so that `pulumi` "
    "is on PATH"
)


def find_pulumi(progress: Progress) -> Tool | None:
    """The engine that is already here: on PATH if it is new enough and has its Python language host, else the cached one; else None."""
    if found := _on_path(progress):
        return found
    slot = _slot()
    installed = find_installed(slot)
    return _tool(slot, installed) if installed else None


def ensure_pulumi(progress: Progress, *, base_url: str = RELEASES) -> Tool:
    """The engine, got if need be. At once and offline when it is there; else seconds (official archive) or minutes (built).

    `progress` receives lines for a person. `base_url`: where the official releases lie.

    Raises ToolError with what was tried and why each way failed.
    """
    if found := _on_path(progress):
        return found
    slot = _slot()
    return _tool(slot, install(slot, partial(_get, progress=progress, base_url=base_url), progress))


def engine_environment() -> dict[str, str]:
    """Variables under which the engine and the programs it starts run: to be laid over `os.environ`.

    PATH starts with this interpreter's own scripts, because the language host starts the first `python3` it finds there; a cached engine
    comes next, before one on PATH that was passed over. Provider plugins are never downloaded behind the user's back.

    Raises ToolError when the engine is not here yet.
    """
    engine = find_pulumi(lambda _line: None)
    if engine is None:
        raise ToolError("the Pulumi engine is not on this machine", remedy=REMEDY)
    first = [sysconfig.get_path("scripts")]
    inherited = os.environ.get("PATH", os.defpath).split(os.pathsep)
    if str(engine.path.parent) not in inherited:
        first.append(str(engine.path.parent))
    path = os.pathsep.join(dict.fromkeys([*first, *inherited]))
    return {**_QUIET, "PATH": path, NO_PLUGINS: "true"}


def _on_path(progress: Progress) -> Tool | None:
    found = shutil.which("pulumi")
    if found is None:
        return None
    path = Path(found)
    version = parse_version(probe([found, "version"], os.environ | _QUIET))
    host_path = os.pathsep.join([str(path.parent), str(path.resolve().parent), os.environ.get("PATH", "")])
    if version is None:
        flaw = "does not say its version"
    elif version < OLDEST_VERSION:
        flaw = f"is {_dotted(version)}, older than {_dotted(OLDEST_VERSION)}"
    elif shutil.which(_LANGUAGE_HOST, path=host_path) is None:
        flaw = f"has no {_LANGUAGE_HOST} beside it or on PATH"
    else:
        return Tool(name="pulumi", path=path, version=_dotted(version), source="PATH")
    progress(f"pulumi: {path} {flaw}; passed over")
    return None


def _tool(slot: Slot, installed: Installed) -> Tool:
    return Tool(name="pulumi", path=slot.folder / "bin" / "pulumi", version=slot.version, source=installed.told)


def _slot() -> Slot:
    return Slot(name="pulumi", version=ENGINE_VERSION, platform=platform_name(), root=cache_folder() / "tools")


def _get(folder: Path, workspace: Path, *, progress: Progress, base_url: str) -> str:
    programs = folder / "bin"
    programs.mkdir()
    try:
        progress(f"pulumi: asking for the official archive of {ENGINE_VERSION}")
        fetch_archive(ENGINE_VERSION, platform_name(), folder=programs, workspace=workspace, progress=progress, base_url=base_url)
        source = "the official archive"
    except ToolError as refused:
        progress(f"pulumi: no official archive: {refused.problem}")
        try:
            source = build_engine(ENGINE_VERSION, folder=programs, workspace=workspace, progress=progress)
        except ToolError as failed:
            raise ToolError(
                f"the Pulumi engine can be neither downloaded nor built:\n"
                f"  {refused.where}: {refused.problem}\n"
                f"  {failed.where}: {failed.problem}",
                remedy=failed.remedy or REMEDY,
            ) from failed
    answer = probe([str(programs / "pulumi"), "version"], os.environ | _QUIET)
    if answer != f"v{ENGINE_VERSION}" or not (programs / _LANGUAGE_HOST).is_file():
        raise ToolError(f"what was got ({source}) says its version is {answer!r}, and should be v{ENGINE_VERSION}", remedy=REMEDY)
    return source


def _dotted(version: tuple[int, int, int]) -> str:
    return ".".join(map(str, version))
