"""Stacks of the project's own program, in a cluster that knows what Karpenter on AWS is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mlgate_testkit.cluster import Cluster
from mlgate_testkit.engine import Simulated, Stack, Stacks

from .platforms import PROJECT, prepare, values


@pytest.fixture(scope="session")
def kubernetes_cluster(platforms_cluster: Cluster) -> Cluster:
    """Each test finds it as the first one did."""
    return platforms_cluster


@pytest.fixture
def deployed(stack: Stacks, simulated_aws: Simulated, kubernetes_standin: Simulated, kubernetes_cluster: Cluster) -> Callable[..., Stack]:
    """Makes the stack of an environment, whose state's key is there as `mlgate bootstrap` makes it."""

    def make(name: str, **cluster: Any) -> Stack:
        prepare(simulated_aws, name)
        secrets = {"mlgate:kubeconfig": kubernetes_cluster.kubeconfig.read_text(encoding="utf-8")}
        return stack(name, program=PROJECT, config={"mlgate:platform": values(name, **cluster)}, secrets=secrets)

    return make
