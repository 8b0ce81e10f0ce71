"""An earlier version's state of each environment, and what an upgrade from it would do."""

from __future__ import annotations

import pytest

from mlgate.stateful import STATEFUL
from mlgate_testkit.lint import lint_run
from tests.testkit.aws.cloud import by_hand

from .platforms import ENVIRONMENTS
from .upgrades import environment_of, read, states

pytestmark = [pytest.mark.engine, pytest.mark.cluster]
_SIGNING = {"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"}


def test_there_is_a_state_of_every_environment() -> None:
    assert {environment_of(path) for path in states()} == set(ENVIRONMENTS)


@pytest.mark.parametrize("path", states(), ids=lambda path: path.name)
def test_an_upgrade_from_an_earlier_version_takes_nothing_that_holds_data_and_renames_nothing_without_an_alias(
    deployed, simulated_aws, kubernetes_cluster, path
):
    """Without its cloud: a preview asks for nothing of it but the public half of the signing key, so one is made."""
    made = deployed(environment_of(path))
    key = by_hand(simulated_aws.endpoint(), "kms").create_key(**_SIGNING)["KeyMetadata"]["KeyId"]
    made.import_(read(path, kubernetes_cluster.kubeconfig.read_text(encoding="utf-8"), signing_key=key))
    changes = made.preview()
    assert [step for step in changes if step.operation in {"replace", "delete"} and step.type in STATEFUL] == []
    assert {step.type for step in changes.same()} >= {"aws:kms/key:Key", "aws:s3/bucket:Bucket", "aws:ecr/repository:Repository"}
    assert [finding for finding in lint_run(changes) if finding.rule == "renamed"] == []
