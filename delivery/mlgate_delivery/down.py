"""Ending everything that an environment runs. Evidence, ledger, keys and promoted releases stay."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from mlgate.environment import Environment, project_folder
from mlgate.errors import BusyError, MlgateError
from mlgate_delivery.exports import backend_of
from mlgate_delivery.recover import clear
from mlgate_delivery.resources import ours
from mlgate_delivery.stack import LocalStack
from mlgate_delivery.turn import turn
from mlgate_evidence.locks import hold
from mlgate_serving.endpoint import stop_endpoint
from mlgate_serving.envoy import LocalRouter
from mlgate_serving.supervisor import Supervisor
from mlgate_tools.pulumi_state import FileState
from mlgate_tools.tool import Progress


def down(environment: Environment, progress: Progress) -> Sequence[str]:
    """Destroys the stack and stops whatever else is left of the environment, with its files, registered or not.

    Returns the names of the registered processes that ended.

    May be interrupted and run again. Raises BusyError while another command changes the environment. Whatever else keeps the stack from
    being destroyed is raised when every process has ended all the same.
    """
    if not environment.home.exists():
        return []
    supervisor = Supervisor(environment.processes)
    with turn(environment, "stopping everything"):
        running = [process.spec.name for process in supervisor.list() if process.alive]
        failure: MlgateError | KeyboardInterrupt | None = None
        try:
            _destroy(environment, progress)
        except BusyError:  # somebody's update goes on: it would start anew what is stopped under it
            raise
        except (MlgateError, KeyboardInterrupt) as error:  # Ctrl-C cuts the engine's orderly end short, not ours
            failure = error
        _stop_rest(environment, supervisor, progress)
        if failure:
            raise failure
        return running


def down_everywhere(environment: Environment, progress: Progress) -> Sequence[str]:
    """As `down`, also for what a demo that was killed left running in this project. One that fails keeps no other from being ended.

    Raises BusyError for a demo that is alive, which ends what it started itself.
    """
    demos = _demos(environment)
    ended: list[str] = []
    failures: list[MlgateError] = []
    for place in dict.fromkeys((environment, *demos)):
        try:
            with _unused(place) if place in demos else nullcontext():
                ended += down(place, progress)
        except MlgateError as failure:
            failures.append(failure)
    if failures:
        raise failures[0]
    return ended


def _demos(environment: Environment) -> Sequence[Environment]:
    """A demo keeps an environment of its own below `.mlgate/` of the project, wherever `$MLGATE_HOME` is."""
    project = project_folder(Path.cwd())
    roots = {environment.home.parent, *([project / ".mlgate"] if project else [])}
    homes = {entry.parent.parent for root in roots for entry in root.glob("demo*/local/processes/*.json")}
    return [Environment(name="local", home=home) for home in sorted(homes)]


def _unused(demo: Environment) -> AbstractContextManager[None]:
    """Holds what a demo holds for as long as it runs: it has its turn only while it changes something, and a gate needs its servers too."""
    return hold(demo.home.parent, "stopping everything", "only it may stop its servers")


def _destroy(environment: Environment, progress: Progress) -> None:
    state = FileState.found(backend_of(environment), environment.name)
    if state is None:
        return
    left = state.checkpoint()
    if not (ours(left.resources) or left.operations or state.locks()):  # `mlgate env` alone: no reason to download an engine
        return
    stack = LocalStack.open(environment, progress)
    clear(stack, progress)
    if ours(stack.state.checkpoint().resources):
        stack.destroy(progress)


def _stop_rest(environment: Environment, supervisor: Supervisor, progress: Progress) -> None:
    """What the engine has not ended, known to a state or not: each is ended by what it was started with, so that nothing of it stays."""
    router = LocalRouter(supervisor, environment.routers)
    for service in _routed(environment, supervisor):
        progress(f"stopping the proxy of {service}")
        router.remove(service)
    for name in supervisor.names():
        progress(f"stopping {name}")
        stop_endpoint(supervisor, name)
    supervisor.reap()


def _routed(environment: Environment, supervisor: Supervisor) -> Sequence[str]:
    """The services that have a proxy, or files of one of which the registry knows nothing any more."""
    folder = environment.routers.resolve()
    running = {process.spec.folder.name for process in supervisor.list() if process.spec.folder.parent == folder}
    return sorted(running | {path.name for path in folder.glob("[!.]*") if path.is_dir()})
