"""Clusters that stay: brought up under a name by one command, found again by the next, there until somebody ends them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack

from mlgate.environment import cache_folder
from mlgate.errors import ProcessError, UsageError
from mlgate_testkit.cluster.extensions import Chosen
from mlgate_testkit.cluster.folders import Progress, clear, end_left, named_folder, named_lock
from mlgate_testkit.cluster.startup import Running, bring_up, find_running, on_free_ports, require_tools


def names() -> Sequence[str]:
    """Every named cluster, whole or not."""
    return sorted(path.name for path in (cache_folder() / "clusters" / "named").glob("*") if not path.name.startswith("."))


def bring_up_named(name: str, chosen: Chosen, progress: Progress) -> Running:
    """The cluster of that name: as it runs if it has what is chosen and is whole, else anew, in place of what had the name.

    Raises ToolError, ProcessError, and UsageError for what cannot be a name. Nothing of it is left then.
    """
    require_tools(chosen)
    end_left(progress)
    with named_lock(name):
        if found := _whole(name, chosen):
            progress(f"{name} runs already")
            return found
        return on_free_ports(lambda: _anew(name, chosen, progress), progress)


def find_named(name: str) -> Running:
    """The cluster of that name. Raises UsageError, naming those there are, where it was not brought up."""
    found = find_running(named_folder(name))
    if found is None:
        others = ", ".join(names())
        raise _unknown(name, f"mlgate testkit cluster up --name {name}" + (f"; there are: {others}" if others else ""))
    return found


def end_named(name: str) -> Sequence[str]:
    """Ends every part of it and removes its files. Returns the names of the parts that ran.

    Nothing to end is no error where there is no cluster at all; else another one was meant, and would go on running: raises UsageError.
    """
    with named_lock(name):
        if not named_folder(name).exists() and (others := names()):
            raise _unknown(name, f"mlgate testkit cluster down --name {others[0]}; there are: {', '.join(others)}")
        return clear(named_folder(name))


def _unknown(name: str, remedy: str) -> UsageError:
    return UsageError(f"no cluster {name!r} was brought up", where="mlgate testkit cluster", remedy=remedy)


def _whole(name: str, chosen: Chosen) -> Running | None:
    found = find_running(named_folder(name))
    if found is None or found.asked_for != chosen:
        return None
    try:
        found.processes.require_alive()
    except ProcessError:
        return None
    return found


def _anew(name: str, chosen: Chosen, progress: Progress) -> Running:
    folder = named_folder(name)
    clear(folder)
    with ExitStack() as attempt:
        attempt.callback(clear, folder)
        folder.mkdir(parents=True, mode=0o700)
        running = bring_up(folder, name, chosen, progress, owned=False)
        attempt.pop_all()
        return running
