"""IAM: managed policies and OpenID Connect providers, and the rules that names in IAM share."""

from __future__ import annotations

import json
import re
from typing import Any

from moto.iam.models import iam_backends

from mlgate_testkit.aws.account import Aws, refusal
from mlgate_testkit.aws.documents import malformed
from mlgate_testkit.aws.model import AutoName, Behaviour, ResourceModel, same_set
from mlgate_testkit.aws.rules import Rule, conflicting, text
from mlgate_testkit.aws.tags import tag_list, tags_of
from mlgate_testkit.provider.provider import Inputs, Outputs

__all__ = ["MODELS", "POLICY_ARN", "counted", "iam_name", "iam_path", "sized", "well_formed"]

POLICY_ARN = r"arn:aws[a-z-]*:iam::(aws|\d{12}):policy/.+"


def iam_name(at_most: int) -> Rule:
    """What IAM takes as a name (API reference, RoleName and its like)."""
    return text("name", r"[\w+=,.@-]+", "must match [\\w+=,.@-]", at_most=at_most)


def iam_path() -> Rule:
    """What IAM takes as a path."""
    return text("path", r"/([!-~]+/)?", "must begin and end with /", at_most=512)


def well_formed(argument: str) -> Rule:
    """A role is given by its name; its ARN is the usual mistake."""
    return text(argument, r"[\w+=,.@-]+", "is no name of a role: give the role's name, not its ARN", at_most=64)


def counted(iam: Any, operation: str, members: str, **request: str) -> int:
    """How many there are by a paginated listing ("list_roles", with the answer's "Roles")."""
    return sum(len(page[members]) for page in iam.get_paginator(operation).paginate(**request))


def sized(policy: str) -> int:
    """The characters of a policy that count against its quota: white space does not."""
    return len(re.sub(r"\s", "", policy))


def _checked(policy: str, operation: str) -> str:
    if problem := malformed(policy, "identity"):
        raise refusal("MalformedPolicyDocument", problem, operation)
    if sized(policy) > 6144:
        raise refusal("LimitExceeded", "Cannot exceed quota for PolicySize: 6144", operation)
    return policy


def _create(aws: Aws, inputs: Inputs) -> str:
    iam = aws.client("iam")
    request: dict[str, Any] = {
        "PolicyName": inputs.get("name") or f"{inputs['namePrefix']}{aws.unique()}",
        "PolicyDocument": _checked(inputs["policy"], "CreatePolicy"),
        "Path": inputs["path"],
        "Tags": tag_list(inputs["tags"]),
    }
    if inputs.get("description"):
        request["Description"] = inputs["description"]
    with aws.within("L-E95E4862", lambda: counted(iam, "list_policies", "Policies", Scope="Local") + 1):
        return str(iam.create_policy(**request)["Policy"]["Arn"])


def _read(aws: Aws, arn: str, _known: Inputs) -> Outputs | None:
    iam = aws.client("iam")
    policy = iam.get_policy(PolicyArn=arn)["Policy"]
    version = iam.get_policy_version(PolicyArn=arn, VersionId=policy["DefaultVersionId"])["PolicyVersion"]
    return {
        "name": policy["PolicyName"],
        "arn": arn,
        "policyId": policy["PolicyId"],
        "attachmentCount": policy["AttachmentCount"],
        "path": policy["Path"],
        "description": policy.get("Description") or None,
        "policy": json.dumps(version["Document"], separators=(",", ":")),
        "tags": tags_of(policy.get("Tags")),
    }


def _update(aws: Aws, arn: str, olds: Inputs, news: Inputs) -> None:
    iam = aws.client("iam")
    if olds["policy"] != news["policy"]:
        policy = _checked(news["policy"], "CreatePolicyVersion")
        versions = iam.list_policy_versions(PolicyArn=arn)["Versions"]
        if len(versions) >= 5:  # AWS keeps five; the provider gives up the oldest
            oldest = min((each for each in versions if not each["IsDefaultVersion"]), key=lambda each: each["CreateDate"])
            iam.delete_policy_version(PolicyArn=arn, VersionId=oldest["VersionId"])
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=policy, SetAsDefault=True)
    before, after = olds["tags"], news["tags"]
    if removed := [key for key in before if key not in after]:
        iam.untag_policy(PolicyArn=arn, TagKeys=removed)
    if after:
        iam.tag_policy(PolicyArn=arn, Tags=tag_list(after))


def _delete(aws: Aws, arn: str, _inputs: Inputs) -> None:
    iam = aws.client("iam")
    if iam.get_policy(PolicyArn=arn)["Policy"]["AttachmentCount"]:
        raise refusal("DeleteConflict", "Cannot delete a policy attached to entities.", "DeletePolicy")
    for version in iam.list_policy_versions(PolicyArn=arn)["Versions"]:
        if not version["IsDefaultVersion"]:
            iam.delete_policy_version(PolicyArn=arn, VersionId=version["VersionId"])
    iam.delete_policy(PolicyArn=arn)


# -- OpenID Connect providers


def _create_oidc(aws: Aws, inputs: Inputs) -> str:
    iam = aws.client("iam")
    there = iam.list_open_id_connect_providers
    with aws.within("OpenId Connect providers per account", lambda: len(there()["OpenIDConnectProviderList"]) + 1):
        made = iam.create_open_id_connect_provider(
            Url=inputs["url"] if "://" in inputs["url"] else f"https://{inputs['url']}",
            ClientIDList=inputs["clientIdLists"],
            ThumbprintList=inputs.get("thumbprintLists") or [_THUMBPRINT],
            Tags=tag_list(inputs["tags"]),
        )
    return str(made["OpenIDConnectProviderArn"])


_THUMBPRINT = "9e99a48a9960b14926bb7f3b02e22da2b0ab7280"  # AWS finds one by itself since 2023; this is a well-known authority's


def _read_oidc(aws: Aws, arn: str, known: Inputs) -> Outputs | None:
    found = aws.client("iam").get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    return {
        "arn": arn,
        "url": found["Url"].removeprefix("https://"),
        "clientIdLists": found["ClientIDList"],
        "thumbprintLists": found["ThumbprintList"] if known.get("thumbprintLists") or found["ThumbprintList"] != [_THUMBPRINT] else [],
        "tags": tags_of(found.get("Tags")),
    }


def _update_oidc(aws: Aws, arn: str, olds: Inputs, news: Inputs) -> None:
    iam = aws.client("iam")
    # moto 5.2 has no AddClientIDToOpenIDConnectProvider and no Remove...: its own record is changed instead.
    iam_backends[aws.account_id][aws.partition].open_id_providers[arn].client_id_list = list(news["clientIdLists"])
    if news.get("thumbprintLists") and news["thumbprintLists"] != olds.get("thumbprintLists"):
        iam.update_open_id_connect_provider_thumbprint(OpenIDConnectProviderArn=arn, ThumbprintList=news["thumbprintLists"])
    if removed := [key for key in olds["tags"] if key not in news["tags"]]:
        iam.untag_open_id_connect_provider(OpenIDConnectProviderArn=arn, TagKeys=removed)
    if news["tags"]:
        iam.tag_open_id_connect_provider(OpenIDConnectProviderArn=arn, Tags=tag_list(news["tags"]))


def _delete_oidc(aws: Aws, arn: str, _inputs: Inputs) -> None:
    aws.client("iam").delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)


MODELS = (
    ResourceModel(
        type="aws:iam/policy:Policy",
        noun="IAM Policy",
        create=_create,
        read=_read,
        update=_update,
        delete=_delete,
        name=AutoName("name", 128, instead=("namePrefix",)),
        defaults={"path": "/"},
        forces_new=frozenset({"name", "path", "description"}),
        state_only=frozenset({"delayAfterPolicyCreationInMs"}),
        json=frozenset({"policy"}),
        rules=(conflicting("name", "namePrefix"), iam_name(128), iam_path(), text("description", r".*", "is no description", at_most=1000)),
        behaviours=(
            Behaviour(
                "a change makes a new default version, and the oldest of five goes",
                "IAM user guide, Versioning IAM policies; aws_iam_policy",
                "test_iam.py::test_a_policy_keeps_five_versions",
            ),
            Behaviour(
                "a policy that is attached is not deleted (DeleteConflict)",
                "IAM API reference, DeletePolicy",
                "test_iam.py::test_an_attached_policy_is_not_deleted",
            ),
            Behaviour(
                "a policy has at most 6,144 characters, white space apart",
                "IAM user guide, IAM and AWS STS quotas",
                "test_iam.py::test_a_policy_that_is_too_long_is_refused",
            ),
        ),
    ),
    ResourceModel(
        type="aws:iam/openIdConnectProvider:OpenIdConnectProvider",
        noun="IAM OIDC Provider",
        create=_create_oidc,
        read=_read_oidc,
        update=_update_oidc,
        delete=_delete_oidc,
        forces_new=frozenset({"url"}),
        computed=frozenset({"thumbprintLists"}),
        equivalent={
            "url": lambda before, after: before.removeprefix("https://") == after.removeprefix("https://"),
            "clientIdLists": same_set,
        },
        rules=(
            text("url", r"(https://)?[^/:]+(/.*)?", "is no https address"),
            text("thumbprintLists", r"[0-9a-fA-F]{40}", "is no thumbprint"),
        ),
        behaviours=(
            Behaviour(
                "the address is read back without https://, which is no difference",
                "aws_iam_openid_connect_provider",
                "test_every_type.py::test_nothing_differs_right_after_it_was_made_nor_after_a_refresh",
            ),
        ),
    ),
)
