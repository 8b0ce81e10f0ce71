"""Ending everything that an environment runs. Evidence, ledger, keys and promoted releases stay."""

from __future__ import annotations

from collections.abc import Sequence

from mlgate.environment import Environment
from mlgate_delivery.checkpoint import FileState
from mlgate_delivery.exports import backend_of
from mlgate_delivery.project import Project
from mlgate_delivery.recover import clear
from mlgate_delivery.stack import LocalStack
from mlgate_delivery.turn import turn
from mlgate_serving.endpoint import stop_endpoint
from mlgate_serving.envoy import LocalRouter
from mlgate_serving.supervisor import Supervisor
from mlgate_tools.tool import Progress


def down(environment: Environment, progress: Progress) -> Sequence[str]:
    """Destroys the stack and stops whatever else the environment's registry knows. Returns the names of the processes that ended.

    May be interrupted and run again. Raises BusyError while another command changes the environment.
    """
    if not environment.home.exists():
        return []
    supervisor = Supervisor(environment.processes)
    with turn(environment, "stopping everything"):
        running = [process.spec.name for process in supervisor.list() if process.alive]
        if (environment.state / "state").exists():
            project = Project.find()
            if FileState(backend_of(environment), project.name, environment.name).exists:
                stack = LocalStack.open(environment, progress, project)
                clear(stack, progress)
                if stack.state.checkpoint().resources:
                    stack.destroy(progress)
        _stop_rest(environment, supervisor, progress)
        return running


def _stop_rest(environment: Environment, supervisor: Supervisor, progress: Progress) -> None:
    """What no state knows of any more, or never did: each is ended by what it was started with, so that nothing of it stays."""
    router = LocalRouter(supervisor, environment.routers)
    for process in supervisor.list():
        name, service = process.spec.name, process.spec.labels.get("service", "")
        progress(f"stopping {name}, which the stack does not know")
        if process.spec.folder == (environment.routers / service).resolve():
            router.remove(service)
        else:
            stop_endpoint(supervisor, name)
    supervisor.reap()
