"""What opens traffic. Each test is one way in which something is not exactly as it must be."""

import time
from typing import Any

import pytest

from mlgate.digests import digest_bytes, digest_json
from mlgate.errors import DeclarationError, LedgerError, RefusedError
from mlgate.verdict import Verdict
from mlgate_evidence import traffic
from mlgate_evidence.ledger_store import GENESIS
from mlgate_evidence.signer import make_key

RELEASE, CONFIGURATION, OTHER = (digest_json(name) for name in ("release", "configuration", "other"))
DAY_NS = 86400 * 10**9


def test_a_release_with_a_pass_may_be_promoted_and_then_take_traffic(desk: Any) -> None:
    attempt = desk.gate(RELEASE, CONFIGURATION)
    assert desk.require("fresh").attempt == attempt.id
    desk.promote(attempt)
    assert desk.require().attempt == attempt.id


def test_the_clock_of_the_machine_is_taken_where_none_is_given(desk: Any) -> None:
    desk.clock.now_ns = time.time_ns()
    desk.promote(desk.gate(RELEASE, CONFIGURATION))
    assert traffic.require_fresh(desk.environment, desk.declared, release=RELEASE, configuration=CONFIGURATION)
    assert traffic.require_traffic(desk.environment, service="digits", release=RELEASE, configuration=CONFIGURATION)


@pytest.mark.parametrize("what", ["fresh", "traffic"])
class TestBoth:
    def test_nothing_at_all_refuses_with_the_command_that_would_gate(self, desk: Any, what: str) -> None:
        error = desk.refused(what, "it was never gated here")
        assert error.remedy == f"mlgate gate service.yaml --release {RELEASE}"
        assert "release" in error.problem
        assert "digits" in error.problem

    @pytest.mark.parametrize("verdict", [Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.VOID])
    def test_a_verdict_that_refuses_gives_its_exit_code(self, desk: Any, what: str, verdict: Verdict) -> None:
        attempt = desk.gate(RELEASE, CONFIGURATION, verdict)
        desk.refused(what, f"attempt {attempt.id} ended with {verdict}", exit_code=verdict.exit_code)

    def test_an_attempt_that_has_not_ended_is_no_verdict(self, desk: Any, what: str) -> None:
        attempt = desk.begin(RELEASE, CONFIGURATION)
        desk.refused(what, f"attempt {attempt.id} has not ended")

    def test_signed_evidence_whose_verdict_was_not_written_down_is_not_enough(self, desk: Any, what: str) -> None:
        attempt = desk.begin(RELEASE, CONFIGURATION)
        desk.store.put(attempt.id, {"evidence.json": desk.sign(attempt)})
        desk.refused(what, "has not ended")

    def test_another_configuration_is_another_question(self, desk: Any, what: str) -> None:
        desk.promote(desk.gate(RELEASE, OTHER))
        desk.refused(what, "configuration .* and what is asked for is another one")

    def test_a_configuration_that_is_not_known_is_another_one(self, desk: Any, what: str) -> None:
        desk.begin(RELEASE, None)
        desk.refused(what, "configuration unknown only")

    @pytest.mark.parametrize("about", [{"release": OTHER}, {"service": "letters"}])
    def test_evidence_about_something_else_is_none(self, desk: Any, what: str, about: dict[str, str]) -> None:
        desk.promote(desk.gate(RELEASE, CONFIGURATION))
        desk.refused(what, "never gated", **about)

    def test_missing_evidence_refuses(self, desk: Any, what: str) -> None:
        attempt = desk.gate(RELEASE, CONFIGURATION)
        desk.promote(attempt)
        (desk.store.folder(attempt.id) / "evidence.json").unlink()
        desk.refused(what, "no such file")

    def test_altered_evidence_refuses(self, desk: Any, what: str) -> None:
        attempt = desk.gate(RELEASE, CONFIGURATION)
        desk.promote(attempt)
        path = desk.store.folder(attempt.id) / "evidence.json"
        content = path.read_bytes()
        path.write_bytes(content.replace(content[100:104], bytes(reversed(content[100:104]))))
        desk.refused(what, "altered after local-gate signed it")

    def test_evidence_of_the_same_attempt_that_is_not_the_recorded_one_refuses(self, desk: Any, what: str) -> None:
        attempt = desk.gate(RELEASE, CONFIGURATION)
        desk.promote(attempt)
        desk.clock.now_ns += 1
        (desk.store.folder(attempt.id) / "evidence.json").write_bytes(desk.sign(attempt))
        desk.refused(what, "not the evidence that the ledger knows")

    def test_a_strangers_key_refuses(self, desk: Any, what: str, tmp_path: Any) -> None:
        desk.promote(self.recorded(desk, desk.begin(RELEASE, CONFIGURATION), make_key(tmp_path / "stranger.pem")))
        desk.refused(what, "a key that nobody here trusts", remedy="add the key")

    def recorded(self, desk: Any, attempt: Any, signer: Any = None, about: Any = None, signed: Verdict = Verdict.PASS) -> Any:
        """An attempt whose ledger says PASS by evidence that says what it likes: a broken gate, or a dishonest one."""
        content = desk.sign(about or attempt, signed, signer)
        desk.store.put(attempt.id, {"evidence.json": content})
        desk.ledger.record_verdict(attempt.id, Verdict.PASS, digest_bytes(content))
        return attempt

    @pytest.mark.parametrize("verdict", [Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.VOID])
    def test_a_pass_in_the_ledger_by_evidence_of_another_verdict_refuses(self, desk: Any, what: str, verdict: Verdict) -> None:
        desk.promote(self.recorded(desk, desk.begin(RELEASE, CONFIGURATION), signed=verdict))
        desk.refused(what, f"its evidence says {verdict}", exit_code=verdict.exit_code)

    def test_a_pass_in_the_ledger_by_evidence_about_another_release_refuses(self, desk: Any, what: str) -> None:
        attempt = desk.begin(RELEASE, CONFIGURATION)
        plan = attempt.plan | {"subject": {"release": OTHER, "configuration": CONFIGURATION, "url": "http://127.0.0.1:8080"}}
        about = type(attempt)(**{name: getattr(attempt, name) for name in attempt.__slots__} | {"plan": plan, "release": OTHER})
        desk.promote(self.recorded(desk, attempt, about=about))
        desk.refused(what, f"it is about release {OTHER}")

    def test_evidence_by_another_plan_than_the_ledgers_refuses(self, desk: Any, what: str) -> None:
        attempt = desk.begin(RELEASE, CONFIGURATION)
        about = type(attempt)(**{name: getattr(attempt, name) for name in attempt.__slots__} | {"plan": attempt.plan | {"alpha": 0.5}})
        desk.promote(self.recorded(desk, attempt, about=about))
        with pytest.raises(LedgerError, match="signed that it is line 1 of the ledger"):
            desk.require(what)

    def test_a_missing_trust_file_refuses(self, desk: Any, what: str) -> None:
        desk.promote(desk.gate(RELEASE, CONFIGURATION))
        desk.environment.trust.unlink()
        desk.refused(what, "nobody is trusted", remedy="mlgate env local")

    def test_a_key_no_longer_trusted_refuses(self, desk: Any, what: str) -> None:
        desk.promote(desk.gate(RELEASE, CONFIGURATION))
        desk.environment.trust.write_text(desk.environment.trust.read_text().replace("[local]", "[dev]"))
        # A key that may not sign makes its statement no evidence; what remains in the ledger is a claim.
        desk.refused(what, "may not sign for local", remedy="trust file")

    def test_a_malformed_trust_file_is_named(self, desk: Any, what: str) -> None:
        desk.promote(desk.gate(RELEASE, CONFIGURATION))
        desk.environment.trust.write_text("kind: Trust")
        with pytest.raises(DeclarationError):
            desk.require(what)

    def test_a_damaged_ledger_is_named(self, desk: Any, what: str) -> None:
        desk.promote(desk.gate(RELEASE, CONFIGURATION))
        desk.environment.ledger.write_bytes(desk.environment.ledger.read_bytes()[1:])
        with pytest.raises(LedgerError):
            desk.require(what)

    def test_evidence_from_the_future_refuses(self, desk: Any, what: str) -> None:
        desk.promote(desk.gate(RELEASE, CONFIGURATION))
        desk.clock.now_ns -= 6 * 60 * 10**9
        desk.refused(what, "6 min in the future", remedy="clock")


class TestTraffic:
    def test_a_pass_alone_opens_nothing(self, desk: Any) -> None:
        desk.gate(RELEASE, CONFIGURATION)
        desk.refused("traffic", "passed and is not promoted", remedy=f"mlgate promote service.yaml --release {RELEASE}")

    def test_old_evidence_goes_on_holding_traffic(self, desk: Any) -> None:
        desk.promote(desk.gate(RELEASE, CONFIGURATION))
        desk.clock.now_ns += 3650 * DAY_NS
        assert desk.require()

    def test_the_release_before_goes_on_holding_traffic_while_the_next_one_takes_over(self, desk: Any) -> None:
        desk.promote(desk.gate(OTHER, CONFIGURATION))
        desk.promote(desk.gate(RELEASE, CONFIGURATION))
        assert desk.require().release == RELEASE
        assert desk.require(release=OTHER).release == OTHER

    def test_what_a_rollback_took_back_takes_no_traffic_until_it_is_promoted_again(self, desk: Any) -> None:
        former, taken_back = desk.gate(OTHER, CONFIGURATION), desk.gate(RELEASE, CONFIGURATION)
        desk.promote(former)
        desk.promote(taken_back)
        desk.roll_back(former)
        desk.refused("traffic", r"taken back by a rollback \(complaints since noon\)", remedy="mlgate promote")
        assert desk.require(release=OTHER).reason == "complaints since noon"
        desk.promote(taken_back)
        assert desk.require().attempt == taken_back.id

    def test_the_rollback_that_is_named_is_the_one_that_took_it_back_whatever_happened_since(self, desk: Any) -> None:
        former, taken_back, later = (desk.gate(release, CONFIGURATION) for release in (OTHER, RELEASE, digest_json("later")))
        desk.promote(former)
        desk.promote(taken_back)
        desk.promote(later)
        desk.roll_back(taken_back, "the later one was slow")
        desk.roll_back(former, "complaints since noon")
        desk.promote(later)
        desk.refused("traffic", r"taken back by a rollback \(complaints since noon\)", remedy="mlgate promote")
        desk.roll_back(former, "slow again")
        desk.refused("traffic", r"taken back by a rollback \(complaints since noon\)", remedy="mlgate promote")

    def test_a_fail_after_a_pass_that_was_not_promoted_refuses_as_what_it_is(self, desk: Any) -> None:
        desk.gate(RELEASE, CONFIGURATION)
        failed = desk.gate(RELEASE, CONFIGURATION, Verdict.FAIL)
        desk.gate(RELEASE, CONFIGURATION, Verdict.VOID)
        desk.refused("traffic", f"attempt {failed.id} ended with FAIL", exit_code=Verdict.FAIL.exit_code)

    def test_a_fail_after_the_promotion_does_not_cut_off_users(self, desk: Any) -> None:
        """It refuses the next promotion; traffic is taken away by a rollback, which somebody decides."""
        desk.promote(desk.gate(RELEASE, CONFIGURATION))
        desk.gate(RELEASE, CONFIGURATION, Verdict.FAIL)
        assert desk.require()


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
    desk.refused("traffic", "never gated", release=GENESIS)
