"""What the ledger says about attempts and their verdicts: routes, ids, plans, positions."""

import json
from collections.abc import Callable
from math import isclose
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlgate.digests import digest_json
from mlgate.errors import LedgerError, UsageError
from mlgate.verdict import Verdict
from mlgate_evidence.ledger import Ledger
from mlgate_evidence.ledger_store import GENESIS, LedgerFile, Position

Digest = Callable[[Any], str]


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
def test_a_plan_comes_back_to_the_last_digit(memory_store: Any, plan: dict[str, Any]) -> None:
    ledger = Ledger(memory_store())
    begun = ledger.begin_attempt(service="digits", stage="local", release=GENESIS, configuration=None, make_plan=lambda *_: plan)
    resumed = ledger.unfinished_attempt("digits", "local", GENESIS, None)
    assert resumed == begun
    assert resumed.plan_digest == digest_json(plan)


def test_a_plan_that_json_cannot_hold_is_never_written(desk: Any) -> None:
    with pytest.raises(ValueError, match="JSON"):
        desk.ledger.begin_attempt(
            service="digits", stage="local", release=GENESIS, configuration=None, make_plan=lambda *_: {"alpha": float("nan")}
        )
    assert desk.ledger.history().lines == []


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
        assert len(desk.ledger.history().lines) == 2

    @pytest.mark.parametrize(("verdict", "evidence"), [(Verdict.FAIL, "evidence"), (Verdict.PASS, "other"), (Verdict.PASS, None)])
    def test_an_attempt_has_one_verdict(self, desk: Any, digest: Digest, verdict: Verdict, evidence: str | None) -> None:
        attempt = desk.begin(digest("release"), digest("configuration"))
        desk.ledger.record_verdict(attempt.id, Verdict.PASS, digest("evidence"))
        with pytest.raises(LedgerError, match="already ended with PASS"):
            desk.ledger.record_verdict(attempt.id, verdict, digest(evidence) if evidence else None)

    def test_an_attempt_that_was_never_begun_has_none(self, desk: Any) -> None:
        with pytest.raises(LedgerError, match="never begun"):
            desk.ledger.record_verdict("20261124T213059-0123456789ab-r1", Verdict.PASS, GENESIS)


class TestClock:
    def test_a_step_backwards_is_written_down_and_changes_nothing_else(self, desk: Any, digest: Digest) -> None:
        release = digest("release")
        first = desk.begin(release, None)
        desk.clock.now_ns -= 3_000_000_000
        second = desk.begin(release, None)
        third = desk.begin(release, None)
        assert [line.entry.stepped_back_ns for line in desk.ledger.history().lines] == [0, 3_000_000_000, 0]
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
