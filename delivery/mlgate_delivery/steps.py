"""What the engine's event log says, in words: which resource is at which step, and what went wrong. Pure functions of one event each."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

_KINDS = {
    "pulumi-python:dynamic/mlgate:StoredRelease": "model store",
    "pulumi-python:dynamic/mlgate:EndpointProcess": "endpoint",
    "pulumi-python:dynamic/mlgate:StableUrl": "traffic of",
}
_DOING = {
    "create": ("creating", "created"),
    "create-replacement": ("creating anew", "created anew"),
    "update": ("updating", "updated"),
    "delete": ("deleting", "deleted"),
    "delete-replaced": ("deleting the replaced one", "deleted the replaced one"),
}
# Said by the engine besides the reason, and by no means instead of it.
_EMPTY = ("update failed", "preview failed", "an unhandled error occurred: program exited")
_OUR_ERROR = re.compile(r"^mlgate\.errors\.\w+: ", re.MULTILINE)
_ANY_ERROR = re.compile(r"^[A-Za-z_][\w.]*: ", re.MULTILINE)
_CHECK_FAILURE = re.compile(r"^.* resource '[^']*'(?:: property \S+ value .*?)? has a problem: ", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Step:
    """One operation on one resource: begun, or ended. `operation` is the engine's word, `resource` ours."""

    urn: str
    resource: str
    operation: str
    ended: bool

    @property
    def words(self) -> str:
        """`endpoint digits-0123456789ab: creating`."""
        return f"{self.resource}: {_DOING[self.operation][self.ended]}"


def step_of(event: dict[str, Any]) -> Step | None:
    """The step that an event tells of; None for everything else, and for resources that stay as they are."""
    for kind, ended in (("resourcePreEvent", False), ("resOutputsEvent", True)):
        if kind in event:
            metadata = event[kind]["metadata"]
            if metadata["type"] in _KINDS and metadata["op"] in _DOING:
                name = metadata["urn"].rsplit("::", 1)[1]
                return Step(metadata["urn"], f"{_KINDS[metadata['type']]} {name}", metadata["op"], ended)
    return None


def failure_of(event: dict[str, Any]) -> str | None:
    """The reason that an error event gives, without the engine's wrapping and without tracebacks; None for other events."""
    diagnostic = event.get("diagnosticEvent")
    if not diagnostic or diagnostic["severity"] != "error":
        return None
    message = _CHECK_FAILURE.sub("", str(diagnostic["message"]).strip())
    if ours := _OUR_ERROR.search(message):
        # It ends with what to do, over several lines.
        message = message[ours.end() :]
    elif "Traceback (most recent call last)" in message:
        # Of a stranger's, the last line with its name is what there is.
        named = list(_ANY_ERROR.finditer(message))
        message = message[named[-1].start() :] if named else message.splitlines()[-1]
    return None if message.startswith(_EMPTY) else message.strip()
