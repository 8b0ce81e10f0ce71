"""How fake nodes and pods behave: kwok's own stages, and ours for pods that are slow, fail, or stop being ready.

What a pod does stands in its annotations, so that a test says it where it writes the pod:
`testkit.mlgate/ready-after: 5s` runs at once and is ready 5 s later, `testkit.mlgate/fails: CrashLoopBackOff` never becomes ready and gives
that reason; a running pod that gets `testkit.mlgate/unready: "true"` stops being ready until that is taken away.
"""

from __future__ import annotations

from typing import Any

from mlgate_testkit.cluster.manifests import read_manifest
from mlgate_tools.control_plane import data_folder

READY_AFTER = "testkit.mlgate/ready-after"
FAILS = "testkit.mlgate/fails"
UNREADY = "testkit.mlgate/unready"

_ALIVE = {"key": ".metadata.deletionTimestamp", "operator": "DoesNotExist"}
_PENDING = {"key": ".status.phase", "operator": "In", "values": ["Pending"]}
_RUNNING = {"key": ".status.phase", "operator": "In", "values": ["Running"]}
_READY = '.status.conditions.[] | select( .type == "Ready" ) | .status'


def stages() -> list[dict[str, Any]]:
    """Every Stage of a new cluster. Raises ToolError where kwok is not built."""
    upstream = [read_manifest(path) for path in sorted(data_folder("kwok", "stages").glob("*.yaml"))]
    by_name = {stage["metadata"]["name"]: stage for stage in upstream}
    at_once = by_name["pod-ready"]
    at_once["spec"]["selector"]["matchExpressions"] += [_annotated(name, exists=False) for name in (READY_AFTER, FAILS)]
    template = at_once["spec"]["next"]["statusTemplate"]
    delay = {"durationFrom": {"expressionFrom": f'.metadata.annotations["{READY_AFTER}"]'}}
    steady: list[dict[str, Any]] = [_ALIVE, _RUNNING, _annotated(UNREADY, exists=False), _not_ready()]
    return [
        *upstream,
        _stage("testkit-pod-starts", [_ALIVE, _PENDING, _annotated(READY_AFTER)], _unready(template)),
        _stage("testkit-pod-ready-later", [*steady, _annotated(READY_AFTER)], _change(ready=True), delay),
        _stage("testkit-pod-fails", [_ALIVE, _PENDING, _annotated(FAILS)], _failing(template)),
        _stage("testkit-pod-unready", [_ALIVE, _RUNNING, _annotated(UNREADY), _ready()], _change(ready=False)),
        _stage(
            "testkit-pod-ready-again",
            [*steady, _annotated(READY_AFTER, exists=False), _annotated(FAILS, exists=False)],
            _change(ready=True),
        ),
    ]


def _stage(name: str, when: list[dict[str, Any]], status: str, delay: dict[str, Any] | None = None) -> dict[str, Any]:
    spec = {
        "resourceRef": {"apiGroup": "v1", "kind": "Pod"},
        "selector": {"matchExpressions": when},
        "next": {"statusTemplate": status},
        **({"delay": delay} if delay else {}),
    }
    return {"apiVersion": "kwok.x-k8s.io/v1alpha1", "kind": "Stage", "metadata": {"name": name}, "spec": spec}


def _annotated(name: str, *, exists: bool = True) -> dict[str, Any]:
    return {"key": f'.metadata.annotations["{name}"]', "operator": "Exists" if exists else "DoesNotExist"}


def _ready() -> dict[str, Any]:
    return {"key": _READY, "operator": "In", "values": ["True"]}


def _not_ready() -> dict[str, Any]:
    return {"key": _READY, "operator": "NotIn", "values": ["True"]}


def _change(*, ready: bool) -> str:
    """The status by which a running pod changes: readiness alone, since its address, given once more, would be a second one."""
    word = str(ready)
    conditions = "".join(
        f'- lastTransitionTime: {{{{ Now | Quote }}}}\n  status: "{word}"\n  type: {kind}\n' for kind in ("Ready", "ContainersReady")
    )
    return f"""conditions:
{conditions}
containerStatuses:
{{{{ range .status.containerStatuses }}}}
- name: {{{{ .name | Quote }}}}
  image: {{{{ .image | Quote }}}}
  ready: {word.lower()}
  restartCount: 0
  state:
    running:
      startedAt: {{{{ .state.running.startedAt | Quote }}}}
{{{{ end }}}}
"""


def _unready(template: str) -> str:
    """kwok's status of a running pod, but for readiness: only its conditions `Ready` and `ContainersReady` and its containers say no."""
    head, init = template.split("initContainerStatuses:", 1)
    for condition in ("Ready", "ContainersReady"):
        head = head.replace(f'status: "True"\n  type: {condition}\n', f'status: "False"\n  type: {condition}\n')
    return head.replace("ready: true", "ready: false") + "initContainerStatuses:" + init


def _failing(template: str) -> str:
    running = "state:\n    running:\n      startedAt: {{ $now | Quote }}\n"
    waiting = f'state:\n    waiting:\n      reason: {{{{ index $.metadata.annotations "{FAILS}" | Quote }}}}\n'
    return _unready(template).replace(running, waiting, 1)
