"""Of the twelve defects planted in the sample stack, those that only a run of the engine shows: each named with property and remedy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlgate.errors import UsageError
from mlgate_testkit.engine import Changes, Stack, Stacks
from mlgate_testkit.lint import assert_expected, assert_no_secret_in_clear, lint, lint_run
from mlgate_testkit.record import record

from ..aws.cloud import by_hand
from ..lint import shop
from ..lint.found import rows

pytestmark = pytest.mark.engine
Deploy = Callable[[], Stack]

SHOP = Path(shop.__file__)
REGION = "eu-central-1"
QUEUE = "aws:sqs/queue:Queue"
POLICY = "aws:iam/rolePolicy:RolePolicy"
BUCKET = "aws:s3/bucket:Bucket"


@pytest.fixture
def deployed(stack: Stacks, simulated_aws: Any) -> Deploy:
    """The shop, up."""

    def deploy() -> Stack:
        made = stack("prod", program=SHOP, config={"aws:region": REGION}, secrets={"password": shop.PASSWORD})
        made.up()
        return made

    return deploy


def require_unseen_by_the_lint(**config: str) -> None:
    """A cheaper rung does not see it."""
    assert lint(record(SHOP, config=config, secrets={"password": shop.PASSWORD})) == []


def refused(changes: Changes) -> tuple[list[list[str]], str]:
    """The rows of the table that a run is refused with, by column, and the whole message."""
    with pytest.raises(AssertionError) as caught:
        assert_expected(changes)
    said = str(caught.value)
    return rows(said), said


def test_what_the_engine_is_needed_for_is_looked_for_here() -> None:
    here = {"forced replacement", "wrong delete order", "drift"}
    assert here == {defect for defect, seen_by in shop.DEFECTS.items() if seen_by == "engine"}


def test_what_nobody_touched_is_as_expected(deployed: Deploy) -> None:
    prod = deployed()
    assert_expected(prod.preview())
    assert_expected(prod.refresh())
    assert_no_secret_in_clear(prod)
    prod.unprotect()
    assert_expected(prod.destroy())


def test_a_forced_replacement_is_seen_in_the_preview(deployed: Deploy) -> None:
    require_unseen_by_the_lint(defect="forced replacement")
    prod = deployed()
    prod.change(config={"defect": "forced replacement"})
    found, said = refused(prod.preview())
    assert ["forced-replacement", QUEUE, "orders-waiting", "name", "-"] in found
    assert {row[2] for row in found} == {"orders-waiting"}
    assert "it is 'shop-orders' and was 'shop-waiting'" in said
    assert "-> keep the old value" in said
    assert lint_run(prod.preview(), allow={"forced-replacement:orders-waiting": "it is empty at night"}) == []


def test_drift_is_seen_by_a_refresh(deployed: Deploy, simulated_aws: Any) -> None:
    require_unseen_by_the_lint()
    prod = deployed()
    by_hand(simulated_aws.endpoint(), "s3").put_bucket_tagging(
        Bucket="shop-assets", Tagging={"TagSet": [{"Key": "Owner", "Value": "somebody"}]}
    )
    found, said = refused(prod.refresh())
    assert ["drift", BUCKET, "assets-content", "tags.Owner", "-"] in found
    assert {row[2] for row in found} == {"assets-content"}
    assert "somebody changed it by hand" in said
    assert "-> run `pulumi up` to put it back" in said


def test_what_was_removed_by_hand_is_drift_too(deployed: Deploy, simulated_aws: Any) -> None:
    prod = deployed()
    iam = by_hand(simulated_aws.endpoint(), "iam")
    role = prod.outputs["reader"]
    (policy,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
    iam.delete_role_policy(RoleName=role, PolicyName=policy)
    found, said = refused(prod.refresh())
    assert found == [["drift", POLICY, "assets-read", "id", "-"]]
    assert "somebody deleted it by hand" in said
    assert "-> run `pulumi up` to make it again" in said


@pytest.mark.parametrize("at_once", ["1", "16"])
def test_a_wrong_order_of_deletion_is_seen_when_the_stack_goes_whatever_went_first(deployed: Deploy, at_once: str) -> None:
    prod = deployed()
    reader = prod.outputs["reader"]
    require_unseen_by_the_lint(defect="wrong delete order", reader=reader)
    prod.change(config={"defect": "wrong delete order", "reader": reader})
    prod.up()
    prod.unprotect()
    found, said = refused(prod.operate("destroy", "--yes", "--skip-preview", "--parallel", at_once))
    assert found == [["delete-order", POLICY, "assets-read", "role", "-"]]
    assert "it names aws:iam/role:Role assets-reader, and the engine does not know it: that one may go first" in said
    assert "-> pass that resource's own output" in said


def test_an_exception_that_nothing_needs_is_itself_a_finding() -> None:
    (found,) = lint_run(Changes("preview", [], []), allow={"drift:assets-content": "it is being moved"})
    assert found.rule == "stale-allow"


@pytest.mark.parametrize(("allow", "said"), [({"drif": "it moves"}, "names no rule"), ({"drift": " "}, "for no reason")])
def test_an_exception_must_name_a_rule_and_a_reason(allow: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        lint_run(Changes("preview", [], []), allow=allow)
