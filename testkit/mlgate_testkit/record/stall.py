"""A program that waits for itself: an Output that is to come from a resource which needs that Output. Pulumi would wait for ever.

Nothing is left to do when no request runs, no callback is ready and no timer is set; that is looked at from inside the event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pulumi
from pulumi import _types

from mlgate.errors import Problem
from mlgate_testkit.record.creation import Creation, Creations

__all__ = ["CountingExecutor", "Stalled", "stalled_problems", "unless_stalled"]

_LOOK_S = 0.25
_PATIENCE_S = 5.0
"""Long enough for a program that waits for a thread of its own, which cannot be seen from here."""
_PATIENCE_WITH_SOCKETS_S = 60.0
"""A program may wait for an answer from somewhere; transforms have a server open as well."""


class Stalled(Exception):  # noqa: N818 - a state of the program
    """Nothing will ever happen again, and the program has not ended."""


class CountingExecutor(ThreadPoolExecutor):
    """The threads in which the runtime makes its requests, and how many run."""

    running = 0

    def submit(self, *args: Any, **options: Any) -> Future[Any]:
        self.running += 1
        future = super().submit(*args, **options)
        future.add_done_callback(self._ended)
        return future

    def _ended(self, _: Future[Any]) -> None:
        self.running -= 1


async def unless_stalled(program: Awaitable[None], executor: CountingExecutor) -> None:
    """Waits for `program`. Raises Stalled when it can never end."""
    loop: Any = asyncio.get_running_loop()
    task = asyncio.ensure_future(program)
    idle_s = 0.0
    while not (await asyncio.wait({task}, timeout=_LOOK_S))[0]:
        timers = [handle for handle in loop._scheduled if not handle.cancelled()]
        idle_s = 0.0 if executor.running or loop._ready or timers else idle_s + _LOOK_S
        own_only = len(loop._selector.get_map()) <= 1
        if idle_s >= (_PATIENCE_S if own_only else _PATIENCE_WITH_SOCKETS_S):
            task.cancel()
            raise Stalled
    task.result()


def stalled_problems(creations: Creations) -> list[Problem]:
    """One for each resource that was never made: what it waits for, as far as can be seen."""
    pending = [made for made in creations.all if not _is_done(vars(made.resource).get("urn"))]
    problems = []
    for made in pending:
        others = [f"{other.type} {other.path}" for other in pending if other is not made and _waits_for(made, other)]
        what = f"it waits for {' and '.join(others)}" if others else "it waits for an Output that nothing resolves"
        found = f"{made.type} {made.path} is never made: {what}"
        problems.append(Problem(made.made_by or made.path, found, "break the circle: give one of them a value that is there before"))
    return problems or [
        Problem("the program", "it waits for something that nothing resolves, and never ends", "resolve it, or do not await it")
    ]


def _is_done(output: Any) -> bool:
    return output is None or output._data.done()


def _waits_for(made: Creation, other: Creation) -> bool:
    theirs = {id(value) for value in vars(other.resource).values() if isinstance(value, pulumi.Output)}
    return other.resource in made.depends_on or any(id(output) in theirs for output in _outputs(made.given, set()))


def _outputs(value: Any, seen: set[int]) -> Iterator[pulumi.Output[Any]]:
    """Every Output in a value, and those that it is computed from: they stand in the frames of what computes it."""
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, pulumi.Output):
        yield value
        if isinstance(value._data, asyncio.Task):
            frame = getattr(value._data.get_coro(), "cr_frame", None)
            yield from _outputs(dict(frame.f_locals) if frame is not None else {}, seen)
    elif isinstance(value, Mapping):
        for member in value.values():
            yield from _outputs(member, seen)
    elif isinstance(value, (list, tuple, set)):
        for member in value:
            yield from _outputs(member, seen)
    elif _types.is_input_type(type(value)):
        yield from _outputs(vars(value), seen)
