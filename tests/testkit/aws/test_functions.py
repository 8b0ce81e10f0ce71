"""What programs ask."""

from __future__ import annotations

import json

import pytest

from mlgate_testkit.provider.provider import ProviderError

from .cloud import Cloud

DOCUMENT = "aws:iam/getPolicyDocument:getPolicyDocument"


def test_a_program_learns_who_and_where_it_is(cloud: Cloud) -> None:
    assert cloud.invoke("aws:index/getCallerIdentity:getCallerIdentity")["accountId"] == "123456789012"
    assert cloud.invoke("aws:index/getRegion:getRegion")["region"] == "eu-central-1"
    assert cloud.invoke("aws:index/getPartition:getPartition")["dnsSuffix"] == "amazonaws.com"
    zones = cloud.invoke("aws:index/getAvailabilityZones:getAvailabilityZones", state="available")
    assert zones["names"] == ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
    fewer = cloud.invoke("aws:index/getAvailabilityZones:getAvailabilityZones", excludeNames=["eu-central-1a"])
    assert fewer["names"] == ["eu-central-1b", "eu-central-1c"]


def test_a_region_that_does_not_exist_is_refused(cloud: Cloud) -> None:
    with pytest.raises(ProviderError, match="no matching Region found for 'eu-central-9'"):
        cloud.invoke("aws:index/getRegion:getRegion", region="eu-central-9")


def test_a_policy_document_is_written_as_the_real_provider_writes_it(cloud: Cloud) -> None:
    found = cloud.invoke(
        DOCUMENT,
        statements=[
            {
                "sid": "Read",
                "actions": ["s3:GetObject", "s3:ListBucket"],
                "resources": ["arn:aws:s3:::models/&{aws:username}/*"],
                "principals": [{"type": "Service", "identifiers": ["ec2.amazonaws.com"]}],
                "conditions": [{"test": "StringEquals", "variable": "aws:SourceAccount", "values": ["123456789012"]}],
            },
            {"effect": "Deny", "notActions": ["s3:*"], "resources": ["*"], "principals": [{"type": "*", "identifiers": ["*"]}]},
        ],
        overridePolicyDocuments=[json.dumps({"Statement": [{"Sid": "New", "Effect": "Deny", "Action": "s3:*", "Resource": "*"}]})],
    )
    assert json.loads(found["json"]) == json.loads(found["minifiedJson"])
    assert json.loads(found["json"]) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Read",
                "Effect": "Allow",
                "Action": ["s3:ListBucket", "s3:GetObject"],
                "Resource": "arn:aws:s3:::models/${aws:username}/*",
                "Principal": {"Service": "ec2.amazonaws.com"},
                "Condition": {"StringEquals": {"aws:SourceAccount": "123456789012"}},
            },
            {"Effect": "Deny", "NotAction": "s3:*", "Resource": "*", "Principal": "*"},
            {"Sid": "New", "Effect": "Deny", "Action": "s3:*", "Resource": "*"},
        ],
    }


def test_an_override_takes_the_place_of_its_sid_and_comes_last_without_one(cloud: Cloud) -> None:
    override = [
        {"Sid": "Read", "Effect": "Deny", "Action": "s3:*", "Resource": "*"},
        {"Effect": "Deny", "Action": "kms:*", "Resource": "*"},
    ]
    found = cloud.invoke(
        DOCUMENT,
        statements=[{**each, "actions": ["s3:*"], "resources": ["*"]} for each in ({"sid": "Read"}, {}, {"sid": "List"})],
        overridePolicyDocuments=[json.dumps({"Statement": override})],
    )
    allowed = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    assert json.loads(found["json"])["Statement"] == [override[0], allowed, {"Sid": "List", **allowed}, override[1]]


def test_two_statements_of_one_sid_are_refused(cloud: Cloud) -> None:
    with pytest.raises(ProviderError, match=r"duplicate Sid \(Read\)"):
        cloud.invoke(DOCUMENT, statements=[{"sid": "Read", "actions": ["s3:*"], "resources": ["*"]}] * 2)


def test_a_function_that_is_not_simulated_is_refused_by_name(cloud: Cloud) -> None:
    with pytest.raises(ProviderError, match=r"getRegions is not simulated; did you mean 'aws:index/getRegion:getRegion'\?"):
        cloud.invoke("aws:index/getRegions:getRegions")
