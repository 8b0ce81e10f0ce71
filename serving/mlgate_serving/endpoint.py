"""A local endpoint: a release served by a runtime's processes, found again by name, ready before it is given out, drained at its end.

Composes `Runtime` (what to run) and `Supervisor` (running it); Pulumi's resources, `mlgate serve` and the tests are thin callers of this.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mlgate.digests import digest_file, short
from mlgate.errors import EvidenceError
from mlgate.release import Release
from mlgate.service import Service
from mlgate_serving.ports import free_ports, port_is_free
from mlgate_serving.readiness import await_ready
from mlgate_serving.registry import ProcessSpec
from mlgate_serving.runtime import Place, configuration_digest, runtime_for
from mlgate_serving.supervisor import RunningProcess, Supervisor

Progress = Callable[[str], None]
_ADDRESS = "127.0.0.1"
_PORTS = 5
# Quiet for longer than a batch's delay and the pause between two batches of one worker.
_QUIET_S = 0.15
_DRAIN_S = 30.0
_POLL_S = 0.01


@dataclass(frozen=True)
class LocalEndpoint:
    """A running endpoint. `url` is where predictions go, all addresses are on loopback; `release` and `configuration` are digests."""

    name: str
    url: str
    management_url: str
    metrics_url: str
    release: str
    configuration: str
    pid: int


def endpoint_name(service_name: str, release_digest: str) -> str:
    """The name of a release's process: one per service and release, whatever role it has."""
    return f"{service_name}-{short(release_digest)}"


def start_endpoint(
    supervisor: Supervisor, release_folder: Path, service: Service, folder: Path, progress: Progress = lambda line: None
) -> LocalEndpoint:
    """The endpoint that serves the release packed in `release_folder`, ready: started, or adopted where it runs as declared.

    `folder` is the process's own. It keeps its ports over restarts where they are free. Raises EvidenceError for an archive that is not the
    one that was packed, ToolError without Java or TorchServe, ProcessError where it does not become ready (it is stopped then).
    """
    release = Release.read(release_folder)
    archive = release_folder.resolve() / release.archive
    _require_whole(archive, release)
    name = endpoint_name(service.name, release.digest)
    known = supervisor.get(name)
    running = known is not None and known.alive
    ports = known.spec.ports if known is not None and (running or all(map(port_is_free, known.spec.ports))) else free_ports(_PORTS)
    inference, management, metrics, grpc_inference, grpc_management = ports
    place = Place(_ADDRESS, inference, management, metrics, grpc_inference, grpc_management, folder.resolve(), archive)
    rendered = runtime_for(service.serving).render(release, service.serving, place)
    for path, content in rendered.files.items():
        target = place.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content, encoding="utf-8")
    labels = {
        "service": service.name,
        "release": release.digest,
        "configuration": configuration_digest(service.name, service.serving),
        "url": f"http://{_ADDRESS}:{inference}",
        "management_url": f"http://{_ADDRESS}:{management}",
        "metrics_url": rendered.probes.metrics_url,
    }
    process = supervisor.start(ProcessSpec(name, rendered.command, rendered.environment, place.folder, ports, labels))
    endpoint = _endpoint_of(process)
    try:
        await_ready(supervisor, process, rendered.probes, service, endpoint.url, release.digest, progress)
    except BaseException:
        supervisor.stop(name, grace_s=1)
        raise
    return endpoint


def find_endpoint(supervisor: Supervisor, service_name: str, release_digest: str) -> LocalEndpoint | None:
    """The endpoint of a release, if its process is alive."""
    process = supervisor.get(endpoint_name(service_name, release_digest))
    return _endpoint_of(process) if process is not None and process.alive else None


def stop_endpoint(supervisor: Supervisor, name: str) -> None:
    """Ends an endpoint when nothing is in flight, at the latest after 30 s. Nothing to stop is no error."""
    process = supervisor.get(name)
    if process is not None and process.alive:
        _drain(process.spec.folder / "tmp")
    supervisor.stop(name)


def _endpoint_of(process: RunningProcess) -> LocalEndpoint:
    labels = process.spec.labels
    return LocalEndpoint(
        name=process.spec.name,
        url=labels["url"],
        management_url=labels["management_url"],
        metrics_url=labels["metrics_url"],
        release=labels["release"],
        configuration=labels["configuration"],
        pid=process.pid,
    )


def _require_whole(archive: Path, release: Release) -> None:
    found = digest_file(archive) if archive.is_file() else "nothing"
    if found != release.archive_digest:
        raise EvidenceError(
            f"the archive is {found}, release.json says {release.archive_digest}",
            where=str(archive),
            remedy="the archive was altered after packing: pack the release again",
        )


def _drain(temporary: Path) -> None:
    """Waits until no worker is in a batch. TorchServe tells only what is queued; each worker of ours keeps a byte that says the rest."""
    deadline = time.monotonic() + _DRAIN_S
    quiet_since = time.monotonic()
    while (now := time.monotonic()) < deadline and now - quiet_since < _QUIET_S:
        if _busy(temporary):
            quiet_since = now
        time.sleep(_POLL_S)


def _busy(temporary: Path) -> bool:
    for flag in temporary.glob("[0-9]*"):
        with suppress(OSError):
            if flag.is_file() and flag.read_bytes() == b"\1":
                return True
    return False
