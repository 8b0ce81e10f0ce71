"""A local endpoint: one release on one server process of this machine, started, found, made ready and ended by its name."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Set
from dataclasses import dataclass
from pathlib import Path

from mlgate.digests import digest_json, short
from mlgate.errors import EvidenceError, ProcessError
from mlgate.release import Release
from mlgate.service import Service, Serving
from mlgate_serving.archive import require_whole
from mlgate_serving.drain import drain
from mlgate_serving.locks import exclusive
from mlgate_serving.management import Management
from mlgate_serving.ports import become_free, free_ports
from mlgate_serving.readiness import PortTakenError, wait_until_ready
from mlgate_serving.runtime import Place, Rendered, configuration_digest, runtime_for
from mlgate_serving.supervisor import ProcessSpec, RunningProcess, Supervisor

_ADDRESS = "127.0.0.1"
_PORTS = 5
_PORT_WAIT_S = 2.0  # for the ports of a server that was just killed
_LONGEST_SOCKET_FOLDER = 85  # a Unix socket's path may have 103 bytes on macOS, and TorchServe adds /.ts.sock.9000
_LOCK_WAIT_S = 400.0  # longer than the longest start
_DRAIN_S = 60.0  # the longest that a worker may take for a batch


@dataclass(frozen=True)
class LocalEndpoint:
    """A server process that serves one release. `url` takes predictions."""

    name: str
    url: str
    management_url: str
    metrics_url: str
    release: str
    configuration: str
    pid: int


def endpoint_name(service_name: str, release_digest: str) -> str:
    """What the endpoint of a release is called: there is at most one on a machine."""
    return f"{service_name}-{short(release_digest)}"


def start_endpoint(
    supervisor: Supervisor,
    release_folder: Path,
    service: Service,
    progress: Callable[[str], None] = lambda line: None,
    *,
    but: Set[int] = frozenset(),
) -> LocalEndpoint:
    """The ready endpoint of the release packed in `release_folder`: found if it runs, started or replaced if not.

    It lies in the supervisor's folder of its name. The ports stay the same across restarts as long as they are
    free; ports in `but` are somebody's, though nobody may listen there now. Raises EvidenceError for an archive that is not what
    `release.json` says, ToolError for a missing program, ProcessError with the log's tail for a start that fails; nothing of a failed
    start keeps running.
    """
    release = _read_release(release_folder, service)
    name = endpoint_name(service.name, release.digest)
    own = supervisor.folder_of(name)
    with exclusive(own.parent, f"{name}.start", _LOCK_WAIT_S):
        try:
            return _start(supervisor, release_folder.resolve(), release, service, own, progress, but)
        except PortTakenError:
            progress(f"{name}: a port was taken meanwhile, trying others")
            return _start(supervisor, release_folder.resolve(), release, service, own, progress, but)


def find_endpoint(supervisor: Supervisor, service_name: str, release_digest: str) -> LocalEndpoint | None:
    """The running endpoint of a release; None where there is none or its server is dead."""
    process = supervisor.get(endpoint_name(service_name, release_digest))
    return _described(process) if process and process.alive else None


def stop_endpoint(supervisor: Supervisor, name: str) -> None:
    """Ends an endpoint when it has nothing in flight any more, and removes its files. Its logs stay; nothing to stop is no error.

    Route traffic elsewhere first: requests that keep coming end the wait after a minute, and those in flight then are lost. So are they
    when the wait is interrupted: the server ends at once, and nothing is left running.
    """
    process = supervisor.get(name)
    try:
        if process and process.alive:
            _drain(process)
    finally:
        # TorchServe does not finish its requests on SIGTERM either: it takes 3 s to reset them. Where the registry does not know the
        # server, a killed caller may have started it all the same.
        supervisor.stop(name, grace_s=0)
        _remove_files(supervisor.folder_of(name), process)


def _read_release(folder: Path, service: Service) -> Release:
    release = require_whole(folder)
    if release.service != service.name:
        raise EvidenceError(
            f"is a release of {release.service}, not of {service.name}", where=str(folder), remedy="start it with its own service.yaml"
        )
    return release


def _start(
    supervisor: Supervisor,
    release_folder: Path,
    release: Release,
    service: Service,
    own: Path,
    progress: Callable[[str], None],
    but: Set[int],
) -> LocalEndpoint:
    serving, name = service.serving, own.name
    known = supervisor.get(name)
    place = _place(own, _choose_ports(supervisor, known, but), release_folder / release.archive)
    rendered = runtime_for(serving, progress).render(release, serving, place)
    spec = _spec(name, place, rendered, release, configuration_digest(service.name, serving))
    if known and known.alive and known.spec == spec:
        try:
            return _ready(known, release, serving, progress)
        except ProcessError:
            progress(f"{name}: runs but does not answer as it should, starting it anew")
    elif known and known.alive:
        progress(f"{name}: runs as it was declared before, waiting until nothing is in flight there")
        _drain(known)
    progress(f"{name}: starting {serving.runtime} with {serving.workers} worker{'s' * (serving.workers > 1)}")
    supervisor.stop(name, grace_s=0)
    try:
        _lay_out(place, rendered)
        return _ready(supervisor.start(spec), release, serving, progress)
    except BaseException:
        supervisor.stop(name, grace_s=0)
        _remove_link(place.temporary)
        raise


def _ready(process: RunningProcess, release: Release, serving: Serving, progress: Callable[[str], None]) -> LocalEndpoint:
    endpoint = _described(process)
    management = Management(endpoint.management_url, endpoint.url)
    wait_until_ready(process, release, serving.workers, management, endpoint.url, progress)
    wanted = serving.resources.accelerator
    if wanted != "cpu" and not all(worker.gpu for worker in management.describe(release.service).workers):
        progress(
            f"{endpoint.name}: is declared for {wanted}, and TorchServe sees no such GPU here: it serves on the CPU, at the CPU's speed"
        )
    return endpoint


def _drain(process: RunningProcess) -> None:
    labels = process.spec.labels
    drain(Management(labels["management_url"], labels["url"]), labels["service"], Path(labels["temporary"]), _DRAIN_S)


def _place(own: Path, ports: tuple[int, ...], archive: Path) -> Place:
    inference, management, metrics, grpc_inference, grpc_management = ports
    return Place(_ADDRESS, inference, management, metrics, grpc_inference, grpc_management, own, _temporary(own), archive)


def _choose_ports(supervisor: Supervisor, known: RunningProcess | None, but: Set[int]) -> tuple[int, ...]:
    if known and but.isdisjoint(known.spec.ports) and (known.alive or become_free(known.spec.ports, wait_s=_PORT_WAIT_S)):
        return known.spec.ports
    return free_ports(_PORTS, but=supervisor.ports() | but)


def _spec(name: str, place: Place, rendered: Rendered, release: Release, configuration: str) -> ProcessSpec:
    host = f"http://{place.address}"
    labels = {
        "kind": "endpoint",
        "service": release.service,
        "version": release.version,
        "release": release.digest,
        "configuration": configuration,
        "url": f"{host}:{place.inference_port}",
        "management_url": f"{host}:{place.management_port}",
        "metrics_url": rendered.probes.metrics_url,
        "temporary": str(place.temporary),
        "files": digest_json(dict(rendered.files)),  # so that another rendering is another spec
    }
    return ProcessSpec(name, rendered.command, rendered.environment, place.folder, place.ports, labels)


def _described(process: RunningProcess) -> LocalEndpoint:
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


def _lay_out(place: Place, rendered: Rendered) -> None:
    """Writes the rendered files; what an earlier server unpacked or logged does not mix with what the next one does.

    Raises ProcessError where the disk is full or may not be written.
    """
    logs, earlier = place.folder / "logs", place.folder / "logs.previous"
    try:
        shutil.rmtree(place.folder / "tmp", ignore_errors=True)
        if logs.exists():
            shutil.rmtree(earlier, ignore_errors=True)
            logs.rename(earlier)
        for directory in ("tmp", "logs"):
            (place.folder / directory).mkdir(parents=True)
        for relative, content in rendered.files.items():
            (place.folder / relative).write_text(content, encoding="utf-8")
        if place.temporary != place.folder / "tmp":
            _remove_link(place.temporary)
            place.temporary.symlink_to(place.folder / "tmp")
    except OSError as error:
        raise ProcessError(
            f"cannot be started: {error.filename or place.folder}: {error.strerror}",
            where=f"endpoint {place.folder.name}",
            remedy="make room or give permission there, then try again",
        ) from None


def _temporary(own: Path) -> Path:
    """The folder's `tmp`, or where that is too long for a Unix socket in it, a short link to it."""
    plain = own / "tmp"
    if len(os.fsencode(plain)) <= _LONGEST_SOCKET_FOLDER:
        return plain
    return Path(tempfile.gettempdir()) / f"mlgate-{os.getuid()}-{hashlib.sha256(os.fsencode(own)).hexdigest()[:12]}"


def _remove_files(own: Path, process: RunningProcess | None) -> None:
    """Removes the link and what was rendered. Their places follow from the name, since the registry may not know the process any more.

    Where it does, it also knows the link of a starter with another TMPDIR.
    """
    for link in {_temporary(own), *([Path(process.spec.labels["temporary"])] if process else [])}:
        _remove_link(link)
    for leftover in own.glob("*"):  # none where somebody removed the folder
        if leftover.is_file():
            leftover.unlink()


def _remove_link(path: Path) -> None:
    """Removes our own short link; one of another user's is an error, since its owner decides where it leads."""
    if not path.is_symlink():
        return
    if path.lstat().st_uid != os.getuid():
        raise ProcessError(
            "a link of another user stands where this endpoint needs one", where=str(path), remedy="set TMPDIR to a folder of yours"
        )
    path.unlink()
