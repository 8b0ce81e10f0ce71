"""A simulated provider that remembers what it made, so that what no state knows of can be found and removed.

It stands around the provider inside the provider's own process, where a create is seen even if the engine is killed before the answer
reaches it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass
from typing import Any

from mlgate.errors import ProcessError
from mlgate_testkit.provider.provider import Difference, Failure, Package, Provider, Resource, Run, State, Unhealthy

__all__ = ["Made", "Tracked"]

_END_S = 30.0


@dataclass(frozen=True, slots=True)
class Made:
    """A resource that is in the simulated cloud."""

    urn: str
    type: str
    name: str
    id: str


@dataclass(slots=True)
class _Entry:
    provider: Provider
    resource: Resource
    state: State


@dataclass(frozen=True, slots=True, eq=False)
class _Write:
    resource: Resource
    run: Run


class Tracked:
    """A package around another, with five more controls; all others are the inner one's."""

    def __init__(self, inner: Package) -> None:
        self.name = inner.name
        self.version = inner.version
        self._inner = inner
        self._lock = threading.Lock()
        self._entries: dict[tuple[str, str], _Entry] = {}
        self._ended = threading.Condition()
        self._writes: set[_Write] = set()

    def finish(self, urns: str) -> None:
        """Cancels the writes under way to resources whose URN begins so, and waits until they have ended: their engine is gone.

        Raises ProcessError for those that have not after 30 s.
        """
        with self._ended:
            for write in self._writes_of(urns):
                write.run.cancelled.set()
            if not self._ended.wait_for(lambda: not self._writes_of(urns), _END_S):
                left = ", ".join(f"{write.resource.type} {write.resource.name}" for write in self._writes_of(urns))
                raise ProcessError(
                    f"still under way {_END_S:g} s after it was cancelled: {left}", where=self.name, remedy="end the provider's process"
                )

    def alive(self) -> list[dict[str, str]]:
        """What was made and is still there, oldest first, as `Made`; what somebody removed by other ways is looked for and left out."""
        return [asdict(_made(entry)) for entry in self._there()]

    def reap(self, made: list[dict[str, str]]) -> None:
        """Deletes those, newest first."""
        wanted = {(one["type"], one["id"]) for one in made}
        for entry in reversed(self._there()):
            if (entry.resource.type, entry.state.id) in wanted:
                with self._calm():
                    entry.provider.delete(entry.resource, entry.state, Run(False, 0, threading.Event(), lambda _line: None))
                self.forget(entry.resource, entry.state.id)

    def sweep(self) -> list[str]:
        """Removes what a process before this one made and can tell nobody of: from a cloud that outlives it. Returns what that was."""
        sweep: Callable[[], list[str]] = getattr(self._inner, "sweep", list)
        return sweep()

    def reset(self) -> None:
        """Empties the cloud: by its own way where it has one, else by deleting what was made there."""
        empty = getattr(self._inner, "reset", None)
        if empty is None:
            self.reap(self.alive())
        else:
            empty()
        with self._lock:
            self._entries.clear()

    def check_config(self, inputs: dict[str, Any]) -> list[Failure]:
        """The inner one's."""
        return self._inner.check_config(inputs)

    def configure(self, inputs: dict[str, Any]) -> Provider:
        """The inner one's, watched."""
        return _Watched(self._inner.configure(inputs), self)

    def remember(self, provider: Provider, resource: Resource, state: State) -> None:
        """Something was made, or changed."""
        with self._lock:
            self._entries[resource.type, state.id] = _Entry(provider, resource, state)

    def forget(self, resource: Resource, resource_id: str) -> None:
        """Something was deleted."""
        with self._lock:
            self._entries.pop((resource.type, resource_id), None)

    @contextmanager
    def under_way(self, resource: Resource, run: Run) -> Iterator[None]:
        """Something is being made, changed or deleted."""
        write = _Write(resource, run)
        with self._ended:
            self._writes.add(write)
        try:
            yield
        finally:
            with self._ended:
                self._writes.remove(write)
                self._ended.notify_all()

    def __getattr__(self, control: str) -> Any:
        return getattr(self._inner, control)

    def _writes_of(self, urns: str) -> list[_Write]:
        return [write for write in self._writes if write.resource.urn.startswith(urns)]

    def _there(self) -> list[_Entry]:
        with self._lock:
            entries = list(self._entries.values())
        with self._calm():
            return [entry for entry in entries if _is_there(entry)]

    def _calm(self) -> AbstractContextManager[None]:
        """What this looks for and removes is no request of a test's: orders for those are neither heeded nor used up."""
        calm: Callable[[], AbstractContextManager[None]] = getattr(self._inner, "calm", nullcontext)
        return calm()


def _is_there(entry: _Entry) -> bool:
    try:
        return entry.provider.read(entry.resource, entry.state.id, entry.state) is not None
    except Unhealthy:  # half-done, and there
        return True


class _Watched:
    """A provider whose creates and deletes are told to the package."""

    def __init__(self, inner: Provider, package: Tracked) -> None:
        self._inner = inner
        self._package = package

    def check(self, resource: Resource, olds: dict[str, Any], news: dict[str, Any], seed: bytes) -> tuple[dict[str, Any], list[Failure]]:
        return self._inner.check(resource, olds, news, seed)

    def diff(self, resource: Resource, old: State, news: dict[str, Any]) -> Difference:
        return self._inner.diff(resource, old, news)

    def create(self, resource: Resource, inputs: dict[str, Any], run: Run) -> tuple[str, dict[str, Any]]:
        with self._package.under_way(resource, run):
            try:
                resource_id, outputs = self._inner.create(resource, inputs, run)
            except Unhealthy as half:
                self._package.remember(self._inner, resource, State(half.resource_id, half.inputs, half.outputs))
                raise
            if not run.preview:
                self._package.remember(self._inner, resource, State(resource_id, inputs, outputs))
            return resource_id, outputs

    def read(self, resource: Resource, resource_id: str, known: State | None) -> State | None:
        return self._inner.read(resource, resource_id, known)

    def update(self, resource: Resource, old: State, news: dict[str, Any], run: Run) -> dict[str, Any]:
        with self._package.under_way(resource, run):
            outputs = self._inner.update(resource, old, news, run)
            if not run.preview:
                self._package.remember(self._inner, resource, State(old.id, news, outputs))
            return outputs

    def delete(self, resource: Resource, old: State, run: Run) -> None:
        with self._package.under_way(resource, run):
            self._inner.delete(resource, old, run)
            self._package.forget(resource, old.id)

    def invoke(self, token: str, arguments: dict[str, Any], *, preview: bool) -> dict[str, Any]:
        return self._inner.invoke(token, arguments, preview=preview)


def _made(entry: _Entry) -> Made:
    return Made(entry.resource.urn, entry.resource.type, entry.resource.name, entry.state.id)
