"""Clusters for tests: one that a file's tests share, and a cache of one's own in which clusters of a test lie."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mlgate.errors import ToolError
from mlgate_testkit.cluster import Cluster
from mlgate_testkit.cluster.extensions import Chosen
from mlgate_testkit.cluster.startup import require_tools
from mlgate_tools import control_plane
from tests.rungs import not_run

from .machine import Left


def require_built(chosen: Chosen) -> None:
    """Where the control plane is not built, its rung is not run."""
    try:
        require_tools(chosen)
    except ToolError as error:
        not_run(str(error))


@pytest.fixture(scope="session")
def built() -> Path:
    """Where the built control plane lies, whatever a test makes of the cache."""
    require_built(Chosen())
    return control_plane.program_path("etcd").parents[2]


@pytest.fixture
def cache(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A user's cache of this test's own, with the built tools in it. At the end nothing of it may run."""
    folder = tmp_path / "cache"
    folder.mkdir()
    (folder / "tools").symlink_to(built)
    monkeypatch.setenv("MLGATE_CACHE", str(folder))
    yield folder
    left = Left(folder)
    try:
        assert left.processes() == []
    finally:
        left.end()


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """One cluster for all tests of a file; each keeps to a namespace and nodes of its own."""
    require_built(Chosen())
    with Cluster() as running:
        yield running


@pytest.fixture
def said() -> list[str]:
    """Progress lines: `said.append` is the callable."""
    return []


@pytest.fixture
def deployment() -> Callable[..., dict[str, object]]:
    """A Deployment whose pods ask for `gpus` each."""

    def make(name: str, replicas: int, gpus: int = 1, annotations: dict[str, str] | None = None, **spec: object) -> dict[str, object]:
        labels = {"app": name}
        container = {"name": "server", "image": "nowhere/at-all:1", "resources": {"limits": {"nvidia.com/gpu": gpus}} if gpus else {}}
        pod = {"metadata": {"labels": labels, "annotations": annotations or {}}, "spec": {"containers": [container], **spec}}
        return {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name},
            "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": pod},
        }

    return make
