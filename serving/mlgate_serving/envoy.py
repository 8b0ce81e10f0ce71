"""`LocalRouter`: one Envoy per service, on one port for the life of the service, moved by files.

Nothing of it lies in memory only. Envoy may be killed and started again, and a caller may die between any two steps: the files say
what is served, `moves` computes the rest from there, and each step is done when Envoy's admin interface shows that it is.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from mlgate.digests import digest_file
from mlgate.errors import EndpointError, ProcessError, UsageError
from mlgate_serving.envoy_admin import Admin
from mlgate_serving.envoy_config import (
    LISTENER_DRAIN_S,
    REQUEST_TIMEOUT_S,
    RETRY_BACK_OFF_MAX_S,
    address_of,
    mirror_value,
    share_of,
    weight_value,
)
from mlgate_serving.envoy_files import EnvoyFiles, kept_ports
from mlgate_serving.locks import exclusive
from mlgate_serving.ports import free_ports, require_free
from mlgate_serving.router import Arm, Arms, Drain, Fill, Move, Split, moves, require_servable, split_of
from mlgate_serving.supervisor import ProcessSpec, RunningProcess, Supervisor
from mlgate_tools.envoy import find_envoy

__all__ = ["ArmCounters", "LocalRouter"]

_LOCK_WAIT_S = 180.0  # a promotion of another caller that has to drain two slots of requests that run into their timeout
_READY_S = 20.0
_CONFIRM_S = 5.0
_CONNECT_S = 2.0
_POLL_S = 0.005
_OPTIONS = (
    *("--concurrency", "1"),  # 30,000 requests per second; a second thread would take a core from the models
    "--disable-hot-restart",  # else a second service's Envoy refuses to start
    *("--log-level", "warning"),
    *("--drain-strategy", "immediate", "--drain-time-s", str(LISTENER_DRAIN_S)),
)
# A request that waits to be tried again is in no gauge of its slot.
_QUIET_S = RETRY_BACK_OFF_MAX_S + 0.05
_DRAIN_S = REQUEST_TIMEOUT_S + 5.0


@dataclass(frozen=True, slots=True)
class ArmCounters:
    """Since Envoy's last start. `requests`: answered to clients, `failed`: of those with 5xx, `retries`: second attempts."""

    requests: int
    failed: int
    retries: int


class LocalRouter:
    """The routers of one folder, a subfolder per service. A `Router`; callers in other processes may use the same folder."""

    def __init__(self, supervisor: Supervisor, folder: Path) -> None:
        self._supervisor = supervisor
        self._folder = folder.resolve()

    def ensure(self, service: str, port: int | None) -> str:
        """Starts the service's proxy, or adopts it, and returns the service's URL. None: the port it ever had, else a free one.

        Arms and weights are those of before. Raises ProcessError if the port is taken or Envoy does not start, ToolError without Envoy.
        """
        with exclusive(self._folder, service, _LOCK_WAIT_S):
            files = self._files(service)
            chosen = port or self._port(files) or free_ports(1, but=self._supervisor.ports() | kept_ports(self._folder))[0]
            self._start(files, chosen)
            return _url(chosen)

    def set_arms(self, service: str, stable: Arm | None, candidate: Arm | None, candidate_weight: float) -> None:
        """Moves the service to these arms with no failed request, and returns when no request uses what left.

        Called again after it was killed, it goes on from where traffic stands. Copies to the candidate stop unless it stays the same.
        Raises UsageError for a weight that cannot be served, EndpointError if an arm that would get requests does not answer.
        """
        with exclusive(self._folder, service, _LOCK_WAIT_S):
            files = self._serving(service)
            now = files.arms()
            mirror = now.mirror if stable and candidate == now.candidate else 0.0
            self._move(files, now, Arms(stable, candidate, candidate_weight, mirror))

    def shift(self, service: str, weights: Mapping[str, float], mirror: float) -> None:
        """See `Router`. Raises UsageError for shares that cannot be served or an arm that is not there, EndpointError for a dead one."""
        with exclusive(self._folder, service, _LOCK_WAIT_S):
            files = self._serving(service)
            now = files.arms()
            self._move(files, now, replace(now, candidate_weight=split_of(weights), mirror=mirror))

    def arms(self, service: str) -> Arms | None:
        """What the data plane serves now; None if the service's proxy does not run."""
        files = self._files(service)
        if not self._running(service):
            return None
        self._confirm(files)
        return files.arms()

    def weights(self, service: str) -> Mapping[str, float]:
        """See `Router`."""
        arms = self.arms(service)
        return {"stable": 1 - arms.candidate_weight, "candidate": arms.candidate_weight} if arms else {}

    def counters(self, service: str) -> Mapping[str, ArmCounters]:
        """Requests by arm since Envoy's last start; empty if the service's proxy does not run."""
        if not self._running(service):
            return {}
        stats = Admin(self._files(service).admin).stats(r"^cluster\.(stable|candidate)\.upstream_rq_(completed|5xx|retry)$")

        def count(arm: str, name: str) -> int:
            return stats.get(f"cluster.{arm}.upstream_rq_{name}", 0)

        return {arm: ArmCounters(count(arm, "completed"), count(arm, "5xx"), count(arm, "retry")) for arm in ("stable", "candidate")}

    def remove(self, service: str) -> None:
        """Takes the service's URL away: requests under way are answered, then process, socket and files go. Idempotent.

        The port is kept, so that the URL is the same when the service comes up again.
        """
        with exclusive(self._folder, service, _LOCK_WAIT_S):
            files = self._files(service)
            if self._running(service):
                self._close(files)
            self._supervisor.stop(_process_name(service))
            files.remove()

    def _files(self, service: str) -> EnvoyFiles:
        return EnvoyFiles(service, self._folder / service)

    def _serving(self, service: str) -> EnvoyFiles:
        """The files of a service that was brought up, its proxy started again if it died, and caught up with them."""
        files = self._files(service)
        port = self._port(files)
        if port is None:
            raise UsageError(f"{service} has no URL here yet", where=str(self._folder), remedy="bring the service up first: `pulumi up`")
        if self._running(service):
            self._confirm(files)
        else:
            self._start(files, port)
        return files

    def _port(self, files: EnvoyFiles) -> int | None:
        running = self._running(files.service)
        return running.spec.ports[0] if running else files.port

    def _running(self, service: str) -> RunningProcess | None:
        found = self._supervisor.get(_process_name(service))
        return found if found and found.alive else None

    def _start(self, files: EnvoyFiles, port: int) -> None:
        executable = str(find_envoy().path)
        running = self._running(files.service)
        if port != self._port(files):
            _require_free(files.service, port)
        files.prepare(port)
        spec = ProcessSpec(
            name=_process_name(files.service),
            command=(executable, "-c", str(files.bootstrap), *_OPTIONS),
            environment={},
            folder=files.folder,
            ports=(port,),
            labels={"service": files.service, "url": _url(port), "bootstrap": digest_file(files.bootstrap)},
        )
        if running and running.spec != spec:
            self._close(files)
        try:
            process = self._supervisor.start(spec)
        except ProcessError:
            _require_free(files.service, port)  # the port that was kept: its error says how to get another one
            raise
        admin = Admin(files.admin)
        if not _until(lambda: admin.ready() or not process.alive, _READY_S) or not process.alive:
            raise self._failure(files, "did not start" if process.alive else "ended while starting")
        self._confirm(files)

    def _close(self, files: EnvoyFiles) -> None:
        """Lets what is under way end. An Envoy that does not answer has nothing to wait for."""
        admin = Admin(files.admin)
        with suppress(ProcessError):
            admin.drain_listeners()
            _until_quiet(admin, r"^http\.service\.downstream_rq_active$")

    def _move(self, files: EnvoyFiles, now: Arms, target: Arms) -> None:
        require_servable(target)
        target = replace(
            target, candidate_weight=share_of(weight_value(target.candidate_weight)), mirror=share_of(mirror_value(target.mirror))
        )
        _require_answering(now, target)
        for move in moves(now, target):
            self._perform(files, move)

    def _perform(self, files: EnvoyFiles, move: Move) -> None:
        match move:
            case Split(candidate_weight, mirror):
                files.write_split(candidate_weight, mirror)
            case Fill(slot, arm):
                files.write_slot(slot, arm)
            case Drain(slot):
                if not _until_quiet(Admin(files.admin), rf"^cluster\.{slot}\.upstream_rq_(active|pending_active)$"):
                    raise self._failure(files, f"still has requests under way in {slot} {_DRAIN_S:g} s after the last one could come")
        self._confirm(files)

    def _confirm(self, files: EnvoyFiles) -> None:
        """Returns when Envoy serves what the files say. Raises ProcessError if it does not come to that."""
        files.restore_routes()
        admin = Admin(files.admin)
        if not _until(lambda: admin.served() == files.served(), _CONFIRM_S):
            raise self._failure(files, f"serves {admin.served()}, not what its files say: {files.served()}")

    def _failure(self, files: EnvoyFiles, problem: str) -> ProcessError:
        tail = self._supervisor.log_tail(_process_name(files.service))
        said = f"the end of its log:\n{tail}" if tail else "it wrote nothing to its log"
        return ProcessError(f"Envoy {problem}; {said}", where=str(files.folder), remedy="run the command again; it goes on from here")


def _process_name(service: str) -> str:
    return f"router-{service}"


def _url(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def _require_free(service: str, port: int) -> None:
    another = f"choose another port: pulumi config set --path 'mlgate:services.{service}.port' PORT"
    require_free((port,), where=f"URL of {service}", another=another)


def _require_answering(now: Arms, target: Arms) -> None:
    """Raises EndpointError if an arm that is new, or gets a larger share than before, takes no connection; UsageError for a bad URL."""
    before, wanted = now.shares(), target.shares()
    for arm, share in wanted.items():
        if arm in before and share <= before[arm]:
            continue
        try:
            socket.create_connection(address_of(arm.url), _CONNECT_S).close()
        except OSError as error:
            raise EndpointError(
                f"the arm of release {arm.release} takes no connection: {error}; traffic stays as it was",
                where=arm.url,
                remedy="see the log of its process (`mlgate status` names it), or `pulumi up --refresh` to start it again",
            ) from None


def _until_quiet(admin: Admin, gauges: str) -> bool:
    """Waits until `gauges` have been 0 for long enough that no retry is waiting; False if that does not come."""
    last_active = time.monotonic()

    def quiet() -> bool:
        nonlocal last_active
        if any(admin.stats(gauges).values()):
            last_active = time.monotonic()
        return time.monotonic() - last_active >= _QUIET_S

    return _until(quiet, _DRAIN_S)


def _until(condition: Callable[[], bool], wait_s: float) -> bool:
    until = time.monotonic() + wait_s
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(_POLL_S)
    return True
