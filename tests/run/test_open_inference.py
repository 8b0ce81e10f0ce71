"""A gate of an endpoint that speaks the Open Inference Protocol v2, which is how most servers that are not ours are asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mlgate import Environment, Service, Verdict
from mlgate_evidence.trust import Trust
from mlgate_gates.request import GateOutcome
from mlgate_gates.verify import verify_folder

Gate = Callable[..., GateOutcome]
Endpoint = Callable[..., str]


@pytest.fixture
def service(folder: Path) -> Service:
    """The declared service, of the other protocol."""
    text = (folder / "service.yaml").read_text(encoding="utf-8")
    assert "protocol: torchserve" in text
    (folder / "service.yaml").write_text(text.replace("protocol: torchserve", "protocol: open-inference"), encoding="utf-8")
    return Service.read(folder / "service.yaml")


def test_a_good_release_passes_every_check_with_evidence_that_verifies(gate: Gate, endpoint: Endpoint, environment: Environment) -> None:
    outcome = gate(endpoint(), endpoint())
    assert {finding.name: finding.verdict for finding in outcome.result.findings} == dict.fromkeys(
        ["contract", "accuracy", "no-worse", "latency-p95", "error-rate"], Verdict.PASS
    )
    verified = verify_folder(outcome.folder, Trust.read(environment.trust))
    assert verified.result.to_dict() == outcome.result.to_dict()
    assert verified.plan.declaration["interface"]["protocol"] == "open-inference"


def test_a_refusal_that_does_not_name_the_tensor_breaks_the_contract(gate: Gate, endpoint: Endpoint) -> None:
    result = gate(endpoint(names_fields=False)).result
    assert (result.verdict, result.decided_by) == (Verdict.FAIL, "contract")
    assert "wrong-type:numbers (status: 400 a bad row)" in result.reason
    assert "unknown-field (status: 400 a bad row)" in result.reason
