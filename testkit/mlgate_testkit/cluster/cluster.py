"""`Cluster`: a real Kubernetes control plane on this machine, without containers, with nodes and pods that kwok plays.

Real are etcd, the API server, the controllers, the scheduler, and Karpenter, KEDA and Prometheus where they are chosen. Played are
kubelets: pods become ready because a stage says so, no image is pulled, nothing runs in them, and no network lies between them.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from mlgate.errors import UsageError
from mlgate_testkit.cluster import karpenter, nodes, parts, prometheus
from mlgate_testkit.cluster.errors import ClusterError
from mlgate_testkit.cluster.extensions import Chosen
from mlgate_testkit.cluster.folders import Progress, clear, new_run
from mlgate_testkit.cluster.karpenter import Drought
from mlgate_testkit.cluster.manifests import parse_manifests
from mlgate_testkit.cluster.objects import Object, Objects
from mlgate_testkit.cluster.processes import PartStatus
from mlgate_testkit.cluster.startup import Running, bring_up, on_free_ports, require_tools
from mlgate_testkit.cluster.tidying import tidied
from mlgate_tools.control_plane import program_path

T = TypeVar("T")

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
        self._droughts: list[Drought] = []

    def up(self) -> Self:
        """Bring it up; returns itself once every part is ready.

        Raises ToolError: a program is not built. ProcessError: a part does not become ready, with the end of its log, or the disk is full.
        Nothing is left then.
        """
        require_tools(self._chosen)
        if self._running is None:
            self._running = on_free_ports(lambda: _up_owned(self._chosen, self._progress, self._held), self._progress)
        return self

    def down(self) -> None:
        """End every part at once and remove every file of it. A cluster that is not up is no error."""
        self._running = None
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
        """What was chosen and cannot be had on this machine, by name ("keda"), why, and what to do about it."""
        return self._up.missing

    @property
    def exposed(self) -> Mapping[str, str]:
        """What of it can be reached from outside this machine, by name ("karpenter"), and by what; nothing in a network of its own."""
        return self._up.exposed

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
        """End a part, dead or alive, and start it anew; returns once it is ready. The keeper, which holds the network, cannot be."""
        self._up.processes.restart(part)

    def apply(self, manifests: str | Mapping[str, Any] | Iterable[Mapping[str, Any]], *, namespace: str = "default") -> list[Object]:
        """Apply manifests on the server side: YAML text, one object or several.

        Raises ClusterError for what the API server refuses, a field that nobody knows too.
        """
        played = []
        for manifest in parse_manifests(manifests):
            known, said = karpenter.play(manifest) if self._up.chosen.karpenter else (manifest, "")
            if said:
                self._progress(said)
            played.append(known)
        return self.objects.apply(played, namespace=namespace)

    @contextmanager
    def tidied(self) -> Iterator[None]:
        """Within `with`: nodes, namespaces, and what is made by `apply` and `objects`, go at its end, and droughts end that began there.

        What kubectl or another client made stays, unless in such a namespace. Raises ClusterError for what does not go within a minute.
        """
        droughts = list(self._droughts)
        with tidied(self.objects):
            try:
                yield
            finally:
                if self._droughts != droughts:
                    self._droughts[:] = droughts
                    self._restart_karpenter()

    def add_nodes(self, count: int, *, accelerator: str | None = None, gpus: int = 1, labels: Mapping[str, str] | None = None) -> list[str]:
        """Add fake nodes, each the smallest machine with `gpus` of `accelerator` ("l4"), or with 8 CPUs and 32 GiB; returns their names.

        They are ready when this returns. Raises UsageError for an accelerator or a number of it that no machine has, ClusterError with the
        end of kwok's log where they are not ready within a minute.
        """
        names = nodes.add_nodes(self.objects, count, accelerator, gpus, labels or {})
        try:
            self.wait_for(lambda: nodes.ready_nodes(self.objects) >= set(names), f"{count} nodes ready")
        except ClusterError as error:
            log = self._up.processes.log(parts.KWOK)
            raise ClusterError(f"{error.problem}; the end of kwok's log:\n{log}", where=error.where, remedy=error.remedy) from None
        return names

    def lose_node(self, name: str) -> None:
        """The machine is gone: the node reports nothing. After about 10 s it is not ready, 3 s later its pods are replaced elsewhere."""
        nodes.lose(self.objects, name)

    def find_node(self, name: str) -> None:
        """The machine is back: the node reports again."""
        nodes.find_again(self.objects, name)

    def pods(self, namespace: str | None = None, *, labels: str = "", ready: bool | None = None) -> list[Object]:
        """Pods that do not end, of one namespace or all. `labels`: a selector ("app=web"). `ready`: only those that are so, or not so."""
        found = [pod for pod in self.objects.list("Pod", namespace, labels=labels) if "deletionTimestamp" not in pod["metadata"]]
        return [pod for pod in found if ready is None or nodes.is_ready(pod) == ready]

    def set_usage(
        self, pod: str, *, cpu: str | None = None, memory: str | None = None, gpu_percent: float | None = None, namespace: str = "default"
    ) -> None:
        """What a pod uses from now on, as Prometheus sees it: CPUs ("250m"), memory ("1Gi"), the share of its GPUs' time in percent."""
        said = {
            prometheus.USAGE_CPU: cpu,
            prometheus.USAGE_MEMORY: memory,
            prometheus.USAGE_GPU: None if gpu_percent is None else f"{gpu_percent:g}",
        }
        annotations = {name: value for name, value in said.items() if value is not None}
        self.objects.patch("Pod", pod, {"metadata": {"annotations": annotations}}, namespace)

    @property
    def prometheus_url(self) -> str:
        """Prometheus, the same inside the cluster's network and outside. Raises UsageError where it was not chosen."""
        if not self._up.chosen.prometheus:
            raise UsageError("this cluster has no Prometheus", where="Cluster", remedy="Cluster(prometheus=True)")
        return f"http://127.0.0.1:{self._up.layout.ports[prometheus.PROMETHEUS]}"

    def start_drought(self, *, capacity: str | None = None, accelerator: str | None = None, zone: str | None = None) -> None:
        """From now on Karpenter cannot buy such machines: of one capacity type ("spot"), accelerator or zone, or any where none is named.

        It is started anew for that, and still knows what it has bought.
        """
        self._droughts.append(Drought(capacity, accelerator, zone))
        self._restart_karpenter()

    def end_droughts(self) -> None:
        """Karpenter can buy everything again; it is started anew for that."""
        self._droughts.clear()
        self._restart_karpenter()

    def _restart_karpenter(self) -> None:
        if not self._up.chosen.karpenter:
            raise UsageError("this cluster has no Karpenter", where="Cluster", remedy="Cluster(karpenter=True)")
        karpenter.write_instance_types(self._up.layout, self._droughts)
        self.restart(karpenter.KARPENTER)

    def kubectl(self, *arguments: str) -> str:
        """What kubectl answers on standard output. Raises ClusterError with what it says when it fails."""
        command = [str(program_path("kubectl")), f"--kubeconfig={self.kubeconfig}", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            raise ClusterError(
                f"kubectl {' '.join(arguments)} failed: {done.stderr.strip()}",
                where=f"cluster {self._up.layout.folder}",
                remedy="correct the arguments; kubectl's own help says which there are",
            )
        return done.stdout

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


def _up_owned(chosen: Chosen, progress: Progress, held: ExitStack) -> Running:
    """Closing `held` ends it."""
    with ExitStack() as attempt:
        folder = new_run(attempt, progress)
        attempt.callback(clear, folder)
        running = bring_up(folder, folder.name, chosen, progress, owned=True)
        held.push(attempt.pop_all())
        return running
