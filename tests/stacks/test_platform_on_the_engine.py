"""The project's own stacks with the real engine, on simulated AWS and a real API server with Karpenter's definitions."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlgate.platform_state import state_key_alias
from mlgate_testkit.cluster import Cluster
from mlgate_testkit.cluster.extensions import Chosen
from tests.testkit.aws.cloud import by_hand
from tests.testkit.cluster.conftest import require_built

from .platforms import ENVIRONMENTS, PROJECT, values

pytestmark = [pytest.mark.engine, pytest.mark.cluster]
DEFINITIONS = PROJECT / "tests" / "components" / "aws" / "karpenter-provider-aws-1.15.1"


@pytest.fixture(scope="module")
def kubernetes_cluster() -> Iterator[Cluster]:
    """One that knows what Karpenter on AWS is asked for."""
    require_built(Chosen())
    with Cluster() as cluster:
        for path in sorted(DEFINITIONS.glob("*.yaml")):
            cluster.apply(path.read_text(encoding="utf-8"))
        yield cluster


@pytest.fixture
def deployed(stack, simulated_aws, kubernetes_standin, kubernetes_cluster):
    """Makes the stack of an environment, whose state's key is there as `mlgate bootstrap` makes it."""

    def make(name, **cluster):
        kms = by_hand(simulated_aws.endpoint(), "kms")
        key = kms.create_key()["KeyMetadata"]["KeyId"]
        kms.create_alias(AliasName=state_key_alias(name), TargetKeyId=key)
        secrets = {"mlgate:kubeconfig": kubernetes_cluster.kubeconfig.read_text(encoding="utf-8")}
        return stack(name, program=PROJECT, config={"mlgate:platform": values(name, **cluster)}, secrets=secrets)

    return make


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_an_environment_goes_up_from_nothing_and_rests(deployed, name):
    made = deployed(name)
    made.up()
    assert made.preview().nothing()
