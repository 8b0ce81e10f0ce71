"""`build`, recorded: what an environment says is what its parts are told, each value apart from every other."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import yaml

from mlgate_cli.answers import Answers
from mlgate_testkit.record import Graph, record
from tests.core.platforms import varied
from tests.stacks.platforms import ACCOUNT, PROJECT, values

SAID = {
    "network.cidr": "10.77.0.0/16",
    "network.nat": "per-zone",
    "retention": {
        "evidence_days": 31,
        "evidence_lock": "compliance",
        "models_days": 32,
        "logs_days": 60,
        "audit_days": 33,
        "images": 34,
        "keys_days": 8,
    },
    "budget": {"monthly_usd": 1234.5, "alert_percents": [55, 95], "notify": ["ml@example.com", "ops@example.com"]},
    "services.digits": {"namespace": "vision", "service_account": "digits-server"},
}
MADE = {"aws:eks/cluster:Cluster": {"arn": f"arn:aws:eks:eu-central-1:{ACCOUNT}:cluster/mlgate-dev"}}
LOCK = "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration"
LIFECYCLE = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"


@cache
def composed() -> Graph:
    return record(PROJECT, stack="dev", config={"platform": varied(SAID, values("dev"))}, invokes=Answers(), resources=MADE)


def each(kind: str) -> dict[str, dict[str, Any]]:
    """What resources of that type are told, by their names."""
    return {found.name: found.inputs for found in composed().all(kind)}


def test_evidence_and_the_trail_are_locked_for_the_days_of_each_and_models_are_not() -> None:
    locks = {name: told["rule"]["defaultRetention"] for name, told in each(LOCK).items() if "rule" in told}
    assert locks == {"evidence": {"mode": "COMPLIANCE", "days": 31}, "audit": {"mode": "COMPLIANCE", "days": 33}}


def test_what_is_replaced_or_logged_goes_after_the_days_that_are_said() -> None:
    rules = {name: told["rules"][0] for name, told in each(LIFECYCLE).items()}
    assert rules["models"]["noncurrentVersionExpiration"] == {"noncurrentDays": 32}
    assert [rules[f"{store}-logs"]["expiration"] for store in ("models", "evidence", "audit")] == [{"days": 60}] * 3
    assert {told["retentionInDays"] for told in each("aws:cloudwatch/logGroup:LogGroup").values()} == {60}
    images = json.loads(each("aws:ecr/lifecyclePolicy:LifecyclePolicy")["digits"]["policy"])
    assert images["rules"][1]["selection"]["countNumber"] == 34


def test_the_keys_of_what_is_kept_wait_as_long_as_is_said() -> None:
    waits = {name: told["deletionWindowInDays"] for name, told in each("aws:kms/key:Key").items()}
    assert waits == dict.fromkeys(("models", "evidence", "evidence-signing", "audit", "images", "cluster-secrets"), 8)


def test_the_trail_watches_both_stores_and_the_auditor_reads_and_validates_it() -> None:
    (_, objects) = each("aws:cloudtrail/trail:Trail")["audit"]["advancedEventSelectors"]
    watched = {one["field"]: one for one in objects["fieldSelectors"]}["resources.ARN"]["startsWiths"]
    assert watched == ["<arn of Bucket models>/", "<arn of Bucket evidence>/"]
    allowed = json.loads(each("aws:iam/rolePolicy:RolePolicy")["auditor"]["policy"])["Statement"]
    read = {statement["Resource"] for statement in allowed if "s3:GetObject" in statement["Action"]}
    assert read == {f"<arn of Bucket {store}>/*" for store in ("models", "evidence", "audit")}
    validated = {statement["Resource"] for statement in allowed if "s3:GetBucketLocation" in statement["Action"]}
    assert validated == {"<arn of Bucket audit>"}
    (of_none,) = (statement for statement in allowed if statement["Resource"] == "*")
    assert of_none["Action"] == ["cloudtrail:DescribeTrails", "cloudtrail:ListPublicKeys"]
    assert composed().outputs["audit"] == "<bucket of Bucket audit>"


def test_the_gate_signs_and_its_role_the_nodes_and_ci_alone_reach_images() -> None:
    policy = json.loads(each("aws:kms/key:Key")["evidence-signing"]["policy"])["Statement"]
    assert [one["Principal"] for one in policy if one["Action"] == "kms:Sign"] == [{"AWS": "<arn of Role access-gate>"}]
    pulling, pushing = json.loads(each("aws:ecr/repositoryPolicy:RepositoryPolicy")["digits"]["policy"])["Statement"]
    who = [one["Condition"]["ArnNotLike"]["aws:PrincipalArn"][:-1] for one in (pulling, pushing)]
    assert who == [["<arn of Role access-ci>", "<arn of Role cluster-node>", "<arn of Role access-gate>"], ["<arn of Role access-ci>"]]


def test_the_budget_is_the_one_that_is_said() -> None:
    (told,) = each("aws:budgets/budget:Budget").values()
    assert (told["limitAmount"], [alert["threshold"] for alert in told["notifications"]]) == ("1234.5", [55, 95])
    assert all(alert["subscriberEmailAddresses"] == ["ml@example.com", "ops@example.com"] for alert in told["notifications"])


def test_the_network_is_the_one_that_is_said_and_a_service_has_the_pods_and_the_models_that_are_its_own() -> None:
    assert each("aws:ec2/vpc:Vpc")["network"]["cidrBlock"] == "10.77.0.0/16"
    assert len(each("aws:ec2/natGateway:NatGateway")) == len(values("dev")["network"]["zones"])
    (pods,) = [told for told in each("aws:eks/podIdentityAssociation:PodIdentityAssociation").values() if told["namespace"] == "vision"]
    assert pods["serviceAccount"] == "digits-server"
    read = json.loads(each("aws:iam/rolePolicy:RolePolicy")["digits"]["policy"])["Statement"]
    assert [one["Resource"] for one in read if "s3:GetObject" in one["Action"]] == ["<arn of Bucket models>/digits/*"]


def test_what_operators_and_other_stacks_ask_for_is_exported() -> None:
    told = composed().outputs
    assert told.keys() == {"cluster", "models", "evidence", "audit", "trust", "roles", "pools", "quotas", "services"}
    assert told["cluster"] == {
        "name": "mlgate-dev",
        "endpoint": "<endpoint of Cluster cluster>",
        "version": values("dev")["cluster"]["version"],
    }
    assert (told["models"], told["evidence"], told["audit"]) == tuple(
        f"<bucket of Bucket {store}>" for store in ("models", "evidence", "audit")
    )
    assert yaml.safe_load(told["trust"])["keys"][0]["environments"] == ["dev"]
    duties = ("auditor", "break-glass", "ci", "deployer", "gate", "promoter")
    assert told["roles"] == {duty.replace("-", "_"): f"<arn of Role access-{duty}>" for duty in duties}
    assert told["pools"].keys() == {"l4"}
    assert told["pools"]["l4"]["instance_types"][0] == "g6.xlarge"
    assert told["pools"]["l4"]["said"][0].startswith("1 l4 for each of 8 pods, on g6.xlarge, ")
    assert told["quotas"] == {"l4": {"L-DB2E81BA": 8 * 4, "L-3819A6DF": 8 * 4}}, "vCPUs, on demand and spot"
    assert told["services"] == {"digits": {"role_arn": "<arn of Role digits>", "repository": "<repositoryUrl of Repository digits>"}}
