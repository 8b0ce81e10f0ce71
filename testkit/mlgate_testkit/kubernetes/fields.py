"""The field that was probably meant by one that the API server does not know, by what the installed SDK says about the kind."""

from __future__ import annotations

import re
import typing

from pulumi import _types

from mlgate_testkit.kubernetes.kinds import ObjectKind
from mlgate_testkit.nearest import nearest
from mlgate_testkit.record.sdk import arguments_of, class_of, field_types, union_members

__all__ = ["field_meant"]

# In the words of a create, and in those of a server-side apply.
_UNKNOWN = (re.compile(r'unknown field "([^"]+)"'), re.compile(r"\.(\S+): field not declared in schema"))
_PLACE = re.compile(r"\[[^]]*\]")  # in a list: [0], [name="web"]


def field_meant(kind: ObjectKind, refusal: str) -> str:
    """Its path ("spec.replicas"); "" where the refusal is of something else, nothing is near, or no SDK knows the kind."""
    wrong = next((found[1] for pattern in _UNKNOWN if (found := pattern.search(refusal))), "")
    *above, name = _PLACE.sub("", wrong).split(".")
    fields = _arguments(kind)
    for each in above:
        fields = _below(field_types(fields).get(each)) if fields else None
    near = nearest(name, field_types(fields)) if fields else None
    return wrong[: -len(name)] + near if near else ""


def _arguments(kind: ObjectKind) -> type | None:
    known = class_of(f"kubernetes:{kind.group or 'core'}/{kind.version}:{kind.kind}")
    return arguments_of(known) if known else None


def _below(wanted: typing.Any) -> type | None:
    """The fields of what a field takes, or of each member of the list that it takes."""
    for member in union_members(wanted):
        if isinstance(member, type) and _types.is_input_type(member):
            return member
        if found := next(filter(None, map(_below, typing.get_args(member))), None):
            return found
    return None
