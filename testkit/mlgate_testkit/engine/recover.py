"""Putting right what a killed engine leaves: a lock that nobody holds, operations that never ended, resources that no state knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mlgate.errors import BusyError
from mlgate_testkit.engine.changes import Changes
from mlgate_testkit.engine.stack import Stack
from mlgate_testkit.engine.tracked import Made

__tracebackhide__ = True  # a test that fails shows the line of the test
__all__ = ["Recovery", "recover"]


@dataclass(frozen=True, slots=True)
class Recovery:
    """What was done. `locks`: the pids of dead owners; `pending`: operations that had never ended; `refreshed`: what the cloud said then;
    `reaped`: what was removed from simulated providers, because no state knew of it. True as a bool where anything was.
    """

    locks: Sequence[int] = ()
    pending: Sequence[str] = ()
    refreshed: Changes | None = None
    reaped: Sequence[Made] = ()

    def __bool__(self) -> bool:
        return bool(self.locks or self.pending or self.reaped)


def recover(stack: Stack) -> Recovery:
    """Brings a stack back to where `up` goes on and finds nothing twice.

    Takes away the lock of a dead owner, mends what was cut short beside the state, forgets operations that never ended, and removes from
    simulated providers what they had made.

    Raises BusyError for a lock whose owner lives, or is on another machine: it is left alone.
    """
    held = stack.state.locks()
    for lock in held:
        if not lock.here or lock.held:
            raise BusyError(
                f"the stack is being updated by process {lock.pid} of {lock.user}{'' if lock.here else f' on {lock.host}'}",
                where=f"stack {stack.name}",
                remedy="wait for it to end",
            )
    stack.state.mend()
    if held:
        stack.engine.ask(stack.site, "cancel", stack.name, "--yes")
    pending = [f"{resource.type} {resource.name}" for resource in stack.state.checkpoint().pending]
    refreshed = stack.operate("refresh", "--yes", "--skip-preview", "--clear-pending-creates") if pending else None
    lost = stack.orphans()
    for provider in stack.attached:
        provider.reap(lost)
    return Recovery([lock.pid for lock in held], pending, refreshed, lost)
