"""pytest fixtures: the real Pulumi engine, stacks, and simulated providers, for tests of Pulumi programs.

Every run of pytest where mlgate is installed imports this module, so it imports nothing but pytest; what the fixtures need is imported by
them, and where it is not installed they fail with the command that installs it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from mlgate_testkit.cluster import Cluster
    from mlgate_testkit.engine import Engine, Simulated, Stacks

_PROVIDERS = ("simulated_aws", "kubernetes_standin")


def pytest_configure(config: pytest.Config) -> None:
    """pulumi_aws warns about its own deprecated classes whenever it loads them; a program that makes one is warned in its own log."""
    config.addinivalue_line("filterwarnings", r"ignore:\S+ has been deprecated in favor of \S+:DeprecationWarning")


@pytest.fixture(scope="session")
def pulumi_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """The real Pulumi engine with a home of its own, fake credentials and nothing of the user's clouds; one for each pytest process."""
    with _told():
        from mlgate_testkit.engine import Engine

        engine = Engine(tmp_path_factory.mktemp("pulumi-home"))
    yield engine
    engine.close()


@pytest.fixture
def stack(pulumi_engine: Engine, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Stacks]:
    """Makes stacks of a program: `stack("prod", program="infra/", config={"size": "3"})`; state lies in a temporary directory.

    Their engines are attached to the simulated providers that the test asks for.
    """
    from mlgate_testkit.engine import Stacks

    attached = [request.getfixturevalue(name) for name in _PROVIDERS if name in request.fixturenames]
    stacks = Stacks(pulumi_engine, tmp_path_factory.mktemp("stacks"), attached)
    yield stacks
    with _told():
        stacks.close()


@pytest.fixture(scope="session")
def _aws_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulated]:
    with _told():
        from mlgate_testkit.engine import Simulated, no_clouds

        process = Simulated("aws", "mlgate_testkit.engine.packages:aws", no_clouds(tmp_path_factory.mktemp("simulated-aws")))
    yield process
    process.close()


@pytest.fixture
def simulated_aws(_aws_process: Simulated) -> Iterator[Simulated]:
    """Simulated AWS, empty: the engine's provider "aws". One process for each pytest process, emptied after each test."""
    yield _aws_process
    with _told():
        _aws_process.reset()


@pytest.fixture(scope="session")
def kubernetes_cluster() -> Iterator[Cluster]:
    """A real control plane with fake nodes, one for each pytest process, tidied after each test that names it (`Cluster.tidied`).

    Define your own of this name for one with Karpenter.
    """
    with _told():
        from mlgate_testkit.cluster import Cluster

        cluster = Cluster().up()
    yield cluster
    cluster.down()


@pytest.fixture(autouse=True)
def _kubernetes_cluster_tidied(request: pytest.FixtureRequest) -> Iterator[None]:
    """What a test makes on `kubernetes_cluster` is not there for the next one. First of all fixtures of a test, so its end comes last."""
    if "kubernetes_cluster" not in request.fixturenames:
        yield
        return
    cluster = request.getfixturevalue("kubernetes_cluster")
    with _told():
        from mlgate_testkit.cluster import Cluster

        # On a cluster that is not the testkit's own others may work.
        with cluster.tidied() if isinstance(cluster, Cluster) else nullcontext():
            yield


@pytest.fixture(scope="session")
def _kubernetes_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulated]:
    with _told():
        from mlgate_testkit.engine import Simulated, no_clouds

        process = Simulated("kubernetes", "mlgate_testkit.engine.packages:kubernetes", no_clouds(tmp_path_factory.mktemp("standin")))
    yield process
    process.close()


@pytest.fixture
def kubernetes_standin(_kubernetes_process: Simulated, kubernetes_cluster: Cluster) -> Iterator[Simulated]:
    """The engine's provider "kubernetes", on `kubernetes_cluster` where a program names no other. What a test made is deleted after it."""
    with _told():
        from mlgate_testkit.cluster import Cluster

        # On a cluster of the testkit's own, what a killed stand-in left may be told by who wrote it; on another it may be anybody's.
        _kubernetes_process.use(kubeconfig=str(kubernetes_cluster.kubeconfig), throwaway=isinstance(kubernetes_cluster, Cluster))
    yield _kubernetes_process
    with _told():
        _kubernetes_process.reset()


@contextmanager
def _told() -> Iterator[None]:
    """Our own errors as text instead of a traceback, and a package that is not installed as the command that installs it."""
    from mlgate.errors import MlgateError
    from mlgate.extras import install_remedy

    problem = ""
    try:
        yield
    except MlgateError as error:
        problem = str(error)
    except ModuleNotFoundError as error:
        problem = f"the package {error.name} is not installed\n  -> {install_remedy('testkit')}"
    if problem:
        raise pytest.fail.Exception(problem, pytrace=False) from None  # else pytest prints the error that it stands for as well
