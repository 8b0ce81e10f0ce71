"""What the ledger says about attempts and promotions, and which alterations it finds."""

import json
from collections.abc import Callable
from math import isclose
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlgate.digests import digest_bytes, digest_json
from mlgate.errors import LedgerError, UsageError
from mlgate.verdict import Verdict
from mlgate_evidence.ledger import Ledger
from mlgate_evidence.ledger_store import GENESIS, LedgerFile, Position

Digest = Callable[[Any], str]


class MemoryStore:
    """A ledger of this process only: all that the seam asks for."""

    where = "memory"

    def __init__(self) -> None:
        self.lines: list[bytes] = []

    def read(self) -> tuple[list[bytes], str]:
        return list(self.lines), digest_bytes(self.lines[-1]) if self.lines else GENESIS

    def append(self, expected_head: str, line: bytes) -> bool:
        if self.read()[1] != expected_head:
            return False
        self.lines.append(line)
        return True


def test_routes_are_counted_per_release_whatever_became_of_the_attempts(desk: Any, digest: Digest) -> None:
    release, other, configuration = digest("release"), digest("other"), digest("configuration")
    abandoned = desk.begin(release, configuration)
    failed = desk.gate(release, configuration, Verdict.FAIL)
    elsewhere = desk.begin(other, configuration)
    reconfigured = desk.begin(release, digest("another configuration"))
    assert [attempt.route for attempt in (abandoned, failed, elsewhere, reconfigured)] == [1, 2, 1, 3]
    assert [attempt.alpha_share for attempt in (abandoned, failed, reconfigured)] == [0.8, 0.1, 0.05]
    assert isclose(failed.plan["alpha"], 0.001)


def test_routes_are_counted_per_service(desk: Any, digest: Digest) -> None:
    first = desk.begin(digest("release"), digest("configuration"))
    second = desk.begin(digest("release"), digest("configuration"), service="letters")
    assert (first.route, second.route) == (1, 1)


def test_a_foreign_endpoint_is_counted_by_its_address(desk: Any) -> None:
    first = desk.begin(None, None, url="https://models.example.com/")
    again = desk.begin(None, None, url="https://Models.Example.com:443")
    other = desk.begin(None, None, url="https://models.example.com/v2")
    assert [attempt.route for attempt in (first, again, other)] == [1, 2, 1]
    assert first.url == "https://models.example.com/"


def test_an_attempt_without_release_and_address_is_refused(desk: Any) -> None:
    with pytest.raises(UsageError, match="neither was given"):
        desk.ledger.begin_attempt(service="digits", stage="local", release=None, configuration=None, make_plan=lambda *_: {})


def test_ids_say_when_what_and_which_route(desk: Any, digest: Digest) -> None:
    release = digest("release")
    short = release.removeprefix("sha256:")[:12]
    assert desk.begin(release, None).id == f"20261124T213059-{short}-r1"
    assert desk.begin(release, None).id == f"20261124T213059-{short}-r2"


def test_ids_differ_where_second_release_and_route_are_the_same(desk: Any, digest: Digest) -> None:
    ids = [desk.begin(digest("release"), None, service=service).id for service in ("digits", "letters", "words")]
    assert len(set(ids)) == 3
    assert [attempt_id.rsplit("-r", 1)[1] for attempt_id in ids] == ["1", "1-2", "1-3"]


def test_the_plan_stands_in_the_ledger_before_the_first_request(desk: Any, digest: Digest) -> None:
    attempt = desk.begin(digest("release"), digest("configuration"))
    assert json.loads(desk.environment.ledger.read_bytes())["plan"] == attempt.plan
    assert attempt.plan_digest == digest_json(attempt.plan)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(plan=st.dictionaries(st.text(), json_values, max_size=4))
def test_a_plan_comes_back_to_the_last_digit(plan: dict[str, Any]) -> None:
    ledger = Ledger(MemoryStore())
    begun = ledger.begin_attempt(service="digits", stage="local", release=GENESIS, configuration=None, make_plan=lambda *_: plan)
    resumed = ledger.unfinished_attempt("digits", "local", GENESIS, None)
    assert resumed == begun
    assert resumed.plan_digest == digest_json(plan)


def test_a_plan_that_json_cannot_hold_is_never_written(desk: Any) -> None:
    with pytest.raises(ValueError, match="JSON"):
        desk.ledger.begin_attempt(
            service="digits", stage="local", release=GENESIS, configuration=None, make_plan=lambda *_: {"alpha": float("nan")}
        )
    assert desk.ledger.entries() == []


def test_the_position_of_an_attempt_is_that_of_its_own_line(desk: Any, digest: Digest) -> None:
    desk.gate(digest("earlier"), digest("configuration"))
    attempt = desk.begin(digest("release"), digest("configuration"))
    history = desk.ledger.history()
    assert attempt.ledger == history.position == Position(count=3, head=history.lines[-1].digest)


def test_an_empty_ledger_stands_at_its_beginning(desk: Any) -> None:
    assert desk.ledger.history().position == Position(0, GENESIS)
    assert desk.ledger.stable("digits", "local") is None


class TestUnfinishedAttempts:
    def test_one_without_a_verdict_may_go_on(self, desk: Any, digest: Digest) -> None:
        release, configuration = digest("release"), digest("configuration")
        begun = desk.begin(release, configuration)
        assert desk.ledger.unfinished_attempt("digits", "local", release, configuration) == begun

    def test_one_with_a_verdict_is_over(self, desk: Any, digest: Digest) -> None:
        desk.gate(digest("release"), digest("configuration"), Verdict.INCONCLUSIVE)
        assert desk.ledger.unfinished_attempt("digits", "local", digest("release"), digest("configuration")) is None

    def test_an_older_one_is_not_dug_up_from_under_a_newer(self, desk: Any, digest: Digest) -> None:
        desk.begin(digest("release"), digest("configuration"))
        desk.gate(digest("release"), digest("configuration"), Verdict.FAIL)
        assert desk.ledger.unfinished_attempt("digits", "local", digest("release"), digest("configuration")) is None

    def test_one_in_another_configuration_is_another(self, desk: Any, digest: Digest) -> None:
        desk.begin(digest("release"), digest("configuration"))
        assert desk.ledger.unfinished_attempt("digits", "local", digest("release"), digest("other")) is None
        assert desk.ledger.unfinished_attempt("digits", "staging", digest("release"), digest("configuration")) is None

    def test_one_at_a_foreign_endpoint_is_found_by_any_spelling_of_its_address(self, desk: Any) -> None:
        begun = desk.begin(None, None, url="http://localhost:8080")
        assert desk.ledger.unfinished_attempt("digits", "local", None, None, url="http://127.0.0.1:8080/") == begun


class TestVerdicts:
    def test_the_same_verdict_twice_is_one_entry(self, desk: Any, digest: Digest) -> None:
        attempt = desk.gate(digest("release"), digest("configuration"))
        given = desk.ledger.history().verdict(attempt.id)
        desk.ledger.record_verdict(attempt.id, Verdict.PASS, given.evidence)
        assert len(desk.ledger.entries()) == 2

    @pytest.mark.parametrize(("verdict", "evidence"), [(Verdict.FAIL, "evidence"), (Verdict.PASS, "other"), (Verdict.PASS, None)])
    def test_an_attempt_has_one_verdict(self, desk: Any, digest: Digest, verdict: Verdict, evidence: str | None) -> None:
        attempt = desk.begin(digest("release"), digest("configuration"))
        desk.ledger.record_verdict(attempt.id, Verdict.PASS, digest("evidence"))
        with pytest.raises(LedgerError, match="already ended with PASS"):
            desk.ledger.record_verdict(attempt.id, verdict, digest(evidence) if evidence else None)

    def test_an_attempt_that_was_never_begun_has_none(self, desk: Any) -> None:
        with pytest.raises(LedgerError, match="never begun"):
            desk.ledger.record_verdict("20261124T213059-0123456789ab-r1", Verdict.PASS, GENESIS)


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
    def test_whatever_is_promoted_and_rolled_back_the_last_move_is_stable(self, moves: list[int]) -> None:
        """Against the plainest model: a stack of what is in force."""
        ledger = Ledger(MemoryStore())
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


class TestDamage:
    @pytest.fixture
    def lines(self, desk: Any, digest: Digest) -> list[bytes]:
        for number in range(3):
            desk.gate(digest(number), digest("configuration"))
        return desk.environment.ledger.read_bytes().splitlines()

    def refused(self, lines: list[bytes]) -> LedgerError:
        """In a store without a head file, so that only the chain can tell."""
        store = MemoryStore()
        store.lines = lines
        with pytest.raises(LedgerError) as caught:
            Ledger(store).entries()
        with pytest.raises(LedgerError):
            Ledger(store).begin_attempt(service="digits", stage="local", release=GENESIS, configuration=None, make_plan=lambda *_: {})
        assert store.lines is lines
        assert caught.value.remedy
        return caught.value

    @pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
    def test_an_altered_line_is_named(self, lines: list[bytes], number: int) -> None:
        lines[number - 1] = lines[number - 1].replace(b'"at_ns":1', b'"at_ns":2')
        error = self.refused(lines)
        assert error.where == f"memory:{number}"
        assert "was altered" in error.problem

    @pytest.mark.parametrize("number", [1, 2, 5])
    def test_a_line_taken_out_is_named(self, lines: list[bytes], number: int) -> None:
        del lines[number - 1]
        error = self.refused(lines)
        assert error.where == f"memory:{number}"
        assert "missing or out of order" in error.problem

    def test_two_lines_exchanged_are_named(self, lines: list[bytes]) -> None:
        lines[2], lines[3] = lines[3], lines[2]
        assert "missing or out of order" in self.refused(lines).problem

    def test_a_line_put_in_is_named(self, lines: list[bytes]) -> None:
        assert "missing or out of order" in self.refused([*lines[:2], lines[1], *lines[2:]]).problem

    def test_a_ledger_that_begins_in_the_middle_of_another_is_refused(self, lines: list[bytes]) -> None:
        first = json.loads(lines[0]) | {"prev": digest_json("another ledger")}
        assert self.refused([json.dumps(first).encode()]).where == "memory:1"

    @pytest.mark.parametrize("line", [b"", b"{", b"[]", b'"text"', b"\xff", b"{}"])
    def test_what_is_no_entry_is_named(self, lines: list[bytes], line: bytes) -> None:
        error = self.refused([*lines, line])
        assert error.where == "memory:7"
        assert "not an entry" in error.problem

    def test_an_entry_with_a_wrong_field_is_named_with_it(self, lines: list[bytes]) -> None:
        lines[0] = lines[0].replace(b'"route":1', b'"route":0')
        assert "attempt.route" in self.refused(lines).problem

    def test_an_entry_of_a_later_version_asks_for_that_version(self, lines: list[bytes]) -> None:
        entry = json.loads(lines[-1]) | {"seq": 7, "prev": GENESIS, "kind": "override"}
        error = self.refused([*lines, json.dumps(entry).encode()])
        assert "newer mlgate" in error.problem
        assert "at least as new" in error.remedy

    def test_every_altered_byte_is_found(self, lines: list[bytes]) -> None:
        """All bytes of the two lines in the middle; what follows them is what tells."""
        whole = b"".join(line + b"\n" for line in lines)
        start = len(lines[0]) + 1
        for at in range(start, start + len(lines[1]) + len(lines[2]) + 2, 7):
            altered = bytearray(whole)
            altered[at] ^= 1
            self.refused(bytes(altered).splitlines())


class TestClock:
    def test_a_step_backwards_is_written_down_and_changes_nothing_else(self, desk: Any, digest: Digest) -> None:
        release = digest("release")
        first = desk.begin(release, None)
        desk.clock.now_ns -= 3_000_000_000
        second = desk.begin(release, None)
        third = desk.begin(release, None)
        assert [entry.stepped_back_ns for entry in desk.ledger.entries()] == [0, 3_000_000_000, 0]
        assert [attempt.route for attempt in (first, second, third)] == [1, 2, 3]
        assert desk.ledger.history().attempts("digits", "local", release)[-1] == third


def test_the_ledger_of_an_environment_lies_in_it(desk: Any) -> None:
    assert Ledger.of(desk.environment).where == str(desk.environment.ledger)


def test_another_writer_in_between_makes_the_plan_anew(tmp_path: Path) -> None:
    """Compare-and-swap: the plan that is written is the one for the route that is free when it is written."""
    path = tmp_path / "ledger.jsonl"
    asked: list[int] = []

    def begin(make_plan: Callable[[int, float, str], dict[str, Any]]) -> Any:
        return Ledger(LedgerFile(path)).begin_attempt(
            service="digits", stage="local", release=GENESIS, configuration=None, make_plan=make_plan
        )

    def interrupted(route: int, share: float, attempt_id: str) -> dict[str, Any]:
        asked.append(route)
        if len(asked) == 1:
            begin(lambda *_: {})
        return {"route": route}

    assert begin(interrupted).plan == {"route": 2}
    assert asked == [1, 2]
