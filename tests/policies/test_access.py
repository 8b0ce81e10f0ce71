"""Rules over policies: each fires, and leaves alone what is right or not known yet."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from mlgate_policies.documents import ATTACHED, GRANTS, IDENTITY, RESOURCE
from mlgate_policies.resource import UNKNOWN, Resource

from .asking import BUCKET, objections, resource, stated

POLICY = "aws:iam/policy:Policy"
ROLE = "aws:iam/role:Role"
FUNCTION, LAYER = "aws:lambda/permission:Permission", "aws:lambda/layerVersionPermission:LayerVersionPermission"
BUS, SERVICE = "aws:cloudwatch/eventPermission:EventPermission", "aws:ec2/vpcEndpointService:VpcEndpointService"
ALLOWED = "aws:ec2/vpcEndpointServiceAllowedPrinciple:VpcEndpointServiceAllowedPrinciple"
DOCUMENT = "aws:ssm/document:Document"
IMAGE = "aws:ec2/amiLaunchPermission:AmiLaunchPermission"
ACCOUNT = "arn:aws:iam::111122223333"
ROOT = {"AWS": f"{ACCOUNT}:root"}
GITHUB = {"Federated": "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"}
SUB = "token.actions.githubusercontent.com:sub"


def holding(kind: str, table: Mapping[str, str], value: Any) -> Resource:
    """One that has the value where the table says."""
    return resource(kind, stated(table[kind], value))


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(**elements: Any) -> dict[str, Any]:
    return {"Effect": "Allow", **elements}


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (allow(Action="*", Resource="*"), ["statement 1 allows *"]),
        (allow(Action=["s3:GetObject", "s3:Put*", "sqs:*"], Resource="*"), ["statement 1 allows s3:Put*, sqs:*"]),
        (allow(Sid="All", Action="s3:GetObjec?", Resource="*"), ["statement All allows s3:GetObjec?"]),
        (allow(NotAction="iam:*", Resource="*"), ["statement 1 allows all but iam:*"]),
        (allow(Action=["s3:GetObject", "waf:GetXssMatchSet"], Resource="arn:aws:s3:::b/*"), []),
        ({"Effect": "Deny", "Action": "*", "Resource": "*"}, []),
    ],
)
@pytest.mark.parametrize("kind", IDENTITY)
def test_a_pattern_among_the_allowed_actions_is_named(kind: str, statement: dict[str, Any], expected: list[str]) -> None:
    assert objections("wildcard-action", holding(kind, IDENTITY, document(statement))) == expected


def test_inline_policies_of_a_role_are_read_too() -> None:
    role = {"inlinePolicies": [{"name": "a", "policy": document(allow(Action="s3:*"))}, {"name": "b", "policy": UNKNOWN}]}
    assert objections("wildcard-action", resource(ROLE, role)) == ["statement 1 allows s3:*"]


@pytest.mark.parametrize("kind", RESOURCE)
def test_a_pattern_in_the_policy_of_a_resource_is_named_whoever_it_is_for(kind: str) -> None:
    policy = document(
        allow(Principal={"AWS": f"{ACCOUNT}:role/ci"}, Action=["s3:GetObject", "s3:Put*"]), allow(Principal=ROOT, NotAction="x:Do")
    )
    assert objections("wildcard-action", holding(kind, RESOURCE, policy)) == [
        "statement 1 allows s3:Put*",
        "statement 2 allows all but x:Do",
    ]
    named = document(allow(Principal=ROOT, Action="s3:GetObject"), {"Effect": "Deny", "Principal": "*", "Action": "s3:*"})
    assert objections("wildcard-action", holding(kind, RESOURCE, named)) == []
    assert objections("wildcard-action", holding(kind, RESOURCE, UNKNOWN)) == []


@pytest.mark.parametrize("kind", RESOURCE)
@pytest.mark.parametrize("root", [f"{ACCOUNT}:root", [f"{ACCOUNT.replace(':aws:', ':aws-us-gov:')}:root"], "111122223333"])
def test_a_key_alone_may_leave_all_of_itself_to_the_policies_of_an_account(kind: str, root: str | list[str]) -> None:
    default = document(allow(Principal={"AWS": root}, Action="kms:*"))
    expected = [] if kind.startswith("aws:kms/") else ["statement 1 allows kms:*"]
    assert objections("wildcard-action", holding(kind, RESOURCE, default)) == expected


@pytest.mark.parametrize(
    "elements",
    [
        {"Principal": ROOT, "Action": "kms:Decrypt*"},
        {"Principal": ROOT, "Action": ["kms:*", "kms:De*"]},
        {"Principal": {"AWS": [f"{ACCOUNT}:root", f"{ACCOUNT}:role/ci"]}, "Action": "kms:*"},
        {"Principal": {"AWS": f"{ACCOUNT}:role/ci"}, "Action": "kms:*"},
        {"Principal": {"AWS": "arn:aws:iam::*:root"}, "Action": "kms:*"},
        {"Principal": {"AWS": ACCOUNT}, "Action": "kms:*"},
        {"Principal": {**ROOT, "Service": "eks.amazonaws.com"}, "Action": "kms:*"},
        {"Principal": {"AWS": []}, "Action": "kms:*"},
        {"Principal": "*", "Action": "kms:*"},
        {"Action": "kms:*"},
    ],
)
def test_a_key_leaves_all_of_itself_to_nobody_else_and_by_no_other_pattern(elements: dict[str, Any]) -> None:
    (found,) = objections("wildcard-action", resource("aws:kms/key:Key", {"policy": document(allow(**elements))}))
    assert found.startswith("statement 1 allows kms:")


@pytest.mark.parametrize("policy", [UNKNOWN, None, "<json of Policy read>", document()])
def test_a_policy_that_is_not_known_yet_is_left_alone(policy: Any) -> None:
    assert objections("wildcard-action", resource(POLICY, {"policy": policy})) == []


@pytest.mark.parametrize(
    ("arn", "objected"),
    [
        ("arn:aws:iam::aws:policy/AdministratorAccess", True),
        ("arn:aws:iam::aws:policy/AmazonS3FullAccess", True),
        ("arn:aws-us-gov:iam::aws:policy/AmazonS3FullAccess", True),
        ("arn:aws:iam::aws:policy/AmazonElasticFileSystemFullAccess", True),
        ("arn:aws:iam::aws:policy/AdministratorAccess-AWSElasticBeanstalk", True),
        ("arn:aws:iam::aws:policy/PowerUserAccess", True),
        ("arn:aws:iam::aws:policy/AmazonEKSClusterPolicy", False),
        ("arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess", False),
        ("arn:aws:iam::111122223333:policy/OurFullAccess", False),  # ours, whose actions are read where it is made
        (UNKNOWN, False),
        (None, False),
    ],
)
def test_a_policy_of_aws_that_allows_a_whole_service_is_named(arn: Any, objected: bool) -> None:
    expected = [f"it has {arn.rpartition('/')[2]}"] if objected else []
    for kind, path in ATTACHED.items():
        arns = ["arn:aws:iam::aws:policy/Other", arn] if path.endswith("s") else arn
        assert objections("wildcard-action", holding(kind, ATTACHED, arns)) == expected, kind


@pytest.mark.parametrize("kind", RESOURCE)
@pytest.mark.parametrize("principal", [{"Principal": "*"}, {"Principal": {"AWS": ["*"]}}, {"NotPrincipal": {"AWS": "arn:x"}}])
def test_a_statement_for_everybody_is_named(kind: str, principal: dict[str, Any]) -> None:
    open_one = document(allow(Action="x:Do", **principal))
    assert objections("wildcard-principal", holding(kind, RESOURCE, open_one)) == ["statement 1 allows x:Do to everybody"]
    held = document(allow(Action="x:Do", **principal, Condition={"StringEquals": {"aws:PrincipalOrgID": "o-1"}}))
    assert objections("wildcard-principal", holding(kind, RESOURCE, held)) == []
    denied = document({"Effect": "Deny", "Action": "x:Do", **principal})
    assert objections("wildcard-principal", holding(kind, RESOURCE, denied)) == []
    assert objections("wildcard-principal", holding(kind, RESOURCE, UNKNOWN)) == []
    assert objections("wildcard-principal", resource(kind)) == []


def test_a_statement_for_everybody_that_names_what_it_does_not_allow_is_told_so() -> None:
    policy = document(allow(Principal={"AWS": "arn:aws:iam::111122223333:root"}, Action="s3:*"), allow(Principal="*", NotAction="s3:Put*"))
    assert objections("wildcard-principal", resource(BUCKET, {"policy": policy})) == ["statement 2 allows all but s3:Put* to everybody"]


@pytest.mark.parametrize(
    ("condition", "objected"),
    [
        (None, True),
        ({"StringEquals": {"token.actions.githubusercontent.com:aud": "sts.amazonaws.com"}}, True),
        ({"StringLike": {SUB: "*"}}, True),
        ({"StringLike": {SUB: "?epo:acme/models:*"}}, True),
        ({"StringLike": {SUB: "repo:*"}}, True),
        ({"StringLike": {SUB: "repo:ac?e/models:*"}}, True),
        ({"StringLike": {SUB: "repo:"}}, True),
        ({"StringLike": {SUB: "project_path:*/models:*"}}, True),
        ({"StringLike": {SUB: "system:serviceaccount:*:builder"}}, True),
        ({"StringLike": {SUB: ""}}, True),
        ({"StringLike": {SUB: "system:serviceaccount:builds:*"}}, False),
        ({"StringLike": {SUB: "project_path:acme/*"}}, False),
        ({"StringLike": {SUB: "repo:ACME-X/models:*"}}, False),
        ({"StringEquals": {SUB: "google-oauth2-1234"}}, False),
        ({"StringLike": {SUB: ["repo:acme/models:*", "*:other"]}}, True),
        ({"StringEqualsIfExists": {SUB: "repo:acme/models:environment:prod"}}, True),
        ({"StringLike": "no mapping"}, True),
        ({"StringEquals": {SUB: "repo:acme/models:environment:prod"}}, False),
        ({"StringLike": {SUB: ["repo:acme/models:*"]}}, False),
    ],
)
def test_a_sign_in_from_outside_names_the_subjects(condition: Any, objected: bool) -> None:
    statement = allow(Principal=GITHUB, Action="sts:AssumeRoleWithWebIdentity", **({"Condition": condition} if condition else {}))
    found = objections("wildcard-principal", resource(ROLE, {"assumeRolePolicy": document(statement)}))
    expected = [f"statement 1 lets in everybody whom {GITHUB['Federated']} knows: no condition on its sub names anybody"]
    assert found == (expected if objected else [])


@pytest.mark.parametrize(
    ("principal", "action"),
    [
        ({"Service": "eks.amazonaws.com"}, "sts:AssumeRole"),
        ({"AWS": "arn:aws:iam::111122223333:root"}, "sts:AssumeRoleWithWebIdentity"),
        ({"Federated": "arn:aws:iam::111122223333:saml-provider/ours"}, "sts:AssumeRoleWithSAML"),
    ],
)
def test_a_role_for_a_service_an_account_or_our_own_sign_in_is_left_alone(principal: dict[str, str], action: str) -> None:
    statement = allow(Principal=principal, Action=action)
    assert objections("wildcard-principal", resource(ROLE, {"assumeRolePolicy": document(statement)})) == []


@pytest.mark.parametrize(
    ("kind", "properties", "expected"),
    [
        (FUNCTION, {"principal": "*"}, ["its principal lets in *"]),
        (FUNCTION, {"principal": "*", "sourceArn": "", "functionUrlAuthType": "NONE"}, ["its principal lets in *"]),
        (FUNCTION, {"principal": "*", "sourceArn": "arn:aws:s3:::b"}, []),
        (FUNCTION, {"principal": "*", "sourceAccount": UNKNOWN}, []),
        (FUNCTION, {"principal": "*", "principalOrgId": "o-1"}, []),
        (FUNCTION, {"principal": "s3.amazonaws.com"}, []),
        (LAYER, {"principal": "*"}, ["its principal lets in *"]),
        (LAYER, {"principal": "*", "organizationId": "o-1"}, []),
        (BUS, {"principal": "*"}, ["its principal lets in *"]),
        (BUS, {"principal": "*", "condition": {"key": "aws:PrincipalOrgID", "type": "StringEquals", "value": "o-1"}}, []),
        (SERVICE, {"allowedPrincipals": ["arn:aws:iam::111122223333:root", "*"]}, ["its allowedPrincipals lets in *"]),
        (SERVICE, {"allowedPrincipals": ["arn:aws:iam::111122223333:root", UNKNOWN]}, []),
        (ALLOWED, {"principalArn": "*"}, ["its principalArn lets in *"]),
        (IMAGE, {"group": "all"}, ["its group lets in all"]),
        (IMAGE, {"accountId": "111122223333"}, []),
        (DOCUMENT, {"permissions": {"type": "Share", "account_ids": "All"}}, ["its permissions.account_ids lets in All"]),
        (DOCUMENT, {"permissions": {"type": "Share", "account_ids": "111122223333,111122224444"}}, []),
    ],
)
def test_everybody_let_in_without_a_policy_is_named(kind: str, properties: dict[str, Any], expected: list[str]) -> None:
    assert objections("wildcard-principal", resource(kind, properties)) == expected


def test_images_that_are_built_for_everybody_are_named() -> None:
    def built(*groups: list[str]) -> Resource:
        images = [{"amiDistributionConfiguration": {"launchPermission": {"userGroups": each}}} for each in groups]
        return resource("aws:imagebuilder/distributionConfiguration:DistributionConfiguration", {"distributions": images})

    who = "distributions.amiDistributionConfiguration.launchPermission.userGroups"
    assert objections("wildcard-principal", built([], ["all"])) == [f"its {who} lets in all"]
    assert objections("wildcard-principal", built([], ["ours"])) == []


@pytest.mark.parametrize("kind", [kind for kind in GRANTS if kind.startswith("aws:rds/")])
def test_a_backup_for_everybody_is_named(kind: str) -> None:
    assert objections("wildcard-principal", resource(kind, {"sharedAccounts": ["all"]})) == ["its sharedAccounts lets in all"]
    assert objections("wildcard-principal", resource(kind, {"sharedAccounts": ["111122223333"]})) == []


@pytest.mark.parametrize("kind", GRANTS)
def test_somebody_or_nobody_let_in_without_a_policy_is_left_alone(kind: str) -> None:
    who, _ = GRANTS[kind]
    for value in ("111122223333", ["111122223333"], UNKNOWN, None):
        assert objections("wildcard-principal", holding(kind, {kind: who}, value)) == []
