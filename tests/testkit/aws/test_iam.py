"""Identities, and who may do what."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mlgate_testkit.provider.provider import ProviderError, State, Unhealthy
from mlgate_testkit.provider.values import UNKNOWN

from .cloud import Cloud
from .samples import policy, trust

ROLE = "aws:iam/role:Role"
POLICY = "aws:iam/policy:Policy"
INLINE = "aws:iam/rolePolicy:RolePolicy"
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
PROFILE = "aws:iam/instanceProfile:InstanceProfile"
READ_ONLY = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"


@pytest.fixture
def role(cloud: Cloud) -> State:
    return cloud.up(ROLE, name="trainer", assumeRolePolicy=trust())


def document(**statement: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (document(Effect="Allow", Action="s3:GetObject"), "Policy statement must contain resources."),
        (document(Effect="Allow", Resource="*"), "Policy statement must contain actions."),
        (document(Effect="allow", Action="s3:*", Resource="*"), "Invalid effect: allow"),
        (document(Action="s3:*", Resource="*"), "Missing required field Effect"),
        (document(Effect="Allow", Action="GetObject", Resource="*"), "must be prefaced by a vendor"),
        (document(Effect="Allow", Action="s3:*", Resource="models"), "Resource models must be in ARN format"),
        (document(Effect="Allow", Action="s3:*", Resource="*", Principal="*"), "should not specify a principal"),
        (
            document(Effect="Allow", Action="s3:*", Resource="*", Condition={"StringEqual": {"a:b": "c"}}),
            "Invalid Condition type : StringEqual",
        ),
        (document(Effect="Allow", Actions="s3:*", Resource="*"), "Syntax errors in policy."),
        ('{"Version": "2012-10-18", "Statement": []}', "valid version string"),
        ('{"Version": "2012-10-17"}', "Syntax errors in policy."),
        (' {"Version": "2012-10-17", "Statement": []}', "leading spaces"),
        (
            json.dumps({"Statement": [{"Sid": "a", "Effect": "Allow", "Action": "s3:*", "Resource": "*"}] * 2}),
            r"Statement IDs \(SID\) in a single policy must be unique",
        ),
    ],
)
def test_a_malformed_policy_is_refused_with_awss_message(cloud: Cloud, text: str, said: str) -> None:
    with pytest.raises(ProviderError, match=rf"creating IAM Policy \(p\): .*api error MalformedPolicyDocument: .*{said}"):
        cloud.up(POLICY, name="p", policy=text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (document(Effect="Allow", Action="sts:AssumeRole"), "Missing required field Principal"),
        (document(Effect="Allow", Action="sts:AssumeRole", Principal="*", Resource="*"), "Has prohibited field Resource"),
        (document(Effect="Allow", Action="sts:AssumeRole", Principal={"Services": "ec2.amazonaws.com"}), "Invalid principal in policy"),
        (
            document(Effect="Allow", Action="sts:AssumeRole", Principal={"AWS": "arn:aws:iam::123456789012:role/nobody"}),
            "Invalid principal",
        ),
    ],
)
def test_a_trust_policy_names_principals_and_no_resources(cloud: Cloud, text: str, said: str) -> None:
    with pytest.raises(ProviderError, match=f"MalformedPolicyDocument: .*{said}"):
        cloud.up(ROLE, name="trainer", assumeRolePolicy=text)


@pytest.mark.parametrize("text", ["{", "[]", "Allow"])
def test_text_that_is_no_json_is_refused_before_anything_happens(cloud: Cloud, text: str) -> None:
    (failure,) = cloud.check(POLICY, name="p", policy=text)
    assert failure.property == "policy"
    assert "contains an invalid JSON policy" in failure.reason


def test_a_role_with_a_foreign_policy_is_deleted_only_by_force(cloud: Cloud, role: State) -> None:
    cloud.up(ATTACHMENT, role="trainer", policyArn=READ_ONLY)
    with pytest.raises(ProviderError, match=r"deleting IAM Role \(trainer\).*DeleteConflict"):
        cloud.delete(ROLE, role)
    cloud.delete(ROLE, cloud.change(ROLE, role, name="trainer", assumeRolePolicy=trust(), forceDetachPolicies=True))
    assert cloud.refresh(ROLE, role) is None


def test_a_policy_that_is_not_known_yet_changes_those_of_the_role(cloud: Cloud) -> None:
    declared = {"name": "judge", "assumeRolePolicy": trust(), "managedPolicyArns": [READ_ONLY]}
    judge = cloud.up(ROLE, **declared)
    found = cloud.diff(ROLE, judge, **{**declared, "managedPolicyArns": [READ_ONLY, UNKNOWN]})
    assert found.changed.keys() == {"managedPolicyArns[1]"}


def test_managed_policies_on_the_role_itself_are_exclusive(cloud: Cloud, role: State) -> None:
    cloud.up(ATTACHMENT, role="trainer", policyArn=READ_ONLY)
    wanted = ["arn:aws:iam::aws:policy/AmazonS3FullAccess"]
    after = cloud.change(ROLE, role, name="trainer", assumeRolePolicy=trust(), managedPolicyArns=wanted)
    assert after.outputs["managedPolicyArns"] == wanted
    found = cloud.boto("iam").list_attached_role_policies(RoleName="trainer")["AttachedPolicies"]
    assert [each["PolicyArn"] for each in found] == wanted


def test_inline_policies_on_the_role_itself_are_exclusive(cloud: Cloud, role: State) -> None:
    cloud.up(INLINE, role="trainer", name="old", policy=policy())
    inline = [{"name": "new", "policy": policy("s3:*")}]
    after = cloud.change(ROLE, role, name="trainer", assumeRolePolicy=trust(), inlinePolicies=inline)
    assert cloud.boto("iam").list_role_policies(RoleName="trainer")["PolicyNames"] == ["new"]
    assert cloud.diff(ROLE, after, name="trainer", assumeRolePolicy=trust(), inlinePolicies=inline).changed == {}


def test_an_attachment_removed_by_hand_is_gone(cloud: Cloud, role: State) -> None:
    state = cloud.up(ATTACHMENT, role=role.id, policyArn=READ_ONLY)
    cloud.boto("iam").detach_role_policy(RoleName="trainer", PolicyArn=READ_ONLY)
    assert cloud.refresh(ATTACHMENT, state) is None


def test_a_policy_that_is_not_there_cannot_be_attached(cloud: Cloud, role: State) -> None:
    with pytest.raises(ProviderError, match="NoSuchEntity"):
        cloud.up(ATTACHMENT, role=role.id, policyArn="arn:aws:iam::aws:policy/AmazonS3ReadOnly")
    (failure,) = cloud.check(ATTACHMENT, role=role.id, policyArn="AmazonS3ReadOnlyAccess")
    assert "is an invalid ARN" in failure.reason


def test_a_policy_keeps_five_versions(cloud: Cloud) -> None:
    state = cloud.up(POLICY, name="p", policy=policy())
    for number in range(6):
        state = cloud.change(POLICY, state, name="p", policy=policy(f"s3:Get{number}"))
    versions = cloud.boto("iam").list_policy_versions(PolicyArn=state.id)["Versions"]
    assert sorted(each["VersionId"] for each in versions) == ["v3", "v4", "v5", "v6", "v7"]
    assert json.loads(state.outputs["policy"])["Statement"][0]["Action"] == "s3:Get5"


def test_an_attached_policy_is_not_deleted(cloud: Cloud, role: State) -> None:
    state = cloud.up(POLICY, name="p", policy=policy())
    attachment = cloud.up(ATTACHMENT, role=role.id, policyArn=state.id)
    with pytest.raises(ProviderError, match="DeleteConflict"):
        cloud.delete(POLICY, state)
    cloud.delete(ATTACHMENT, attachment)
    cloud.delete(POLICY, state)


def test_a_policy_that_is_too_long_is_refused(cloud: Cloud) -> None:
    with pytest.raises(ProviderError, match="Cannot exceed quota for PolicySize: 6144"):
        cloud.up(POLICY, name="p", policy=policy("s3:" + "G" * 6144))


def test_inline_policies_of_a_role_are_limited_together(cloud: Cloud, role: State) -> None:
    cloud.up(INLINE, role=role.id, name="one", policy=policy("s3:" + "G" * 6000))
    with pytest.raises(ProviderError, match="Maximum policy size of 10240 bytes exceeded for role trainer"):
        cloud.up(INLINE, role=role.id, name="two", policy=policy("s3:" + "G" * 6000))


def test_a_role_takes_ten_policies(cloud: Cloud, role: State) -> None:
    made = [cloud.up(POLICY, f"p{number}", name=f"p{number}", policy=policy()).id for number in range(11)]
    for arn in made[:10]:
        cloud.up(ATTACHMENT, role=role.id, policyArn=arn)
    with pytest.raises(ProviderError, match="LimitExceeded: Cannot exceed quota for PoliciesPerRole: 10 "):
        cloud.up(ATTACHMENT, role=role.id, policyArn=made[10])


def test_a_role_takes_as_many_policies_as_the_quota_says(cloud: Cloud, role: State) -> None:
    cloud.package.quota("L-0DA4ABF3", 1)
    cloud.up(ATTACHMENT, role=role.id, policyArn=READ_ONLY)
    with pytest.raises(ProviderError, match="LimitExceeded: Cannot exceed quota for PoliciesPerRole: 1"):
        cloud.up(ATTACHMENT, role=role.id, policyArn="arn:aws:iam::aws:policy/AmazonS3FullAccess")


def test_a_role_that_aws_does_not_show_yet_is_waited_for(cloud: Cloud) -> None:
    cloud.package.lag(20)
    cloud.up(ROLE, name="trainer", assumeRolePolicy=trust())
    assert cloud.up(PROFILE, name="nodes", role="trainer").outputs["role"] == "trainer"


def test_a_role_that_is_not_shown_for_too_long_leaves_a_profile_half_made(cloud: Cloud) -> None:
    cloud.package.lag(100, ROLE)
    cloud.up(ROLE, name="trainer", assumeRolePolicy=trust())
    with pytest.raises(Unhealthy, match=r"The role with name trainer cannot be found\.") as half:
        cloud.up(PROFILE, name="nodes", role="trainer")
    assert half.value.resource_id == "nodes"
    cloud.package.lag(0, ROLE)
    state = State("nodes", half.value.inputs, half.value.outputs)
    for _ in range(4):  # 24 tries each
        try:
            state = cloud.change(PROFILE, state, name="nodes", role="trainer")
        except ProviderError:
            continue
    assert state.outputs["role"] == "trainer"


def test_a_role_is_named_by_its_name(cloud: Cloud) -> None:
    (failure,) = cloud.check(PROFILE, role="arn:aws:iam::123456789012:role/trainer")
    assert "give the role's name, not its ARN" in failure.reason
