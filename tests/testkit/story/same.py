"""Whether a deployed stack has the graph that was recorded of its program: every option that both keep, and every value.

A recording marks what only the cloud knows ("<arn of Bucket logs>"): what became of it is looked up in the deployed graph.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from mlgate_testkit.provider.values import UNKNOWN, Archive, Asset, ResourceReference, Secret, plain
from mlgate_testkit.record import Graph, Resource
from mlgate_testkit.record.placeholders import MARK

SECONDS = {"s": 1, "m": 60, "h": 3600}

ROLE = {"forceDetachPolicies": False, "maxSessionDuration": 3600, "path": "/"}
PUBLIC = dict.fromkeys(("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"), False)
KEY = {
    "bypassPolicyLockoutSafetyCheck": False,
    "customerMasterKeySpec": "SYMMETRIC_DEFAULT",
    "isEnabled": True,
    "keyUsage": "ENCRYPT_DECRYPT",
}
DATABASE = {"autoMinorVersionUpgrade": True, "deleteAutomatedBackups": True} | dict.fromkeys(
    ("copyTagsToSnapshot", "dedicatedLogVolume", "publiclyAccessible", "skipFinalSnapshot"), False
)
QUEUE = {
    "contentBasedDeduplication": False,
    "delaySeconds": 0,
    "fifoQueue": False,
    "maxMessageSize": 262144,
    "messageRetentionSeconds": 345600,
    "receiveWaitTimeSeconds": 0,
    "visibilityTimeoutSeconds": 30,
}
FILLED: Mapping[str, Mapping[str, Any]] = {
    "aws:ec2/subnet:Subnet": {"assignIpv6AddressOnCreation": False, "mapPublicIpOnLaunch": False},
    "aws:ec2/vpc:Vpc": {"enableDnsSupport": True, "instanceTenancy": "default"},
    "aws:eks/cluster:Cluster": {"bootstrapSelfManagedAddons": True},
    "aws:iam/role:Role": ROLE,
    "aws:kms/key:Key": KEY,
    "aws:rds/instance:Instance": DATABASE,
    "aws:s3/bucket:Bucket": {"forceDestroy": False},
    "aws:s3/bucketObjectv2:BucketObjectv2": {"forceDestroy": False},
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": PUBLIC,
    "aws:sqs/queue:Queue": QUEUE,
    "pulumi:providers:aws": {"__internal": {}},  # the engine's own, for what it made of the provider's options
}
"""What a provider puts beside the inputs that a program leaves out: the defaults of its schema."""

NAMES = {"bucket", "name", "nodeGroupName"}
"""Inputs that it makes a name up for: the resource's own, and something that nobody else has."""


def require_same(recorded: Graph, deployed: Graph) -> None:
    """`deployed`: of an export with its secrets shown."""
    managed = [resource for resource in deployed.resources if "::default" not in resource.urn]
    assert sorted(map(str, recorded.resources)) == sorted(map(str, managed))
    for one in recorded.resources:
        other = deployed.find(one.urn)
        assert other, one.urn
        assert options(one) == options(other), str(one)
        assert differences(one.id, other.id, deployed) == [], str(one)
        assert differences(one.inputs, other.inputs, deployed) == [], str(one)
        assert unrecorded(one, other) == {}, str(one)
        if one.component:
            assert differences(one.outputs, other.outputs, deployed) == [], str(one)
        secret = {key for key, value in one.outputs.items() if isinstance(value, Secret)} & other.outputs.keys()
        assert [key for key in secret if not isinstance(other.outputs[key], Secret)] == [], str(one)
    assert recorded.outputs.keys() == deployed.outputs.keys()
    assert differences(recorded.outputs, deployed.outputs, deployed) == []


def options(resource: Resource) -> dict[str, Any]:
    """What recording and state both hold about a resource apart from its values. The engine keeps no aliases once it has used them."""
    return {
        "path": resource.path,
        "custom": resource.custom,
        "read": resource.read,
        "protect": resource.protect,
        "retained": resource.retain_on_delete,
        "parent": str(resource.parent),
        "depends on": sorted(map(str, resource.depends_on)),
        "from": {key: sorted(map(str, found)) for key, found in resource.property_dependencies.items()},
        "provider": str(resource.provider),
        "deleted with": str(resource.deleted_with),
        "ignored": sorted(resource.ignore_changes),
        "replaced on": sorted(resource.replace_on_changes),
        "secret outputs": sorted(resource.additional_secret_outputs),
        "hooks": dict(resource.hooks),
        "imported": resource.import_id,
        "timeouts": {key: seconds(text) for key, text in resource.custom_timeouts.items()},
    }


def seconds(duration: str) -> float:
    """Of "5m", or of "300s" as state has it."""
    return float(duration[:-1]) * SECONDS[duration[-1]]


def differences(recorded: Any, there: Any, deployed: Graph, at: str = "") -> list[str]:
    """Where what is there is not what was recorded; what a provider fills in beside it is no difference."""
    match recorded, there:
        case Mapping(), Mapping():
            return [found for key, value in recorded.items() for found in differences(value, there.get(key), deployed, f"{at}.{key}")]
        case list(), list() if len(recorded) == len(there):
            pairs = enumerate(zip(recorded, there, strict=True))
            return [found for index, pair in pairs for found in differences(*pair, deployed, f"{at}[{index}]")]
        case Secret(), Secret():
            return differences(recorded.value, there.value, deployed, at)
        case ((Asset() | Archive()), (Asset() | Archive())):  # the engine adds the hash
            same = type(recorded) is type(there) and recorded.path == there.path
        case ResourceReference(), ResourceReference():
            same = recorded.urn == there.urn
        case str(), str():
            wanted = MARK.sub(lambda mark: str(kept(mark, deployed)), recorded)
            same = wanted == there or document(wanted) == document(there)
        case _:
            same = recorded == there or recorded is UNKNOWN
    return [] if same else [f"{at or 'it'}: recorded {recorded!r}, deployed {there!r}"]


def unrecorded(one: Resource, other: Resource) -> dict[str, Any]:
    """Inputs of the deployed resource that the recording lost. A constant that is a default could be lost unseen, and changes nothing."""
    beside = {key: value for key, value in other.inputs.items() if key not in one.inputs}
    filled = {**FILLED.get(one.type, {}), **({"version": one.version} if one.type.startswith("pulumi:providers:") else {})}
    made_up = re.compile(rf"{re.escape(one.name)}-[0-9a-f]{{7,8}}(\.fifo)?")
    named = {key for key in NAMES & beside.keys() if made_up.fullmatch(str(beside[key]))}
    return {key: value for key, value in beside.items() if key not in named and (key not in filled or filled[key] != value)}


def kept(mark: re.Match[str], deployed: Graph) -> Any:
    """What a value that only the cloud knows has become."""
    named = [one for one in deployed.resources if (one.type.rpartition(":")[2], one.name) == (mark["kind"], mark["name"])]
    found = [one for one in named if one.custom]
    assert len(found) == 1, mark[0]
    value: Any = {"id": found[0].id, **found[0].outputs}
    for key in mark["path"].split("."):
        value = plain(value)[key]
    return plain(value)


def document(text: str) -> Any:
    """What a JSON text says, however it is written; another text is only itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text
