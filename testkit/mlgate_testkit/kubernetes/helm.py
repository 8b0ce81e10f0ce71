"""Helm releases, SIMULATED: what a program asks for is recorded in a Secret on the cluster, with the chart's digest where it is at hand.

Where the chart lies on this machine and `helm` is on PATH, its objects are rendered and applied as well. No hooks run, no revisions are
kept, no repository is asked. Each release says so in a warning at its resource.
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from mlgate_testkit.kubernetes.charts import Chart, find_chart, render
from mlgate_testkit.kubernetes.kinds import ObjectKind, of_inputs
from mlgate_testkit.kubernetes.objects import automatic_name, split_identity
from mlgate_testkit.kubernetes.steps import Steps
from mlgate_testkit.provider.provider import Difference, Failure, ProviderError, Resource, Run, State, compare
from mlgate_testkit.provider.values import UNKNOWN, Asset, has_unknown

__all__ = ["RECORD", "Releases"]

_OWNER = "helm"
RECORD = "mlgate-testkit-release."
_SECRET = ObjectKind("", "v1", "Secret")
_FIRST = {"Namespace": 0, "CustomResourceDefinition": 1}


class Releases:
    """The releases of one provider. `steps` is None where there is no cluster."""

    def __init__(self, steps: Steps | None, default_namespace: str) -> None:
        self._steps = steps
        self._default_namespace = default_namespace

    def check(self, resource: Resource, olds: dict[str, Any], news: dict[str, Any], seed: bytes) -> tuple[dict[str, Any], list[Failure]]:
        """Name and namespace filled in."""
        inputs = {key: value for key, value in news.items() if value is not None}
        failures = [] if inputs.get("chart") else [Failure("chart", "a release names its chart: a folder, an archive or a repository's")]
        inputs.setdefault("name", olds.get("name") or automatic_name(resource.name, seed))
        inputs.setdefault("namespace", self._default_namespace or "default")
        return inputs, failures

    def diff(self, _resource: Resource, old: State, news: dict[str, Any]) -> Difference:
        """Another name or namespace is another release."""
        changed = compare(old.inputs, news)
        return Difference(changed, frozenset(changed) & {"name", "namespace"})

    def create(self, _resource: Resource, inputs: dict[str, Any], run: Run) -> tuple[str, dict[str, Any]]:
        """Records it, and applies what can be rendered."""
        outputs = self._release(inputs, 1, [], run)
        return ("" if run.preview else _identity(inputs)), outputs

    def update(self, _resource: Resource, old: State, news: dict[str, Any], run: Run) -> dict[str, Any]:
        """Records it anew; objects that the chart no longer has are removed."""
        before = self._recorded(*split_identity(old.id)) or {}
        return self._release(news, int(before.get("revision", 0)) + 1, before.get("objects", []), run)

    def read(self, resource_id: str, known: State | None) -> State | None:
        """As recorded; None where the record is gone."""
        recorded = self._recorded(*split_identity(resource_id))
        if recorded is None:
            return None
        if known and known.inputs:
            # Whoever changed the record by hand changed what the release is: that is what a refresh has to show.
            told: dict[str, Any] = {key: recorded[key] for key in ("chart", "version") if key in known.inputs and recorded.get(key)}
            return State(resource_id, {**known.inputs, **told}, known.outputs)
        namespace, name = split_identity(resource_id)
        given = {key: recorded[key] for key in ("chart", "version", "values") if recorded.get(key)}
        inputs = {**given, "name": name, "namespace": namespace}
        return State(resource_id, inputs, {**inputs, "status": _status(inputs, None, int(recorded.get("revision", 1)))})

    def delete(self, old: State, run: Run) -> None:
        """Removes its objects, the last one first, and its record."""
        namespace, name = split_identity(old.id)
        recorded = self._recorded(namespace, name)
        if recorded is None:
            return
        for kind, resource_id in reversed(recorded.get("objects", [])):
            self._remove(kind, resource_id, run)
        self._reached().delete(_SECRET, State(f"{namespace}/{RECORD}{name}", {}, {}), run)

    def _release(self, inputs: dict[str, Any], revision: int, before: list[list[str]], run: Run) -> dict[str, Any]:
        named = inputs.get("chart")
        chart = find_chart(named) if isinstance(named, str) else None
        known = not has_unknown(inputs)
        values = _values(inputs) if known else {}
        rendered = None
        if chart and known:
            rendered = render(chart, inputs["name"], inputs["namespace"], values, with_definitions=inputs.get("skipCrds") is not True)
        run.warn(_said(str(named), chart, rendered))
        if run.preview:
            return {**inputs, "status": UNKNOWN, "resourceNames": UNKNOWN}
        steps = self._reached()
        if inputs.get("createNamespace") is True:
            steps.ensure_namespace(inputs["namespace"], run)
        applied = []
        for manifest in sorted(rendered or [], key=lambda each: _FIRST.get(each["kind"], 2)):
            kind = of_inputs("", manifest)
            resource_id, _ = steps.apply_new(kind, _for(inputs, manifest), run, owner=_OWNER)
            applied.append([kind.api_version + "/" + kind.kind, resource_id])
        for name_of_kind, gone in reversed([each for each in before if each not in applied]):
            self._remove(name_of_kind, gone, run)
        record = {
            "chart": named,
            "version": inputs.get("version") or (chart.version if chart else ""),
            "repository": (inputs.get("repositoryOpts") or {}).get("repo", ""),
            "digest": chart.digest if chart else "",
            "rendered": rendered is not None,
            "revision": revision,
            "values": values,
            "objects": applied,
        }
        steps.apply_new(_SECRET, _secret(inputs, record), run, owner=_OWNER)
        names: dict[str, list[str]] = {}
        for kind_name, resource_id in applied:
            names.setdefault(kind_name, []).append(resource_id)
        return {**inputs, "status": _status(inputs, chart, revision), "resourceNames": names}

    def _recorded(self, namespace: str, name: str) -> dict[str, Any] | None:
        secret = self._reached().find(_SECRET, namespace, f"{RECORD}{name}")
        if secret is None:
            return None
        content: dict[str, Any] = json.loads(b64decode(secret["data"]["release"]))
        return content

    def _remove(self, kind: str, resource_id: str, run: Run) -> None:
        api_version, _, name = kind.rpartition("/")
        self._reached().delete(of_inputs("", {"apiVersion": api_version, "kind": name}), State(resource_id, {}, {}), run)

    def _reached(self) -> Steps:
        if self._steps is None:
            raise ProviderError("a Helm release needs a cluster, simulated as it is; give the provider a kubeconfig")
        return self._steps


def _said(named: str, chart: Chart | None, rendered: list[Any] | None) -> str:
    if chart is None:
        what = f"the chart {named} is not on this machine, so only chart, version and values are recorded"
    elif rendered is None:
        what = f"no helm is on PATH, so only the digest of {named} and the values are recorded"
    else:
        what = f"{len(rendered)} objects of {named} are rendered by `helm template` and applied; hooks do not run"
    return f"this Helm release is simulated: {what}"


def _identity(inputs: Mapping[str, Any]) -> str:
    return f"{inputs['namespace']}/{inputs['name']}"


def _status(inputs: Mapping[str, Any], chart: Chart | None, revision: int) -> dict[str, Any]:
    return {
        "name": inputs["name"],
        "namespace": inputs["namespace"],
        "chart": chart.name if chart else inputs.get("chart"),
        "version": chart.version if chart else inputs.get("version"),
        "appVersion": chart.app_version if chart else None,
        "revision": revision,
        "status": "deployed",
    }


def _values(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Files first, in order, then what the program gives: each over the one before, as helm lays them."""
    values: dict[str, Any] = {}
    for each in inputs.get("valueYamlFiles") or []:
        if not isinstance(each, Asset) or each.uri:
            raise ProviderError("valueYamlFiles: the stand-in reads text and files, nothing from the network")
        try:
            text = each.text if each.text is not None else Path(each.path or "").read_text(encoding="utf-8")
        except OSError as error:
            raise ProviderError(f"valueYamlFiles: {each.path} cannot be read: {error.strerror}") from None
        values = _laid_over(values, yaml.safe_load(text) or {})
    return _laid_over(values, inputs.get("values") or {})


def _laid_over(below: dict[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        merged[key] = _laid_over(old, value) if isinstance(old, dict) and isinstance(value, Mapping) else value
    return merged


def _secret(inputs: Mapping[str, Any], record: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": f"{RECORD}{inputs['name']}",
            "namespace": inputs["namespace"],
            "labels": {"app.kubernetes.io/managed-by": "mlgate-testkit", "mlgate-testkit/simulates": "helm-release"},
        },
        "stringData": {"release": json.dumps(record, sort_keys=True)},
    }


def _for(inputs: Mapping[str, Any], manifest: dict[str, Any]) -> dict[str, Any]:
    """The rendered object as helm applies it: with its release on it, and not waited for where the program says so."""
    about = manifest["metadata"]
    notes = {"meta.helm.sh/release-name": inputs["name"], "meta.helm.sh/release-namespace": inputs["namespace"]}
    skip = {"pulumi.com/skipAwait": "true"} if inputs.get("skipAwait") is True else {}
    return {**manifest, "metadata": {**about, "annotations": {**(about.get("annotations") or {}), **notes, **skip}}}
