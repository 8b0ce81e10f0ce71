"""What opens traffic. Each test is one way in which something is not exactly as it must be."""

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from mlgate.digests import canonical_json, digest_bytes, digest_json, short
from mlgate.environment import Environment
from mlgate.errors import DeclarationError, LedgerError, RefusedError
from mlgate.verdict import Verdict
from mlgate_evidence import traffic
from mlgate_evidence.ledger import Ledger
from mlgate_evidence.ledger_store import GENESIS, LedgerFile
from mlgate_evidence.signer import make_key
from mlgate_evidence.trust import ensure_local_trust

RELEASE, CONFIGURATION, OTHER, THIRD = (digest_json(name) for name in ("release", "configuration", "other", "third"))
DAY_NS = 86400 * 10**9
_BAR = {"name": "accuracy", "metric": "accuracy", "at_least": 0.94, "data": "holdout.parquet"}
_COMPARISON = {"name": "no-worse", "metric": "accuracy", "versus": "stable", "margin": 0.02, "data": "holdout.parquet"}
_ERRORS = {"name": "errors", "at_most": "1 %"}
_LOAD = {"rate": "200/s", "bursts": "independent"}
_SMALLER = {
    "protocol": "torchserve",
    "input": {"image": {"dtype": "float32", "shape": [-1, 4]}},
    "output": {"field": "probabilities", "shape": [-1, 10], "answer": "argmax"},
}


def require(desk: Any, what: str = "traffic", release: str = RELEASE, configuration: str = CONFIGURATION, service: str = "digits") -> Any:
    of = {"release": release, "configuration": configuration, "clock": desk.clock}
    if what == "traffic":
        return traffic.require_traffic(desk.environment, service=service, **of)
    declared = desk.declared.model_copy(update={"metadata": desk.declared.metadata.model_copy(update={"name": service})})
    return traffic.require_fresh(desk.environment, declared, **of)


def refused(desk: Any, what: str, problem: str, *, exit_code: int = 1, remedy: str = "mlgate gate", **about: str) -> RefusedError:
    with pytest.raises(RefusedError, match=problem) as caught:
        require(desk, what, **about)
    assert caught.value.exit_code == exit_code
    assert remedy in caught.value.remedy
    assert caught.value.where
    return caught.value


def test_a_release_with_a_pass_may_be_promoted_and_then_take_traffic(desk: Any) -> None:
    attempt = desk.gate(RELEASE, CONFIGURATION)
    assert require(desk, "fresh").attempt == attempt.id
    desk.promote(attempt)
    assert require(desk).attempt == attempt.id


def test_the_clock_of_the_machine_is_taken_where_none_is_given(desk: Any) -> None:
    import time

    desk.clock.now_ns = time.time_ns()
    desk.promote(desk.gate(RELEASE, CONFIGURATION))
    assert traffic.require_fresh(desk.environment, desk.declared, release=RELEASE, configuration=CONFIGURATION)
    assert traffic.require_traffic(desk.environment, service="digits", release=RELEASE, configuration=CONFIGURATION)


@pytest.mark.parametrize("what", ["fresh", "traffic"])
class TestBoth:
    def test_nothing_at_all_refuses_with_the_command_that_would_gate(self, desk: Any, what: str) -> None:
        error = refused(desk, what, "it was never gated here")
        assert error.remedy == f"mlgate gate service.yaml --release {RELEASE}"
        assert "release" in error.problem
        assert "digits" in error.problem

    @pytest.mark.parametrize("verdict", [Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.VOID])
    def test_a_verdict_that_refuses_gives_its_exit_code(self, desk: Any, what: str, verdict: Verdict) -> None:
        attempt = desk.gate(RELEASE, CONFIGURATION, verdict)
        refused(desk, what, f"attempt {attempt.id} ended with {verdict}", exit_code=verdict.exit_code)

    def test_an_attempt_that_has_not_ended_is_no_verdict(self, desk: Any, what: str) -> None:
        attempt = desk.begin(RELEASE, CONFIGURATION)
        refused(desk, what, f"attempt {attempt.id} has not ended")

    def test_signed_evidence_whose_verdict_was_not_written_down_is_not_enough(self, desk: Any, what: str) -> None:
        attempt = desk.begin(RELEASE, CONFIGURATION)
        desk.store.put(attempt.id, {"evidence.json": desk.sign(attempt)})
        refused(desk, what, "has not ended")

    def test_another_configuration_is_another_question(self, desk: Any, what: str) -> None:
        desk.promote(desk.gate(RELEASE, OTHER))
        refused(desk, what, "configuration .* and what is asked for is another one")

    def test_a_configuration_that_is_not_known_is_another_one(self, desk: Any, what: str) -> None:
        desk.begin(RELEASE, None)
        refused(desk, what, "configuration unknown only")

    @pytest.mark.parametrize("about", [{"release": OTHER}, {"service": "letters"}])
    def test_evidence_about_something_else_is_none(self, desk: Any, what: str, about: dict[str, str]) -> None:
        desk.promote(desk.gate(RELEASE, CONFIGURATION))
        refused(desk, what, "never gated", **about)

    def test_missing_evidence_refuses(self, desk: Any, what: str) -> None:
        attempt = desk.gate(RELEASE, CONFIGURATION)
        desk.promote(attempt)
        (desk.store.folder(attempt.id) / "evidence.json").unlink()
        refused(desk, what, "no such file")

    def test_altered_evidence_refuses(self, desk: Any, what: str) -> None:
        attempt = desk.gate(RELEASE, CONFIGURATION)
        desk.promote(attempt)
        path = desk.store.folder(attempt.id) / "evidence.json"
        content = path.read_bytes()
        path.write_bytes(content.replace(content[100:104], bytes(reversed(content[100:104]))))
        refused(desk, what, "altered after local-gate signed it")

    def test_evidence_of_the_same_attempt_that_is_not_the_recorded_one_refuses(self, desk: Any, what: str) -> None:
        attempt = desk.gate(RELEASE, CONFIGURATION)
        desk.promote(attempt)
        desk.clock.now_ns += 1
        (desk.store.folder(attempt.id) / "evidence.json").write_bytes(desk.sign(attempt))
        refused(desk, what, "not the evidence that the ledger knows")

    def test_a_strangers_key_refuses(self, desk: Any, what: str, tmp_path: Any) -> None:
        desk.promote(self.recorded(desk, desk.begin(RELEASE, CONFIGURATION), make_key(tmp_path / "stranger.pem")))
        refused(desk, what, "a key that nobody here trusts", remedy="add the key")

    def recorded(self, desk: Any, attempt: Any, signer: Any = None, about: Any = None, signed: Verdict = Verdict.PASS) -> Any:
        """An attempt whose ledger says PASS by evidence that says what it likes: a broken gate, or a dishonest one."""
        content = desk.sign(about or attempt, signed, signer)
        desk.store.put(attempt.id, {"evidence.json": content})
        desk.ledger.record_verdict(attempt.id, Verdict.PASS, digest_bytes(content))
        return attempt

    @pytest.mark.parametrize("verdict", [Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.VOID])
    def test_a_pass_in_the_ledger_by_evidence_of_another_verdict_refuses(self, desk: Any, what: str, verdict: Verdict) -> None:
        desk.promote(self.recorded(desk, desk.begin(RELEASE, CONFIGURATION), signed=verdict))
        refused(desk, what, f"its evidence says {verdict}", exit_code=verdict.exit_code)

    def test_a_pass_in_the_ledger_by_evidence_about_another_release_refuses(self, desk: Any, what: str) -> None:
        attempt = desk.begin(RELEASE, CONFIGURATION)
        plan = attempt.plan | {"subject": {"release": OTHER, "configuration": CONFIGURATION, "url": "http://127.0.0.1:8080"}}
        about = type(attempt)(**{name: getattr(attempt, name) for name in attempt.__slots__} | {"plan": plan, "release": OTHER})
        desk.promote(self.recorded(desk, attempt, about=about))
        refused(desk, what, f"it is about release {OTHER}")

    def test_evidence_by_another_plan_than_the_ledgers_refuses(self, desk: Any, what: str) -> None:
        attempt = desk.begin(RELEASE, CONFIGURATION)
        about = type(attempt)(**{name: getattr(attempt, name) for name in attempt.__slots__} | {"plan": attempt.plan | {"alpha": 0.5}})
        desk.promote(self.recorded(desk, attempt, about=about))
        with pytest.raises(LedgerError, match="signed that it is line 1 of the ledger"):
            require(desk, what)

    def test_a_missing_trust_file_refuses(self, desk: Any, what: str) -> None:
        desk.promote(desk.gate(RELEASE, CONFIGURATION))
        desk.environment.trust.unlink()
        refused(desk, what, "nobody is trusted", remedy="mlgate env local")

    def test_a_key_no_longer_trusted_refuses(self, desk: Any, what: str) -> None:
        desk.promote(desk.gate(RELEASE, CONFIGURATION))
        desk.environment.trust.write_text(desk.environment.trust.read_text().replace("[local]", "[dev]"))
        # A key that may not sign makes its statement no evidence; what remains in the ledger is a claim.
        refused(desk, what, "may not sign for local", remedy="trust file")

    def test_a_malformed_trust_file_is_named(self, desk: Any, what: str) -> None:
        desk.promote(desk.gate(RELEASE, CONFIGURATION))
        desk.environment.trust.write_text("kind: Trust")
        with pytest.raises(DeclarationError):
            require(desk, what)

    def test_a_damaged_ledger_is_named(self, desk: Any, what: str) -> None:
        desk.promote(desk.gate(RELEASE, CONFIGURATION))
        desk.environment.ledger.write_bytes(desk.environment.ledger.read_bytes()[1:])
        with pytest.raises(LedgerError):
            require(desk, what)

    def test_evidence_from_the_future_refuses(self, desk: Any, what: str) -> None:
        desk.promote(desk.gate(RELEASE, CONFIGURATION))
        desk.clock.now_ns -= 6 * 60 * 10**9
        refused(desk, what, "6 min in the future", remedy="clock")


class TestFresh:
    def test_evidence_is_fresh_for_as_long_as_the_environment_says(self, desk: Any) -> None:
        attempt = desk.gate(RELEASE, CONFIGURATION)
        desk.clock.now_ns += 7 * DAY_NS
        assert require(desk, "fresh").attempt == attempt.id
        desk.clock.now_ns += 1
        refused(desk, "fresh", "signed 7.0 days ago, and a promotion asks for at most 7 d")

    def test_a_clock_a_little_behind_the_signers_is_fresh(self, desk: Any) -> None:
        desk.gate(RELEASE, CONFIGURATION)
        desk.clock.now_ns -= 5 * 60 * 10**9
        assert require(desk, "fresh")

    @pytest.mark.parametrize("later", [Verdict.INCONCLUSIVE, Verdict.VOID])
    def test_too_little_evidence_after_a_pass_takes_nothing_from_it(self, desk: Any, later: Verdict) -> None:
        passed = desk.gate(RELEASE, CONFIGURATION)
        desk.gate(RELEASE, CONFIGURATION, later)
        assert require(desk, "fresh").attempt == passed.id

    def test_a_fail_after_a_pass_refuses_until_the_next_pass(self, desk: Any) -> None:
        desk.gate(RELEASE, CONFIGURATION)
        failed = desk.gate(RELEASE, CONFIGURATION, Verdict.FAIL)
        desk.gate(RELEASE, CONFIGURATION, Verdict.VOID)
        refused(desk, "fresh", f"attempt {failed.id} ended with FAIL", exit_code=10)
        passed = desk.gate(RELEASE, CONFIGURATION)
        assert require(desk, "fresh").attempt == passed.id

    def test_what_ended_last_is_newest_not_what_began_last(self, desk: Any) -> None:
        early = desk.begin(RELEASE, CONFIGURATION)
        desk.gate(RELEASE, CONFIGURATION)
        content = desk.sign(early, Verdict.FAIL)
        desk.store.put(early.id, {"evidence.json": content})
        desk.ledger.record_verdict(early.id, Verdict.FAIL, digest_bytes(content))
        refused(desk, "fresh", f"attempt {early.id} ended with FAIL", exit_code=10)

    def test_the_newest_of_two_that_are_not_enough_refuses(self, desk: Any) -> None:
        desk.gate(RELEASE, CONFIGURATION, Verdict.VOID)
        desk.gate(RELEASE, CONFIGURATION, Verdict.INCONCLUSIVE)
        refused(desk, "fresh", "ended with INCONCLUSIVE", exit_code=11)

    def test_a_removed_fail_still_refuses(self, desk: Any) -> None:
        """The ledger remembers what the folder of evidence forgot."""
        desk.gate(RELEASE, CONFIGURATION)
        failed = desk.gate(RELEASE, CONFIGURATION, Verdict.FAIL)
        (desk.store.folder(failed.id) / "evidence.json").unlink()
        refused(desk, "fresh", "ended with FAIL", exit_code=10)

    def test_a_ledger_begun_anew_gives_no_alpha_a_second_time(self, desk: Any) -> None:
        desk.gate(RELEASE, CONFIGURATION, Verdict.FAIL)
        for suffix in (".jsonl", ".head"):
            desk.environment.ledger.with_suffix(suffix).unlink()
        desk.clock.now_ns += 10**9
        again = desk.gate(RELEASE, CONFIGURATION)
        assert again.route == 1
        with pytest.raises(LedgerError, match="lines were lost, or the ledger was begun anew") as caught:
            require(desk, "fresh")
        assert "restore the ledger" in caught.value.remedy

    def test_a_ledger_cut_back_is_found_out_by_the_evidence_that_is_left(self, desk: Any) -> None:
        desk.gate(RELEASE, CONFIGURATION)
        files = [desk.environment.ledger.with_suffix(suffix) for suffix in (".jsonl", ".head")]
        kept = [file.read_bytes() for file in files]
        desk.gate(RELEASE, CONFIGURATION, Verdict.FAIL)
        for file, content in zip(files, kept, strict=True):
            file.write_bytes(content)
        with pytest.raises(LedgerError, match="line 3 of the ledger"):
            require(desk, "fresh")

    def test_a_ledger_written_anew_with_another_past_is_found_out_by_the_evidence_of_any_release(self, desk: Any) -> None:
        """All its attempts are known by name, and the chain holds: only what was signed knows that a line is not the one it was."""
        desk.gate(OTHER, CONFIGURATION)
        lines = [json.loads(line) for line in desk.environment.ledger.read_bytes().splitlines()]
        lines[0]["plan"] |= {"alpha": 0.9}
        desk.environment.ledger.unlink()
        desk.environment.ledger.with_suffix(".head").unlink()
        store, head = LedgerFile(desk.environment.ledger), GENESIS
        for line in lines:
            content = canonical_json(line | {"prev": head})
            assert store.append(head, content)
            head = digest_bytes(content)
        desk.gate(RELEASE, CONFIGURATION)
        assert desk.ledger.stable("digits", "local") is None
        with pytest.raises(LedgerError, match="signed that it is line 1 of the ledger"):
            require(desk, "fresh")

    @pytest.mark.parametrize(
        ("declared", "changed"),
        [
            ({"alpha": 0.001}, "alpha was 0.01 and is 0.001"),
            ({"quality": [_BAR]}, "quality.accuracy.at_least was not set and is 0.94"),
            ({"objectives": [_ERRORS], "load": _LOAD}, "objectives.errors.at_most was not set and is 1 %"),
            ({"interface": _SMALLER}, r"interface.input.image.shape\[1\] was 8 and is 4"),
        ],
    )
    def test_a_declaration_that_says_otherwise_since_the_gate_asks_for_another_gate(
        self, desk: Any, declared: dict[str, Any], changed: str
    ) -> None:
        attempt = desk.gate(RELEASE, CONFIGURATION)
        gated = desk.declared
        desk.declare(**declared)
        refused(desk, "fresh", f"attempt {attempt.id} was made under another declaration: .*{changed}")
        desk.declared = gated
        assert require(desk, "fresh")

    def test_a_bar_that_was_lowered_for_the_gate_promotes_nothing_under_the_one_that_is_declared(self, desk: Any) -> None:
        desk.declare(quality=[_BAR | {"at_least": 0.5}, _COMPARISON])
        desk.gate(RELEASE, CONFIGURATION)
        desk.declare(quality=[_BAR, _COMPARISON])
        refused(desk, "fresh", "another declaration: quality.accuracy.at_least was 0.5 and is 0.94")

    def test_neither_the_owner_nor_the_names_of_secrets_nor_the_order_of_bars_is_a_claim(self, desk: Any) -> None:
        desk.declare(quality=[_BAR, _BAR | {"name": "again"}])
        desk.gate(RELEASE, CONFIGURATION)
        interface = desk.declared.interface.model_dump(mode="json") | {"auth": {"bearer": "TOKEN"}}
        desk.declare(quality=[_BAR | {"name": "again"}, _BAR], metadata={"name": "digits", "owner": "search"}, interface=interface)
        assert require(desk, "fresh")


class TestComparison:
    """No worse than stable: than the one that is stable now."""

    @pytest.fixture(autouse=True)
    def compares(self, desk: Any) -> None:
        desk.declare(quality=[_COMPARISON])

    def test_a_pass_without_comparison_promotes_nothing_once_something_is_stable(self, desk: Any) -> None:
        one, two = desk.gate(OTHER, CONFIGURATION), desk.gate(RELEASE, CONFIGURATION)
        assert require(desk, "fresh").attempt == two.id
        desk.promote(one)
        refused(desk, "fresh", f"attempt {two.id} was compared with nothing, and what is stable now is release {short(OTHER)}")
        with pytest.raises(LedgerError, match="was compared with nothing"):
            desk.promote(two)
        assert desk.ledger.stable("digits", "local").release == OTHER

    def test_a_comparison_with_a_former_stable_promotes_nothing_over_the_present_one(self, desk: Any) -> None:
        former = desk.gate(OTHER, CONFIGURATION)
        desk.promote(former)
        passed = desk.gate(RELEASE, CONFIGURATION, stable=former)
        between = desk.gate(THIRD, CONFIGURATION, stable=former)
        assert require(desk, "fresh").attempt == passed.id
        desk.promote(between)
        refused(desk, "fresh", f"compared with release {short(OTHER)} .* stable now is release {short(THIRD)}")
        with pytest.raises(LedgerError, match=f"compared with release {short(OTHER)}"):
            desk.promote(passed)
        desk.roll_back(former)
        desk.promote(passed)
        assert require(desk).attempt == passed.id

    def test_a_comparison_with_stable_in_another_configuration_is_one_with_something_else(self, desk: Any) -> None:
        stable = desk.gate(OTHER, CONFIGURATION)
        desk.promote(stable)
        desk.gate(RELEASE, CONFIGURATION, stable=dataclasses.replace(stable, configuration=THIRD))
        refused(desk, "fresh", f"compared with release {short(OTHER)} with configuration {short(THIRD)}")

    def test_a_comparison_is_worth_nothing_where_nothing_is_stable(self, desk: Any) -> None:
        """The ledger that knew of it is not this one."""
        desk.gate(RELEASE, CONFIGURATION, stable=desk.begin(OTHER, None))
        refused(desk, "fresh", f"compared with release {short(OTHER)} with configuration unknown, and what is stable now is nothing")

    def test_where_no_comparison_is_declared_none_is_missed(self, desk: Any) -> None:
        desk.declare(quality=[_BAR])
        one, two = desk.gate(OTHER, CONFIGURATION), desk.gate(RELEASE, CONFIGURATION)
        desk.promote(one)
        assert require(desk, "fresh").attempt == two.id
        desk.promote(two)
        assert require(desk).attempt == two.id


class TestLostLedger:
    """Nothing stable, no alpha spent: that is what a ledger says that was lost. The evidence beside it knows better."""

    @pytest.fixture(autouse=True)
    def lost(self, desk: Any) -> None:
        desk.promote(desk.gate(OTHER, CONFIGURATION))
        for suffix in (".jsonl", ".head"):
            desk.environment.ledger.with_suffix(suffix).unlink()

    def test_nothing_is_asked_of_it_and_nothing_added(self, desk: Any) -> None:
        ledger = Ledger.of(desk.environment, desk.clock)
        for ask in (
            lambda: ledger.stable("digits", "local"),
            lambda: ledger.begin_attempt(service="digits", stage="local", release=RELEASE, configuration=None, make_plan=lambda *_: {}),
            lambda: require(desk, "fresh"),
            lambda: traffic.require_former(desk.environment, service="digits", clock=desk.clock),
        ):
            with pytest.raises(LedgerError, match="lines were lost, or the ledger was begun anew") as caught:
                ask()
            assert caught.value.where == str(desk.environment.ledger)
        assert not desk.environment.ledger.exists()

    def test_one_begun_anew_by_another_release_is_found_out(self, desk: Any) -> None:
        desk.clock.now_ns += 10**9
        desk.gate(RELEASE, CONFIGURATION)
        with pytest.raises(LedgerError, match="begun anew"):
            require(desk, "fresh")

    def test_evidence_that_nobody_trusted_here_signed_says_nothing(self, desk: Any, tmp_path: Path) -> None:
        desk.environment.trust.unlink()
        assert Ledger.of(desk.environment, desk.clock).stable("digits", "local") is None
        desk.environment.signing_key.unlink()
        ensure_local_trust(desk.environment)
        assert Ledger.of(desk.environment, desk.clock).stable("digits", "local") is None

    def test_an_attempt_that_began_after_the_ledger_was_read_is_not_missed_in_it(
        self, desk: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        other = dataclasses.replace(desk, environment=Environment("local", tmp_path / "other"))
        ensure_local_trust(other.environment)
        read = LedgerFile.read

        def overtaken(store: LedgerFile) -> Any:
            monkeypatch.undo()
            found = read(store)
            other.gate(RELEASE, CONFIGURATION)
            return found

        monkeypatch.setattr(LedgerFile, "read", overtaken)
        assert Ledger.of(other.environment, desk.clock).stable("digits", "local") is None
        assert Ledger.of(other.environment, desk.clock).history().attempts("digits", "local", RELEASE)

    def test_an_environment_that_was_begun_anew_as_a_whole_is_a_new_one(self, desk: Any) -> None:
        shutil.rmtree(desk.environment.home)
        ensure_local_trust(desk.environment)
        assert Ledger.of(desk.environment, desk.clock).stable("digits", "local") is None


class TestTraffic:
    def test_a_pass_alone_opens_nothing(self, desk: Any) -> None:
        desk.gate(RELEASE, CONFIGURATION)
        refused(desk, "traffic", "passed and is not promoted", remedy=f"mlgate promote service.yaml --release {RELEASE}")

    def test_old_evidence_goes_on_holding_traffic(self, desk: Any) -> None:
        desk.promote(desk.gate(RELEASE, CONFIGURATION))
        desk.clock.now_ns += 3650 * DAY_NS
        assert require(desk)

    def test_the_release_before_goes_on_holding_traffic_while_the_next_one_takes_over(self, desk: Any) -> None:
        desk.promote(desk.gate(OTHER, CONFIGURATION))
        desk.promote(desk.gate(RELEASE, CONFIGURATION))
        assert require(desk).release == RELEASE
        assert require(desk, release=OTHER).release == OTHER

    def test_what_a_rollback_took_back_takes_no_traffic_until_it_is_promoted_again(self, desk: Any) -> None:
        former, taken_back = desk.gate(OTHER, CONFIGURATION), desk.gate(RELEASE, CONFIGURATION)
        desk.promote(former)
        desk.promote(taken_back)
        desk.roll_back(former)
        refused(desk, "traffic", r"taken back by a rollback \(complaints since noon\)", remedy="mlgate promote")
        assert require(desk, release=OTHER).reason == "complaints since noon"
        desk.promote(taken_back)
        assert require(desk).attempt == taken_back.id

    def test_a_fail_after_the_promotion_does_not_cut_off_users(self, desk: Any) -> None:
        """It refuses the next promotion; traffic is taken away by a rollback, which somebody decides."""
        desk.promote(desk.gate(RELEASE, CONFIGURATION))
        desk.gate(RELEASE, CONFIGURATION, Verdict.FAIL)
        assert require(desk)


class TestFormer:
    def ask(self, desk: Any) -> Any:
        return traffic.require_former(desk.environment, service="digits", clock=desk.clock)

    def test_a_rollback_returns_to_the_release_before_however_old_its_evidence(self, desk: Any) -> None:
        desk.promote(desk.gate(OTHER, CONFIGURATION))
        desk.promote(desk.gate(RELEASE, CONFIGURATION))
        desk.clock.now_ns += 365 * DAY_NS
        assert self.ask(desk).release == OTHER

    @pytest.mark.parametrize("promoted", [0, 1])
    def test_without_a_release_before_there_is_nothing_to_return_to(self, desk: Any, promoted: int) -> None:
        for _ in range(promoted):
            desk.promote(desk.gate(RELEASE, CONFIGURATION))
        with pytest.raises(RefusedError, match="no release of digits was stable in local before") as caught:
            self.ask(desk)
        assert caught.value.exit_code == 1

    def test_evidence_that_no_longer_verifies_is_not_returned_to(self, desk: Any) -> None:
        former = desk.gate(OTHER, CONFIGURATION)
        desk.promote(former)
        desk.promote(desk.gate(RELEASE, CONFIGURATION))
        (desk.store.folder(former.id) / "evidence.json").write_bytes(b"{}")
        with pytest.raises(RefusedError, match="not a DSSE envelope"):
            self.ask(desk)


def test_a_genesis_digest_is_a_release_like_any_other(desk: Any) -> None:
    refused(desk, "traffic", "never gated", release=GENESIS)
