"""Every number that was signed must come out of the rows again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from mlgate import EvidenceError, Verdict
from mlgate_gates.plan import Plan
from mlgate_gates.verify import Verified
from mlgate_loadtests.recording import write_observations

Change = Callable[[dict[str, Any]], None]
Verify = Callable[..., Verified]


def test_rows_swapped_for_better_ones_are_seen(
    evidence: Callable[..., Path], verify: Verify, planned: Plan, rows: Any, observed: pa.Table
) -> None:
    slow = rows.contract().quality(20).quality(range(2, 24), "stable").drive(planned.load, latency_ms=900.0).table()
    folder = evidence(rows=slow)
    write_observations(folder / "observations.parquet", observed)
    with pytest.raises(EvidenceError) as caught:
        verify(folder)
    text = str(caught.value)
    assert "observations.parquet has digest" in text
    assert "result.verdict was signed as 'FAIL', and 'PASS' comes out" in text
    assert "result.findings[3].numbers.k was signed as 3200, and 0 comes out" in text


def test_a_row_more_is_seen_and_counted(evidence: Callable[..., Path], verify: Verify, observed: pa.Table) -> None:
    folder = evidence()
    write_observations(folder / "observations.parquet", observed.slice(0, 5000))
    with pytest.raises(EvidenceError, match=rf"has 5,000 rows, and what was signed has {observed.num_rows}"):
        verify(folder)


def lie_about_the_verdict(predicate: dict[str, Any]) -> None:
    """A signer that calls a failed load passed."""
    for finding in predicate["result"]["findings"]:
        finding["verdict"] = "PASS"
    predicate["result"]["verdict"] = "PASS"


def test_a_signed_lie_about_the_verdict_does_not_come_out_again(
    evidence: Callable[..., Path], verify: Verify, planned: Plan, good: Any
) -> None:
    folder = evidence(lie_about_the_verdict, rows=good.drive(planned.load, latency_ms=900.0).table())
    with pytest.raises(EvidenceError) as caught:
        verify(folder)
    assert "- result.verdict was signed as 'PASS', and 'FAIL' comes out" in str(caught.value)
    assert "- result.findings[3].verdict was signed as 'PASS', and 'FAIL' comes out" in str(caught.value)


def slices(predicate: dict[str, Any]) -> dict[str, Any]:
    of_the_holdout: dict[str, Any] = predicate["slices"]["holdout"]
    return of_the_holdout


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda p: p["result"]["findings"][1]["numbers"].update(p_value=1e-9), "result.findings[1].numbers.p_value"),
        (lambda p: p["result"]["findings"][4].update(estimate=0.5), "result.findings[4].estimate"),
        (lambda p: p["result"]["findings"][3]["path"].pop(), "result.findings[3].path was signed with"),
        (lambda p: p["result"]["health"].update(late=7), "result.health.late was signed as 7"),
        (lambda p: p["result"]["health"].update(rain=7), "result.health.rain was signed as 7 and does not come out again"),
        (lambda p: p["result"].update(decided_by="luck"), "result.decided_by"),
        (lambda p: p["observations"].update(rows=1), "what was signed has 1"),
        (lambda p: p["confusion"].update(candidate=[[20, 0, 0], [0, 880, 0]]), "confusion.candidate[0] was signed as 20, and 0 comes out"),
        (lambda p: p["confusion"].update(stable=[[0, 0, 0], [22, 878, 0]]), "confusion.stable[0] was signed as 22"),
        (lambda p: p["confusion"].update(labels=["0", "2"]), "confusion.labels[1] was signed as '2', and '1' comes out"),
        (lambda p: slices(p)["digit"][0].update(cases=299), "slices.holdout.digit.cases was signed as 899, and 900 comes out"),
        (lambda p: slices(p)["digit"][0].update(right=300), "slices.holdout.digit.right was signed as 900, and 880 comes out"),
        (lambda p: slices(p).update(half=[]), "slices.holdout.half was signed, and no such slice is declared"),
        (lambda p: p["slices"].update(other=slices(p)), "slices.other.digit was signed, and no such slice is declared"),
        (lambda p: p["generator"]["runs"][3].update(sent=9000), "result.verdict was signed as 'PASS', and 'VOID' comes out"),
        (lambda p: p["generator"]["runs"][3].update(clock_stepped_ns=5_000_000), "result.health.clock_stepped_ns was signed as 0"),
        (lambda p: p["result"]["health"]["problems"].append("rain"), "result.health.problems was signed as 1, and 0 comes out"),
    ],
)
def test_each_number_that_was_signed_must_come_out_again(evidence: Callable[..., Path], verify: Verify, change: Change, named: str) -> None:
    with pytest.raises(EvidenceError) as caught:
        verify(evidence(change))
    assert named in str(caught.value)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda p: p.pop("observations"), "observations: Field required"),
        (lambda p: p.pop("look"), "look: Field required"),
        (lambda p: p["confusion"].pop("labels"), r"confusion\.labels: Field required"),
        (lambda p: p["confusion"].update(labels=["cat"]), "confusion: Value error, candidate must have 1 rows of 2"),
        (lambda p: p["confusion"].update(candidate=[[0, 20], [0, 880, 0]]), "confusion: Value error, candidate must have 2 rows of 3"),
        (lambda p: p["confusion"].update(stable=7), r"confusion\.stable: Input should be"),
        (lambda p: slices(p)["digit"][0].pop("cases"), r"slices\.holdout\.digit\.0\.cases: Field required"),
        (lambda p: p.update(slices=[]), "slices: Input should be"),
        (lambda p: p.update(versions=["2.4"]), "versions: Input should be"),
    ],
)
def test_a_signed_value_of_another_shape_is_named(evidence: Callable[..., Path], verify: Verify, change: Change, named: str) -> None:
    with pytest.raises(EvidenceError, match=named):
        verify(evidence(change))


def test_rightness_in_the_confusion_matrix_is_that_of_the_rows(evidence: Callable[..., Path], verify: Verify) -> None:
    with pytest.raises(EvidenceError, match=r"confusion.candidate.right was signed as 890, and 880 comes out"):
        verify(evidence(lambda predicate: predicate["confusion"].update(candidate=[[0, 10, 0], [0, 890, 0]])))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda p: p.pop("generator"), "generator: Input should be"),
        (lambda p: p.update(generator={"runs": [{"run": 0, "sent": -1, "clock_stepped_ns": 0}]}), r"generator\.runs\.0\.sent"),
        (lambda p: p["generator"].update(rain=1), r"generator\.rain"),
    ],
)
def test_evidence_without_the_generators_account_proves_nothing(
    evidence: Callable[..., Path], verify: Verify, change: Change, named: str
) -> None:
    with pytest.raises(EvidenceError, match=named):
        verify(evidence(change))


def test_a_lost_answer_that_was_asked_again_counts_once(evidence: Callable[..., Path], verify: Verify, planned: Plan, rows: Any) -> None:
    lost = {"status": [0] * 5 + [200] * 895, "error": ["lost: killed"] * 5 + [None] * 895, "answer": [None] * 5 + [1.0] * 895}
    rows.contract().quality(20, **lost).quality(range(2, 24), "stable")
    rows.add("quality:holdout", case_id=[f"case-{place}" for place in range(5)], score=[0.0] * 5)
    result = verify(evidence(rows=rows.drive(planned.load).table())).result
    assert (result.verdict, result.health["lost"]) == (Verdict.PASS, 5)


def test_an_answer_that_was_lost_each_time_it_was_asked_for_counts_once_as_none(
    evidence: Callable[..., Path], verify: Verify, planned: Plan, rows: Any
) -> None:
    lost = {"status": [0] + [200] * 899, "error": ["lost: killed"] + [None] * 899, "answer": [None] + [1.0] * 899}
    rows.contract().quality(20, **lost).quality(range(2, 24), "stable")
    rows.add("quality:holdout", case_id=["case-0"], status=[0], error=["lost: killed"], answer=[None], score=[0.0])
    counted = {"candidate": [[0, 19, 1], [0, 880, 0]], "stable": [[0, 22, 0], [0, 878, 0]]}
    folder = evidence(lambda predicate: predicate["confusion"].update(counted), rows.drive(planned.load).table())
    assert verify(folder).result.finding("accuracy").numbers["lost"] == 1


@pytest.mark.parametrize("confusion", [None, {"labels": ["0", "1"], "candidate": [[0, 20, 0], [0, 880, 0]]}])
def test_a_confusion_matrix_may_be_absent_in_whole_or_of_stable(evidence: Callable[..., Path], verify: Verify, confusion: Any) -> None:
    assert verify(evidence(lambda predicate: predicate.update(confusion=confusion))).result.verdict is Verdict.PASS
