"""Evidence computed again: what holds is confirmed, whatever was altered is named, each difference at once."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from mlgate import Environment, EvidenceError, Verdict
from mlgate.digests import digest_json
from mlgate_evidence.signer import KeyFileSigner
from mlgate_evidence.trust import Trust, ensure_local_trust
from mlgate_gates.plan import Plan
from mlgate_gates.result import GateResult
from mlgate_gates.verify import Verified, differences, verify_folder

Judge = Callable[..., GateResult]
Verify = Callable[..., Verified]


def test_evidence_that_holds_gives_its_verdict_again(
    judge: Judge,
    evidence: Callable[..., Path],
    verify: Verify,
    planned: Plan,
    observed: pa.Table,
    environment: Environment,
) -> None:
    verified = verify(evidence())
    assert verified.result == judge(planned, observed)
    assert (verified.result.verdict, verified.rows) == (Verdict.PASS, observed.num_rows)
    assert verified.plan_digest == digest_json(planned.to_dict())
    assert verified.keyid == KeyFileSigner(environment.signing_key).keyid


def test_the_present_is_the_clocks_unless_given(
    evidence: Callable[..., Path], verify: Verify, environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = evidence()
    monkeypatch.setattr(time, "time_ns", lambda: 0)
    with pytest.raises(EvidenceError, match="in the future"):
        verify_folder(folder, Trust.read(environment.trust))
    with pytest.raises(EvidenceError, match="in the future"):
        verify(folder, hours=-1)
    assert verify(folder).result.verdict is Verdict.PASS


def test_a_refusal_is_verified_like_a_pass(evidence: Callable[..., Path], verify: Verify, planned: Plan, good: Any) -> None:
    assert verify(evidence(rows=good.drive(planned.load, latency_ms=900.0).table())).result.verdict is Verdict.FAIL


def test_evidence_without_its_plan_file_holds_since_the_plan_is_signed(evidence: Callable[..., Path], verify: Verify) -> None:
    folder = evidence()
    (folder / "plan.json").unlink()
    assert verify(folder).result.verdict is Verdict.PASS


def test_another_plan_beside_the_evidence_is_seen(evidence: Callable[..., Path], verify: Verify, planned: Plan) -> None:
    folder = evidence()
    (folder / "plan.json").write_text(json.dumps({**planned.to_dict(), "alpha": 0.5}))
    with pytest.raises(EvidenceError, match=r"plan\.json has digest sha256:"):
        verify(folder)


@pytest.mark.parametrize("content", ["{", "", '{"alpha": NaN}'])
def test_a_plan_file_that_is_no_json_is_seen(evidence: Callable[..., Path], verify: Verify, content: str) -> None:
    folder = evidence()
    (folder / "plan.json").write_text(content)
    with pytest.raises(EvidenceError, match=r"plan\.json is not JSON"):
        verify(folder)


def test_an_altered_envelope_is_refused_before_anything_is_computed(evidence: Callable[..., Path], verify: Verify) -> None:
    folder = evidence()
    envelope = json.loads((folder / "evidence.json").read_bytes())
    signature = envelope["signatures"][0]["sig"]
    envelope["signatures"][0]["sig"] = ("B" if signature[0] == "A" else "A") + signature[1:]
    (folder / "evidence.json").write_text(json.dumps(envelope))
    (folder / "observations.parquet").unlink()
    with pytest.raises(EvidenceError, match="the signature does not fit"):
        verify(folder)


def test_a_strangers_evidence_is_refused(evidence: Callable[..., Path], verify: Verify, tmp_path: Path) -> None:
    stranger = Environment("local", tmp_path / "stranger")
    with pytest.raises(EvidenceError, match="nobody here trusts"):
        verify(evidence(), ensure_local_trust(stranger))


@pytest.mark.parametrize("missing", ["evidence.json", "observations.parquet"])
def test_a_missing_file_is_named(evidence: Callable[..., Path], verify: Verify, missing: str) -> None:
    folder = evidence()
    (folder / missing).unlink()
    with pytest.raises(EvidenceError, match=missing.replace(".", r"\.")):
        verify(folder)


def test_damaged_observations_are_named(evidence: Callable[..., Path], verify: Verify) -> None:
    folder = evidence()
    content = bytearray((folder / "observations.parquet").read_bytes())
    content[-8:] = b"ruined!!"
    (folder / "observations.parquet").write_bytes(bytes(content))
    with pytest.raises(EvidenceError, match=r"observations\.parquet"):
        verify(folder)


def test_one_flipped_byte_in_the_observations_is_seen(evidence: Callable[..., Path], verify: Verify) -> None:
    folder = evidence()
    content = bytearray((folder / "observations.parquet").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "observations.parquet").write_bytes(bytes(content))
    with pytest.raises(EvidenceError, match=r"observations\.parquet"):
        verify(folder)


def test_prose_may_be_worded_better_later(evidence: Callable[..., Path], verify: Verify) -> None:
    def older_words(predicate: dict[str, Any]) -> None:
        predicate["result"]["reason"] = "everything was fine"
        predicate["result"]["findings"][0] |= {"claim": "it answers as documented", "reason": "it did"}

    assert verify(evidence(older_words)).result.verdict is Verdict.PASS


def test_problems_may_be_worded_better_later(evidence: Callable[..., Path], verify: Verify, good: Any) -> None:
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


def test_cases_to_look_at_that_nobody_signed_are_seen(evidence: Callable[..., Path], verify: Verify) -> None:
    folder = evidence()
    (folder / "look.json").write_text("[]")
    with pytest.raises(EvidenceError, match=r"look\.json has digest sha256:\w+, and what was signed has sha256:0000"):
        verify(folder)
