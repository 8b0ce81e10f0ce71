"""Evidence computed again: what holds is confirmed, whatever was altered is named, each difference at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from mlgate import Environment, EvidenceError, Verdict
from mlgate.digests import digest_file, digest_json
from mlgate_evidence.signer import KeyFileSigner
from mlgate_evidence.statement import build_statement, sign_statement
from mlgate_evidence.subject import subject_digests
from mlgate_evidence.trust import Trust, ensure_local_trust
from mlgate_gates.plan import Plan
from mlgate_gates.request import Subject
from mlgate_gates.result import GateResult
from mlgate_gates.verify import Verified, differences, verify_folder
from mlgate_loadtests.account import Generator
from mlgate_loadtests.recording import write_observations

Judge = Callable[..., GateResult]

SIGNED_NS = 1_796_000_000 * 10**9
CONFIGURATION = "sha256:" + "f" * 64
Change = Callable[[dict[str, Any]], None]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment with a key and a trust file."""
    place = Environment("local", tmp_path_factory.mktemp("home"))
    ensure_local_trust(place)
    return place


@pytest.fixture
def planned(plan_from: Callable[..., Plan]) -> Plan:
    """A plan whose candidate is known by release and configuration, and whose hold-out has a slice."""
    sliced = ("at_least: 0.94, data: data/holdout.parquet", "at_least: 0.94, data: data/holdout.parquet, slices: [digit]")
    return plan_from(sliced, candidate=Subject("http://127.0.0.1:1", "sha256:" + "c" * 64, CONFIGURATION))


@pytest.fixture
def observed(good: Any, planned: Plan) -> pa.Table:
    """Rows of a gate that passes."""
    table: pa.Table = good.copy().drive(planned.load, latency_ms=[float(place % 50) for place in range(3200)]).table()
    return table


@pytest.fixture
def evidence(
    judge: Judge, accounted: Callable[..., Generator], tmp_path: Path, environment: Environment, planned: Plan, observed: pa.Table
) -> Callable[..., Path]:
    """Writes the evidence of a gate.

    `lie` may change the predicate before it is signed, and `plan_lie` the plan before anything else; `rows` are what is stored.
    """

    def write(lie: Change = lambda _: None, rows: pa.Table = observed, plan_lie: Change = lambda _: None) -> Path:
        folder = tmp_path / "attempt"
        folder.mkdir()
        write_observations(folder / "observations.parquet", rows)
        plan = planned.to_dict()
        plan_lie(plan)
        (folder / "plan.json").write_text(json.dumps(plan, indent=2))
        predicate = {
            "plan": plan,
            "plan_digest": digest_json(plan),
            "ledger": {"count": 1, "head": "sha256:" + "0" * 64},
            "result": judge(Plan.from_dict(plan), rows).to_dict(),
            "generator": accounted(rows).to_dict(),
            "versions": {"numpy": np.__version__},
            "slices": {"digit": [{"value": "0", "cases": 300, "right": 280}, {"value": "1", "cases": 600, "right": 600}]},
            "observations": {"digest": digest_file(folder / "observations.parquet"), "rows": rows.num_rows},
            "confusion": {"labels": [0, 1], "candidate": [[0, 20, 0], [0, 880, 0]], "stable": [[0, 22, 0], [0, 878, 0]]},
        }
        lie(predicate)
        subject = planned.subject
        statement = build_statement(subject_digests(subject.release, subject.configuration, subject.url), predicate)
        signed = sign_statement(statement, KeyFileSigner(environment.signing_key), clock=lambda: SIGNED_NS)
        (folder / "evidence.json").write_bytes(signed)
        return folder

    return write


@pytest.fixture
def verify(environment: Environment) -> Callable[[Path], Verified]:
    """Verifies a folder an hour after it was signed."""
    trust = Trust.read(environment.trust)
    return lambda folder: verify_folder(folder, trust, now_ns=SIGNED_NS + 3600 * 10**9)


def test_evidence_that_holds_gives_its_verdict_again(
    judge: Judge,
    evidence: Callable[..., Path],
    verify: Callable[[Path], Verified],
    planned: Plan,
    observed: pa.Table,
    environment: Environment,
) -> None:
    verified = verify(evidence())
    assert verified.result == judge(planned, observed)
    assert (verified.result.verdict, verified.rows, verified.plan_digest) == (Verdict.PASS, observed.num_rows, planned.digest)
    assert verified.keyid == KeyFileSigner(environment.signing_key).keyid


def test_the_present_is_the_clocks_unless_given(evidence: Callable[..., Path], environment: Environment) -> None:
    with pytest.raises(EvidenceError, match="in the future"):
        verify_folder(evidence(), Trust.read(environment.trust), now_ns=SIGNED_NS - 3600 * 10**9)


def test_a_refusal_is_verified_like_a_pass(
    evidence: Callable[..., Path], verify: Callable[[Path], Verified], planned: Plan, good: Any
) -> None:
    assert verify(evidence(rows=good.drive(planned.load, latency_ms=900.0).table())).result.verdict is Verdict.FAIL


def test_evidence_without_its_plan_file_holds_since_the_plan_is_signed(
    evidence: Callable[..., Path], verify: Callable[[Path], Verified]
) -> None:
    folder = evidence()
    (folder / "plan.json").unlink()
    assert verify(folder).result.verdict is Verdict.PASS


def test_rows_swapped_for_better_ones_are_seen(
    evidence: Callable[..., Path], verify: Callable[[Path], Verified], planned: Plan, rows: Any, observed: pa.Table
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


def test_a_row_more_is_seen_and_counted(evidence: Callable[..., Path], verify: Callable[[Path], Verified], observed: pa.Table) -> None:
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
    evidence: Callable[..., Path], verify: Callable[[Path], Verified], planned: Plan, good: Any
) -> None:
    folder = evidence(lie_about_the_verdict, rows=good.drive(planned.load, latency_ms=900.0).table())
    with pytest.raises(EvidenceError) as caught:
        verify(folder)
    assert "- result.verdict was signed as 'PASS', and 'FAIL' comes out" in str(caught.value)
    assert "- result.findings[3].verdict was signed as 'PASS', and 'FAIL' comes out" in str(caught.value)


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
        (lambda p: p.pop("observations"), "no observations were signed"),
        (lambda p: p["confusion"].update(candidate=[[20, 0, 0], [0, 880, 0]]), "confusion.candidate[0] was signed as 20, and 0 comes out"),
        (lambda p: p["confusion"].update(stable=[[0, 0, 0], [22, 878, 0]]), "confusion.stable[0] was signed as 22"),
        (lambda p: p["slices"]["digit"][0].update(cases=299), "slices.digit.cases was signed as 899, and 900 comes out"),
        (lambda p: p["slices"]["digit"][0].update(right=300), "slices.digit.right was signed as 900, and 880 comes out"),
        (lambda p: p["slices"].update(half=[]), "slices.half was signed, and no such slice is declared"),
        (lambda p: p["generator"]["runs"][3].update(sent=9000), "result.verdict was signed as 'PASS', and 'VOID' comes out"),
        (lambda p: p["generator"]["runs"][3].update(clock_stepped_ns=5_000_000), "result.health.clock_stepped_ns was signed as 0"),
        (lambda p: p["result"]["health"]["problems"].append("rain"), "result.health.problems was signed as 1, and 0 comes out"),
    ],
)
def test_each_number_that_was_signed_must_come_out_again(
    evidence: Callable[..., Path], verify: Callable[[Path], Verified], change: Change, named: str
) -> None:
    with pytest.raises(EvidenceError) as caught:
        verify(evidence(change))
    assert named in str(caught.value)


def test_rightness_in_the_confusion_matrix_is_that_of_the_rows(evidence: Callable[..., Path], verify: Callable[[Path], Verified]) -> None:
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
    evidence: Callable[..., Path], verify: Callable[[Path], Verified], change: Change, named: str
) -> None:
    with pytest.raises(EvidenceError, match=named):
        verify(evidence(change))


def test_a_lost_answer_that_was_asked_again_counts_once(
    evidence: Callable[..., Path], verify: Callable[[Path], Verified], planned: Plan, rows: Any
) -> None:
    lost = {"status": [0] * 5 + [200] * 895, "error": ["lost: killed"] * 5 + [None] * 895, "answer": [None] * 5 + [1.0] * 895}
    rows.contract().quality(20, **lost).quality(range(2, 24), "stable")
    rows.add("quality:holdout", case_id=[f"case-{place}" for place in range(5)], score=[0.0] * 5)
    result = verify(evidence(rows=rows.drive(planned.load).table())).result
    assert (result.verdict, result.health["lost"]) == (Verdict.PASS, 5)


# The plan is what was declared.


def without_the_margin(plan: dict[str, Any]) -> None:
    """A check left out that the release would not have passed."""
    del plan["checks"][2]


@pytest.mark.parametrize(
    ("plan_lie", "named"),
    [
        (lambda plan: plan["checks"][1].update(at_least=0.5), "plan.checks[1].at_least was signed as 0.5, and 0.94 comes out"),
        (lambda plan: plan["checks"][2].update(margin=0.5), "plan.checks[2].margin was signed as 0.5, and 0.02 comes out"),
        (lambda plan: plan["checks"][3].update(at_most_ns=10**10), "plan.checks[3].at_most_ns"),
        (lambda plan: plan["checks"][0].update(cases=plan["checks"][0]["cases"][:1]), "plan.checks[0].cases was signed with 1 items"),
        (without_the_margin, "plan.checks was signed with 4 items, and 5 come out"),
        (lambda plan: plan.update(alpha=0.5), "plan.alpha was signed as 0.5"),
        (lambda plan: plan.update(route=2), "plan.alpha was signed as 0.008, and 0.001 comes out"),
        (lambda plan: plan.update(alpha_block=0.5), "plan.alpha_block was signed as 0.5"),
        (lambda plan: plan.update(service="letters"), "plan.service was signed as 'letters', and 'digits' comes out"),
        (lambda plan: plan["load"].update(late_ns=10**10), "plan.load.late_ns"),
        (lambda plan: plan["load"].update(at_least_ns=0), "plan.load.at_least_ns"),
        (lambda plan: plan["load"].update(rate_per_s=1.0), "plan.load.rate_per_s"),
        (lambda plan: plan["load"].update(schedule_seed=1), "plan.load.schedule_seed was signed as 1"),
        (lambda plan: plan["samples"][0].update(arms=["candidate"]), "plan.samples[0].arms was signed with 1 items, and 2 come out"),
        (lambda plan: plan["samples"].append(plan["samples"][0] | {"data": "mine.parquet"}), "plan.samples was signed with 2 items"),
    ],
)
def test_a_plan_that_is_not_what_was_declared_is_seen_however_it_was_signed(
    evidence: Callable[..., Path], verify: Callable[[Path], Verified], plan_lie: Change, named: str
) -> None:
    with pytest.raises(EvidenceError) as caught:
        verify(evidence(plan_lie=plan_lie))
    assert named in str(caught.value)


@pytest.mark.parametrize(
    ("plan_lie", "named"),
    [
        (lambda plan: plan["declaration"].update(rain=1), r"declaration\.rain: Extra inputs"),
        (lambda plan: plan["samples"][0].update(data="mine.parquet"), "samples: none is of 'data/holdout.parquet'"),
    ],
)
def test_a_plan_whose_declaration_does_not_fit_it_is_refused(
    evidence: Callable[..., Path], verify: Callable[[Path], Verified], plan_lie: Change, named: str
) -> None:
    with pytest.raises(EvidenceError, match=named):
        verify(evidence(plan_lie=plan_lie))


# The load went out by its schedule.


def test_evenly_spaced_requests_are_no_poisson_arrivals(
    evidence: Callable[..., Path], verify: Callable[[Path], Verified], good: Any
) -> None:
    with pytest.raises(EvidenceError, match="run 3: its 3,200 requests did not go out when the plan's seed and rate say"):
        verify(evidence(rows=good.load().table()))


def test_a_request_moved_by_a_nanosecond_is_seen(
    evidence: Callable[..., Path], verify: Callable[[Path], Verified], observed: pa.Table
) -> None:
    scheduled = observed["scheduled_ns"].to_pylist()
    scheduled[-5] += 1
    moved = observed.set_column(observed.schema.get_field_index("scheduled_ns"), "scheduled_ns", pa.array(scheduled, pa.int64()))
    with pytest.raises(EvidenceError, match="did not go out when the plan's seed and rate say"):
        verify(evidence(rows=moved))


def test_another_rate_than_the_declared_one_is_seen(
    evidence: Callable[..., Path], verify: Callable[[Path], Verified], planned: Plan, good: Any
) -> None:
    assert planned.load is not None
    slower = planned.load.model_copy(update={"rate_per_s": 150.0})
    with pytest.raises(EvidenceError, match="did not go out when the plan's seed and rate say"):
        verify(evidence(rows=good.drive(slower).table()))


def test_a_warm_up_that_is_not_the_planned_one_is_seen(
    evidence: Callable[..., Path], verify: Callable[[Path], Verified], planned: Plan, good: Any
) -> None:
    assert planned.load is not None
    longer = planned.load.model_copy(update={"warm_up_ns": planned.load.warm_up_ns + 10**9})
    with pytest.raises(EvidenceError, match="did not go out when the plan's seed and rate say"):
        verify(evidence(rows=good.drive(longer).table()))


def test_each_run_of_a_continued_load_has_arrivals_of_its_own(
    evidence: Callable[..., Path], verify: Callable[[Path], Verified], planned: Plan, good: Any
) -> None:
    assert verify(evidence(rows=good.drive(planned.load, 1000).drive(planned.load, 2600).table())).result.verdict is Verdict.PASS


def test_a_second_run_with_the_arrivals_of_the_first_is_seen(
    evidence: Callable[..., Path], verify: Callable[[Path], Verified], planned: Plan, good: Any
) -> None:
    assert planned.load is not None
    again = planned.load.model_copy(update={"schedule_seed": planned.load.schedule_seed - 1})
    with pytest.raises(EvidenceError, match="run 4: its"):
        verify(evidence(rows=good.drive(planned.load, 1000).drive(again, 2600).table()))


def test_arrivals_drawn_by_another_numpy_are_told_as_such(
    evidence: Callable[..., Path], verify: Callable[[Path], Verified], good: Any
) -> None:
    folder = evidence(lambda predicate: predicate.update(versions={"numpy": "1.0"}), good.load().table())
    with pytest.raises(EvidenceError, match=rf"drawn by numpy 1\.0, and again by {np.__version__}"):
        verify(folder)


def test_rows_that_prove_nothing_need_keep_no_schedule(
    evidence: Callable[..., Path], verify: Callable[[Path], Verified], good: Any
) -> None:
    rows = good.load(served_digest=[None] * 3200).table()
    assert verify(evidence(rows=rows)).result.verdict is Verdict.VOID


@pytest.mark.parametrize("confusion", [None, {"labels": [0, 1], "candidate": [[0, 20, 0], [0, 880, 0]]}])
def test_a_confusion_matrix_may_be_absent_in_whole_or_of_stable(
    evidence: Callable[..., Path], verify: Callable[[Path], Verified], confusion: Any
) -> None:
    assert verify(evidence(lambda predicate: predicate.update(confusion=confusion))).result.verdict is Verdict.PASS


def test_another_plan_beside_the_evidence_is_seen(evidence: Callable[..., Path], verify: Callable[[Path], Verified], planned: Plan) -> None:
    folder = evidence()
    (folder / "plan.json").write_text(json.dumps({**planned.to_dict(), "alpha": 0.5}))
    with pytest.raises(EvidenceError, match=r"plan\.json has digest sha256:"):
        verify(folder)


@pytest.mark.parametrize("content", ["{", "", '{"alpha": NaN}'])
def test_a_plan_file_that_is_no_json_is_seen(evidence: Callable[..., Path], verify: Callable[[Path], Verified], content: str) -> None:
    folder = evidence()
    (folder / "plan.json").write_text(content)
    with pytest.raises(EvidenceError, match=r"plan\.json is not JSON"):
        verify(folder)


def test_an_altered_envelope_is_refused_before_anything_is_computed(
    evidence: Callable[..., Path], verify: Callable[[Path], Verified]
) -> None:
    folder = evidence()
    envelope = json.loads((folder / "evidence.json").read_bytes())
    signature = envelope["signatures"][0]["sig"]
    envelope["signatures"][0]["sig"] = ("B" if signature[0] == "A" else "A") + signature[1:]
    (folder / "evidence.json").write_text(json.dumps(envelope))
    (folder / "observations.parquet").unlink()
    with pytest.raises(EvidenceError, match="the signature does not fit"):
        verify(folder)


def test_a_strangers_evidence_is_refused(evidence: Callable[..., Path], tmp_path: Path) -> None:
    stranger = Environment("local", tmp_path / "stranger")
    with pytest.raises(EvidenceError, match="nobody here trusts"):
        verify_folder(evidence(), ensure_local_trust(stranger), now_ns=SIGNED_NS)


@pytest.mark.parametrize("missing", ["evidence.json", "observations.parquet"])
def test_a_missing_file_is_named(evidence: Callable[..., Path], verify: Callable[[Path], Verified], missing: str) -> None:
    folder = evidence()
    (folder / missing).unlink()
    with pytest.raises(EvidenceError, match=missing.replace(".", r"\.")):
        verify(folder)


def test_damaged_observations_are_named(evidence: Callable[..., Path], verify: Callable[[Path], Verified]) -> None:
    folder = evidence()
    content = bytearray((folder / "observations.parquet").read_bytes())
    content[-8:] = b"ruined!!"
    (folder / "observations.parquet").write_bytes(bytes(content))
    with pytest.raises(EvidenceError, match=r"observations\.parquet"):
        verify(folder)


def test_one_flipped_byte_in_the_observations_is_seen(evidence: Callable[..., Path], verify: Callable[[Path], Verified]) -> None:
    folder = evidence()
    content = bytearray((folder / "observations.parquet").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "observations.parquet").write_bytes(bytes(content))
    with pytest.raises(EvidenceError, match=r"observations\.parquet"):
        verify(folder)


def test_prose_may_be_worded_better_later(evidence: Callable[..., Path], verify: Callable[[Path], Verified]) -> None:
    def older_words(predicate: dict[str, Any]) -> None:
        predicate["result"]["reason"] = "everything was fine"
        predicate["result"]["findings"][0] |= {"claim": "it answers as documented", "reason": "it did"}

    assert verify(evidence(older_words)).result.verdict is Verdict.PASS


def test_problems_may_be_worded_better_later(evidence: Callable[..., Path], verify: Callable[[Path], Verified], good: Any) -> None:
    def older_words(predicate: dict[str, Any]) -> None:
        predicate["result"]["health"]["problems"] = ["it was another one"]

    rows = good.load(served_digest=[None] * 3200).table()
    assert verify(evidence(older_words, rows)).result.verdict is Verdict.VOID


@pytest.mark.parametrize(
    ("signed", "computed", "found"),
    [
        (1.0, 1.0 + 1e-8, []),
        (1.0, 1.001, ["x was signed as 1.0, and 1.001 comes out"]),
        (0.0, 1e-12, ["x was signed as 0.0, and 1e-12 comes out"]),
        ({"log_e_pass": 0.0}, {"log_e_pass": 1e-9}, []),
        ({"path": [[1, 0.0]]}, {"path": [[1, 1e-9]]}, []),
        ({"path": [[1, 0.0]]}, {"path": [[1, 1e-3]]}, ["x.path[0][1] was signed as 0.0, and 0.001 comes out"]),
        (1, True, ["x was signed as 1, and True comes out"]),
        (None, 0.0, ["x was signed as None, and 0.0 comes out"]),
        ([1, 2], [1], ["x was signed with 2 items, and 1 come out"]),
        ([1], {"a": 1}, ["x was signed as [1], and {'a': 1} comes out"]),
        ({"a": 1}, {"a": 1, "b": 2}, []),
        ({"a": {"b": "y"}}, {"a": {"b": "z"}}, ["x.a.b was signed as 'y', and 'z' comes out"]),
        ("PASS", Verdict.PASS, []),
    ],
)
def test_what_is_a_difference(signed: Any, computed: Any, found: list[str]) -> None:
    assert list(differences(signed, computed, "x")) == found


def test_cases_to_look_at_that_nobody_signed_are_seen(evidence: Callable[..., Path], verify: Callable[[Path], Verified]) -> None:
    folder = evidence()
    (folder / "look.json").write_text("[]")
    with pytest.raises(EvidenceError, match=r"look\.json has digest sha256:\w+, and what was signed has None"):
        verify(folder)
