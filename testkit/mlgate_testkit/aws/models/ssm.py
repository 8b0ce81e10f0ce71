"""SSM parameters."""

from __future__ import annotations

import re
from typing import Any

from mlgate_testkit.aws.account import Aws, refusal
from mlgate_testkit.aws.model import AutoName, Behaviour, ResourceModel
from mlgate_testkit.aws.rules import choice, exactly_one, text
from mlgate_testkit.aws.tags import tag_list, tags_of
from mlgate_testkit.provider.provider import Inputs, Outputs

__all__ = ["MODELS"]

_VALUES = ("value", "insecureValue", "valueWo")


def _put(aws: Aws, inputs: Inputs, *, overwrite: bool) -> None:
    value = next(str(inputs[each]) for each in _VALUES if inputs.get(each) is not None)
    tier = inputs.get("tier") or "Standard"
    if tier == "Standard" and len(value.encode()) > 4096:
        message = (
            "Standard tier parameters support a maximum parameter value of 4096 characters. To create a larger parameter value, upgrade."
        )
        raise refusal("ValidationException", message, "PutParameter")
    if inputs.get("allowedPattern") and not re.search(inputs["allowedPattern"], value):
        message = f"Parameter value, cannot be validated against allowedPattern: {inputs['allowedPattern']}"
        raise refusal("ParameterPatternMismatchException", message, "PutParameter")
    request: dict[str, Any] = {"Name": inputs["name"], "Type": inputs["type"], "Value": value, "Tier": tier, "Overwrite": overwrite}
    names = {"allowedPattern": "AllowedPattern", "keyId": "KeyId", "dataType": "DataType"}
    request |= {name: inputs[argument] for argument, name in names.items() if inputs.get(argument)}
    request["Description"] = inputs.get("description") or ""  # always sent: without it the old one stays
    aws.client("ssm").put_parameter(**request)


def _create(aws: Aws, inputs: Inputs) -> str:
    _put(aws, inputs, overwrite=bool(inputs.get("overwrite")))
    return str(inputs["name"])


def _settle(aws: Aws, name: str, inputs: Inputs) -> None:
    if inputs["tags"]:
        aws.client("ssm").add_tags_to_resource(ResourceType="Parameter", ResourceId=name, Tags=tag_list(inputs["tags"]))


def _read(aws: Aws, name: str, known: Inputs) -> Outputs | None:
    ssm = aws.client("ssm")
    found = ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]
    (about,) = ssm.describe_parameters(ParameterFilters=[{"Key": "Name", "Option": "Equals", "Values": [name]}])["Parameters"]
    outputs: Outputs = {
        "name": name,
        "arn": found["ARN"],
        "type": found["Type"],
        "version": found["Version"],
        "dataType": found.get("DataType", "text"),
        "tier": about.get("Tier") or "Standard",
        "description": about.get("Description") or None,
        "allowedPattern": about.get("AllowedPattern") or None,
        "keyId": about.get("KeyId") or None,
        "hasValueWo": known.get("valueWo") is not None,
        "tags": tags_of(ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=name)["TagList"]),
    }
    if "valueWo" not in known:
        outputs["insecureValue" if "insecureValue" in known else "value"] = found["Value"]
    return outputs


def _update(aws: Aws, name: str, olds: Inputs, news: Inputs) -> None:
    if {**olds, "tags": None} != {**news, "tags": None}:
        _put(aws, news, overwrite=True)
    if removed := [key for key in olds["tags"] if key not in news["tags"]]:
        aws.client("ssm").remove_tags_from_resource(ResourceType="Parameter", ResourceId=name, TagKeys=removed)
    _settle(aws, name, news)


def _delete(aws: Aws, name: str, _inputs: Inputs) -> None:
    aws.client("ssm").delete_parameter(Name=name)


MODELS = (
    ResourceModel(
        type="aws:ssm/parameter:Parameter",
        noun="SSM Parameter",
        create=_create,
        settle=_settle,
        read=_read,
        update=_update,
        delete=_delete,
        name=AutoName("name", 2048),
        forces_new=frozenset({"name", "dataType"}),
        computed=frozenset({"arn", "dataType", "keyId", "tier", "insecureValue", "value"}),
        state_only=frozenset({"overwrite", "insecureValue", "valueWo", "valueWoVersion"}),
        renewed={"version": frozenset({"value", "insecureValue", "valueWoVersion", "type", "description"})},
        secret=frozenset({"value"}),
        rules=(
            exactly_one(*_VALUES),
            choice("type", "String", "StringList", "SecureString"),
            choice("tier", "Standard", "Advanced", "Intelligent-Tiering"),
            text("name", r"/?[\w./-]+", "has letters, digits and . - _ / only", at_most=2048),
        ),
        behaviours=(
            Behaviour(
                "a value off its own pattern, and one of more than 4 KiB in the standard tier, is refused",
                "Systems Manager API reference, PutParameter",
                "test_ssm.py::test_a_value_that_ssm_does_not_take_is_refused",
            ),
            Behaviour("the value is secret in state", "pulumi-aws schema", "test_every_type.py::test_secret_outputs_are_marked"),
        ),
    ),
)
