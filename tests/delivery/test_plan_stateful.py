"""What the plan guard says where something is lost that nobody can make again, and which approval lets it go."""

import re
from pathlib import Path

import pytest

from mlgate.stateful import CONTAINERS, STATEFUL, why_stateful
from mlgate_delivery.approval import Approval
from mlgate_delivery.plan_guard import Finding, Kind

from .plans import BUCKET, HELD, INNER, NEIGHBOUR, NOW, document, judged, mine, replacement, step


def approval(of=HELD, operation="delete", **other):
    said = {"stack": "local", "id": "1", "reason": "it is empty", "by": "ada", "signed_ns": NOW - 1, "expires_ns": NOW + 1, "keyid": "0"}
    return Approval(urn=of, operation=operation, **{**said, **other})


@pytest.mark.parametrize(
    ("type_", "flags", "why"),
    [
        (BUCKET, {}, "it holds objects, and nothing brings that back"),
        (BUCKET, {"protect": True}, "it holds objects, and nothing brings that back"),
        ("aws:rds/snapshotCopy:SnapshotCopy", {}, "it holds a backup, and nothing brings that back"),
        ("aws:rds/clusterSnapshotCopy:ClusterSnapshotCopy", {}, "it holds a backup, and nothing brings that back"),
        ("aws:cloudcontrol/resource:Resource", {}, "it holds what its type does, which may be a database, and nothing brings that back"),
        ("aws:elasticbeanstalk/environment:Environment", {}, "it holds perhaps a database, and nothing brings that back"),
        *(
            (made, {}, "it holds all that its template made, and nothing brings that back")
            for made in (
                "aws:cloudformation/stack:Stack",
                "aws:cloudformation/stackInstances:StackInstances",
                "aws:cloudformation/stackSet:StackSet",
                "aws:cloudformation/stackSetInstance:StackSetInstance",
                "aws:serverlessrepository/cloudFormationStack:CloudFormationStack",
                "aws:servicecatalog/provisionedProduct:ProvisionedProduct",
            )
        ),
        ("acme:index:Thing", {"protect": True}, "protected or retained: whoever declared it wants it kept"),
        ("acme:index:Thing", {"retainOnDelete": True}, "protected or retained: whoever declared it wants it kept"),
        ("random:index/randomPassword:RandomPassword", {}, "what it holds is not known here"),
        ("pulumi-python:dynamic:Resource", {}, "what it holds is not known here"),
        ("kubernetes:postgresql.cnpg.io/v1:Cluster", {}, "what it holds is not known here"),
        ("kubernetes:kafka.strimzi.io/v1beta2:Kafka", {}, "what it holds is not known here"),
        ("kubernetes:snapshot.storage.k8s.io/v1:VolumeSnapshot", {}, "what it holds is not known here"),
    ],
)
@pytest.mark.parametrize("operation", ["replace", "delete"])
def test_what_nobody_can_make_again_is_not_lost_without_an_approval(type_, flags, why, operation):
    of = mine("held", type_)
    steps = replacement(of, **flags) if operation == "replace" else [step("delete", of, **flags)]
    (finding,) = judged(document(*steps))
    assert finding == Finding(Kind.STATEFUL, f"{why}; nobody has approved that", of, operation, "1")
    assert judged(document(*steps), [approval(of, operation)]) == []


@pytest.mark.parametrize("state", ["oldState", "newState"])
def test_a_replacement_that_takes_the_protection_away_as_it_goes_is_one_of_a_protected_resource(state):
    steps = replacement(mine("held", "aws:sqs/queue:Queue"))
    steps[1][state]["protect"] = True
    assert [finding.kind for finding in judged(document(*steps))] == [Kind.STATEFUL]


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"stack": "prod"}, "nobody has approved that"),
        ({"of": mine("another", BUCKET)}, "nobody has approved that"),
        ({"operation": "replace"}, "nobody has approved that"),
        ({"expires_ns": NOW}, "the approval by ada has expired"),
        ({"id": "0"}, "the approval by ada is of 0, and this is 1"),
        ({"id": ""}, "the approval by ada is of one without id, and this is 1"),
        ({"signed_ns": NOW + 6 * 60 * 10**9, "expires_ns": 2 * NOW}, "the approval by ada was signed in the future: one clock is wrong"),
    ],
)
def test_an_approval_of_something_else_or_of_another_time_approves_nothing(other, said):
    lost = document(step("same", INNER), step("delete", HELD, INNER))
    (finding,) = judged(lost, [approval(**other)])
    assert finding.problem == f"it holds objects, and nothing brings that back; {said}"
    assert judged(lost, [approval(**other), approval()]) == []


def test_of_approvals_that_do_not_hold_each_is_said():
    early = approval(by="bob", signed_ns=NOW + 6 * 60 * 10**9, expires_ns=2 * NOW)
    (finding,) = judged(document(step("same", INNER), step("delete", HELD, INNER)), [approval(expires_ns=NOW), early])
    assert "; the approval by ada has expired, the approval by bob was signed in the future" in finding.problem


def test_of_two_clocks_one_may_be_a_little_ahead():
    lost = document(step("same", INNER), step("delete", HELD, INNER))
    assert judged(lost, [approval(signed_ns=NOW + 5 * 60 * 10**9, expires_ns=2 * NOW)]) == []


def test_an_approval_is_spent_with_what_it_was_for():
    lost = step("delete", HELD, INNER)
    assert judged(document(step("same", INNER), lost), [approval()]) == []
    lost["oldState"]["id"] = "2"  # made since, under the same URN
    (finding,) = judged(document(step("same", INNER), lost), [approval()])
    assert (finding.kind, finding.id) == (Kind.STATEFUL, "2")
    assert finding.problem.endswith("; the approval by ada is of 1, and this is 2")


def test_a_component_has_no_id_and_holds_nothing_itself_and_one_that_is_protected_is_approved_by_none():
    lost = step("delete", mine("held", "acme:index:Thing"))
    lost["oldState"] |= {"custom": False}
    del lost["oldState"]["id"]
    assert judged(document(lost)) == []
    lost["oldState"]["protect"] = True
    assert [finding.id for finding in judged(document(lost))] == [""]
    assert judged(document(lost), [approval(mine("held", "acme:index:Thing"), id="")]) == []
    (finding,) = judged(document(lost), [approval(mine("held", "acme:index:Thing"))])
    assert finding.problem.endswith("; the approval by ada is of 1, and this is one without id")


def test_an_approval_is_no_yes_to_a_step_outside():
    found = judged(document(step("delete", mine("theirs", BUCKET), NEIGHBOUR)), [approval(mine("theirs", BUCKET))])
    assert [finding.kind for finding in found] == [Kind.OUTSIDE]


def test_the_tables_name_types_of_the_installed_sdks_each_once():
    import pulumi_aws
    import pulumi_kubernetes

    assert not STATEFUL.keys() & CONTAINERS.keys()
    for module in (pulumi_aws, pulumi_kubernetes):
        package, registered = module.__name__.removeprefix("pulumi_"), Path(module.__file__).read_text(encoding="utf-8")
        tokens = [token for token in [*STATEFUL, *CONTAINERS] if token.startswith(f"{package}:")]
        assert [token for token in tokens if f'"{token}"' not in registered] == []


def test_of_kubernetes_the_kinds_of_the_installed_sdk_are_known():
    import pulumi_kubernetes

    registered = re.findall(r'"(kubernetes:[^":]+/[^":]+:[^":]+)"', Path(pulumi_kubernetes.__file__).read_text(encoding="utf-8"))
    assert {"kubernetes:apps/v1:StatefulSet", "kubernetes:helm.sh/v3:Release"} <= set(registered)
    components = [type_ for type_ in registered if re.match("kubernetes:(yaml|kustomize)/", type_)]
    unknown = [type_ for type_ in registered if why_stateful(type_, guarded=False) == "what it holds is not known here"]
    assert unknown == components


@pytest.mark.parametrize("type_", CONTAINERS)
def test_what_others_put_into_a_container_is_asked_for_as_well(type_):
    assert why_stateful(type_, guarded=False) == f"it holds {CONTAINERS[type_]}, and nothing brings that back"


@pytest.mark.parametrize(
    "type_",
    [
        "aws:iam/role:Role",
        "aws:sqs/queue:Queue",
        "kubernetes:apps/v1:Deployment",
        "kubernetes:karpenter.k8s.aws/v1:EC2NodeClass",
        "kubernetes:karpenter.sh/v1:NodePool",
        "pulumi-python:dynamic/mlgate:StoredRelease",
    ],
)
def test_what_can_be_made_again_may_be_lost(type_):
    assert why_stateful(type_, guarded=False) is None
