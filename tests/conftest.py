"""What tests share: Hypothesis without deadlines, since a busy machine is no failure, what may take longest comes first, and a cluster.

With CI=true Hypothesis tries the same examples each time: what a change is judged by must not depend on luck. Everybody else's runs go on
looking.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from mlgate_testkit.cluster import Cluster

settings.register_profile("mlgate", deadline=None, derandomize=os.environ.get("CI") == "true")
settings.load_profile("mlgate")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files come by the longest time that any of their tests is allowed: one that is begun last is waited for by all other workers."""
    allowed_s: dict[Path, float] = defaultdict(float)
    for item in items:
        if (limit := item.get_closest_marker("timeout")) is not None:
            allowed_s[item.path] = max(allowed_s[item.path], limit.args[0])
    items.sort(key=lambda item: -allowed_s[item.path])


@pytest.fixture(scope="session")
def platforms_cluster() -> Iterator[Cluster]:
    """One for all tests of platforms and their components in a process: it knows what Karpenter on AWS is asked for.

    None is new to it, since the garbage collector looks for new definitions twice a minute, and what is made of one waits for that to go.
    The namespaces of charts are there as well: the controller that takes one away is 5 s about it, and Helm never does.
    """
    from mlgate_components.aws.addons.table import TABLE
    from mlgate_testkit.cluster import Cluster
    from mlgate_testkit.cluster.extensions import Chosen
    from tests.components.aws.gpu.definitions import define
    from tests.testkit.cluster.conftest import require_built

    require_built(Chosen())
    with Cluster() as cluster:
        define(cluster)
        namespaces = {addon.namespace for addon in TABLE.values()} - {"kube-system"}
        cluster.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in sorted(namespaces)])
        yield cluster
