"""The seam between the engine's protocol and a simulated cloud: plain values in, plain values out, one method per request.

A `Package` is what one process serves under one name ("aws"); a `Provider` is one configuration of it. A program with providers for two
regions has two, and the servicer keeps them apart. Inputs arrive with secrets opened, since the engine marks them again by itself
(`acceptSecrets` is false); outputs that are secret in themselves are returned as `Secret`. In a preview any input may be UNKNOWN.
"""

from __future__ import annotations

import enum
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from mlgate_testkit.provider.values import UNKNOWN

__all__ = [
    "Difference",
    "Failure",
    "Kind",
    "Package",
    "Provider",
    "ProviderError",
    "Resource",
    "Run",
    "State",
    "Unhealthy",
    "compare",
]

Inputs = dict[str, Any]
Outputs = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Resource:
    """Which resource a request is about: `type` is the token ("aws:s3/bucket:Bucket"), `name` the program's own name for it."""

    urn: str
    type: str
    name: str


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an input is refused. `property` is a path ("tags.owner"); the engine prints both with the resource's name."""

    property: str
    reason: str


class ProviderError(Exception):
    """The cloud refuses. The text is what the engine prints: it names the value and the rule, as the real API would."""


class Unhealthy(ProviderError):  # noqa: N818 - a state, told by way of an error
    """Made or changed, but not in a good state: the engine keeps it in the state, says why, and tries to update it in the next run."""

    def __init__(self, resource_id: str, outputs: Outputs, inputs: Inputs, reasons: list[str]) -> None:
        super().__init__("; ".join(reasons))
        self.resource_id = resource_id
        self.outputs = outputs
        self.inputs = inputs
        self.reasons = reasons


class Kind(enum.Enum):
    """What happened to one input."""

    ADD = "add"
    DELETE = "delete"
    UPDATE = "update"


@dataclass(frozen=True, slots=True)
class Difference:
    """What a change of inputs means. `replace`: those paths of `changed` that need a new resource."""

    changed: Mapping[str, Kind] = field(default_factory=dict)
    replace: frozenset[str] = frozenset()
    delete_before_replace: bool = False


@dataclass(frozen=True, slots=True)
class State:
    """What the cloud holds: as the engine stores it."""

    id: str
    inputs: Inputs
    outputs: Outputs


@dataclass(frozen=True, slots=True)
class Run:
    """How a request is to be carried out. `timeout_s`: 0 where the program set none. `cancelled` is set when the user presses Ctrl-C.
    `warn` prints a line at the resource in the engine's output. `ignored`: the program's `ignore_changes`, known to an update."""

    preview: bool
    timeout_s: float
    cancelled: threading.Event
    warn: Callable[[str], None]
    ignored: tuple[str, ...] = ()


class Provider(Protocol):
    """One configured provider. Any method may raise ProviderError. Called from several threads at once."""

    def check(self, resource: Resource, olds: Inputs, news: Inputs, seed: bytes) -> tuple[Inputs, list[Failure]]:
        """The inputs with defaults and automatic names in place (`seed`: the engine's, stable over preview and up), and what is wrong."""

    def diff(self, resource: Resource, old: State, news: Inputs) -> Difference:
        """What changing to `news` means."""

    def create(self, resource: Resource, inputs: Inputs, run: Run) -> tuple[str, Outputs]:
        """The identity and the outputs; in a preview "" and UNKNOWN for whatever only the cloud knows. Raises Unhealthy if half-done."""

    def read(self, resource: Resource, resource_id: str, known: State | None) -> State | None:
        """What is really there, None if it is gone. `known` is None where a resource is imported or looked up by id."""

    def update(self, resource: Resource, old: State, news: Inputs, run: Run) -> Outputs:
        """The outputs after the change. Raises Unhealthy if half-done."""

    def delete(self, resource: Resource, old: State, run: Run) -> None:
        """Removes it; what is gone already is no error."""

    def invoke(self, token: str, arguments: Inputs, *, preview: bool) -> Outputs:
        """A function of the provider ("aws:index/getCallerIdentity:getCallerIdentity")."""


class Package(Protocol):
    """What is served under one name. Its public methods beside these are its controls: tests call them through the process.

    Three of them are its own choice. `require_known(operation, token)` raises UsageError for a type, or with "invoke" a function, that it
    does not serve: a fault ordered of it would never act. `unmet()` names, in words, orders of its own that nothing came for. Within
    `calm()` this thread's requests pass those.
    """

    name: str
    version: str

    def check_config(self, inputs: Inputs) -> list[Failure]:
        """What is wrong with a provider's configuration."""

    def configure(self, inputs: Inputs) -> Provider:
        """A provider for this configuration."""


def compare(olds: Any, news: Any) -> dict[str, Kind]:
    """What differs, by property path as the engine writes them ('tags["a.b"]', "rules[0].port"). Unknown news count as an update."""
    found: dict[str, Kind] = {}
    _compare(olds, news, "", found)
    return found


def _compare(old: Any, new: Any, path: str, found: dict[str, Kind]) -> None:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in [*old, *(key for key in new if key not in old)]:
            below = _below(path, key)
            # Pulumi takes a property that is null for one that is absent.
            before, after = old.get(key), new.get(key)
            if before is None and after is not None:
                found[below] = Kind.ADD
            elif after is None and before is not None:
                found[below] = Kind.DELETE
            elif before is not None:
                _compare(before, after, below, found)
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            below = f"{path}[{index}]"
            if index >= len(old):
                found[below] = Kind.ADD
            elif index >= len(new):
                found[below] = Kind.DELETE
            else:
                _compare(old[index], new[index], below, found)
    elif new is UNKNOWN or old != new or isinstance(old, bool) != isinstance(new, bool):
        found[path] = Kind.UPDATE


def _below(path: str, key: str) -> str:
    if not key or any(mark in key for mark in '."[]'):
        quoted = key.replace("\\", "\\\\").replace('"', '\\"')
        return f'{path}["{quoted}"]'
    return f"{path}.{key}" if path else key
