"""`Runtime`: turns a release and a declaration into files, a command and probes, without touching anything.

The same rendering serves a local process and, with other places, a pod. A second runtime is one more class with `render`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mlgate.digests import digest_json
from mlgate.release import Release
from mlgate.service import Serving


@dataclass(frozen=True)
class Place:
    """Where a replica runs: the address it listens on, its ports, and the archive it serves.

    `folder` is its own; `temporary` is for what it needs only while it runs, with a path short enough for sockets (see `endpoint`).
    """

    address: str
    inference_port: int
    management_port: int
    metrics_port: int
    grpc_inference_port: int
    grpc_management_port: int
    folder: Path
    temporary: Path
    archive: Path

    @property
    def ports(self) -> tuple[int, int, int, int, int]:
        """All ports, in the order of the fields."""
        return self.inference_port, self.management_port, self.metrics_port, self.grpc_inference_port, self.grpc_management_port


@dataclass(frozen=True)
class Probes:
    """`ready_url` tells the workers' states; `live_url` only that the server answers; `metrics_url` is Prometheus text."""

    ready_url: str
    live_url: str
    metrics_url: str


@dataclass(frozen=True)
class Rendered:
    """What a replica needs: files (path relative to its folder -> content), the command, variables added to its environment."""

    files: Mapping[str, str]
    command: tuple[str, ...]
    environment: Mapping[str, str]
    probes: Probes


class Runtime(Protocol):
    """One way to serve.

    >>> rendered = runtime_for(service.serving).render(release, service.serving, place)
    >>> sorted(rendered.files)
    ['config.properties', 'log4j2.xml']
    """

    def render(self, release: Release, serving: Serving, place: Place) -> Rendered:
        """Pure. Raises UsageError for what this runtime cannot do with the declaration or the place."""
        ...


def runtime_for(serving: Serving, progress: Callable[[str], None] = lambda line: None) -> Runtime:
    """The declared runtime with the programs of this machine. Raises ToolError where one is missing."""
    from mlgate_serving.torchserve import TorchServe, local_programs

    return TorchServe(local_programs(progress))


def configuration_digest(service_name: str, serving: Serving) -> str:
    """The digest of how a service is served: what `render` gives with addresses, ports, paths and release left out, and the resources.

    Not the replicas and not the weights: those may change without another gate. Needs none of the runtime's programs.
    """
    from mlgate_serving.torchserve import NO_PROGRAMS, TorchServe

    folder = Path("/folder")
    place = Place("127.0.0.1", 0, 0, 0, 0, 0, folder=folder, temporary=folder / "tmp", archive=folder / "archive.mar")
    release = Release.model_construct(service=service_name, version="0", digest="", archive="archive.mar")
    rendered = TorchServe(NO_PROGRAMS).render(release, serving, place)
    return digest_json(
        {
            "files": dict(rendered.files),
            "command": list(rendered.command),
            "environment": dict(rendered.environment),
            "resources": serving.resources.model_dump(mode="json"),
        }
    )
