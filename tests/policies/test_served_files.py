"""What serves the rules, and the files beside Pulumi.yaml and in the home of an environment that it goes by."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pulumi.runtime.proto import analyzer_pb2 as said

from mlgate import Environment
from mlgate.prices import OWN_FILE as PRICES
from mlgate_policies.exceptions import FILE
from mlgate_policies.rules import OWN_FILE

from .serving import ALL_OF_S3, ALLOWS_ALL, POLICY, REGION, Serve, asked, before, made
from .test_on_the_engine import OWN_PRICES

EXCEPTIONS = """\
apiVersion: mlgate/v1
kind: PolicyExceptions
exceptions:
  - {rule: wildcard-action, resources: [it], environments: [prod], owner: ml, reason: it is new, expires: 2999-12-31}
  - {rule: wildcard-action, resources: [old, older], environments: [prod], owner: ml, reason: it was new, expires: 2020-01-01}
"""


def test_the_bill_is_told_of_a_stack_in_a_region_and_of_no_other(serve: Serve) -> None:
    def bills(*resources: Any) -> list[Any]:
        return [each for each in pack.AnalyzeStack(said.AnalyzeStackRequest(resources=resources)).diagnostics if each.policyName == "bill"]

    cluster = "aws:eks/cluster:Cluster"
    with serve(**{PRICES: OWN_PRICES}) as pack:
        (found,) = bills(made(cluster, {"version": "1.35"}, provider=REGION))
        assert (found.enforcementLevel, found.urn) == (said.ADVISORY, "")
        why, sums, line, remedy = found.message.split("\n")
        assert why == "who changes a stack sees what a month of it costs"
        assert sums.startswith("a month costs, in USD: min 73,000.00, expected 73,000.00, max 73,000.00; prices of 2026-11-20")
        assert line.startswith("  Cluster it: control plane: 73,000.00")
        assert remedy == "  -> `mlgate cost` says where each price is from, and with --deployed what changes"
        (found,) = bills(made(cluster, provider={"region": "xx-nowhere-1"}))
        assert "\nwhat a month costs is not known, and held against no budget: region: there is no price of region" in found.message
        assert bills(made(cluster)) == []
        assert bills() == []


def test_an_exception_counts_in_the_stack_that_is_named_and_one_that_has_expired_is_said(
    serve: Serve, capfd: pytest.CaptureFixture[str]
) -> None:
    def refused(name: str) -> list[str]:
        return [each.message.split("\n", 1)[1] for each in before(pack, asked(POLICY, {"policy": ALL_OF_S3}, name=name))]

    with serve(**{FILE: EXCEPTIONS}) as pack:
        assert refused("it") == []
        (found,) = refused("old")
        assert found.startswith(f"{ALLOWS_ALL}\n  the exception of ml until 2020-01-01 (it was new) has expired\n")
        pack.ConfigureStack(said.AnalyzerStackConfigureRequest(stack="dev"))
        assert len(refused("it")) == 1
    ended = "the exception of ml until 2020-01-01 (it was new), from wildcard-action for old, older, has expired and no longer counts\n"
    assert capfd.readouterr().err == ended


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        (FILE, EXCEPTIONS.replace("wildcard-action", "wildcards"), f"{FILE}:4: there is no rule 'wildcards'\n  -> did you mean "),
        (OWN_FILE, "", "RULES is None"),
        (PRICES, OWN_PRICES.replace("100", "a lot"), f"{PRICES}:7: prices[0].amount"),
    ],
)
def test_a_file_that_is_wrong_ends_the_pack_with_its_line(policy_pack: str, tmp_path: Path, name: str, text: str, problem: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    done = subprocess.run([sys.executable, policy_pack], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert problem in done.stderr
    assert "Traceback" not in done.stderr


def test_traffic_is_judged_with_the_ledger_of_the_environment_that_the_pack_runs_for(serve: Serve, at_home: Environment) -> None:
    release = "sha256:" + "ab" * 32
    place = {"home": str(at_home.home), "stage": "local", "service": "toy"}
    moving = asked("pulumi-python:dynamic/mlgate:StableUrl", {**place, "stable": release, "weight": 0})
    serves = asked("pulumi-python:dynamic/mlgate:EndpointProcess", {**place, "release": release, "configuration": release})
    with serve("local") as pack:
        (found,) = before(pack, moving)
        assert "and no endpoint of this stack serves it" in found.message
        assert before(pack, serves) == []
        (found,) = before(pack, moving)
        assert "and no endpoint of this stack serves it" not in found.message
        assert release[7:19] in found.message
