"""IAM roles and what hangs on them: inline policies and attachments."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from mlgate_testkit.aws.account import Aws, refusal
from mlgate_testkit.aws.documents import malformed, same_document
from mlgate_testkit.aws.model import AutoName, Behaviour, ResourceModel, same_set
from mlgate_testkit.aws.models.iam_policy import POLICY_ARN, counted, iam_name, iam_path, sized
from mlgate_testkit.aws.principals import ROLE, require_principals
from mlgate_testkit.aws.rules import between, conflicting, json_text, text
from mlgate_testkit.aws.tags import tag_list, tags_of
from mlgate_testkit.aws.times import time_of
from mlgate_testkit.provider.provider import Inputs, Outputs

__all__ = ["MODELS", "retag"]

_PER_ROLE = "L-0DA4ABF3"  # managed policies attached to an IAM role


def retag(tag: Callable[..., Any], untag: Callable[..., Any], olds: Inputs, news: Inputs, **which: str) -> None:
    """Brings tags from old to new with a service's own pair of calls (`Tags`, `TagKeys`)."""
    before, after = olds["tags"], news["tags"]
    if removed := [key for key in before if key not in after]:
        untag(**which, TagKeys=removed)
    if changed := {key: value for key, value in after.items() if before.get(key) != value}:
        tag(**which, Tags=tag_list(changed))


def _create(aws: Aws, inputs: Inputs) -> str:
    iam, trust = aws.client("iam"), inputs["assumeRolePolicy"]
    if problem := malformed(trust, "trust"):
        raise refusal("MalformedPolicyDocument", problem, "CreateRole")
    require_principals(aws, trust, refusal("MalformedPolicyDocument", "Invalid principal in policy", "CreateRole"))
    name: str = inputs.get("name") or f"{inputs['namePrefix']}{aws.unique()}"
    request: dict[str, Any] = {
        "RoleName": name,
        "AssumeRolePolicyDocument": trust,
        "Path": inputs["path"],
        "MaxSessionDuration": int(inputs["maxSessionDuration"]),
        "Tags": tag_list(inputs["tags"]),
    }
    if inputs.get("description"):
        request["Description"] = inputs["description"]
    if inputs.get("permissionsBoundary"):
        request["PermissionsBoundary"] = inputs["permissionsBoundary"]
    with aws.within("L-FE177D64", lambda: counted(iam, "list_roles", "Roles") + 1):
        iam.create_role(**request)
    return name


def _settle(aws: Aws, name: str, inputs: Inputs) -> None:
    """Inline and managed policies given on the role itself are exclusive: others are removed."""
    iam = aws.client("iam")
    if inputs.get("managedPolicyArns") is not None:
        there, wanted = set(_attached(iam, name)), set(inputs["managedPolicyArns"])
        for arn in sorted(there - wanted):
            iam.detach_role_policy(RoleName=name, PolicyArn=arn)
        for arn in sorted(wanted - there):
            attach(aws, name, arn)
    if inputs.get("inlinePolicies") is not None:
        wanted_inline = {each["name"]: each["policy"] for each in inputs["inlinePolicies"] if _whole(each)}
        for gone in set(iam.list_role_policies(RoleName=name)["PolicyNames"]) - set(wanted_inline):
            iam.delete_role_policy(RoleName=name, PolicyName=gone)
        for policy_name, policy in wanted_inline.items():
            put_inline(aws, name, policy_name, policy)


def attach(aws: Aws, role: str, arn: str) -> None:
    """Attaches a managed policy, within the quota for one role."""
    iam = aws.client("iam")
    with aws.within(_PER_ROLE, lambda: len({*_attached(iam, role), arn})):
        iam.attach_role_policy(RoleName=role, PolicyArn=arn)


def put_inline(aws: Aws, role: str, name: str, policy: str) -> None:
    """Puts an inline policy. AWS counts the characters of all inline policies of a role together, without white space."""
    iam = aws.client("iam")
    if problem := malformed(policy, "identity"):
        raise refusal("MalformedPolicyDocument", problem, "PutRolePolicy")
    with aws.account.lock:  # as for quotas: others are put at the same time
        others = [each for each in iam.list_role_policies(RoleName=role)["PolicyNames"] if each != name]
        documents = [json.dumps(iam.get_role_policy(RoleName=role, PolicyName=each)["PolicyDocument"]) for each in others]
        if sum(map(sized, [*documents, policy])) > 10_240:
            raise refusal("LimitExceeded", f"Maximum policy size of 10240 bytes exceeded for role {role}", "PutRolePolicy")
        iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=policy)


def _attached(iam: Any, name: str) -> list[str]:
    pages = iam.get_paginator("list_attached_role_policies").paginate(RoleName=name)
    return [each["PolicyArn"] for page in pages for each in page["AttachedPolicies"]]


def _read(aws: Aws, name: str, _known: Inputs) -> Outputs | None:
    iam = aws.client("iam")
    role = iam.get_role(RoleName=name)["Role"]
    inline = [
        {"name": each, "policy": json.dumps(iam.get_role_policy(RoleName=name, PolicyName=each)["PolicyDocument"], separators=(",", ":"))}
        for each in iam.list_role_policies(RoleName=name)["PolicyNames"]
    ]
    return {
        "name": name,
        "arn": role["Arn"],
        "uniqueId": role["RoleId"],
        "createDate": time_of(role["CreateDate"]),
        "path": role["Path"],
        "assumeRolePolicy": json.dumps(role["AssumeRolePolicyDocument"], separators=(",", ":")),
        "description": role.get("Description"),
        "maxSessionDuration": role["MaxSessionDuration"],
        "permissionsBoundary": role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
        "managedPolicyArns": sorted(_attached(iam, name)),
        "inlinePolicies": inline,
        "tags": tags_of(role.get("Tags")),
    }


def _update(aws: Aws, name: str, olds: Inputs, news: Inputs) -> None:
    iam, trust = aws.client("iam"), news["assumeRolePolicy"]
    if problem := malformed(trust, "trust"):
        raise refusal("MalformedPolicyDocument", problem, "UpdateAssumeRolePolicy")
    require_principals(aws, trust, refusal("MalformedPolicyDocument", "Invalid principal in policy", "UpdateAssumeRolePolicy"))
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=trust)
    iam.update_role(RoleName=name, Description=news.get("description") or "", MaxSessionDuration=int(news["maxSessionDuration"]))
    if news.get("permissionsBoundary"):
        iam.put_role_permissions_boundary(RoleName=name, PermissionsBoundary=news["permissionsBoundary"])
    elif olds.get("permissionsBoundary"):
        iam.delete_role_permissions_boundary(RoleName=name)
    retag(iam.tag_role, iam.untag_role, olds, news, RoleName=name)
    _settle(aws, name, news)


def _delete(aws: Aws, name: str, inputs: Inputs) -> None:
    iam = aws.client("iam")
    for profile in iam.list_instance_profiles_for_role(RoleName=name)["InstanceProfiles"]:
        iam.remove_role_from_instance_profile(InstanceProfileName=profile["InstanceProfileName"], RoleName=name)
    if inputs.get("forceDetachPolicies") or inputs.get("managedPolicyArns"):
        for arn in _attached(iam, name):
            iam.detach_role_policy(RoleName=name, PolicyArn=arn)
    if inputs.get("forceDetachPolicies") or inputs.get("inlinePolicies"):
        for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
            iam.delete_role_policy(RoleName=name, PolicyName=policy)
    iam.delete_role(RoleName=name)


# -- policies on a role, as resources of their own


def _role_of(resource_id: str) -> tuple[str, str]:
    role, _, rest = resource_id.partition(":")
    return role, rest


def _create_inline(aws: Aws, inputs: Inputs) -> str:
    name = inputs.get("name") or f"{inputs['namePrefix']}{aws.unique()}"
    put_inline(aws, inputs["role"], name, inputs["policy"])
    return f"{inputs['role']}:{name}"


def _read_inline(aws: Aws, resource_id: str, _known: Inputs) -> Outputs | None:
    role, name = _role_of(resource_id)
    found = aws.client("iam").get_role_policy(RoleName=role, PolicyName=name)
    return {"role": role, "name": name, "policy": json.dumps(found["PolicyDocument"], separators=(",", ":"))}


def _update_inline(aws: Aws, resource_id: str, _olds: Inputs, news: Inputs) -> None:
    put_inline(aws, *_role_of(resource_id), news["policy"])


def _delete_inline(aws: Aws, resource_id: str, _inputs: Inputs) -> None:
    role, name = _role_of(resource_id)
    aws.client("iam").delete_role_policy(RoleName=role, PolicyName=name)


def _create_attachment(aws: Aws, inputs: Inputs) -> str:
    attach(aws, inputs["role"], inputs["policyArn"])
    return f"{inputs['role']}/{inputs['policyArn']}"


def _read_attachment(aws: Aws, resource_id: str, _known: Inputs) -> Outputs | None:
    role, _, arn = resource_id.partition("/")
    return {"role": role, "policyArn": arn} if arn in _attached(aws.client("iam"), role) else None


def _delete_attachment(aws: Aws, resource_id: str, _inputs: Inputs) -> None:
    role, _, arn = resource_id.partition("/")
    aws.client("iam").detach_role_policy(RoleName=role, PolicyArn=arn)


def _whole(policy: Mapping[str, Any]) -> bool:
    """Whether an inline policy is one: what has no name or no document says only that there shall be no others."""
    return bool(policy.get("name") and policy.get("policy"))


def _same_inline(before: Any, after: Any) -> bool:
    old, new = ({each["name"]: each["policy"] for each in policies if _whole(each)} for policies in (before, after))
    return old.keys() == new.keys() and all(same_document(policy, new[name]) for name, policy in old.items())


_NAMED = frozenset({"name"})

MODELS = (
    ResourceModel(
        type=ROLE,
        noun="IAM Role",
        create=_create,
        settle=_settle,
        read=_read,
        update=_update,
        delete=_delete,
        name=AutoName("name", 64, instead=("namePrefix",)),
        defaults={"forceDetachPolicies": False, "maxSessionDuration": 3600, "path": "/"},
        forces_new=frozenset({"name", "path"}),
        computed=frozenset({"inlinePolicies", "managedPolicyArns"}),
        state_only=frozenset({"forceDetachPolicies"}),
        json=frozenset({"assumeRolePolicy"}),
        equivalent={"managedPolicyArns": same_set, "inlinePolicies": _same_inline},
        rules=(
            conflicting("name", "namePrefix"),
            iam_name(64),
            iam_path(),
            json_text("inlinePolicies.policy"),
            between("maxSessionDuration", 3600, 43200),
            text("permissionsBoundary", r"arn:.+", "is an invalid ARN"),
            text("description", r".*", "is no description", at_most=1000),
        ),
        behaviours=(
            Behaviour(
                "a malformed trust policy is refused with MalformedPolicyDocument",
                "IAM API reference, CreateRole; IAM user guide, Grammar of the IAM JSON policy language",
                "test_iam.py::test_a_trust_policy_names_principals_and_no_resources",
            ),
            Behaviour(
                "a role with policies attached by others is not deleted (DeleteConflict) unless forceDetachPolicies is set",
                "IAM API reference, DeleteRole; aws_iam_role",
                "test_iam.py::test_a_role_with_a_foreign_policy_is_deleted_only_by_force",
            ),
            Behaviour(
                "policies given on the role itself are exclusive",
                "aws_iam_role, managed_policy_arns and inline_policy",
                "test_iam.py::test_managed_policies_on_the_role_itself_are_exclusive",
                ("test_iam.py::test_inline_policies_on_the_role_itself_are_exclusive",),
            ),
        ),
    ),
    ResourceModel(
        type="aws:iam/rolePolicy:RolePolicy",
        noun="IAM Role Policy",
        create=_create_inline,
        read=_read_inline,
        update=_update_inline,
        delete=_delete_inline,
        name=AutoName("name", 128, instead=("namePrefix",)),
        forces_new=frozenset({"name", "role"}),
        json=frozenset({"policy"}),
        rules=(conflicting("name", "namePrefix"), iam_name(128)),
        behaviours=(
            Behaviour(
                "all inline policies of a role have 10,240 characters together, white space apart",
                "IAM user guide, IAM and AWS STS quotas",
                "test_iam.py::test_inline_policies_of_a_role_are_limited_together",
            ),
        ),
    ),
    ResourceModel(
        type="aws:iam/rolePolicyAttachment:RolePolicyAttachment",
        noun="IAM Role Policy Attachment",
        create=_create_attachment,
        read=_read_attachment,
        delete=_delete_attachment,
        forces_new=frozenset({"role", "policyArn"}),
        replace_first=True,
        rules=(text("policyArn", POLICY_ARN, "is an invalid ARN"),),
        behaviours=(
            Behaviour(
                "a role takes ten managed policies (quota L-0DA4ABF3)",
                "IAM user guide, IAM and AWS STS quotas",
                "test_iam.py::test_a_role_takes_ten_policies",
                ("test_iam.py::test_a_role_takes_as_many_policies_as_the_quota_says",),
            ),
        ),
    ),
)
