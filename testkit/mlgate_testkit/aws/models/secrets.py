"""Secrets Manager: secrets and their versions."""

from __future__ import annotations

import base64
from typing import Any

from mlgate_testkit.aws.account import Aws, refusal
from mlgate_testkit.aws.documents import malformed
from mlgate_testkit.aws.model import AutoName, Behaviour, ResourceModel, same_set
from mlgate_testkit.aws.principals import require_principals
from mlgate_testkit.aws.rules import Rule, conflicting, exactly_one, holds, text
from mlgate_testkit.aws.tags import tag_list, tags_of
from mlgate_testkit.provider.provider import Inputs, Outputs

__all__ = ["MODELS"]


def _create(aws: Aws, inputs: Inputs) -> str:
    manager, name = aws.client("secretsmanager"), inputs.get("name") or f"{inputs['namePrefix']}{aws.unique()}"
    pages = manager.get_paginator("list_secrets").paginate(IncludePlannedDeletion=True)
    if any(each["Name"] == name and each.get("DeletedDate") for page in pages for each in page["SecretList"]):
        message = "You can't create this secret because a secret with this name is already scheduled for deletion."
        raise refusal("InvalidRequestException", message, "CreateSecret")
    request: dict[str, Any] = {"Name": name, "Tags": tag_list(inputs["tags"])}
    request |= {"Description": inputs["description"]} if inputs.get("description") else {}
    request |= {"KmsKeyId": inputs["kmsKeyId"]} if inputs.get("kmsKeyId") else {}
    return str(manager.create_secret(**request)["ARN"])


def _settle(aws: Aws, arn: str, inputs: Inputs) -> None:
    if policy := inputs.get("policy"):
        if problem := malformed(policy, "resource"):
            raise refusal("MalformedPolicyDocumentException", problem, "PutResourcePolicy")
        message = "This resource policy contains an unsupported principal."
        require_principals(aws, policy, refusal("MalformedPolicyDocumentException", message, "PutResourcePolicy"))
        aws.client("secretsmanager").put_resource_policy(SecretId=arn, ResourcePolicy=policy)


def _read(aws: Aws, arn: str, _known: Inputs) -> Outputs | None:
    manager = aws.client("secretsmanager")
    found = manager.describe_secret(SecretId=arn)
    if found.get("DeletedDate"):
        return None
    return {
        "arn": found["ARN"],
        "name": found["Name"],
        "description": found.get("Description") or None,
        "kmsKeyId": found.get("KmsKeyId") or None,
        "policy": manager.get_resource_policy(SecretId=arn).get("ResourcePolicy"),
        "tags": tags_of(found.get("Tags")),
    }


def _update(aws: Aws, arn: str, olds: Inputs, news: Inputs) -> None:
    manager = aws.client("secretsmanager")
    changed = {key: news.get(key) or "" for key in ("description", "kmsKeyId") if news.get(key) != olds.get(key)}
    if changed:
        names = {"description": "Description", "kmsKeyId": "KmsKeyId"}
        manager.update_secret(SecretId=arn, **{names[key]: value for key, value in changed.items()})
    if olds.get("policy") and not news.get("policy"):
        manager.delete_resource_policy(SecretId=arn)
    _settle(aws, arn, news)
    if removed := [key for key in olds["tags"] if key not in news["tags"]]:
        manager.untag_resource(SecretId=arn, TagKeys=removed)
    if news["tags"]:
        manager.tag_resource(SecretId=arn, Tags=tag_list(news["tags"]))


def _delete(aws: Aws, arn: str, inputs: Inputs) -> None:
    manager, days = aws.client("secretsmanager"), int(inputs.get("recoveryWindowInDays", 30))
    if manager.describe_secret(SecretId=arn).get("DeletedDate"):
        return
    how = {"RecoveryWindowInDays": days} if days else {"ForceDeleteWithoutRecovery": True}
    manager.delete_secret(SecretId=arn, **how)


def _window() -> Rule:
    def wrong(days: Any) -> str:
        return (
            ""
            if int(days) == 0 or 7 <= int(days) <= 30
            else f"expected recovery_window_in_days to be 0 or in the range (7 - 30), got {days}"
        )

    return holds("recoveryWindowInDays", wrong)


# -- versions


def _put(aws: Aws, inputs: Inputs) -> str:
    request: dict[str, Any] = {"SecretId": inputs["secretId"]}
    if inputs.get("secretBinary") is not None:
        request["SecretBinary"] = base64.b64decode(inputs["secretBinary"])
    else:
        request["SecretString"] = inputs.get("secretString") or inputs.get("secretStringWo") or ""
    if inputs.get("versionStages"):
        request["VersionStages"] = inputs["versionStages"]
    made = aws.client("secretsmanager").put_secret_value(**request)
    return f"{made['ARN']}|{made['VersionId']}"


def _read_version(aws: Aws, resource_id: str, known: Inputs) -> Outputs | None:
    arn, _, version = resource_id.partition("|")
    manager = aws.client("secretsmanager")
    if manager.describe_secret(SecretId=arn).get("DeletedDate"):
        return None
    found = manager.get_secret_value(SecretId=arn, VersionId=version)
    outputs: Outputs = {
        "secretId": known.get("secretId", arn),
        "arn": found["ARN"],
        "secretArn": found["ARN"],
        "versionId": found["VersionId"],
        "versionStages": sorted(found["VersionStages"]),
        "hasSecretStringWo": known.get("secretStringWo") is not None,
    }
    if "secretStringWo" not in known:
        binary = found.get("SecretBinary")
        outputs["secretString"] = found.get("SecretString")
        outputs["secretBinary"] = base64.b64encode(binary).decode() if binary else None
    return outputs


def _update_version(aws: Aws, resource_id: str, olds: Inputs, news: Inputs) -> None:
    arn, _, version = resource_id.partition("|")
    manager = aws.client("secretsmanager")
    for stage in set(news.get("versionStages") or ()) - set(olds.get("versionStages") or ()):
        manager.update_secret_version_stage(SecretId=arn, VersionStage=stage, MoveToVersionId=version)


def _delete_version(aws: Aws, resource_id: str, _inputs: Inputs) -> None:
    """Nothing: AWS keeps a version for as long as it is the current one, and forgets it in its own time later."""


MODELS = (
    ResourceModel(
        type="aws:secretsmanager/secret:Secret",
        noun="Secrets Manager Secret",
        create=_create,
        settle=_settle,
        read=_read,
        update=_update,
        delete=_delete,
        name=AutoName("name", 512, instead=("namePrefix",)),
        defaults={"forceOverwriteReplicaSecret": False, "recoveryWindowInDays": 30},
        forces_new=frozenset({"name"}),
        computed=frozenset({"policy", "replicas"}),
        state_only=frozenset({"forceOverwriteReplicaSecret", "recoveryWindowInDays", "replicas", "type"}),
        json=frozenset({"policy"}),
        rules=(
            conflicting("name", "namePrefix"),
            text("name", r"[\w/+=.@-]+", "must contain only alphanumeric characters and the characters /_+=.@-", at_most=512),
            _window(),
        ),
        behaviours=(
            Behaviour(
                "a deleted secret keeps its name for 7 to 30 days (30 unless said; 0: it is gone at once)",
                "Secrets Manager API reference, DeleteSecret and CreateSecret",
                "test_secrets.py::test_a_deleted_secret_keeps_its_name_unless_it_goes_at_once",
                ("test_secrets.py::test_a_secret_waits_seven_to_thirty_days_or_not_at_all",),
            ),
            Behaviour(
                "a policy that names a principal that does not exist is refused",
                "terraform-provider-aws, internal/service/secretsmanager/secret.go (text, and that it asks for two minutes)",
                "test_secrets.py::test_a_policy_names_principals_that_exist",
            ),
        ),
    ),
    ResourceModel(
        type="aws:secretsmanager/secretVersion:SecretVersion",
        noun="Secrets Manager Secret Version",
        create=_put,
        read=_read_version,
        update=_update_version,
        delete=_delete_version,
        forces_new=frozenset({"secretId", "secretString", "secretBinary", "secretStringWo", "secretStringWoVersion"}),
        computed=frozenset({"versionStages"}),
        equivalent={"versionStages": same_set},
        state_only=frozenset({"secretStringWo", "secretStringWoVersion"}),
        secret=frozenset({"secretString", "secretBinary"}),
        rules=(exactly_one("secretString", "secretBinary", "secretStringWo"),),
        behaviours=(
            Behaviour(
                "a new value is a new version; the value is secret in state whatever the program says",
                "Secrets Manager user guide, What's in a secret; pulumi-aws schema",
                "test_secrets.py::test_a_new_value_is_a_new_version_and_secret",
            ),
        ),
    ),
)
