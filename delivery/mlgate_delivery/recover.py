"""Clearing up after a killed engine: a lock nobody holds, plugins nobody uses, operations that never ended, processes nobody knows of.

Each is touched only when its owner is known to be dead. Where there is nothing to clear, this costs a few files read and one look at the
process table, so every command that updates begins with it.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from contextlib import suppress

import psutil

from mlgate.environment import Environment
from mlgate.errors import BusyError
from mlgate_delivery.exports import backend_of
from mlgate_delivery.resources import find, kind_of, ours
from mlgate_delivery.stack import LocalStack
from mlgate_delivery.turn import turn
from mlgate_serving.endpoint import endpoint_name, stop_endpoint
from mlgate_serving.envoy import LocalRouter
from mlgate_serving.supervisor import Supervisor
from mlgate_tools.pulumi_state import Lock, StateResource
from mlgate_tools.tool import Progress

# An engine whose mlgate was killed ends its update by itself; an endpoint takes seconds to start.
_PATIENCE_S = 90.0
_POLL_S = 0.2
_END_S = 5.0
_PLUGINS = ("pulumi-language-python", "pulumi-resource-pulumi-python", "pulumi.dynamic")


def recover(environment: Environment, progress: Progress) -> None:
    """Brings an environment back to a state from which `up` goes on, whatever was killed when.

    Raises BusyError where an update is still running (after waiting for it), or its lock is another machine's.
    """
    with turn(environment, "clearing up"):
        clear(LocalStack.open(environment, progress), progress)


def clear(stack: LocalStack, progress: Progress, *, patience_s: float = _PATIENCE_S) -> None:
    """As `recover`, for a caller that has its turn and its stack already."""
    dead = _await_owners(stack, progress, patience_s)
    for name in _end_orphans(stack.environment):
        progress(f"recovering: ended {name}, left over from a killed update")
    if dead:
        owners = ", ".join(f"process {lock.pid}" for lock in dead)
        progress(f"recovering: taking away the lock of {owners}, which has ended")
        for lock in dead:  # by hand: `pulumi cancel` would also take one away that somebody has taken since
            lock.path.unlink(missing_ok=True)
    for path in stack.state.mend():
        progress(f"recovering: removed {path.name}, which a killed update left half written")
    left = stack.state.checkpoint()
    if left.operations:
        progress(f"recovering: {left.operations} operations were begun and never ended; looking at what runs")
        stack.clear_pending(progress)
        _stop_unknown(stack.environment, ours(left.pending), stack.state.checkpoint().resources, progress)
    for name in Supervisor(stack.environment.processes).reap():
        progress(f"recovering: ended what was left of {name}")
    for copy in stack.environment.releases.glob(".*"):
        shutil.rmtree(copy, ignore_errors=True)


def _await_owners(stack: LocalStack, progress: Progress, patience_s: float) -> Sequence[Lock]:
    """The locks on the stack, all of them of dead owners. Raises BusyError if one lives on, or cannot be known to be dead."""
    deadline = time.monotonic() + patience_s
    said = False
    while True:
        locks = stack.state.locks()
        holder = next((lock for lock in locks if not lock.here or lock.held), None)
        if holder is None:
            return locks
        if not holder.here or time.monotonic() > deadline:
            raise _busy(stack, holder)
        if not said:
            progress(f"process {holder.pid} is still updating the stack, since {holder.since.astimezone():%H:%M:%S}; waiting for it")
            said = True
        time.sleep(_POLL_S)


def _busy(stack: LocalStack, holder: Lock) -> BusyError:
    whose = f"process {holder.pid} of {holder.user}" + ("" if holder.here else f" on {holder.host}")
    name = stack.environment.name
    by_hand = f'if it is dead: eval "$(mlgate env {name})" && pulumi cancel -s {name}'
    return BusyError(
        f"the stack is being updated by {whose}, since {holder.since.astimezone():%Y-%m-%d %H:%M:%S}",
        where=f"stack {name}",
        remedy="wait for it to end, or interrupt it" if holder.here else f"wait for it to end; {by_hand}",
    )


def _end_orphans(environment: Environment) -> list[str]:
    """Ends plugins that work on this environment's state for an engine that is dead. Returns what was ended."""
    backend = backend_of(environment).as_uri()
    orphans = [process for process in psutil.process_iter(["pid", "name"]) if _is_orphan(process, backend)]
    names = [f"{process.info['name']} ({process.pid})" for process in orphans]
    for process in orphans:
        _signal(process, kill=False)
    _, alive = psutil.wait_procs(orphans, timeout=_END_S)
    for process in alive:
        _signal(process, kill=True)
    psutil.wait_procs(alive, timeout=_END_S)
    return names


def _is_orphan(process: psutil.Process, backend: str) -> bool:
    try:
        command = " ".join(process.cmdline())
        if not any(plugin in command for plugin in _PLUGINS) or process.environ().get("PULUMI_BACKEND_URL") != backend:
            return False
        return not any(parent.name() == "pulumi" for parent in process.parents())
    except psutil.Error:  # gone meanwhile, or another user's
        return False


def _signal(process: psutil.Process, *, kill: bool) -> None:
    with suppress(psutil.NoSuchProcess):
        process.kill() if kill else process.terminate()


def _stop_unknown(environment: Environment, pending: Sequence[StateResource], known: Sequence[StateResource], progress: Progress) -> None:
    """Stops what a killed operation had started, where the state does not know of it."""
    supervisor = Supervisor(environment.processes)
    for resource in pending:
        service, release = resource.properties["service"], resource.properties.get("release", "")
        if kind_of(resource) == "EndpointProcess" and not find(known, "EndpointProcess", service=service, release=release):
            name = endpoint_name(service, release)
            progress(f"recovering: stopping {name}, which no state knows of")
            stop_endpoint(supervisor, name)
        if kind_of(resource) == "StableUrl" and not find(known, "StableUrl", service=service):
            progress(f"recovering: stopping the proxy of {service}, which no state knows of")
            LocalRouter(supervisor, environment.routers).remove(service)
