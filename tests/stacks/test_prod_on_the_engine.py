"""prod where everything is refused once, and an earlier prod, with the real engine on simulated AWS and a real API server."""

from __future__ import annotations

import pytest

from mlgate.stateful import STATEFUL
from mlgate_testkit.engine import UpdateError
from mlgate_testkit.lint import lint_run
from tests.testkit.aws.cloud import by_hand

from .destroying import require_it_leaves_what_was_told
from .looking import change_by_hand, once
from .platforms import values
from .upgrades import read, states

pytestmark = [pytest.mark.engine, pytest.mark.cluster]
AT_MOST = 25
"""Runs of `up`: one more than resources stand on each other."""
_SIGNING = {"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"}


@pytest.mark.timeout(900)  # some 18 runs, each of which sees the whole program
def test_prod_goes_up_though_every_create_is_refused_once_rests_sees_what_was_changed_by_hand_and_leaves_what_was_told(
    deployed, simulated_aws, kubernetes_standin, kubernetes_cluster
):
    prod = deployed("prod")
    for cloud in (simulated_aws, kubernetes_standin):
        cloud.fail("create", each=True)
    refused: list[str] = []
    for _ in range(AT_MOST):
        try:
            prod.operate("up", "--continue-on-error", "--yes", "--skip-preview")
            break
        except UpdateError as error:
            refused += [step.urn for step in error.changes.failed()]
    assert sorted(refused) == sorted(found.urn for found in prod.state.checkpoint().resources), "each once"
    assert prod.preview().nothing()
    assert once(prod)
    prod.change(config={"mlgate:platform": values("prod", deletion_protection=False)})
    assert [step.name for step in prod.up().updated("aws:eks/cluster:Cluster")] == ["cluster"]
    changed = change_by_hand(prod, simulated_aws, kubernetes_cluster)
    assert {step.name for step in prod.refresh().updated()} == changed
    until = require_it_leaves_what_was_told(prod, simulated_aws)
    assert "each version 2555 days after it was written" in until["Bucket", "evidence"]


@pytest.mark.parametrize("path", states(), ids=lambda path: path.name)
def test_an_upgrade_from_an_earlier_prod_takes_nothing_that_holds_data_and_renames_nothing_without_an_alias(
    deployed, simulated_aws, kubernetes_cluster, path
):
    """Without its cloud: a preview asks for nothing of it but the public half of the signing key, so one is made."""
    prod = deployed("prod")
    key = by_hand(simulated_aws.endpoint(), "kms").create_key(**_SIGNING)["KeyMetadata"]["KeyId"]
    prod.import_(read(path, kubernetes_cluster.kubeconfig.read_text(encoding="utf-8"), signing_key=key))
    changes = prod.preview()
    assert [step for step in changes if step.operation in {"replace", "delete"} and step.type in STATEFUL] == []
    assert {step.type for step in changes.same()} >= {"aws:kms/key:Key", "aws:s3/bucket:Bucket", "aws:ecr/repository:Repository"}
    assert [finding for finding in lint_run(changes) if finding.rule == "renamed"] == []
