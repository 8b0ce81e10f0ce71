"""The signed statement: what is signed can be read by anyone, and nothing else passes for it."""

import copy
import json
import time
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import ParseDict
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from in_toto_attestation.predicates.test_result.v0.test_result_pb2 import TestResult as InTotoTestResult
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.statement import Statement as InTotoStatement
from securesystemslib.dsse import Envelope
from securesystemslib.signer import CryptoSigner

from mlgate.digests import canonical_json, digest_bytes, digest_json
from mlgate.environment import Environment
from mlgate.errors import EvidenceError
from mlgate.verdict import Verdict
from mlgate_evidence.envelope import PAYLOAD_TYPE
from mlgate_evidence.signer import KeyFileSigner, make_key
from mlgate_evidence.statement import CLOCK_SKEW_NS, build_statement, read_evidence, sign_statement
from mlgate_evidence.trust import Trust, ensure_local_trust

RELEASE, CONFIGURATION = digest_json("release"), digest_json("configuration")
NOW_NS = 1_795_555_859_000_000_000


@pytest.fixture
def attempt(desk: Any) -> Any:
    return desk.begin(RELEASE, CONFIGURATION)


def read(desk: Any, content: bytes, stage: str | None = "local") -> dict[str, Any]:
    return read_evidence(content, desk.trust, stage, desk.clock.now_ns).statement


def resign(desk: Any, change: Callable[[dict[str, Any]], None], attempt: Any, verdict: Verdict = Verdict.PASS) -> bytes:
    """An envelope around a changed statement, signed by the trusted key as a broken gate would."""
    statement = json.loads(b64decode(json.loads(desk.sign(attempt, verdict))["payload"]))
    change(statement)
    return sign_raw(desk, canonical_json(statement))


def sign_raw(desk: Any, payload: bytes, payload_type: str = PAYLOAD_TYPE) -> bytes:
    envelope = Envelope(payload, payload_type, {})
    signature = desk.signer.sign(envelope.pae())
    envelope.signatures[signature.keyid] = signature
    return canonical_json(envelope.to_dict())


def altered(content: bytes, **fields: Any) -> bytes:
    return json.dumps(json.loads(content) | fields).encode()


class TestRoundTrip:
    def test_what_was_signed_is_what_is_read(self, desk: Any, attempt: Any) -> None:
        evidence = read_evidence(desk.sign(attempt), desk.trust, "local", desk.clock.now_ns)
        assert (evidence.attempt, evidence.service, evidence.stage) == (attempt.id, "digits", "local")
        assert (evidence.release, evidence.configuration, evidence.url) == (RELEASE, CONFIGURATION, "http://127.0.0.1:8080")
        assert (evidence.verdict, evidence.route, evidence.plan_digest) == (Verdict.PASS, 1, attempt.plan_digest)
        assert (evidence.ledger, evidence.signed_ns, evidence.keyid) == (attempt.ledger, desk.clock.now_ns, desk.signer.keyid)
        assert evidence.digest == digest_bytes(desk.sign(attempt))

    def test_big_numbers_keep_their_digits(self, desk: Any, attempt: Any) -> None:
        assert read(desk, desk.sign(attempt))["predicate"]["observations"]["rows"] == 2**60 + 1

    def test_the_stage_and_the_time_of_signing_are_under_the_signature(self, desk: Any, attempt: Any) -> None:
        predicate = json.loads(b64decode(json.loads(desk.sign(attempt))["payload"]))["predicate"]
        assert (predicate["stage"], predicate["signed_ns"]) == ("local", desk.clock.now_ns)

    def test_signing_takes_the_time_of_now_unless_told_otherwise(self, desk: Any, attempt: Any) -> None:
        statement = build_statement({"release": RELEASE, "configuration": CONFIGURATION}, desk.predicate(attempt))
        assert "signed_ns" not in statement["predicate"]
        before = time.time_ns()
        evidence = read_evidence(sign_statement(statement, desk.signer), desk.trust, "local", 2**62)
        assert before <= evidence.signed_ns <= time.time_ns()

    @pytest.mark.parametrize("verdict", list(Verdict))
    def test_every_verdict_can_be_signed(self, desk: Any, attempt: Any, verdict: Verdict) -> None:
        statement = read(desk, desk.sign(attempt, verdict))
        assert statement["predicate"]["result"]["verdict"] == verdict
        assert statement["predicate"]["test_result"]["result"] == ("PASSED" if verdict is Verdict.PASS else "FAILED")

    def test_checks_that_did_not_run_neither_passed_nor_failed(self, desk: Any, attempt: Any) -> None:
        predicate = desk.predicate(attempt, Verdict.FAIL)
        predicate["result"]["findings"] += [{"name": "contract", "verdict": "PASS"}, {"name": "latency", "verdict": None}]
        statement = build_statement({"release": RELEASE, "configuration": CONFIGURATION}, predicate)
        result = statement["predicate"]["test_result"]
        assert (result["passedTests"], result["failedTests"]) == (["contract"], ["accuracy"])

    def test_without_a_stage_the_statements_own_counts(self, desk: Any, attempt: Any) -> None:
        assert read(desk, desk.sign(attempt), stage=None)["predicate"]["stage"] == "local"

    def test_a_foreign_endpoint_is_a_subject_by_its_address(self, desk: Any) -> None:
        attempt = desk.begin(None, None, url="https://models.example.com")
        statement = read(desk, desk.sign(attempt))
        assert statement["subject"] == [
            {"name": "endpoint", "digest": {"sha256": digest_bytes(b"https://models.example.com:443").removeprefix("sha256:")}}
        ]

    def test_more_subjects_than_ours_are_welcome(self, desk: Any, attempt: Any) -> None:
        subjects = {"release": RELEASE, "configuration": CONFIGURATION, "image": digest_json("image")}
        content = sign_statement(build_statement(subjects, desk.predicate(attempt)), desk.signer, clock=desk.clock)
        assert [subject["name"] for subject in read(desk, content)["subject"]] == ["configuration", "image", "release"]

    def test_p256_signs_and_verifies_as_well(self, tmp_path: Path, desk: Any, attempt: Any) -> None:
        environment = Environment(name="local", home=tmp_path / "p256")
        environment.signing_key.parent.mkdir(parents=True)
        environment.signing_key.write_bytes(CryptoSigner.generate_ecdsa().private_bytes)
        environment.signing_key.chmod(0o600)
        trust = ensure_local_trust(environment)
        content = desk.sign(attempt, signer=KeyFileSigner(environment.signing_key))
        assert read_evidence(content, trust, "local", desk.clock.now_ns).verdict is Verdict.PASS

    def test_a_second_signature_by_a_stranger_changes_nothing(self, tmp_path: Path, desk: Any, attempt: Any) -> None:
        stranger = make_key(tmp_path / "stranger.pem")
        theirs, ours = (json.loads(desk.sign(attempt, signer=signer))["signatures"] for signer in (stranger, desk.signer))
        assert read(desk, altered(desk.sign(attempt), signatures=theirs + ours))


class TestShape:
    """Against in-toto's own classes, which are for reading only: they would turn the numbers into floats."""

    def test_in_toto_accepts_the_statement(self, desk: Any, attempt: Any) -> None:
        InTotoStatement.copy_from_pb(ParseDict(read(desk, desk.sign(attempt)), statement_pb2.Statement())).validate()

    def test_in_toto_accepts_the_test_result(self, desk: Any, attempt: Any) -> None:
        result = ParseDict(read(desk, desk.sign(attempt))["predicate"]["test_result"], InTotoTestResult())
        assert (result.result, list(result.passed_tests)) == ("PASSED", ["accuracy"])
        assert "sha256:" + result.configuration[0].digest["sha256"] == attempt.plan_digest


class TestRefusals:
    def refused(self, desk: Any, content: bytes, problem: str, stage: str | None = "local") -> EvidenceError:
        with pytest.raises(EvidenceError, match=problem) as caught:
            read_evidence(content, desk.trust, stage, desk.clock.now_ns, where="attempt/evidence.json")
        assert caught.value.where == "attempt/evidence.json"
        assert caught.value.remedy
        return caught.value

    @pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"PASS"])
    def test_what_is_not_json(self, desk: Any, content: bytes) -> None:
        self.refused(desk, content, "not JSON")

    @pytest.mark.parametrize(
        "fields", [{"payload": 1}, {"payload": None}, {"payloadType": None}, {"signatures": "none"}, {"signatures": [{"keyid": "x"}]}]
    )
    def test_json_of_something_else(self, desk: Any, attempt: Any, fields: dict[str, Any]) -> None:
        self.refused(desk, altered(desk.sign(attempt), **fields), "not a DSSE envelope")

    def test_a_statement_without_its_envelope(self, desk: Any, attempt: Any) -> None:
        self.refused(desk, canonical_json(read(desk, desk.sign(attempt))), "not a DSSE envelope")

    @pytest.mark.parametrize("fields", [{"payload": "*"}, {"signatures": [{"keyid": "x", "sig": "*"}]}])
    def test_what_is_not_base64(self, desk: Any, attempt: Any, fields: dict[str, Any]) -> None:
        self.refused(desk, altered(desk.sign(attempt), **fields), "not a DSSE envelope")

    def test_two_signatures_by_one_key(self, desk: Any, attempt: Any) -> None:
        content = desk.sign(attempt)
        self.refused(desk, altered(content, signatures=json.loads(content)["signatures"] * 2), "Multiple signatures")

    def test_no_signature(self, desk: Any, attempt: Any) -> None:
        self.refused(desk, altered(desk.sign(attempt), signatures=[]), "nobody has signed it")

    def test_another_payload_type_even_where_it_is_signed(self, desk: Any, attempt: Any) -> None:
        payload = canonical_json(read(desk, desk.sign(attempt)))
        self.refused(desk, sign_raw(desk, payload, "application/json"), "payloadType is 'application/json'")
        self.refused(desk, altered(sign_raw(desk, payload, "application/json"), payloadType=PAYLOAD_TYPE), "altered after local-gate")

    def test_an_altered_statement(self, desk: Any, attempt: Any) -> None:
        content = desk.sign(attempt, Verdict.FAIL)
        payload = b64decode(json.loads(content)["payload"]).replace(b"FAIL", b"PASS")
        self.refused(desk, altered(content, payload=b64encode(payload).decode()), "altered after local-gate signed it")

    def test_the_signature_of_another_statement(self, desk: Any, attempt: Any) -> None:
        other = json.loads(desk.sign(attempt, Verdict.FAIL))["signatures"]
        self.refused(desk, altered(desk.sign(attempt), signatures=other), "altered after local-gate signed it")

    def test_a_strangers_key_by_its_id(self, tmp_path: Path, desk: Any, attempt: Any) -> None:
        stranger = make_key(tmp_path / "stranger.pem")
        self.refused(desk, desk.sign(attempt, signer=stranger), f"a key that nobody here trusts: {stranger.keyid}")

    def test_a_strangers_signature_under_a_trusted_id(self, tmp_path: Path, desk: Any, attempt: Any) -> None:
        content = desk.sign(attempt, signer=make_key(tmp_path / "stranger.pem"))
        (entry,) = json.loads(content)["signatures"]
        self.refused(desk, altered(content, signatures=[entry | {"keyid": desk.signer.keyid}]), "altered after local-gate")

    def test_a_key_that_is_trusted_elsewhere_only(self, desk: Any, attempt: Any) -> None:
        (key,) = desk.trust.keys
        desk.trust = Trust(apiVersion="mlgate/v1", kind="Trust", keys=[key.model_copy(update={"environments": ("staging",)})])
        for stage in ("local", None):
            error = self.refused(desk, desk.sign(attempt), "may not sign for local", stage=stage)
            assert desk.signer.keyid in error.problem

    def test_evidence_of_another_stage_by_a_key_for_both(self, desk: Any, attempt: Any) -> None:
        (key,) = desk.trust.keys
        desk.trust = Trust(apiVersion="mlgate/v1", kind="Trust", keys=[key.model_copy(update={"environments": ("local", "prod")})])
        self.refused(desk, desk.sign(attempt), "about local, not about prod", stage="prod")

    @pytest.mark.parametrize("payload", [b"", b"\xff", b"[]", b'"text"', b"1", b"[" * 100_000, b'{"a": 1}', b'{"a":1,"a":1}', b'{"a":NaN}'])
    def test_a_signed_payload_that_is_no_canonical_statement(self, desk: Any, payload: bytes) -> None:
        self.refused(desk, sign_raw(desk, payload), "not a statement in canonical JSON")

    @pytest.mark.parametrize(
        ("key", "value"), [("_type", "https://in-toto.io/Statement/v0.1"), ("_type", None), ("predicateType", "other")]
    )
    def test_a_type_that_is_not_known(self, desk: Any, attempt: Any, key: str, value: str | None) -> None:
        self.refused(desk, resign(desk, lambda statement: statement.update({key: value}), attempt), f"{key} is {value!r}")

    @pytest.mark.parametrize(
        ("path", "value"),
        [
            ("subject", []),
            ("subject", None),
            ("predicate", None),
            ("predicate.stage", None),
            ("predicate.signed_ns", 1.5),
            ("predicate.signed_ns", "1"),
            ("predicate.signed_ns", True),
            ("predicate.signed_ns", -1),
            ("predicate.ledger", None),
            ("predicate.ledger.count", 0),
            ("predicate.ledger.head", "sha256:0"),
            ("predicate.plan", {}),
            ("predicate.plan.service", None),
            ("predicate.plan.attempt", ""),
            ("predicate.plan.route", 0),
            ("predicate.plan.subject", None),
            ("predicate.plan.declaration", None),
            ("predicate.plan.declaration.quality", None),
            ("predicate.plan.stable", {}),
            ("predicate.plan.subject.release", "release-1"),
            ("predicate.plan_digest", None),
            ("predicate.result.verdict", "PASSED"),
            ("predicate.result.findings", None),
            ("predicate.test_result", None),
        ],
    )
    def test_a_claim_that_is_missing_or_malformed_is_named(self, desk: Any, attempt: Any, path: str, value: Any) -> None:
        def change(statement: dict[str, Any]) -> None:
            *parents, last = path.split(".")
            for part in parents:
                statement = statement[part]
            statement[last] = value

        self.refused(desk, resign(desk, change, attempt), path.replace(".", r"\."))

    @pytest.mark.parametrize("claim", ["declaration", "stable", "subject"])
    def test_a_plan_that_leaves_out_what_traffic_hangs_on(self, desk: Any, attempt: Any, claim: str) -> None:
        self.refused(desk, resign(desk, lambda statement: statement["predicate"]["plan"].pop(claim), attempt), f"{claim}: Field required")

    @pytest.mark.parametrize(
        ("change", "problem"),
        [
            (lambda s: s["predicate"].update(stage="prod"), "its stage is prod, its plan's is local"),
            (lambda s: s["predicate"]["plan"].update(alpha=0.5), "the plan's digest is"),
            (lambda s: s["subject"].pop(), "its subjects lack release"),
            (lambda s: s["subject"][0]["digest"].update(sha256="0" * 64), "its subjects lack configuration"),
            (lambda s: s["predicate"]["result"].update(findings=[]), "not every check passed"),
            (lambda s: s["predicate"]["result"]["findings"][0].update(verdict="VOID"), "not every check passed"),
            (lambda s: s["predicate"]["result"]["findings"][0].update(verdict=None), "not every check passed"),
            (lambda s: s["predicate"]["result"].update(verdict="FAIL"), "test_result says otherwise"),
            (lambda s: s["predicate"]["test_result"].update(result="FAILED"), "test_result says otherwise"),
        ],
    )
    def test_a_statement_that_contradicts_itself(
        self, desk: Any, attempt: Any, change: Callable[[dict[str, Any]], None], problem: str
    ) -> None:
        assert "contradicts itself" in self.refused(desk, resign(desk, change, attempt), problem).problem

    def test_a_foreign_endpoint_without_an_address(self, desk: Any) -> None:
        def change(statement: dict[str, Any]) -> None:
            statement["predicate"]["plan"]["subject"]["url"] = "nowhere"
            statement["predicate"]["plan_digest"] = digest_json(statement["predicate"]["plan"])

        attempt = desk.begin(None, None, url="https://models.example.com")
        self.refused(desk, resign(desk, change, attempt), "not the address of an endpoint")

    def test_a_time_of_signing_that_has_not_come_yet(self, desk: Any, attempt: Any) -> None:
        content = desk.sign(attempt)
        desk.clock.now_ns -= CLOCK_SKEW_NS
        assert read(desk, content)
        desk.clock.now_ns -= 1
        self.refused(desk, content, "signed 5 min in the future")


class TestBuilding:
    @pytest.mark.parametrize("missing", ["plan", "plan_digest", "ledger", "result"])
    def test_nothing_is_signed_that_could_not_be_read_back(self, desk: Any, attempt: Any, missing: str) -> None:
        predicate = desk.predicate(attempt)
        del predicate[missing]
        with pytest.raises(EvidenceError, match=missing):
            build_statement({"release": RELEASE, "configuration": CONFIGURATION}, predicate)

    @pytest.mark.parametrize(("key", "value"), [("result", {"verdict": "MAYBE"}), ("result", None), ("plan", None), ("plan_digest", None)])
    def test_a_predicate_of_something_else_is_refused(self, desk: Any, attempt: Any, key: str, value: Any) -> None:
        with pytest.raises(EvidenceError, match="no statement can be made"):
            build_statement({"release": RELEASE, "configuration": CONFIGURATION}, desk.predicate(attempt) | {key: value})

    def test_not_a_number_is_never_signed(self, desk: Any, attempt: Any) -> None:
        predicate = desk.predicate(attempt)
        predicate["result"]["findings"][0]["estimate"] = float("nan")
        with pytest.raises(EvidenceError, match="no statement can be made"):
            build_statement({"release": RELEASE, "configuration": CONFIGURATION}, predicate)
        with pytest.raises(EvidenceError, match="no statement can be made"):
            build_statement({"release": RELEASE, "configuration": CONFIGURATION}, desk.predicate(attempt) | {"slices": float("nan")})

    def test_subjects_other_than_the_plans_are_refused(self, desk: Any, attempt: Any) -> None:
        with pytest.raises(EvidenceError, match="its subjects lack configuration"):
            build_statement({"release": RELEASE}, desk.predicate(attempt))

    def test_what_was_passed_in_is_not_changed(self, desk: Any, attempt: Any) -> None:
        predicate = desk.predicate(attempt)
        before = copy.deepcopy(predicate)
        statement = build_statement({"release": RELEASE, "configuration": CONFIGURATION}, predicate)
        kept = copy.deepcopy(statement)
        sign_statement(statement, desk.signer, clock=desk.clock)
        assert (predicate, statement) == (before, kept)
        assert predicate["ledger"] == asdict(attempt.ledger)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=400, deadline=None)
@given(at=st.integers(0, 10**6), byte=st.integers(0, 255))
@example(at=0, byte=0)
def test_no_single_altered_byte_makes_another_statement(desk: Any, at: int, byte: int) -> None:
    """Either it is refused or it still says exactly what was signed (white space, or a second spelling of the same base64)."""
    if not hasattr(desk, "content"):
        desk.content = desk.sign(desk.begin(RELEASE, CONFIGURATION))
    content = bytearray(desk.content)
    content[at % len(content)] = byte
    try:
        found = read(desk, bytes(content))
    except EvidenceError:
        return
    assert found == read(desk, desk.content)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(content=st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_nothing_but_an_envelope_is_read_as_one(desk: Any, content: bytes) -> None:
    with pytest.raises(EvidenceError):
        read(desk, content)
