"""What helm makes of a chart that is at hand: its objects, its hooks, and the definitions under its `crds/`.

The real provider has Helm's library in it. Here the program does the same work: `helm template --validate` asks the cluster what it serves
(`.Capabilities`), answers `lookup` from it, checks kinds and fields, and refuses objects that another release or nobody's owns, as an
installation would. It changes nothing there.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mlgate_testkit.kubernetes.charts import Chart
from mlgate_testkit.kubernetes.manifests import decode
from mlgate_testkit.kubernetes.objects import annotation, name_of
from mlgate_testkit.provider.provider import ProviderError
from mlgate_tools.control_plane import find_module

__all__ = ["Rendered", "definitions", "find_helm", "render"]

_HOOK = "helm.sh/hook"
_HINT = "Use --debug flag to render out invalid YAML"
_RENDER_S = 120
# The user's repositories, plugins, clusters and credentials are not the test's.
_OWN_SETTING = re.compile("HELM_|KUBE")


@dataclass(frozen=True, slots=True)
class Rendered:
    """`objects` as the templates say them, in the order in which helm applies them; `hooks`: what helm would run around them, in words."""

    objects: list[dict[str, Any]]
    hooks: list[str]


def find_helm() -> Path | None:
    """The pinned helm, of the version that the real provider is built with; where that is not built, the one on PATH."""
    if pinned := find_module("helm"):
        return pinned.path
    found = shutil.which("helm")
    return Path(found) if found else None


def definitions(helm: Path, chart: Chart) -> list[dict[str, Any]]:
    """What lies under `crds/` of the chart and of the charts in it. Raises ProviderError with what helm says."""
    with TemporaryDirectory() as folder:
        return _objects(_asked(helm, ["show", "crds", str(chart.path)], Path(folder), str(chart.path)))


def render(
    helm: Path, chart: Chart, inputs: Mapping[str, Any], values: Mapping[str, Any], kubeconfig: Mapping[str, Any], *, upgrade: bool
) -> Rendered:
    """The chart as it is installed, or upgraded, on the cluster of `kubeconfig`. Raises ProviderError with what helm says."""
    release, namespace = inputs["name"], inputs["namespace"]
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "values.json").write_text(json.dumps(values), encoding="utf-8")
        (folder / "kubeconfig.json").write_text(json.dumps(kubeconfig), encoding="utf-8")
        asking = ["template", release, str(chart.path), "--namespace", namespace, "--values", str(folder / "values.json")]
        asking += ["--validate", "--dry-run=server", "--skip-tests"]
        asking += ["--is-upgrade"] if upgrade else []
        asking += ["--disable-openapi-validation"] if inputs.get("disableOpenapiValidation") is True else []
        found = _objects(_asked(helm, asking, folder, f"{chart.path} as release {namespace}/{release}"))
    hooks = [f"{each['kind']} {name_of(each)} ({events})" for each in found if (events := annotation(each, _HOOK))]
    return Rendered([each for each in found if not annotation(each, _HOOK)], hooks)


def _asked(helm: Path, arguments: list[str], folder: Path, what: str) -> str:
    environment = {name: value for name, value in os.environ.items() if not _OWN_SETTING.match(name)}
    environment |= {f"HELM_{each}_HOME": str(folder / each.lower()) for each in ("CACHE", "CONFIG", "DATA")}
    environment["KUBECONFIG"] = str(folder / "kubeconfig.json")
    try:
        done = subprocess.run(
            [str(helm), *arguments],
            env=environment,
            capture_output=True,
            text=True,
            timeout=_RENDER_S,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ProviderError(f"helm {arguments[0]} of {what}: {error}") from None
    if done.returncode:
        said = done.stderr[max(done.stderr.rfind("Error: "), 0) :].strip().removesuffix(_HINT).strip()
        raise ProviderError(f"helm does not take {what}: {said}; mend the template, the value or the object that it names")
    return done.stdout


def _objects(text: str) -> list[dict[str, Any]]:
    """Lists are taken apart, as helm does."""
    found = []
    for each in decode(text, "", lambda _kind: True):
        if each["kind"].endswith("List") and isinstance(each.get("items"), list):
            about = {"apiVersion": each["apiVersion"], "kind": each["kind"].removesuffix("List")}
            found += [{**about, **item} for item in each["items"]]
        else:
            found.append(each)
    return found
