"""Putting right what a killed engine leaves: a lock that nobody holds, operations that never ended, resources that no state knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mlgate.errors import BusyError
from mlgate_testkit.engine.changes import Changes
from mlgate_testkit.engine.stack import Stack
from mlgate_testkit.engine.state import FileState, locks

__all__ = ["Recovery", "recover"]


@dataclass(frozen=True, slots=True)
class Recovery:
    """What was done. `locks`: dead owners' pids; `pending`: operations that had never ended; `refreshed`: what the cloud said then."""

    locks: Sequence[int] = ()
    pending: Sequence[str] = ()
    refreshed: Changes | None = None

    def __bool__(self) -> bool:
        return bool(self.locks or self.pending)


def recover(stack: Stack) -> Recovery:
    """Brings a stack back to where `up` goes on: takes away the lock of a dead owner, and forgets operations that never ended.

    Raises BusyError for a lock whose owner lives, or is on another machine: it is left alone.
    """
    held = locks(stack)
    for lock in held:
        if not lock.here or lock.held:
            raise BusyError(
                f"the stack is being updated by process {lock.pid} of {lock.user}{'' if lock.here else f' on {lock.host}'}",
                where=f"stack {stack.name}",
                remedy="wait for it to end",
            )
    if held:
        stack.engine.ask(stack.site, "cancel", stack.name, "--yes")
    pending = [f"{resource.type} {resource.name}" for resource in FileState.of(stack).pending]
    refreshed = stack.operate("refresh", "--yes", "--skip-preview", "--clear-pending-creates") if pending else None
    return Recovery([lock.pid for lock in held], pending, refreshed)
