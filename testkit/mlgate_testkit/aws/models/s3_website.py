"""A bucket as a website."""

from __future__ import annotations

import json
from typing import Any

from mlgate_testkit.aws.account import Aws
from mlgate_testkit.aws.model import Behaviour
from mlgate_testkit.aws.models.s3_bucket import website_domain
from mlgate_testkit.aws.models.s3_setting import setting
from mlgate_testkit.aws.rules import choice, conflicting, exactly_one, json_text
from mlgate_testkit.aws.spelling import from_api, to_api
from mlgate_testkit.provider.provider import Inputs, Outputs

__all__ = ["MODELS"]


def _put(aws: Aws, bucket: str, inputs: Inputs) -> None:
    site = {key: inputs[key] for key in ("errorDocument", "indexDocument", "redirectAllRequestsTo", "routingRules") if inputs.get(key)}
    made = to_api(site, {})
    if inputs.get("routingRuleDetails"):
        made["RoutingRules"] = json.loads(inputs["routingRuleDetails"])
    aws.client("s3").put_bucket_website(Bucket=bucket, WebsiteConfiguration=made)


def _get(s3: Any, bucket: str) -> Outputs:
    found = s3.get_bucket_website(Bucket=bucket)
    none = dict.fromkeys(("errorDocument", "indexDocument", "redirectAllRequestsTo", "routingRules"))
    return none | {key: value for key, value in from_api(found, {}).items() if key in none}


def _delete(aws: Aws, bucket: str, _inputs: Inputs) -> None:
    aws.client("s3").delete_bucket_website(Bucket=bucket)


def _address(aws: Aws, bucket: str) -> Outputs:
    domain = website_domain(aws, aws.region)
    return {"websiteDomain": domain, "websiteEndpoint": f"{bucket}.{domain}"}


MODELS = (
    setting(
        "BucketWebsiteConfiguration",
        "S3 Bucket Website Configuration",
        _put,
        _get,
        _delete,
        also=_address,
        computed=frozenset({"routingRules", "routingRuleDetails"}),
        state_only=frozenset({"expectedBucketOwner", "routingRuleDetails"}),
        rules=(
            exactly_one("indexDocument", "redirectAllRequestsTo"),
            conflicting("routingRules", "routingRuleDetails"),
            conflicting("redirectAllRequestsTo", "errorDocument"),
            conflicting("redirectAllRequestsTo", "routingRules"),
            choice("redirectAllRequestsTo.protocol", "http", "https"),
            json_text("routingRuleDetails"),
        ),
        behaviours=(
            Behaviour(
                "the endpoint is the bucket's name before the region's website domain",
                "AWS General Reference, Amazon S3 website endpoints",
                "test_s3_settings.py::test_a_website_has_the_endpoint_of_its_region",
            ),
        ),
    ),
)
