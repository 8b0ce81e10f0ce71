"""Helm releases, SIMULATED: what a program asks for is recorded in a Secret on the cluster, with the chart's digest where it is at hand.

Where the chart lies on this machine and helm is there too, helm renders it and its objects are applied, waited for and removed as helm
does: definitions under `crds/` first, once and for good. No hooks run, no revisions are kept, no repository is asked. Each release says so
in a warning at its resource.
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from mlgate_testkit.kubernetes.charts import Chart, find_chart
from mlgate_testkit.kubernetes.connection import Connection, Unreachable
from mlgate_testkit.kubernetes.kinds import ObjectKind, of_inputs
from mlgate_testkit.kubernetes.objects import annotation, automatic_name, identity, name_of, namespace_of, split_identity
from mlgate_testkit.kubernetes.rendering import Rendered, definitions, find_helm, render
from mlgate_testkit.kubernetes.steps import Steps
from mlgate_testkit.provider.provider import Difference, Failure, ProviderError, Resource, Run, State, Unhealthy, compare
from mlgate_testkit.provider.values import UNKNOWN, Asset, has_unknown

__all__ = ["RECORD", "Releases"]

_OWNER = "helm"
RECORD = "mlgate-testkit-release."
_SECRET = ObjectKind("", "v1", "Secret")
_DEFINITION = ObjectKind("apiextensions.k8s.io", "v1", "CustomResourceDefinition")
_POLICY = "helm.sh/resource-policy"
_TIMEOUT_S = 300.0  # the real provider's, for releases
# What helm waits for (pkg/kube/ready.go at v3.20.2); a Job only if the program says `waitForJobs`, an Ingress never.
_AWAITED = frozenset(
    {
        "CustomResourceDefinition",
        "DaemonSet",
        "Deployment",
        "PersistentVolumeClaim",
        "Pod",
        "ReplicationController",
        "Service",
        "StatefulSet",
    }
)


class Releases:
    """The releases of one provider. `steps` and `connection` are None where there is no cluster."""

    def __init__(self, steps: Steps | None, connection: Connection | None, default_namespace: str) -> None:
        self._steps = steps
        self._connection = connection
        self._default_namespace = default_namespace

    def check(self, resource: Resource, olds: dict[str, Any], news: dict[str, Any], seed: bytes) -> tuple[dict[str, Any], list[Failure]]:
        """Name and namespace filled in, and the version of a chart at hand: another one is a change, as for the real provider."""
        inputs = {key: value for key, value in news.items() if value is not None}
        failures = [] if inputs.get("chart") else [Failure("chart", "a release names its chart: a folder, an archive or a repository's")]
        inputs.setdefault("name", olds.get("name") or automatic_name(resource.name, seed))
        inputs.setdefault("namespace", self._default_namespace or "default")
        try:
            if chart := _at_hand(inputs):
                inputs["version"] = chart.version
        except ProviderError as error:
            failures.append(Failure("chart", str(error)))
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
        """Removes its objects, the last one first, and its record; those that the chart says to keep stay, and what lies in its `crds/`."""
        namespace, name = split_identity(old.id)
        recorded = self._recorded(namespace, name)
        if recorded is None:
            return
        for kind, resource_id in reversed(recorded.get("objects", [])):
            self._remove(kind, resource_id, run)
        self._reached().delete(_SECRET, State(f"{namespace}/{RECORD}{name}", {}, {}), run)

    def _release(self, inputs: dict[str, Any], revision: int, before: list[list[str]], run: Run) -> dict[str, Any]:
        chart = _at_hand(inputs)
        values = {} if has_unknown(inputs) else _values(inputs)
        rendered = self._rendered(chart, inputs, values, revision, run)
        if run.preview:
            return {**inputs, "status": UNKNOWN, "resourceNames": UNKNOWN}
        steps = self._reached()
        if inputs.get("createNamespace") is True:
            steps.ensure_namespace(inputs["namespace"], run)
        objects = [self._placed(inputs, manifest) for manifest in (rendered.objects if rendered else [])]
        # What was rendered before, and cannot be now, is left as it is.
        wanted = [[kind.api_version + "/" + kind.kind, identity(manifest)] for kind, manifest in objects] if rendered else before
        gone = [each for each in before if each not in wanted]
        record = {
            "chart": inputs.get("chart"),
            "version": inputs.get("version") or "",
            "repository": (inputs.get("repositoryOpts") or {}).get("repo", ""),
            "digest": chart.digest if chart else "",
            "rendered": rendered is not None,
            "revision": revision,
            "values": values,
        }
        outputs = {**inputs, "status": _status(inputs, chart, revision), "resourceNames": _names(rendered)}
        # Recorded before they are made, so that an update that ends half-way leaves nothing that its release does not know.
        steps.apply_new(_SECRET, _secret(inputs, {**record, "objects": [*gone, *wanted]}), run, owner=_OWNER)
        try:
            self._apply(objects, gone, inputs, run)
        except ProviderError as error:
            outputs["status"] = {**outputs["status"], "status": "failed"}
            reasons = error.reasons if isinstance(error, Unhealthy) else [str(error)]
            raise Unhealthy(_identity(inputs), outputs, inputs, reasons) from None
        steps.apply_new(_SECRET, _secret(inputs, {**record, "objects": wanted}), run, owner=_OWNER)
        return outputs

    def _rendered(self, chart: Chart | None, inputs: dict[str, Any], values: dict[str, Any], revision: int, run: Run) -> Rendered | None:
        """What helm makes of the chart, None where it is not asked. Says at the resource which it is."""
        named, helm = inputs.get("chart"), find_helm()
        rendered = None
        if chart is None:
            what = f"the chart {named} is not on this machine, so only chart, version and values are recorded"
        elif helm is None:
            what = f"no helm is here (`python -m mlgate_tools cluster` gets it), so only the digest of {named} and the values are recorded"
        elif self._connection is None or (why := self._later(self._connection, inputs, run)):
            what = f"{named} is rendered in the update, once {why if self._connection else 'the cluster is known'}"
        elif (missing := self._define(helm, chart, inputs, run) if revision == 1 else []) and run.preview:
            what = f"{named} is rendered in the update, once its definitions are there: {', '.join(missing)}"
        else:
            rendered = render(helm, chart, inputs, values, self._connection.kubeconfig, upgrade=revision > 1)
            what = f"{len(rendered.objects)} objects of {named} are rendered by helm and applied"
            if rendered.hooks:
                what += f"; its hooks do not run: {', '.join(rendered.hooks)}"
        run.warn(f"this Helm release is simulated: {what}")
        return rendered

    @staticmethod
    def _later(connection: Connection, inputs: dict[str, Any], run: Run) -> str:
        """What rendering has to wait for, "" for nothing. Only a preview goes on where the cluster does not answer."""
        if has_unknown(inputs):
            return "all its inputs are known"
        try:
            connection.ping()
        except Unreachable as error:
            if run.preview:
                return f"the cluster answers: {error}"
            raise
        return ""

    def _define(self, helm: Path, chart: Chart, inputs: dict[str, Any], run: Run) -> list[str]:
        """The definitions of the chart that were not there; made now, unless in a preview. Those that are there are left as they are."""
        if inputs.get("skipCrds") is True:
            return []
        steps = self._reached()
        missing = [each for each in definitions(helm, chart) if steps.find(_DEFINITION, "", name_of(each)) is None]
        for each in () if run.preview else missing:
            steps.create(_DEFINITION, each, run)
        return [name_of(each) for each in missing]

    def _placed(self, inputs: Mapping[str, Any], manifest: dict[str, Any]) -> tuple[ObjectKind, dict[str, Any]]:
        """The rendered object as helm applies it: in the release's namespace where it names none, and with its release on it."""
        kind, about = of_inputs("", manifest), manifest["metadata"]
        served = self._connection.served(kind) if self._connection else None
        place = {"namespace": namespace_of(manifest) or inputs["namespace"]} if served is None or served.namespaced else {}
        notes = {"meta.helm.sh/release-name": inputs["name"], "meta.helm.sh/release-namespace": inputs["namespace"]}
        labels = {**(about.get("labels") or {}), "app.kubernetes.io/managed-by": "Helm"}
        annotations = {**(about.get("annotations") or {}), **notes}
        return kind, {**manifest, "metadata": {**about, **place, "labels": labels, "annotations": annotations}}

    def _apply(self, objects: list[tuple[ObjectKind, dict[str, Any]]], gone: list[list[str]], inputs: dict[str, Any], run: Run) -> None:
        """All of them, then what the chart no longer has goes, then each is waited for."""
        steps = self._reached()
        timed = replace(run, timeout_s=float(inputs.get("timeout") or run.timeout_s or _TIMEOUT_S))
        for kind, manifest in objects:
            steps.apply_new(kind, manifest, timed, owner=_OWNER, wait=False)
        for name, resource_id in reversed(gone):
            self._remove(name, resource_id, timed)
        awaited = _AWAITED | ({"Job"} if inputs.get("waitForJobs") is True else set())
        for kind, manifest in objects if inputs.get("skipAwait") is not True else ():
            if kind.kind in awaited:
                steps.settle(kind, manifest, timed, _OWNER)

    def _recorded(self, namespace: str, name: str) -> dict[str, Any] | None:
        secret = self._reached().find(_SECRET, namespace, f"{RECORD}{name}")
        if secret is None:
            return None
        content: dict[str, Any] = json.loads(b64decode(secret["data"]["release"]))
        return content

    def _remove(self, kind: str, resource_id: str, run: Run) -> None:
        api_version, _, name = kind.rpartition("/")
        of, steps = of_inputs("", {"apiVersion": api_version, "kind": name}), self._reached()
        live = steps.find(of, *split_identity(resource_id))
        if live is not None and annotation(live, _POLICY).strip().lower() != "keep":
            steps.delete(of, State(resource_id, {}, {}), run)

    def _reached(self) -> Steps:
        if self._steps is None:
            raise ProviderError("a Helm release needs a cluster, simulated as it is; give the provider a kubeconfig")
        return self._steps


def _at_hand(inputs: Mapping[str, Any]) -> Chart | None:
    named = inputs.get("chart")
    return find_chart(named) if isinstance(named, str) and named else None


def _names(rendered: Rendered | None) -> dict[str, list[str]]:
    """By "Kind.group/version" as the real provider has them (manifest_json.go): with a namespace where the template names one."""
    names: dict[str, list[str]] = {}
    for manifest in rendered.objects if rendered else []:
        kind = of_inputs("", manifest)
        names.setdefault(f"{kind.kind}{'.' if kind.group else ''}{kind.group}/{kind.api_version}", []).append(identity(manifest))
    return {key: sorted(found) for key, found in names.items()}


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
