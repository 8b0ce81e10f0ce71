"""What a stand-in that was killed left on a cluster, found by the field managers that its objects name, and removed.

A process that is killed takes along its memory of what it made. Its objects say themselves who wrote them: `pulumi-kubernetes` created
them, or `pulumi-kubernetes-<8 hex>` applied them. The real provider's say the same, so this is for a cluster that only tests use. Not found
is what a program wrote under a field manager of its own choice, and what has nothing but a name: no field, so no manager.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from mlgate_testkit.kubernetes.calls import title
from mlgate_testkit.kubernetes.connection import ApiError, Connection, Served
from mlgate_testkit.kubernetes.helm import RECORD, Releases
from mlgate_testkit.kubernetes.objects import identity, name_of, namespace_of
from mlgate_testkit.kubernetes.ownership import CREATOR
from mlgate_testkit.kubernetes.steps import Steps
from mlgate_testkit.provider.provider import Run, State

__all__ = ["sweep"]

# Who writes to objects that others declare.
_CONTROLLERS = frozenset({"kube-controller-manager", "kube-scheduler", "kwok"})
_TIMEOUT_S = 60.0


def sweep(connection: Connection, steps: Steps, releases: Releases) -> list[str]:
    """Removes it, the newest first, and gives up the fields of what was only patched. Returns what that was.

    Raises ProviderError for an object that does not go within a minute.
    """
    run = Run(False, _TIMEOUT_S, threading.Event(), lambda _line: None)
    swept = []
    for served, live in _newest_first(connection):
        if name_of(live).startswith(RECORD) and served.kind.kind == "Secret":
            releases.delete(State(f"{namespace_of(live)}/{name_of(live).removeprefix(RECORD)}", {}, {}), run)
        elif _made_here(live):
            steps.delete(served.kind, State(identity(live), {}, {}), run)
        elif managers := _appliers(live):
            for manager in managers:
                steps.relinquish(served.kind, State(identity(live), {}, {"__fieldManager": manager}))
        else:
            continue
        swept.append(title(served.kind, live))
    return swept


def _newest_first(connection: Connection) -> list[tuple[Served, dict[str, Any]]]:
    """Every object of the cluster, once; of two that came in one second, that which lies in a namespace before that which does not."""
    found: dict[str, tuple[Served, dict[str, Any]]] = {}
    for served in connection.everything():
        try:
            listed = connection.request("GET", served.path(""))
        except ApiError:  # a kind that is only created, such as a review, or whose extension is away
            continue
        for live in listed.get("items") or []:
            if uid := live["metadata"].get("uid"):
                found.setdefault(uid, (served, live))
    return sorted(found.values(), key=lambda each: (each[1]["metadata"].get("creationTimestamp") or "", each[0].namespaced), reverse=True)


def _made_here(live: Mapping[str, Any]) -> bool:
    """Whether it was created by a stand-in; or applied by one, and nobody else but controllers has written to it."""
    writers = {(entry.get("operation"), str(entry.get("manager"))) for entry in _managed(live)}
    others = {manager for _, manager in writers} - _CONTROLLERS - set(_appliers(live))
    return ("Update", CREATOR) in writers or (bool(_appliers(live)) and not others)


def _appliers(live: Mapping[str, Any]) -> list[str]:
    """The field managers of stand-ins that own fields of it."""
    managers = [str(entry.get("manager")) for entry in _managed(live) if entry.get("operation") == "Apply"]
    return [manager for manager in managers if manager.startswith(f"{CREATOR}-")]


def _managed(live: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [entry for entry in live["metadata"].get("managedFields") or [] if not entry.get("subresource")]
