"""A cluster that knows what Karpenter on AWS is asked for, and stacks of the project's own program."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mlgate_testkit.cluster import Cluster
from mlgate_testkit.cluster.extensions import Chosen
from mlgate_testkit.engine import Simulated, Stack, Stacks
from tests.testkit.cluster.conftest import require_built

from .platforms import DEFINITIONS, PROJECT, prepare, values


@pytest.fixture(scope="session")
def kubernetes_cluster() -> Iterator[Cluster]:
    """One for all the tests of a process: each finds it as the first one did."""
    require_built(Chosen())
    with Cluster() as cluster:
        for path in sorted(DEFINITIONS.glob("*.yaml")):
            cluster.apply(path.read_text(encoding="utf-8"))
        yield cluster


@pytest.fixture
def deployed(stack: Stacks, simulated_aws: Simulated, kubernetes_standin: Simulated, kubernetes_cluster: Cluster) -> Callable[..., Stack]:
    """Makes the stack of an environment, whose state's key is there as `mlgate bootstrap` makes it."""

    def make(name: str, **cluster: Any) -> Stack:
        prepare(simulated_aws, name)
        secrets = {"mlgate:kubeconfig": kubernetes_cluster.kubeconfig.read_text(encoding="utf-8")}
        return stack(name, program=PROJECT, config={"mlgate:platform": values(name, **cluster)}, secrets=secrets)

    return make
