"""Functions that programs ask before they declare anything: who and where they are, and policy documents put together."""

from __future__ import annotations

import json
from typing import Any

from mlgate_testkit.aws.account import Aws
from mlgate_testkit.aws.documents import listed
from mlgate_testkit.aws.model import Behaviour, FunctionModel
from mlgate_testkit.aws.spelling import upper
from mlgate_testkit.provider.provider import Inputs, Outputs, ProviderError

__all__ = ["FUNCTIONS"]


def _identity(aws: Aws, _arguments: Inputs) -> Outputs:
    found = aws.client("sts").get_caller_identity()
    return {"id": aws.account_id, "accountId": aws.account_id, "arn": found["Arn"], "userId": found["UserId"]}


def _region(aws: Aws, arguments: Inputs) -> Outputs:
    name = arguments.get("region") or arguments.get("name") or aws.region
    if name not in aws.account.regions:
        raise ProviderError(f"no matching Region found for {name!r}")
    description = name  # AWS keeps the long names ("Europe (Frankfurt)") in SSM's public parameters
    return {"id": name, "name": name, "region": name, "description": description, "endpoint": f"ec2.{name}.{aws.suffix}"}


def _partition(aws: Aws, _arguments: Inputs) -> Outputs:
    reverse = ".".join(reversed(aws.suffix.split(".")))
    return {"id": aws.partition, "partition": aws.partition, "dnsSuffix": aws.suffix, "reverseDnsPrefix": reverse}


def _zones(aws: Aws, arguments: Inputs) -> Outputs:
    filters = [{"Name": each["name"], "Values": list(each["values"])} for each in arguments.get("filters") or ()]
    if arguments.get("state"):
        filters.append({"Name": "state", "Values": [arguments["state"]]})
    found = aws.client("ec2").describe_availability_zones(Filters=filters)["AvailabilityZones"]
    out = {*(arguments.get("excludeNames") or ()), *(arguments.get("excludeZoneIds") or ())}
    zones = sorted((each["ZoneName"], each["ZoneId"]) for each in found if not out & {each["ZoneName"], each["ZoneId"]})
    return {
        **{
            key: arguments[key]
            for key in ("allAvailabilityZones", "excludeNames", "excludeZoneIds", "filters", "state")
            if key in arguments
        },
        "id": aws.region,
        "region": aws.region,
        "names": [name for name, _ in zones],
        "zoneIds": [zone for _, zone in zones],
        "groupNames": [aws.region],
    }


# -- iam.getPolicyDocument, in the spelling of the real provider (terraform-provider-aws, internal/service/iam/policy_model.go)


def _document(_aws: Aws, arguments: Inputs) -> Outputs:
    document: dict[str, Any] = {"Version": arguments.get("version") or "2012-10-17"}
    if arguments.get("policyId"):
        document["Id"] = arguments["policyId"]
    own = [_statement(each, document["Version"]) for each in arguments.get("statements") or ()]
    named = [each["Sid"] for each in own if "Sid" in each]
    if twice := next((sid for sid in named if named.count(sid) > 1), ""):
        raise ProviderError(f"duplicate Sid ({twice}). Remove the Sid or ensure the Sid is unique.")
    sources = [arguments.get("sourceJson"), *(arguments.get("sourcePolicyDocuments") or ())]
    statements = [each for source in sources if source for each in listed(json.loads(source).get("Statement", []))] + own
    for override in [*(arguments.get("overridePolicyDocuments") or ()), arguments.get("overrideJson")]:
        statements = _overridden(statements, listed(json.loads(override).get("Statement", [])) if override else [])
    document["Statement"] = statements
    text = json.dumps(document, indent=2)
    minified = json.dumps(document, separators=(",", ":"))
    return {**arguments, "id": str(sum(map(ord, minified)) % 2**32), "json": text, "minifiedJson": minified}


def _statement(given: Inputs, version: str) -> dict[str, Any]:
    made: dict[str, Any] = {"Sid": given["sid"]} if given.get("sid") else {}
    made["Effect"] = given.get("effect") or "Allow"
    for key in ("actions", "notActions", "resources", "notResources"):
        if given.get(key):
            values = [_variables(value, version) if "esources" in key else value for value in given[key]]
            made[upper(key[:-1])] = values[0] if len(values) == 1 else sorted(values, reverse=True)
    for key in ("principals", "notPrincipals"):
        if given.get(key):
            made[upper(key[:-1])] = _principals(given[key])
    for condition in given.get("conditions") or ():
        values = [_variables(value, version) for value in condition["values"]]
        keys = made.setdefault("Condition", {}).setdefault(condition["test"], {})
        keys[condition["variable"]] = values[0] if len(values) == 1 else values
    return made


def _principals(given: list[Inputs]) -> Any:
    if [(each["type"], each["identifiers"]) for each in given] == [("*", ["*"])]:
        return "*"
    found: dict[str, list[str]] = {}
    for each in given:
        found.setdefault(each["type"], []).extend(each["identifiers"])
    return {kind: names[0] if len(names) == 1 else sorted(names, reverse=True) for kind, names in found.items()}


def _variables(value: str, version: str) -> str:
    """`&{aws:username}` is how a program writes AWS's `${aws:username}`."""
    return value.replace("&{", "${") if version == "2012-10-17" else value


def _overridden(statements: list[Any], by: list[Any]) -> list[Any]:
    """Statements with the Sid of an earlier one take its place; the others are appended."""
    merged = list(statements)
    for each in by:
        place = next((index for index, old in enumerate(merged) if each.get("Sid") and old.get("Sid") == each["Sid"]), None)
        if place is None:
            merged.append(each)
        else:
            merged[place] = each
    return merged


FUNCTIONS = (
    FunctionModel("aws:index/getCallerIdentity:getCallerIdentity", _identity),
    FunctionModel("aws:index/getRegion:getRegion", _region),
    FunctionModel("aws:index/getPartition:getPartition", _partition),
    FunctionModel("aws:index/getAvailabilityZones:getAvailabilityZones", _zones),
    FunctionModel(
        "aws:iam/getPolicyDocument:getPolicyDocument",
        _document,
        behaviours=(
            Behaviour(
                "a list of one is written as the one, &{...} as a policy variable, overrides go by Sid",
                "aws_iam_policy_document; terraform-provider-aws, internal/service/iam/policy_model.go",
                "test_functions.py::test_a_policy_document_is_written_as_the_real_provider_writes_it",
                ("test_functions.py::test_an_override_takes_the_place_of_its_sid_and_comes_last_without_one",),
            ),
        ),
    ),
)
