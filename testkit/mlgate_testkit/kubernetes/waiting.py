"""Waiting until an object is in a good state, or gone: by looking again and again, until a deadline or Ctrl-C.

The real provider watches; looking is enough here, since what is looked at lies on the same machine.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from mlgate_testkit.kubernetes.conditions import Around, Object, Progress, Rule, conditions, rule_of
from mlgate_testkit.kubernetes.kinds import ObjectKind
from mlgate_testkit.kubernetes.objects import annotation
from mlgate_testkit.kubernetes.pods import blamed, complaints
from mlgate_testkit.provider.provider import Run

__all__ = ["looks", "rule_for", "timeout_s", "until_gone", "until_ready", "with_nodes", "wrong_wait"]

_SKIP = "pulumi.com/skipAwait"
_TIMEOUT = "pulumi.com/timeoutSeconds"
_WAIT_FOR = "pulumi.com/waitFor"
_DEFAULT_S = 600.0  # the real provider's, for every kind
_FIRST_S, _GROWTH, _LONGEST_S = 0.05, 1.4, 1.0
_WORKLOADS = frozenset({"DaemonSet", "Deployment", "Job", "ReplicationController", "StatefulSet"})
_ON_NODES = (_WORKLOADS - {"DaemonSet"}) | {"Pod"}
_NODELESS_S = 3.0  # a test may add the first node in a moment, from another thread
_NO_NODE = (
    "the cluster has no node, and nothing on it that would bring one, so its pods stay pending: add nodes before "
    "(`kubernetes_cluster.add_nodes(1)`), or do not wait (annotation pulumi.com/skipAwait)"
)
# For these alone `skipAwait` also ends the wait for their deletion: source as in conditions.py, metadata/overrides.go.
_SKIP_DELETION = _WORKLOADS | {"Namespace", "Pod"}


def rule_for(kind: ObjectKind, inputs: Object) -> Rule | None:
    """What to wait for: nothing where the program says so, its own conditions where it names some, else what the kind has."""
    if annotation(inputs, _SKIP) == "true":
        return None
    if wanted := annotation(inputs, _WAIT_FOR):
        return _custom(_expressions(wanted))
    return rule_of(kind)


def wrong_wait(inputs: Object) -> str:
    """Why the conditions that a program names cannot be waited for; "" if they can."""
    wanted = annotation(inputs, _WAIT_FOR)
    strange = [each for each in _expressions(wanted) if not str(each).startswith("condition=")] if wanted else []
    return f"{strange[0]!r}: the stand-in knows condition=TYPE and condition=TYPE=STATUS, alone or as a JSON list" if strange else ""


def timeout_s(inputs: Object, run: Run) -> float:
    """customTimeouts, else the annotation, else ten minutes."""
    text = annotation(inputs, _TIMEOUT)
    return run.timeout_s or (float(text) if text.isdecimal() else _DEFAULT_S)


def with_nodes(rule: Rule, nodeless: Callable[[], bool]) -> Rule:
    """The rule, but hopeless where pods are to run and there is `nodeless` no node for them: not even the longest wait would bring one."""
    began = time.monotonic()

    def judged(value: Object, around: Around) -> Progress:
        progress = rule(value, around)
        settled = progress.done or progress.hopeless or time.monotonic() - began < _NODELESS_S
        if settled or value.get("kind") not in _ON_NODES or not nodeless():
            return progress
        return Progress(done=False, reasons=(_NO_NODE, *progress.reasons), hopeless=True)

    return judged


def until_ready(look: Callable[[], Object], around: Around, rule: Rule, inputs: Object, run: Run) -> tuple[Object, Progress]:
    """The object as last seen, and how far it is: done, or the reasons why it is not, with its unready pods by name."""
    for why in looks(timeout_s(inputs, run), run):
        live = look()
        progress = rule(live, around)
        if progress.done or progress.hopeless or why:
            break
    if progress.done:
        return live, progress
    ended = "it has failed" if progress.hopeless else why
    return live, Progress(done=False, reasons=(ended, *_reasons(live, progress, around)))


def until_gone(look: Callable[[], Object | None], inputs: Object, kind: ObjectKind, run: Run) -> str:
    """ "" once the object of that identity is gone (or, where the program skips the wait, at once), else why it is not."""
    if annotation(inputs, _SKIP) == "true" and kind.kind in _SKIP_DELETION:
        return ""
    first: Object | None = None
    for why in looks(timeout_s(inputs, run), run):
        left = look()
        first = first or left
        if left is None or first is None or left["metadata"].get("uid") != first["metadata"].get("uid"):
            break
        if why:
            return f"{why}; {_held(left)}"
    return ""


def _reasons(live: Object, progress: Progress, around: Around) -> list[str]:
    found = list(progress.reasons)
    if live.get("kind") in _WORKLOADS:
        found += blamed(live, around)
    return list(dict.fromkeys([*found, *complaints(live, around("events"))]))


def looks(patience_s: float, run: Run) -> Iterator[str]:
    """Comes up with "" whenever it is time to look, and at the end with the reason why there is no more time."""
    deadline = time.monotonic() + patience_s
    pause = _FIRST_S
    while True:
        if run.cancelled.is_set():
            yield "the wait was cancelled"
            return
        left = deadline - time.monotonic()
        if left <= 0:
            yield f"it was not so within {patience_s:g} s"
            return
        yield ""
        run.cancelled.wait(min(pause, left))
        pause = min(pause * _GROWTH, _LONGEST_S)


def _held(left: Object) -> str:
    """What keeps an object from going."""
    about = left["metadata"]
    told = [text for kind, each in conditions(left).items() if kind.startswith("Namespace") and (text := str(each.get("message") or ""))]
    finalizers = about.get("finalizers") or (left.get("spec") or {}).get("finalizers") or []
    return "; ".join([f"finalizers that nobody removed: {', '.join(finalizers) or 'none'}", *told])


def _expressions(text: str) -> list[Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return [text]
    return found if isinstance(found, list) else [text]


def _custom(expressions: list[str]) -> Rule:
    wanted = [each.removeprefix("condition=").partition("=")[::2] for each in expressions]

    def rule(value: Mapping[str, Any], _around: Around) -> Progress:
        found = conditions(value)
        missing = [
            f"condition {kind} is {found.get(kind, {}).get('status', 'not set')}, not {status or 'True'}"
            for kind, status in wanted
            if str(found.get(kind, {}).get("status", "")).lower() != (status or "True").lower()
        ]
        return Progress(done=not missing, reasons=tuple(missing))

    return rule
