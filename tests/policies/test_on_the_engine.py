"""The pack as the real engine runs it: every rule in one preview, none in another, and traffic by a program without the component."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest

from mlgate.prices import OWN_FILE as PRICES
from mlgate_policies.exceptions import FILE
from mlgate_policies.rules import OWN_FILE
from mlgate_testkit.engine import UpdateError

from .asking import rule
from .page import block
from .programs import EVERY_RULE_OF_AWS, REGION, careful, careless

pytestmark = pytest.mark.engine
ADVISORY = {"missing-backup", "missing-retention", "public-api-server", "foreign-block"}  # in staging, by the page's files
OWN_PRICES = """\
apiVersion: mlgate/v1
kind: Prices
source: our contract
date: 2026-11-20
currency: USD
prices:
- {item: eks-cluster, region: eu-central-1, amount: 100, unit: hour}
"""
EXPIRED = """\
  - {rule: imdsv1, resources: [nodes], environments: [staging], owner: ml, reason: an old agent, expires: 2020-01-01}
"""


def traffic() -> None:
    import pulumi

    from mlgate_components.local.resources import EndpointProcess, StableUrl

    config = pulumi.Config()
    release = config.require("release")
    place = {"home": config.require("home"), "stage": "local", "service": "toy"}
    url = config.get("url")
    if config.get("configuration"):
        serving = {"release": release, "configuration": config.get("configuration"), "folder": "/nowhere"}
        served = EndpointProcess("toy-1", {**place, **serving}, None)
        url = url or served.url
    StableUrl("toy", {**place, "stable": release, "stable_url": url, "weight": 0}, None)


def by_severity(failure: UpdateError) -> dict[str, dict[str, str]]:
    """What was said by each rule, by severity."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for said in failure.changes.diagnostics:
        name, colon, message = said.message.partition(": ")
        if colon:
            found[said.severity][name] = message
    return found


def test_a_careless_stack_is_told_all_of_it_in_the_preview_at_the_level_of_its_environment(stack, simulated_aws, policy_pack):
    staging = stack("staging", program=careless, config=REGION)
    levels = Path(staging.workspace, "levels.json")
    levels.write_text(block("json", "advisory"), encoding="utf-8")
    Path(staging.site.folder, FILE).write_text(block("yaml", "PolicyExceptions") + EXPIRED, encoding="utf-8")
    Path(staging.site.folder, OWN_FILE).write_text(block("python", "without_peering"), encoding="utf-8")
    with pytest.raises(UpdateError) as failure:
        staging.operate("preview", "--policy-pack", policy_pack, "--policy-pack-config", str(levels))
    said = by_severity(failure.value)
    assert set(said["error"]) == EVERY_RULE_OF_AWS - ADVISORY - {"mutable-tag", "wildcard-principal"}
    assert set(said["warning"]) == {*ADVISORY, "bill"}
    assert "a month costs, in USD: min at least 74.00, expected at least 74.00" in said["warning"]["bill"], "a control plane and a key"
    assert "\n  Key key: key: 1.00\n" in said["warning"]["bill"]
    assert "\n  not known: Bucket models: objects kept (depends on use: declare s3-standard in GiB-month)\n" in said["warning"]["bill"]
    assert said["error"]["imdsv1"].endswith(
        f"httpTokens is not said\n  the exception of ml until 2020-01-01 (an old agent) has expired\n  -> {rule('imdsv1').remedy}"
    )
    assert said["warning"]["foreign-block"].endswith("cidrBlock is 10.0.0.0/16\n  -> take a block of 10.20.0.0/16")
    assert "until 2020-01-01 (an old agent), from imdsv1 for nodes, has expired and no longer counts" in printed(staging)


def test_in_prod_every_rule_ends_the_preview_with_why_it_is_there_and_what_to_do(stack, simulated_aws, policy_pack):
    prod = stack("prod", program=careless, config=REGION)
    with pytest.raises(UpdateError) as failure:
        prod.operate("preview", "--policy-pack", policy_pack)
    said = by_severity(failure.value)["error"]
    assert set(said) == EVERY_RULE_OF_AWS
    for name in EVERY_RULE_OF_AWS:
        assert rule(name).why in said[name]
        assert said[name].endswith(f"-> {rule(name).remedy}")


def test_a_careful_stack_is_told_its_bill_and_nothing_else(stack, simulated_aws, policy_pack):
    prod = stack("prod", program=careful, config=REGION)
    (said,) = prod.operate("up", "--yes", "--skip-preview", "--policy-pack", policy_pack).diagnostics
    assert said.message.startswith("bill: ")


def test_the_bill_of_a_preview_is_at_the_prices_of_the_project(stack, simulated_aws, policy_pack):
    prod = stack("prod", program=careful, config=REGION)
    prices = Path(prod.site.folder, PRICES)
    prices.write_text(OWN_PRICES, encoding="utf-8")
    with pytest.raises(UpdateError) as failure:
        prod.operate("preview", "--policy-pack", policy_pack)
    said = by_severity(failure.value)
    assert "expected at least 73,0" in said["warning"]["bill"]
    assert set(said["error"]) == {"budget-breach"}
    prices.write_text(OWN_PRICES.replace("100", "a lot"), encoding="utf-8")
    with pytest.raises(UpdateError, match="failed to start"):
        prod.operate("preview", "--policy-pack", policy_pack)
    assert "prices.yaml:7: prices[0].amount" in printed(prod)


def test_traffic_without_the_component_needs_an_endpoint_and_a_promotion_of_exactly_this(
    stack, at_home, packed, gated, promoted, policy_pack
):
    attempt = gated(packed("1"))
    local = stack("local", program=traffic, config={"home": str(at_home.home), "release": attempt.release, "url": "http://127.0.0.1:9"})

    def refused(operation: str, *arguments: str) -> str:
        with pytest.raises(UpdateError) as failure:
            local.operate(operation, *arguments, "--policy-pack", policy_pack)
        return str(failure.value)

    said = refused("up", "--yes", "--skip-preview")
    assert "unproven-traffic" in said
    assert "no endpoint of this stack serves it" in said
    assert [each.type for each in local.state.checkpoint().resources if "mlgate" in each.type] == []
    assert not at_home.routers.exists()

    local.change(config={"configuration": attempt.configuration, "url": None})
    assert "it has passed and is not promoted" in refused("preview")
    promoted(packed("1"))
    assert local.operate("preview", "--policy-pack", policy_pack).created("pulumi-python:dynamic/mlgate:StableUrl")
    local.change(config={"configuration": "sha256:" + "ab" * 32})
    assert "it was promoted with configuration" in refused("preview")
    local.change(config={"configuration": attempt.configuration, "url": "http://127.0.0.1:9"})
    assert "stable_url is not the URL of toy-1" in refused("preview")


def printed(stack) -> str:
    """All that its engines printed."""
    return "".join(log.read_text(encoding="utf-8") for _, _, log in stack.site.runs())
