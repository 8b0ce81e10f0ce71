"""A service with two hold-outs that are sliced by a column of one name: what was answered to each is told of each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from mlgate import Environment, Service, Verdict
from mlgate_evidence.trust import Trust
from mlgate_gates.request import GateOutcome
from mlgate_gates.verify import verify_folder

BAR = "  - {name: accuracy, metric: accuracy, at_least: 0.9, data: holdout.parquet, slices: [half], look_at: look.parquet}\n"
NIGHT = "  - {name: at-night, metric: accuracy, at_least: 0.9, data: night.parquet, slices: [half]}\n"
CASES = {"holdout": 300, "night": 200}


@pytest.fixture
def twice(folder: Path) -> Service:
    """The service with a second bar, on the first cases of its hold-out under other names."""
    table = pq.read_table(folder / "holdout.parquet").slice(0, CASES["night"])
    pq.write_table(table, folder / "night.parquet")
    declaration = folder / "service.yaml"
    text = declaration.read_text(encoding="utf-8")
    assert BAR in text
    declaration.write_text(text.replace(BAR, BAR + NIGHT), encoding="utf-8")
    return Service.read(declaration)


@pytest.mark.parametrize(("wrong_every", "verdict", "asked"), [(0, Verdict.PASS, ["holdout", "night"]), (2, Verdict.FAIL, ["holdout"])])
def test_a_refusal_before_the_second_holdout_verifies_like_a_pass_of_both(
    gate: Callable[..., GateOutcome],
    endpoint: Callable[..., str],
    twice: Service,
    environment: Environment,
    signed: Callable[[GateOutcome], dict[str, Any]],
    wrong_every: int,
    verdict: Verdict,
    asked: list[str],
) -> None:
    outcome = gate(endpoint(wrong_every=wrong_every), service=twice)
    assert outcome.result.verdict is verdict
    found = {name: sum(part["cases"] for part in columns["half"]) for name, columns in signed(outcome)["slices"].items()}
    assert found == {name: CASES[name] for name in asked}
    assert verify_folder(outcome.folder, Trust.read(environment.trust)).result.verdict is verdict
