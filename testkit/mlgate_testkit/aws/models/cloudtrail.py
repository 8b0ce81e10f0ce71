"""Trails of CloudTrail. What is called is recorded by nobody here: a trail says only what it would record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from moto.cloudtrail.models import cloudtrail_backends

from mlgate_testkit.aws.account import Aws, refusal
from mlgate_testkit.aws.grants import granted
from mlgate_testkit.aws.model import AutoName, Behaviour, ResourceModel, same_set
from mlgate_testkit.aws.models.ec2_common import enumerated
from mlgate_testkit.aws.rules import choice, conflicting, text
from mlgate_testkit.aws.tags import tag_list, tags_of
from mlgate_testkit.provider.provider import Inputs, Outputs

__all__ = ["MODELS"]

_SERVICE = "cloudtrail.amazonaws.com"
_SETTINGS = {
    "cloudWatchLogsGroupArn": "CloudWatchLogsLogGroupArn",
    "cloudWatchLogsRoleArn": "CloudWatchLogsRoleArn",
    "enableLogFileValidation": "EnableLogFileValidation",
    "includeGlobalServiceEvents": "IncludeGlobalServiceEvents",
    "isMultiRegionTrail": "IsMultiRegionTrail",
    "isOrganizationTrail": "IsOrganizationTrail",
    "kmsKeyId": "KmsKeyId",
    "s3BucketName": "S3BucketName",
    "s3KeyPrefix": "S3KeyPrefix",
    "snsTopicName": "SnsTopicName",
}
_TOLD = {**_SETTINGS, "enableLogFileValidation": "LogFileValidationEnabled"}
_OPERATORS = {
    "endsWiths": "EndsWith",
    "equals": "Equals",
    "notEndsWiths": "NotEndsWith",
    "notEquals": "NotEquals",
    "notStartsWiths": "NotStartsWith",
    "startsWiths": "StartsWith",
}
_FIELDS = (
    "errorCode",
    "eventCategory",
    "eventName",
    "eventSource",
    "eventType",
    "readOnly",
    "resources.ARN",
    "resources.type",
    "sessionCredentialFromConsole",
    "userIdentity.arn",
    "vpcEndpointId",
)
# What a trail records that nobody told anything.
_DEFAULT: dict[str, Any] = {"ReadWriteType": "All", "IncludeManagementEvents": True, "DataResources": []}


def _create(aws: Aws, inputs: Inputs) -> str:
    trail = aws.arn("cloudtrail", f"trail/{inputs['name']}")
    _require_access(aws, trail, inputs, "CreateTrail")
    request = {name: inputs[key] for key, name in _SETTINGS.items() if inputs.get(key) is not None}
    aws.client("cloudtrail").create_trail(Name=inputs["name"], TagsList=tag_list(inputs["tags"]), **request)
    return trail


def _require_access(aws: Aws, trail: str, inputs: Inputs, operation: str) -> None:
    """CloudTrail tries whether it can write, and with the key, before it takes the trail."""
    s3, bucket = aws.client("s3"), inputs["s3BucketName"]
    try:
        policy = s3.get_bucket_policy(Bucket=bucket)["Policy"]
    except s3.exceptions.NoSuchBucket:
        return  # which moto tells in CloudTrail's words
    except s3.exceptions.ClientError:
        policy = '{"Statement": []}'
    arn = f"arn:{aws.partition}:s3:::{bucket}"
    prefix = f"{inputs['s3KeyPrefix']}/" if inputs.get("s3KeyPrefix") else ""
    needed = {"s3:GetBucketAcl": arn, "s3:PutObject": f"{arn}/{prefix}AWSLogs/{aws.account_id}/CloudTrail/x"}
    if not all(_lets(aws, policy, trail, action, resource) for action, resource in needed.items()):
        message = f"Incorrect S3 bucket policy is detected for bucket: {bucket}"
        raise refusal("InsufficientS3BucketPolicyException", message, operation)
    if (key := inputs.get("kmsKeyId")) and not _lets(aws, _key_policy(aws, key), trail, "kms:GenerateDataKey", key):
        message = f"Insufficient permissions to access S3 bucket {bucket} or KMS key {key}."
        raise refusal("InsufficientEncryptionPolicyException", message, operation)


def _key_policy(aws: Aws, key: str) -> str:
    kms = aws.client("kms")
    try:
        return str(kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"])
    except kms.exceptions.NotFoundException as missing:
        raise refusal("KmsKeyNotFoundException", f"KMS key {key} does not exist", "CreateTrail") from missing


def _lets(aws: Aws, policy: str, trail: str, action: str, resource: str) -> bool:
    return granted(policy, service=_SERVICE, action=action, resource=resource, source=trail, account=aws.account_id)


def _settle(aws: Aws, trail: str, inputs: Inputs) -> None:
    cloudtrail = aws.client("cloudtrail")
    if inputs["enableLogging"]:
        cloudtrail.start_logging(Name=trail)
    else:
        cloudtrail.stop_logging(Name=trail)
    # moto adds to what it has where AWS puts the one in the other's place.
    made = cloudtrail_backends[aws.account_id][aws.region].get_trail(trail)
    made.event_selectors, made.advanced_event_selectors, made.insight_selectors = [], [], []
    if advanced := inputs.get("advancedEventSelectors"):
        selectors = [
            {"FieldSelectors": [_asked(field) for field in each["fieldSelectors"]], "Name": each.get("name") or ""} for each in advanced
        ]
        cloudtrail.put_event_selectors(TrailName=trail, AdvancedEventSelectors=selectors)
    else:
        basic = [_basic(each) for each in inputs.get("eventSelectors") or ()] or [_DEFAULT]
        cloudtrail.put_event_selectors(TrailName=trail, EventSelectors=basic)
    if insights := inputs.get("insightSelectors"):
        wanted = [{"InsightType": each["insightType"]} for each in insights]
        cloudtrail.put_insight_selectors(TrailName=trail, InsightSelectors=wanted)


def _asked(field: Mapping[str, Any]) -> dict[str, Any]:
    return {"Field": field["field"], **{name: field[key] for key, name in _OPERATORS.items() if field.get(key)}}


def _basic(selector: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {
        "ReadWriteType": selector.get("readWriteType") or "All",
        "IncludeManagementEvents": selector.get("includeManagementEvents") is not False,
        "DataResources": [{"Type": each["type"], "Values": each["values"]} for each in selector.get("dataResources") or ()],
    }
    if sources := selector.get("excludeManagementEventSources"):
        made["ExcludeManagementEventSources"] = sources
    return made


def _read(aws: Aws, trail: str, _known: Inputs) -> Outputs | None:
    cloudtrail = aws.client("cloudtrail")
    found = cloudtrail.get_trail(Name=trail)["Trail"]
    recorded = cloudtrail.get_event_selectors(TrailName=trail)
    basic = [each for each in recorded["EventSelectors"] if each != _DEFAULT]
    insights = cloudtrail.get_insight_selectors(TrailName=trail).get("InsightSelectors", ())
    return {
        **{key: found.get(name) if found.get(name) != "" else None for key, name in _TOLD.items()},
        "name": found["Name"],
        "arn": found["TrailARN"],
        "homeRegion": aws.region,
        "snsTopicArn": found.get("SnsTopicARN") or "",
        "enableLogging": cloudtrail.get_trail_status(Name=trail)["IsLogging"],
        "eventSelectors": [_told_basic(each) for each in basic] or None,
        "advancedEventSelectors": [_told(each) for each in recorded["AdvancedEventSelectors"]] or None,
        "insightSelectors": [{"insightType": each["InsightType"]} for each in insights] or None,
        "tags": tags_of(cloudtrail.list_tags(ResourceIdList=[trail])["ResourceTagList"][0]["TagsList"]),
    }


def _told(selector: Mapping[str, Any]) -> dict[str, Any]:
    fields = [
        {"field": each["Field"], **{key: each[name] for key, name in _OPERATORS.items() if each.get(name)}}
        for each in selector["FieldSelectors"]
    ]
    return {"fieldSelectors": fields, **({"name": selector["Name"]} if selector.get("Name") else {})}


def _told_basic(selector: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "readWriteType": selector["ReadWriteType"],
        "includeManagementEvents": selector["IncludeManagementEvents"],
        "dataResources": [{"type": each["Type"], "values": each["Values"]} for each in selector["DataResources"]],
        "excludeManagementEventSources": selector.get("ExcludeManagementEventSources", []),
    }


def _update(aws: Aws, trail: str, olds: Inputs, news: Inputs) -> None:
    cloudtrail = aws.client("cloudtrail")
    _require_access(aws, trail, news, "UpdateTrail")
    cloudtrail.update_trail(Name=trail, **{name: news.get(key, "") for key, name in _SETTINGS.items() if key in news or key in olds})
    _settle(aws, trail, news)
    if removed := {key: value for key, value in olds["tags"].items() if key not in news["tags"]}:
        cloudtrail.remove_tags(ResourceId=trail, TagsList=tag_list(removed))
    if news["tags"]:
        cloudtrail.add_tags(ResourceId=trail, TagsList=tag_list(news["tags"]))


def _delete(aws: Aws, trail: str, _inputs: Inputs) -> None:
    aws.client("cloudtrail").delete_trail(Name=trail.rsplit("/", 1)[-1])  # by its ARN moto finds none, and says nothing


def _same_fields(before: Any, after: Any) -> bool:
    """The selectors in order, the fields of each in any."""
    if not isinstance(before, list) or not isinstance(after, list) or len(before) != len(after):
        return bool(before == after)
    return all(
        {**one, "fieldSelectors": 0} == {**other, "fieldSelectors": 0} and same_set(one.get("fieldSelectors"), other.get("fieldSelectors"))
        if isinstance(one, Mapping) and isinstance(other, Mapping)
        else one == other
        for one, other in zip(before, after, strict=True)
    )


MODELS = (
    ResourceModel(
        type="aws:cloudtrail/trail:Trail",
        noun="CloudTrail Trail",
        create=_create,
        settle=_settle,
        read=_read,
        update=_update,
        delete=_delete,
        name=AutoName(),
        defaults={
            "enableLogFileValidation": False,
            "enableLogging": True,
            "includeGlobalServiceEvents": True,
            "isMultiRegionTrail": False,
            "isOrganizationTrail": False,
        },
        forces_new=frozenset({"name"}),
        nested_defaults={"eventSelectors.includeManagementEvents": True, "eventSelectors.readWriteType": "All"},
        equivalent={"insightSelectors": same_set, "advancedEventSelectors": _same_fields},
        rules=(
            text("name", r".{3,128}", "is not 3 to 128 characters long"),
            conflicting("advancedEventSelectors", "eventSelectors"),
            choice("advancedEventSelectors.fieldSelectors.field", *_FIELDS),
            choice("eventSelectors.dataResources.type", "AWS::DynamoDB::Table", "AWS::Lambda::Function", "AWS::S3::Object"),
            enumerated("eventSelectors.readWriteType", "cloudtrail", "ReadWriteType"),
            enumerated("insightSelectors.insightType", "cloudtrail", "InsightType"),
        ),
        behaviours=(
            Behaviour(
                "its bucket lets CloudTrail read the ACL and write below AWSLogs/ACCOUNT/ for this trail, its key make data keys",
                "CloudTrail user guide, Amazon S3 bucket policy for CloudTrail and Configure AWS KMS key policies for CloudTrail; "
                "messages: aws/aws-cdk#11602, Azure/Azure-Sentinel#12242",
                "test_cloudtrail.py::test_a_bucket_must_let_the_trail_write",
                ("test_cloudtrail.py::test_a_key_must_let_the_trail_encrypt",),
            ),
            Behaviour(
                "selectors of the one kind take the place of those of the other, and a trail without any records what manages something",
                "CloudTrail API reference, PutEventSelectors; terraform-provider-aws, internal/service/cloudtrail/trail.go",
                "test_cloudtrail.py::test_selectors_of_one_kind_take_the_place_of_the_others",
            ),
            Behaviour(
                "logging that was stopped by hand is seen",
                "terraform-provider-aws, internal/service/cloudtrail/trail.go (GetTrailStatus)",
                "test_cloudtrail.py::test_a_trail_that_was_stopped_by_hand_is_seen",
            ),
        ),
    ),
)
