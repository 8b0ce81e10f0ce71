"""Programs built from pinned Go modules: every byte is named by a go.sum that ships with us.

`modules/<name>/` holds a go.mod, a go.sum and a tools.go that names the main packages; they are only read. What building needs besides
(sources, compiled packages, Go itself) lies in the caller's workspace, so that one run may build several modules on one cache.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mlgate.errors import ToolError
from mlgate_tools.cache import ROOM_REMEDY
from mlgate_tools.process import regularly, run_streaming
from mlgate_tools.tool import Progress, Tool, parse_version

MODULES = Path(__file__).parent / "modules"


@dataclass(frozen=True, slots=True)
class Program:
    """One `go build`: the pinned module (a folder of `modules/`), the package in it, and the variables set in it ("path.Name": value)."""

    name: str
    module: str
    package: str
    variables: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class GoBuild:
    """What a build runs on. `remedy`: what to do where modules cannot be had or do not compile."""

    go: Tool
    environment: Mapping[str, str]
    progress: Progress
    remedy: str

    def build(self, program: Program, folder: Path) -> None:
        """Put `program` into `folder`.

        Raises ToolError: modules cannot be downloaded, the build fails, the disk is full.
        """
        source = MODULES / program.module  # only read, for go_environment says -mod=readonly: an installed package may be read-only
        requirements = re.findall(r"^\t\S+ v", (source / "go.mod").read_text(encoding="utf-8"), re.MULTILINE)
        gauge = _Gauge(program.name, modules=len(requirements), progress=self.progress)
        tick = regularly(gauge.tell)
        flags = " ".join(["-s -w", *(f"-X {name}={value}" for name, value in program.variables.items())])
        # -w leaves debugging information out of the program; not to make it for any package saves an eighth of the processor's time.
        plain = ["-trimpath", "-gcflags", "all=-dwarf=false", "-ldflags", flags]
        building = ["build", "-v", *plain, "-o", str(folder / program.name), program.package]
        try:
            for arguments, on_line in ((["list", "-deps", program.package], gauge.list_line), (building, gauge.build_line)):
                command = [str(self.go.path), *arguments]
                run_streaming(command, folder=source, environment=self.environment, on_line=on_line, on_tick=tick, remedy=self.remedy)
        except ToolError as error:
            if "no space left on device" in error.problem:
                raise ToolError(error.problem, where=str(folder), remedy=ROOM_REMEDY) from error
            raise

    def sources(self, module: str, path: str) -> Path:
        """Where the sources of the Go module `path`, which the pinned `module` requires, lie. Raises ToolError."""
        arguments = ["list", "-m", "-f", "{{.Dir}}", path]
        source = MODULES / module
        answer = subprocess.run(
            [str(self.go.path), *arguments], cwd=source, env=self.environment, capture_output=True, text=True, check=False
        )
        if answer.returncode != 0 or not answer.stdout.strip():
            raise ToolError(f"go {' '.join(arguments)} failed: {answer.stderr.strip()}", where=str(source), remedy=self.remedy)
        return Path(answer.stdout.strip())


def oldest_go(*modules: str) -> tuple[int, int, int]:
    """The oldest Go that each of these pinned modules accepts."""
    lines = [line for module in modules for line in (MODULES / module / "go.mod").read_text(encoding="utf-8").splitlines()]
    found = [parse_version(line) for line in lines if line.startswith("go ")]
    return max(version for version in found if version is not None)


@dataclass
class _Gauge:
    """How far one program is: modules downloaded, then packages compiled."""

    name: str
    modules: int
    progress: Progress
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

    def tell(self, so_far_s: float) -> None:
        """Says how far it is."""
        downloads = f"downloaded {self.downloaded} of at most {self.modules} modules"
        far = f"compiled {self.compiled} of at most {self.packages} packages" if self.compiled else downloads
        self.progress(f"{self.name}: {far}, {so_far_s:.0f} s")
