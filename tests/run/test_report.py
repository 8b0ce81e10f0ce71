"""The report of a real gate: what it shows of stable comes from the rows of that gate, since only the candidate is put under load."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from mlgate_gates.report import formats
from mlgate_gates.request import GateOutcome
from mlgate_loadtests.recording import read_observations

Endpoint = Callable[..., str]
Gate = Callable[..., GateOutcome]


def table(report: Path, caption: str) -> list[list[str]]:
    """The cells of each line of the table with that caption; nothing where there is no such table."""
    page = report.read_text(encoding="utf-8")
    found = re.search(rf">{re.escape(caption)}</caption>(.*?)</table>", page, flags=re.DOTALL)
    return [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", line) for line in re.findall(r"<tr>(.*?)</tr>", found[1])] if found else []


def median_ns(outcome: GateOutcome, phase: str, arm: str) -> int:
    """The least latency, from the scheduled instant, that half of the requests kept."""
    observed = read_observations(outcome.folder / "observations.parquet").to_pylist()
    rows = [row for row in observed if (row["check"], row["arm"], row["error"]) == (phase, arm, None)]
    return sorted(row["done_ns"] - row["scheduled_ns"] for row in rows)[(len(rows) + 1) // 2 - 1]


def test_a_release_is_shown_beside_stable_by_the_rows_of_the_holdout_that_both_answered(gate: Gate, endpoint: Endpoint) -> None:
    outcome = gate(endpoint(), endpoint(sleep_s=0.03))
    head, *lines = table(outcome.report, "Latency quantiles while the hold-out was asked")
    assert head == ["Quantile", "candidate", "stable"]
    shown = {name: cells for name, *cells in lines}
    medians = [median_ns(outcome, "quality:holdout", arm) for arm in ("candidate", "stable")]
    assert shown["p50"] == [formats.duration(median) for median in medians]
    assert medians[1] > max(medians[0], 30e6), "stable is the one that sleeps"
    assert shown["failed"] == ["0", "0"]
    loaded = table(outcome.report, "Latency quantiles under load")
    assert loaded[0] == ["Quantile", "candidate", "declared"]
    assert loaded[1] == ["p50", formats.duration(median_ns(outcome, "load", "candidate")), ""]
    page = outcome.report.read_text(encoding="utf-8")
    drawing = re.search(r'aria-labelledby="latency-while-the-hold-out-was-asked-title.*?</svg>\s*</div>', page, flags=re.DOTALL)
    assert drawing
    assert len(re.findall(r'<path class="line (candidate|stable)"', drawing[0])) == 2


def test_a_first_release_has_nothing_beside_it(gate: Gate, endpoint: Endpoint) -> None:
    outcome = gate(endpoint())
    assert table(outcome.report, "Latency quantiles under load")
    assert table(outcome.report, "Latency quantiles while the hold-out was asked") == []


def test_a_refusal_before_any_load_still_compares_the_arms(gate: Gate, endpoint: Endpoint) -> None:
    outcome = gate(endpoint(wrong_every=4), endpoint())
    assert table(outcome.report, "Latency quantiles under load") == []
    assert table(outcome.report, "Latency quantiles while the hold-out was asked")[0] == ["Quantile", "candidate", "stable"]
