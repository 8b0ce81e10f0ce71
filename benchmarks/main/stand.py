"""The stand that the parts share: releases of the digits example, endpoints and a router, all in one temporary folder.

What is measured runs in processes of its own. This one stays small: no torch, and no load but where a part says so.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from benchmarks.harness import say
from benchmarks.provenance import PROJECT
from mlgate import Release, Service
from mlgate_loadtests.cases import Cases, read_cases
from mlgate_serving.clients import Client, Request, client_for
from mlgate_serving.endpoint import LocalEndpoint, endpoint_name, start_endpoint, stop_endpoint
from mlgate_serving.envoy import LocalRouter
from mlgate_serving.router import Arm
from mlgate_serving.supervisor import Supervisor

PROGRAMS = Path(sys.executable).parent
MLGATE = PROGRAMS / "mlgate"
_EXAMPLE = PROJECT / "examples" / "digits"


class Stand:
    """Everything under `folder`. Releases are trained and packed once, when a part first asks for one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.supervisor = Supervisor(folder / "processes")
        self._example = folder / "digits"
        self._example.mkdir()
        self.declaration = self._example / "service.yaml"
        shutil.copyfile(_EXAMPLE / "service.yaml", self.declaration)
        self.service = Service.read(self.declaration)

    def folder_of(self, purpose: str) -> Path:
        """A new folder, each time. The name is short, since Unix sockets lie in some of them."""
        return Path(tempfile.mkdtemp(prefix=f"{purpose}-", dir=self.folder))

    def release(self, number: int) -> Path:
        """The folder of a packed release of the example."""
        target = self.folder / "dist" / f"digits-{number}"
        if not target.exists():
            say(f"training and packing release {number}")
            built = self.folder / "build" / str(number)
            trainer = [sys.executable, str(_EXAMPLE / "train.py"), "--release", str(number), "--output", str(built)]
            _quietly([*trainer, "--data", str(self._example / "data")])
            service = ["--service", str(self.declaration)]
            _quietly([str(MLGATE), "pack", str(built), *service, "--version", str(number), "--output", str(target)])
        return target

    @cached_property
    def cases(self) -> Cases:
        """The example's 900 hold-out cases."""
        self.release(1)  # training writes them
        return read_cases(self.service.data_path("data/holdout.parquet"), self.service.interface)

    @cached_property
    def client(self) -> Client:
        """Speaks the example's protocol."""
        return client_for(self.service.interface, self.service.name)

    @cached_property
    def requests(self) -> tuple[Request, ...]:
        """A request per case."""
        return tuple(self.client.encode(self.cases.case(index)) for index in range(len(self.cases)))

    @contextmanager
    def serving(self, number: int, *, workers: int | None = None) -> Iterator[LocalEndpoint]:
        """A release behind the shipped configuration, ready; with another number of workers where one is given."""
        packed, service = self.release(number), self.service
        if workers is not None:
            service = service.model_copy(update={"serving": service.serving.model_copy(update={"workers": workers})})
        try:
            yield start_endpoint(self.supervisor, packed, service)
        finally:
            stop_endpoint(self.supervisor, endpoint_name(service.name, Release.read(packed).digest))

    @contextmanager
    def routed(self, stable: LocalEndpoint) -> Iterator[tuple[LocalRouter, str]]:
        """The service's one URL with `stable` behind it."""
        router = LocalRouter(self.supervisor, self.folder / "routers")
        url = router.ensure(self.service.name, None)
        try:
            router.set_arms(self.service.name, Arm(stable.release, stable.url), None, 0)
            yield router, url
        finally:
            router.remove(self.service.name)

    def close(self) -> None:
        """End whatever still runs. A second Ctrl-C waits, or it would leave servers behind."""
        before = signal.signal(signal.SIGINT, signal.SIG_IGN), signal.signal(signal.SIGTERM, signal.SIG_IGN)
        try:
            for process in self.supervisor.list():
                self.supervisor.stop(process.spec.name)
            self.supervisor.reap()
        finally:
            signal.signal(signal.SIGINT, before[0])
            signal.signal(signal.SIGTERM, before[1])


@contextmanager
def open_stand() -> Iterator[Stand]:
    """A stand whose processes and files are gone afterwards, however that comes."""
    with tempfile.TemporaryDirectory(prefix="mlgate-bench-", ignore_cleanup_errors=True) as folder:
        stand = Stand(Path(folder).resolve())
        try:
            yield stand
        finally:
            stand.close()


def _quietly(command: list[str]) -> None:
    """Raises CalledProcessError with what the command said."""
    subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
