"""Bringing a cluster up: what it is made of, in which order, and what of it can be found again by another process."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from mlgate.environment import cache_folder
from mlgate.errors import ProcessError
from mlgate_serving.ports import free_ports
from mlgate_testkit.cluster import extensions, karpenter, parts
from mlgate_testkit.cluster.access import write_kubeconfig
from mlgate_testkit.cluster.certificates import certificates_in, make_certificates
from mlgate_testkit.cluster.extensions import Chosen
from mlgate_testkit.cluster.folders import Progress, disk_error
from mlgate_testkit.cluster.manifests import read_manifest
from mlgate_testkit.cluster.namespace import NETWORK_OF_ITS_OWN, Network, obstacle, way_to_one
from mlgate_testkit.cluster.objects import Objects
from mlgate_testkit.cluster.parts import Layout, Part
from mlgate_testkit.cluster.processes import PortTakenError, Processes
from mlgate_testkit.cluster.stages import stages
from mlgate_tools.control_plane import data_folder, program_path

_STATE = "cluster.json"
_NETWORK = "network.json"
_NETWORK_S = 30.0
_TRIES = 3
_POLL_S = 0.02
_PROGRAMS = (parts.ETCD, parts.API_SERVER, parts.CONTROLLERS, parts.SCHEDULER, parts.KWOK)
_PORTS = (parts.ETCD, "etcd-peer", parts.API_SERVER, parts.CONTROLLERS, parts.SCHEDULER, parts.KWOK)
# kwok's own definitions without those of which no part of a cluster makes use.
_KWOK_KINDS = ("stages", "metrics", "clusterresourceusages", "resourceusages")


@dataclass(frozen=True, slots=True)
class Running:
    """A cluster that runs. `missing`: what was asked for and cannot be had here, by name, why and what to do; `chosen`: what it has."""

    layout: Layout
    network: Network
    chosen: Chosen
    missing: Mapping[str, str]
    processes: Processes
    objects: Objects

    @property
    def exposed(self) -> Mapping[str, str]:
        """Parts that can be reached from outside this machine, by name, and by what."""
        if self.network.own or not self.chosen.karpenter:
            return {}
        return {karpenter.KARPENTER: karpenter.exposed(self.layout)}

    @property
    def asked_for(self) -> Chosen:
        """What it has and what it was to have besides."""
        return replace(self.chosen, **dict.fromkeys(self.missing, True))


def require_tools(chosen: Chosen) -> None:
    """Raises ToolError, naming the command that gets it, for a program that is not built."""
    for name in (*_PROGRAMS, *extensions.programs(chosen)):
        program_path(name)


def on_free_ports(attempt: Callable[[], Running], progress: Progress) -> Running:
    """What `attempt` brings up. Somebody may take a port between its choice and its use; it is then made again, on others.

    Raises ProcessError where the disk is full or no attempt found its ports free.
    """
    for tries_left in reversed(range(_TRIES)):
        try:
            return attempt()
        except PortTakenError as error:
            if not tries_left:
                raise
            progress(f"once more on other ports: {error.problem.splitlines()[0]}")
        except OSError as error:
            raise disk_error(error, cache_folder()) from error
    raise AssertionError("unreachable")


def bring_up(folder: Path, name: str, chosen: Chosen, progress: Progress, *, owned: bool) -> Running:
    """Start every part in `folder`, which is empty but for a lock. Raises ProcessError, OSError; what was started then runs on.

    `owned`: the cluster ends with whoever holds the folder's owner lock.
    """
    names = (*_PORTS, *extensions.port_names(chosen))
    layout = Layout(folder, make_certificates(folder / "pki"), dict(zip(names, free_ports(len(names)), strict=True)))
    write_kubeconfig(layout.kubeconfig, name, layout.ports[parts.API_SERVER], layout.certificates)
    network = _start_keeper(layout, progress, owned=owned)
    processes = Processes(folder, network, layout.certificates)
    processes.know([_keeper(layout, owned=owned)])
    chosen, missing = _what_is_to_be_had(chosen, network)
    for what, why in missing.items():
        progress(f"without {what}: {why}")
    extensions.write_files(layout, chosen)
    with ThreadPoolExecutor(max_workers=1) as pool:
        absent = extensions.absent(chosen, missing)
        client = pool.submit(Objects, layout.kubeconfig, absent)  # its import takes as long as the API server's start
        first = [parts.etcd(layout), parts.api_server(layout)]
        processes.start(first)
        processes.wait_ready(first)
        progress("the API server is ready")
        running = Running(layout, network, chosen, missing, processes, client.result())
    for what, how in running.exposed.items():
        progress(f"{what} can be reached from outside: {how}; {NETWORK_OF_ITS_OWN} keeps it in: {way_to_one()}")
    _start_rest(running)
    _save(running, owned=owned)
    progress("every part is ready")
    return running


def find_running(folder: Path) -> Running | None:
    """The cluster that was brought up in `folder`, whether or not all of it still runs; None if none was brought up to the end."""
    try:
        state: dict[str, Any] = json.loads((folder / _STATE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    layout = Layout(folder, certificates_in(folder / "pki"), state["ports"])
    network, chosen = Network(**state["network"]), Chosen(**state["chosen"])
    processes = Processes(folder, network, layout.certificates)
    processes.know([_keeper(layout, owned=state["owned"]), parts.etcd(layout), parts.api_server(layout), *_rest(layout, chosen)])
    objects = Objects(layout.kubeconfig, extensions.absent(chosen, state["missing"]))
    return Running(layout, network, chosen, state["missing"], processes, objects)


def _what_is_to_be_had(chosen: Chosen, network: Network) -> tuple[Chosen, dict[str, str]]:
    if network.own or not chosen.keda:
        return chosen, {}
    why = f"it listens on every interface, so it needs {NETWORK_OF_ITS_OWN}, and there is none: {network.reason}"
    return replace(chosen, keda=False), {"keda": f"{why}. To have one, {way_to_one()}"}


def _keeper(layout: Layout, *, owned: bool) -> Part:
    ports = tuple(layout.ports.values())
    command = (
        sys.executable,
        "-m",
        "mlgate_testkit.cluster.keeper",
        str(layout.folder),
        ",".join(map(str, ports)),
        obstacle() or "",
        "owned" if owned else "kept",
    )
    return Part(parts.KEEPER, command, ports)


def _start_keeper(layout: Layout, progress: Progress, *, owned: bool) -> Network:
    """Start it and learn which network it has. Raises ProcessError."""
    outside = Network(keeper=None)
    processes = Processes(layout.folder, outside, layout.certificates)
    processes.start([_keeper(layout, owned=owned)])
    told, until = layout.folder / _NETWORK, time.monotonic() + _NETWORK_S
    while not told.exists():
        processes.require_alive()
        if time.monotonic() > until:
            raise ProcessError(
                f"the keeper says nothing of its network after {_NETWORK_S:.0f} s; its log:\n{processes.log(parts.KEEPER)}",
                where=str(layout.folder),
                remedy="a busy machine needs longer; try again",
            )
        time.sleep(_POLL_S)
    network = Network(**json.loads(told.read_text(encoding="utf-8")))
    progress(f"in {NETWORK_OF_ITS_OWN}" if network.own else f"on this machine's own loopback: {network.reason}")
    return network


def _rest(layout: Layout, chosen: Chosen) -> list[Part]:
    return [parts.controllers(layout), parts.scheduler(layout), parts.kwok(layout), *extensions.parts(layout, chosen)]


def _start_rest(running: Running) -> None:
    """Everything but store and API. What looks for its own kinds when it starts comes after their definitions."""
    processes, objects, layout, chosen = running.processes, running.objects, running.layout, running.chosen
    rest = _rest(layout, chosen)
    early = [part for part in rest if part.name in (parts.CONTROLLERS, parts.SCHEDULER)]
    with ThreadPoolExecutor(max_workers=1) as pool:
        started = pool.submit(processes.start, early)
        objects.apply([*_definitions(), *extensions.manifests(layout, chosen)])
        objects.apply(stages())
        started.result()
    processes.start(part for part in rest if part not in early)
    processes.wait_ready(rest)
    extensions.wait_served(objects, chosen)


def _definitions() -> list[dict[str, Any]]:
    folder = data_folder("kwok", "crds")
    return [read_manifest(folder / f"kwok.x-k8s.io_{kind}.yaml") for kind in _KWOK_KINDS]


def _save(running: Running, *, owned: bool) -> None:
    """Written last: a folder that has it was brought up to the end."""
    state = {
        "ports": dict(running.layout.ports),
        "network": asdict(running.network),
        "chosen": asdict(running.chosen),
        "missing": dict(running.missing),
        "owned": owned,
    }
    part = running.layout.folder / f"{_STATE}.part"
    part.write_text(json.dumps(state, indent=1) + "\n", encoding="utf-8")
    part.replace(running.layout.folder / _STATE)
