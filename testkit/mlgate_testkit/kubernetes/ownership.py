"""Who owns which field of an object, as its `managedFields` say, and what to tell a person when two owners want the same one.

A new object is created plainly, in the name of `pulumi-kubernetes`; every later change is a server-side apply in a name of its own.
Source: pulumi-kubernetes 4.29 and newer, provider/pkg/await/await.go (`Creation`, `ssaUpdate`, `fixCSAFieldManagers`), read at 94977969.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mlgate_testkit.kubernetes.connection import ApiError
from mlgate_testkit.kubernetes.objects import annotation

__all__ = ["CREATOR", "adopt", "conflict", "forced", "left_to_others", "new_manager"]

CREATOR = "pulumi-kubernetes"
_FORCE = "pulumi.com/patchForce"
_MANAGER = "pulumi.com/patchFieldManager"
# Whose fields the first apply takes over: what `kubectl apply` and a plain create leave behind.
_ADOPTED = frozenset(
    {
        ("Apply", "kubectl"),
        ("Update", "before-first-apply"),
        ("Update", "kubectl"),
        ("Update", "kubectl-client-side-apply"),
        ("Update", CREATOR),
    }
)


def new_manager(inputs: Mapping[str, Any], known: str = "") -> str:
    """The field manager of a resource: the program's own choice, else the one it has had so far, else a new one."""
    return annotation(inputs, _MANAGER) or known or f"{CREATOR}-{secrets.token_hex(4)}"


def forced(inputs: Mapping[str, Any], *, everywhere: bool) -> bool:
    """Whether fields of other owners are to be taken."""
    return everywhere or annotation(inputs, _FORCE) == "true"


def adopt(managed: list[dict[str, Any]], manager: str) -> list[dict[str, Any]]:
    """`managed` with the fields of `kubectl apply` and of a plain create as `manager`'s own; the same list where there are none.

    Fields of the status stay with whoever wrote it.
    """
    taken = [entry for entry in managed if (entry.get("operation"), entry.get("manager")) in _ADOPTED and not entry.get("subresource")]
    if not taken:
        return managed
    ours = [entry for entry in managed if (entry.get("operation"), entry.get("manager")) == ("Apply", manager)]
    fields: dict[str, Any] = {}
    for entry in (*ours, *taken):
        fields = _united(fields, entry.get("fieldsV1") or {})
    owned = {**(ours or taken)[0], "manager": manager, "operation": "Apply", "fieldsV1": fields}
    return [*(entry for entry in managed if entry not in taken and entry not in ours), owned]


def left_to_others(inputs: dict[str, Any], live: Mapping[str, Any], ignored: Iterable[str], manager: str) -> dict[str, Any]:
    """`inputs` without the ignored fields that only others own, and with those that we own too as they are.

    Source: await.go, `handleSSAIgnoreFields`. As there, a path through a list is not looked into.
    """
    managed = live["metadata"].get("managedFields") or []
    ours = {("Apply", manager), *_ADOPTED}
    for path in ignored:
        names = path.split(".")
        owners = [entry for entry in managed if _at(entry.get("fieldsV1") or {}, [f"f:{name}" for name in names]) is not None]
        if owners and not any((entry.get("operation"), entry.get("manager")) in ours for entry in owners):
            inputs = _with(inputs, names, None)
        elif (value := _at(live, names)) is not None:
            inputs = _with(inputs, names, value)
    return inputs


def conflict(error: ApiError, what: str, manager: str) -> str:
    """A refused apply in words: each field with its owner, and the two ways out."""
    owned = [
        f"{cause.get('field', '?').lstrip('.')} belongs to {_owner(cause.get('message', ''))}"
        for cause in error.causes
        if cause.get("reason") == "FieldManagerConflict"
    ]
    return (
        f"{what}: the field manager {manager} may not change what others own: {'; '.join(owned) or error}. "
        f'Leave the field out of the program, or annotate the object with {_FORCE}: "true" to take it'
    )


def _owner(message: str) -> str:
    """The manager in `conflict with "x" using v1`."""
    return message.removeprefix("conflict with ").split(" using ")[0] or "another manager"


def _at(value: Any, names: Sequence[str]) -> Any:
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _with(inputs: Mapping[str, Any], names: Sequence[str], value: Any) -> dict[str, Any]:
    """A copy with that value at that path; without the field for None."""
    first, *rest = names
    below = _with(inputs.get(first) or {}, rest, value) if rest else value
    return {**{key: member for key, member in inputs.items() if key != first}, **({} if below is None else {first: below})}


def _united(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: _united(one[key], other[key]) if key in one and key in other else one.get(key, other.get(key))
        for key in dict.fromkeys((*one, *other))
    }
