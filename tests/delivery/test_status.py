"""What `status` says of states that a kill leaves, and of a service that nobody runs."""

import json
import re
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from mlgate_delivery.status import status
from mlgate_evidence.ledger import Ledger
from mlgate_evidence.trust import ensure_local_trust
from mlgate_serving.envoy import LocalRouter
from mlgate_serving.router import Arm, Arms


@pytest.fixture
def two(environment, promoted, packed):
    """Release 1 was promoted, then 2; gives both digests."""
    ensure_local_trust(environment)
    return promoted(packed("1")), promoted(packed("2"))


@pytest.fixture
def served(monkeypatch):
    """Makes the proxy serve these arms."""
    return lambda *given: monkeypatch.setattr(LocalRouter, "arms", lambda *_: Arms(*given))


def arm(digest):
    return Arm(digest, "http://127.0.0.1:1")


def shown(environment):
    (service,) = status(environment)
    return [(found.arm, found.release, found.weight) for found in service.arms]


def test_between_ledger_and_traffic_it_says_who_still_has_the_traffic(environment, two, served):
    former, stable = two
    served(arm(former), arm(stable), 0.0)
    assert shown(environment) == [("stable", stable, 0.0), ("leaving", former, 1.0)]


def test_a_release_in_both_slots_has_what_both_have(environment, two, served):
    _, stable = two
    served(arm(stable), arm(stable), 0.25)
    assert shown(environment) == [("stable", stable, 1.0)]


def test_a_candidate_of_the_stack_has_its_share(environment, two, served):
    _, stable = two
    candidate = "sha256:" + "3" * 64
    properties = {"service": "toy", "url": "http://127.0.0.1:2", "stable": stable, "candidate": candidate}
    type_ = "pulumi-python:dynamic/mlgate:StableUrl"
    url = {"urn": f"urn:pulumi:local::mlgate::{type_}::toy", "type": type_, "custom": True, "outputs": properties}
    path = environment.state / "state" / ".pulumi" / "stacks" / "mlgate" / "local.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"version": 3, "checkpoint": {"latest": {"resources": [url]}}}))
    served(arm(stable), arm(candidate), 0.25)
    assert shown(environment) == [("stable", stable, 0.75), ("candidate", candidate, 0.25)]


def test_what_is_stable_and_down_is_told_with_when_and_by_what_it_became_so(environment, two):
    (service,) = status(environment)
    (found,) = service.arms
    promotion = Ledger.of(environment).stable("toy", "local")
    assert (service.url, found.process, found.url, found.evidence) == (None, "not running", None, promotion.attempt)
    since = datetime.strptime(found.since.rsplit(" ", 1)[0], "%Y-%m-%d %H:%M:%S").astimezone()
    assert int(since.timestamp()) == promotion.at_ns // 10**9


def test_the_command_prints_it_as_a_table_in_every_folder_of_the_project(environment, two, tmp_path, monkeypatch):
    monkeypatch.delenv("MLGATE_HOME", raising=False)
    (tmp_path / "Pulumi.yaml").write_text("name: mlgate\nruntime: python\n")
    folder = tmp_path / "examples"
    folder.mkdir()
    command = [str(Path(sys.executable).with_name("mlgate")), "status"]
    said = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout
    promotion = Ledger.of(environment).stable("toy", "local")
    assert "toy at (no address)" in said
    (row,) = [line for line in said.splitlines() if line.split()[:1] == ["stable"]]
    for cell in (f"2 ({two[1][7:19]})", "0%", "not running", promotion.attempt):
        assert cell in row
    assert re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", row)
