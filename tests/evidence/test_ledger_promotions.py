"""What the ledger says about promotions and rollbacks: what is stable, what was before, and what may follow."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlgate.digests import digest_json
from mlgate.errors import LedgerError, UsageError
from mlgate.verdict import Verdict
from mlgate_evidence.ledger import Ledger
from mlgate_evidence.ledger_store import GENESIS

Digest = Callable[[Any], str]


class TestPromotions:
    def test_the_last_promotion_is_stable(self, desk: Any, digest: Digest) -> None:
        one, two = (desk.gate(digest(f"release {n}"), digest("configuration")) for n in (1, 2))
        desk.promote(one)
        desk.promote(two, by="grace")
        stable = desk.ledger.stable("digits", "local")
        assert (stable.release, stable.attempt, stable.by, stable.at_ns) == (two.release, two.id, "grace", desk.clock.now_ns)
        assert [promotion.release for promotion in desk.ledger.promotions("digits", "local")] == [one.release, two.release]
        assert desk.ledger.stable("digits", "staging") is None
        assert desk.ledger.stable("letters", "local") is None

    def test_a_release_already_stable_is_refused_with_since_when_and_by_whom(self, desk: Any, digest: Digest) -> None:
        attempt = desk.gate(digest("release"), digest("configuration"))
        desk.promote(attempt)
        with pytest.raises(LedgerError, match="already stable in local, since 2026-11-24 21:30:59 UTC by ada") as caught:
            desk.promote(attempt)
        assert "mlgate status" in caught.value.remedy

    @pytest.mark.parametrize("verdict", [Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.VOID])
    def test_only_a_pass_promotes(self, desk: Any, digest: Digest, verdict: Verdict) -> None:
        attempt = desk.gate(digest("release"), digest("configuration"), verdict)
        with pytest.raises(LedgerError, match=f"ended with {verdict}, and only PASS promotes"):
            desk.promote(attempt)

    def test_a_fail_that_came_after_the_pass_promotes_nothing(self, desk: Any, digest: Digest) -> None:
        """Whoever promotes looked at the verdicts a while ago."""
        passed = desk.gate(digest("release"), digest("configuration"))
        failed = desk.gate(digest("release"), digest("configuration"), Verdict.FAIL)
        with pytest.raises(LedgerError, match=f"attempt {failed.id} ended with FAIL after attempt {passed.id}"):
            desk.promote(passed)
        desk.promote(desk.gate(digest("release"), digest("configuration")))

    @pytest.mark.parametrize("later", [Verdict.INCONCLUSIVE, Verdict.VOID])
    def test_too_little_evidence_after_the_pass_takes_nothing_from_it(self, desk: Any, digest: Digest, later: Verdict) -> None:
        passed = desk.gate(digest("release"), digest("configuration"))
        desk.gate(digest("release"), digest("configuration"), later)
        desk.promote(passed)

    def test_a_plan_that_does_not_say_what_it_declares_is_taken_to_compare(self, desk: Any, digest: Digest) -> None:
        for name in ("release 1", "release 2"):
            attempt = desk.ledger.begin_attempt(
                service="digits", stage="local", release=digest(name), configuration=GENESIS, make_plan=lambda *_: {}
            )
            desk.ledger.record_verdict(attempt.id, Verdict.PASS, digest(attempt.id))
        desk.promote(desk.ledger.history().attempts("digits", "local", digest("release 1"))[0])
        with pytest.raises(LedgerError, match="was compared with nothing"):
            desk.promote(attempt)

    @pytest.mark.parametrize(
        ("changed", "problem"),
        [
            ({"service": "letters"}, "was not at release"),
            ({"stage": "staging"}, "was not at release"),
            ({"release": GENESIS}, "was not at release"),
            ({"configuration": GENESIS}, "was not at release"),
            ({"attempt": "20261124T213059-0123456789ab-r1"}, "was not at release"),
            ({"evidence_digest": GENESIS}, "ended by evidence"),
        ],
    )
    def test_a_promotion_is_of_what_the_attempt_was_at(self, desk: Any, digest: Digest, changed: dict[str, str], problem: str) -> None:
        attempt = desk.gate(digest("release"), digest("configuration"))
        right = {
            "service": "digits",
            "stage": "local",
            "release": attempt.release,
            "configuration": attempt.configuration,
            "attempt": attempt.id,
            "evidence_digest": desk.ledger.history().verdict(attempt.id).evidence,
        }
        with pytest.raises(LedgerError, match=problem) as caught:
            desk.ledger.record_promotion(**right | changed, by="ada")
        assert "mlgate gate" in caught.value.remedy
        desk.ledger.record_promotion(**right, by="ada")

    def test_an_attempt_that_has_not_ended_promotes_nothing(self, desk: Any, digest: Digest) -> None:
        attempt = desk.begin(digest("release"), digest("configuration"))
        with pytest.raises(LedgerError, match="has no verdict"):
            desk.ledger.record_promotion(
                service="digits",
                stage="local",
                release=attempt.release,
                configuration=attempt.configuration,
                attempt=attempt.id,
                evidence_digest=GENESIS,
                by="ada",
            )


class TestRollbacks:
    def test_a_rollback_returns_to_the_one_before_and_takes_the_later_ones_back(self, desk: Any, digest: Digest) -> None:
        one, two, three = (desk.gate(digest(f"release {n}"), digest("configuration")) for n in (1, 2, 3))
        for attempt in (one, two, three):
            desk.promote(attempt)
        assert desk.ledger.history().former("digits", "local").release == two.release
        desk.roll_back(two)
        history = desk.ledger.history()
        stable = history.stable("digits", "local")
        assert (stable.release, stable.attempt, stable.reason) == (two.release, two.id, "complaints since noon")
        assert history.former("digits", "local").release == one.release
        assert [promotion.release for promotion in history.in_force("digits", "local")] == [one.release, two.release]
        assert history.was_stable("digits", "local", three.release, three.configuration)
        desk.roll_back(one)
        assert desk.ledger.history().former("digits", "local") is None

    def test_what_was_taken_back_needs_a_promotion(self, desk: Any, digest: Digest) -> None:
        one, two = (desk.gate(digest(f"release {n}"), digest("configuration")) for n in (1, 2))
        desk.promote(one)
        desk.promote(two)
        desk.roll_back(one)
        with pytest.raises(LedgerError, match="itself taken back by a rollback") as caught:
            desk.roll_back(two)
        assert "mlgate promote" in caught.value.remedy
        desk.promote(two)
        assert desk.ledger.stable("digits", "local").release == two.release

    def test_what_was_never_stable_cannot_be_returned_to(self, desk: Any, digest: Digest) -> None:
        one, two = (desk.gate(digest(f"release {n}"), digest("configuration")) for n in (1, 2))
        desk.promote(one)
        with pytest.raises(LedgerError, match="was never stable"):
            desk.roll_back(two)

    def test_the_same_release_in_another_configuration_was_never_stable(self, desk: Any, digest: Digest) -> None:
        one, two = desk.gate(digest("release 1"), digest("configuration")), desk.gate(digest("release 2"), digest("configuration"))
        desk.promote(one)
        desk.promote(two)
        with pytest.raises(LedgerError, match="was never stable"):
            desk.ledger.record_rollback(
                service="digits", stage="local", release=one.release, configuration=digest("other"), by="ada", reason="x"
            )

    def test_what_is_stable_cannot_be_returned_to(self, desk: Any, digest: Digest) -> None:
        attempt = desk.gate(digest("release"), digest("configuration"))
        desk.promote(attempt)
        with pytest.raises(LedgerError, match="already stable"):
            desk.roll_back(attempt)

    def test_a_rollback_says_why(self, desk: Any, digest: Digest) -> None:
        attempt = desk.gate(digest("release"), digest("configuration"))
        with pytest.raises(UsageError, match="says why"):
            desk.roll_back(attempt, reason="  ")

    @settings(deadline=None)
    @given(moves=st.lists(st.integers(0, 3), max_size=8))
    def test_whatever_is_promoted_and_rolled_back_the_last_move_is_stable(self, memory_store: Any, moves: list[int]) -> None:
        """Against the plainest model: a stack of what is in force."""
        ledger = Ledger(memory_store())
        releases = [digest_json(n) for n in range(3)]
        attempts = []
        for release in releases:
            plan = {"declaration": {"quality": []}, "stable": None}
            attempt = ledger.begin_attempt(
                service="digits", stage="local", release=release, configuration=GENESIS, make_plan=lambda *_, plan=plan: plan
            )
            ledger.record_verdict(attempt.id, Verdict.PASS, release)
            attempts.append(attempt.id)
        stack: list[str] = []
        for move in moves:
            if move == 3 and len(stack) > 1:
                stack.pop()
                ledger.record_rollback(
                    service="digits", stage="local", release=stack[-1], configuration=GENESIS, by="ada", reason="the model says so"
                )
            elif move < 3 and releases[move] not in stack[-1:]:
                stack.append(releases[move])
                ledger.record_promotion(
                    service="digits",
                    stage="local",
                    release=releases[move],
                    configuration=GENESIS,
                    evidence_digest=releases[move],
                    attempt=attempts[move],
                    by="ada",
                )
            history = ledger.history()
            in_force = [promotion.release for promotion in history.in_force("digits", "local")]
            # A rollback to a release that is in force twice returns to its last place.
            assert in_force[-1:] == stack[-1:]
            assert in_force == stack
            assert (history.former("digits", "local") is None) == (len(stack) < 2)
