"""Removal of what was made on a cluster that somebody uses afterwards: a test's nodes must not be the next one's capacity.

Nodes and namespaces are found by what was there before, whoever made them; other objects are those that `Objects` made. What kubectl or
another client made outside of a new namespace is nobody's here, and stays.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from contextlib import contextmanager
from functools import partial

from mlgate_testkit.cluster.errors import ClusterError, RefusedError
from mlgate_testkit.cluster.objects import Objects

_LIMIT_S = 60.0
_POLL_S = 0.05


@contextmanager
def tidied(objects: Objects) -> Iterator[None]:
    """Removes at its end what came within, however that ends. Raises ClusterError for what does not go, with what refuses or holds it."""
    made = len(objects.made)
    places, nodes = _names(objects, "Namespace"), _names(objects, "Node")
    try:
        yield
    finally:
        node_paths = objects.kind("Node").collection(None)
        # The newest first: what needs another is newer than that.
        things = [path for path in reversed(objects.made[made:]) if not path.startswith(f"{node_paths}/")]
        del objects.made[made:]
        spaces = [f"{objects.kind('Namespace').collection(None)}/{name}" for name in _names(objects, "Namespace") - places]
        try:
            _remove(objects, [*things, *(path for path in spaces if path not in things)])
        finally:  # the last, since a pod whose node is gone does not end by itself for a minute
            gone = _names(objects, "Node") - nodes
            _remove(objects, [f"{node_paths}/{name}" for name in gone])
            _tell(_end_pods(objects, gone))


def _remove(objects: Objects, paths: Sequence[str]) -> None:
    """Asks in rounds for the deletion of what is left of them, until they are gone, and what belongs to them.

    What one round refuses another may allow: who refuses, a webhook or a policy, often is of the test's making, and goes as well.
    """
    until = time.monotonic() + _LIMIT_S
    left = list(paths)
    while left:
        refusals = _refusals(partial(objects.remove, path) for path in left)
        left = [path for path in left if objects.at(path)]
        if not left:
            break
        refusals += _end_pods(objects, set())
        if time.monotonic() > until:
            _tell(refusals)
            raise ClusterError(
                f"is being deleted and is not gone after {_LIMIT_S:g} s{_held(objects, left[0])}",
                where=left[0],
                remedy="what a test makes goes with it: remove it in the test, its finalizers too",
            )
        time.sleep(_POLL_S)


def _end_pods(objects: Objects, gone: Set[str]) -> list[RefusedError]:
    """Pods that end, and those of nodes that are gone, do so at once: where a node was lost or removed nobody else ends them."""
    pods = objects.list("Pod")
    ending = [pod["metadata"] for pod in pods if "deletionTimestamp" in pod["metadata"] or pod["spec"].get("nodeName") in gone]
    return _refusals(partial(objects.delete, "Pod", each["name"], each["namespace"], at_once=True) for each in ending)


def _refusals(asks: Iterable[Callable[[], None]]) -> list[RefusedError]:
    """Asks for all of it, whatever is refused of it, and returns the refusals."""
    found = []
    for ask in asks:
        try:
            ask()
        except RefusedError as refusal:
            found.append(refusal)
    return found


def _tell(refusals: Sequence[RefusedError]) -> None:
    """Raises the first of them, if there are any."""
    if refusals:
        remedy = "what a test makes goes with it: end in the test whatever refuses that"
        raise ClusterError(refusals[0].problem, where=refusals[0].where, remedy=remedy) from None


def _held(objects: Objects, path: str) -> str:
    finalizers = ((objects.at(path) or {}).get("metadata") or {}).get("finalizers") or []
    return f"; finalizers that nobody removed: {', '.join(finalizers)}" if finalizers else ""


def _names(objects: Objects, kind: str) -> set[str]:
    return {each["metadata"]["name"] for each in objects.list(kind)}
