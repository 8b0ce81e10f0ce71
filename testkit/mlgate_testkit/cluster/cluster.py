"""`Cluster`: a real Kubernetes control plane on this machine, without containers, with nodes and pods that kwok plays.

Real are etcd, the API server, the controllers, the scheduler, and Karpenter, KEDA and Prometheus where they are chosen. Played are
kubelets: pods become ready because a stage says so, no image is pulled, nothing runs in them, and no network lies between them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from mlgate.errors import UsageError
from mlgate_testkit.cluster.errors import ClusterError
from mlgate_testkit.cluster.extensions import Chosen
from mlgate_testkit.cluster.folders import Progress, clear, disk_error, new_run
from mlgate_testkit.cluster.objects import Object, Objects
from mlgate_testkit.cluster.processes import PartStatus, PortTakenError
from mlgate_testkit.cluster.startup import Running, bring_up, require_tools

T = TypeVar("T")

_TRIES = 3
_POLL_S = 0.1
_WARNINGS = 5


def _silent(_line: str) -> None:
    """Nobody listens."""


class Cluster:
    """A cluster that ends with `down()`, with its `with` block, or with this process, however that ends.

    `karpenter`, `keda`, `prometheus`: what it has besides the control plane and fake nodes. `progress` receives lines for a person.
    """

    def __init__(self, *, karpenter: bool = False, keda: bool = False, prometheus: bool = False, progress: Progress = _silent) -> None:
        self._chosen = Chosen(karpenter=karpenter, keda=keda, prometheus=prometheus)
        self._progress = progress
        self._held = ExitStack()
        self._running: Running | None = None

    def up(self) -> Self:
        """Bring it up; returns itself once every part is ready.

        Raises ToolError: a program is not built. ProcessError: a part does not become ready, with the end of its log, or the disk is full.
        Nothing is left then.
        """
        require_tools(self._chosen)
        if self._running is None:
            self._running = _up_on_free_ports(self._chosen, self._progress, self._held)
        return self

    def down(self) -> None:
        """End every part at once and remove every file of it. A cluster that is not up is no error."""
        running, self._running = self._running, None
        if running:
            clear(running.layout.folder)
        self._held.close()

    def __enter__(self) -> Self:
        return self.up()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.down()

    @property
    def kubeconfig(self) -> Path:
        """The administrator's access, for any client: `KUBECONFIG`. Its API server answers on this machine's loopback."""
        return self._up.layout.kubeconfig

    @property
    def missing(self) -> Mapping[str, str]:
        """What was chosen and cannot be had on this machine, by name ("keda"), and why."""
        return self._up.missing

    @property
    def objects(self) -> Objects:
        """Every object of the cluster: apply, find, list, patch, delete."""
        return self._up.objects

    @property
    def has_own_network(self) -> bool:
        """Whether it runs in a network namespace of its own, and not on ports of this machine's loopback."""
        return self._up.network.own

    def status(self) -> Sequence[PartStatus]:
        """Every part: its process, whether it is alive, its ports and memory."""
        return self._up.processes.status()

    def log(self, part: str, lines: int = 30) -> str:
        """The last lines that a part wrote ("kube-scheduler")."""
        return self._up.processes.log(part, lines)

    def restart(self, part: str) -> None:
        """End a part, dead or alive, and start it anew; returns once it is ready."""
        self._up.processes.restart(part)

    def apply(self, manifests: str | Mapping[str, Any] | Iterable[Mapping[str, Any]], *, namespace: str = "default") -> list[Object]:
        """Apply manifests on the server side: YAML text, one object or several.

        Raises ClusterError for what the API server refuses, a field that nobody knows too.
        """
        return self.objects.apply(manifests, namespace=namespace)

    def wait_for(self, condition: Callable[[], T], what: str, *, limit_s: float = 60.0) -> T:
        """What `condition` returns, once that is true (a list with something in it, a number above 0).

        Raises ClusterError if it is not in time, with `what` and the cluster's latest warnings; ProcessError if a part ends meanwhile.
        """
        until = time.monotonic() + limit_s
        while not (found := condition()):
            self._up.processes.require_alive()
            if time.monotonic() > until:
                raise ClusterError(
                    f"{what}: not so after {limit_s:g} s; {self._warnings()}",
                    where=f"cluster {self._up.layout.folder}",
                    remedy="see the objects: mlgate testkit cluster kubectl, or cluster.kubectl('describe', ...)",
                )
            time.sleep(_POLL_S)
        return found

    def _warnings(self) -> str:
        events = sorted(self.objects.list("v1/Event", fields="type=Warning"), key=lambda event: event["metadata"]["creationTimestamp"])
        if not events:
            return "no warning stands in its events"
        lines = (f"{event['involvedObject']['kind']} {event['involvedObject'].get('name')}: {event['message']}" for event in events)
        return "its latest warnings:\n" + "\n".join(f"    {line}" for line in list(dict.fromkeys(lines))[-_WARNINGS:])

    @property
    def _up(self) -> Running:
        if self._running is None:
            raise UsageError("this cluster is not up", where="Cluster", remedy="with Cluster() as cluster: ..., or cluster.up() first")
        return self._running


def _up_on_free_ports(chosen: Chosen, progress: Progress, held: ExitStack) -> Running:
    """Somebody may take a port between its choice and its use; then on others."""
    for tries_left in reversed(range(_TRIES)):
        with ExitStack() as attempt:
            folder = new_run(attempt, progress)
            attempt.callback(clear, folder)
            try:
                running = bring_up(folder, folder.name, chosen, progress, owned=True)
            except PortTakenError as error:
                if not tries_left:
                    raise
                progress(f"on other ports: {error.problem.splitlines()[0]}")
                continue
            except OSError as error:
                raise disk_error(error, folder) from error
            keep = attempt.pop_all()
        held.push(keep)
        return running
    raise AssertionError("unreachable")
