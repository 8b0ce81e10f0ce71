"""What may be promoted: the newest verdict on it is a fresh PASS, under what is declared now and against what is stable now."""

import dataclasses
from typing import Any

import pytest

from mlgate.digests import digest_bytes, digest_json, short
from mlgate.errors import LedgerError
from mlgate.verdict import Verdict

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


def test_evidence_is_fresh_for_as_long_as_the_environment_says(desk: Any) -> None:
    attempt = desk.gate(RELEASE, CONFIGURATION)
    desk.clock.now_ns += 7 * DAY_NS
    assert desk.require("fresh").attempt == attempt.id
    desk.clock.now_ns += 1
    desk.refused("fresh", "signed 7.0 days ago, and a promotion asks for at most 7 d")


def test_a_clock_a_little_behind_the_signers_is_fresh(desk: Any) -> None:
    desk.gate(RELEASE, CONFIGURATION)
    desk.clock.now_ns -= 5 * 60 * 10**9
    assert desk.require("fresh")


@pytest.mark.parametrize("later", [Verdict.INCONCLUSIVE, Verdict.VOID])
def test_too_little_evidence_after_a_pass_takes_nothing_from_it(desk: Any, later: Verdict) -> None:
    passed = desk.gate(RELEASE, CONFIGURATION)
    desk.gate(RELEASE, CONFIGURATION, later)
    assert desk.require("fresh").attempt == passed.id


def test_a_fail_after_a_pass_refuses_until_the_next_pass(desk: Any) -> None:
    desk.gate(RELEASE, CONFIGURATION)
    failed = desk.gate(RELEASE, CONFIGURATION, Verdict.FAIL)
    desk.gate(RELEASE, CONFIGURATION, Verdict.VOID)
    desk.refused("fresh", f"attempt {failed.id} ended with FAIL", exit_code=10)
    passed = desk.gate(RELEASE, CONFIGURATION)
    assert desk.require("fresh").attempt == passed.id


def test_what_ended_last_is_newest_not_what_began_last(desk: Any) -> None:
    early = desk.begin(RELEASE, CONFIGURATION)
    desk.gate(RELEASE, CONFIGURATION)
    content = desk.sign(early, Verdict.FAIL)
    desk.store.put(early.id, {"evidence.json": content})
    desk.ledger.record_verdict(early.id, Verdict.FAIL, digest_bytes(content))
    desk.refused("fresh", f"attempt {early.id} ended with FAIL", exit_code=10)


def test_the_newest_of_two_that_are_not_enough_refuses(desk: Any) -> None:
    desk.gate(RELEASE, CONFIGURATION, Verdict.VOID)
    desk.gate(RELEASE, CONFIGURATION, Verdict.INCONCLUSIVE)
    desk.refused("fresh", "ended with INCONCLUSIVE", exit_code=11)


def test_a_removed_fail_still_refuses(desk: Any) -> None:
    """The ledger remembers what the folder of evidence forgot."""
    desk.gate(RELEASE, CONFIGURATION)
    failed = desk.gate(RELEASE, CONFIGURATION, Verdict.FAIL)
    (desk.store.folder(failed.id) / "evidence.json").unlink()
    desk.refused("fresh", "ended with FAIL", exit_code=10)


@pytest.mark.parametrize(
    ("declared", "changed"),
    [
        ({"alpha": 0.001}, "alpha was 0.01 and is 0.001"),
        ({"quality": [_BAR]}, "quality.accuracy.at_least was not set and is 0.94"),
        ({"objectives": [_ERRORS], "load": _LOAD}, "objectives.errors.at_most was not set and is 1 %"),
        ({"interface": _SMALLER}, r"interface.input.image.shape\[1\] was 8 and is 4"),
    ],
)
def test_a_declaration_that_says_otherwise_since_the_gate_asks_for_another_gate(desk: Any, declared: dict[str, Any], changed: str) -> None:
    attempt = desk.gate(RELEASE, CONFIGURATION)
    gated = desk.declared
    desk.declare(**declared)
    desk.refused("fresh", f"attempt {attempt.id} was made under another declaration: .*{changed}")
    desk.declared = gated
    assert desk.require("fresh")


def test_a_bar_that_was_lowered_for_the_gate_promotes_nothing_under_the_one_that_is_declared(desk: Any) -> None:
    desk.declare(quality=[_BAR | {"at_least": 0.5}, _COMPARISON])
    desk.gate(RELEASE, CONFIGURATION)
    desk.declare(quality=[_BAR, _COMPARISON])
    desk.refused("fresh", "another declaration: quality.accuracy.at_least was 0.5 and is 0.94")


def test_neither_the_owner_nor_the_names_of_secrets_nor_the_order_of_bars_is_a_claim(desk: Any) -> None:
    desk.declare(quality=[_BAR, _BAR | {"name": "again"}])
    desk.gate(RELEASE, CONFIGURATION)
    interface = desk.declared.interface.model_dump(mode="json") | {"auth": {"bearer": "TOKEN"}}
    desk.declare(quality=[_BAR | {"name": "again"}, _BAR], metadata={"name": "digits", "owner": "search"}, interface=interface)
    assert desk.require("fresh")


class TestComparison:
    """No worse than stable: than the one that is stable now."""

    @pytest.fixture(autouse=True)
    def compares(self, desk: Any) -> None:
        desk.declare(quality=[_COMPARISON])

    def test_a_pass_without_comparison_promotes_nothing_once_something_is_stable(self, desk: Any) -> None:
        one, two = desk.gate(OTHER, CONFIGURATION), desk.gate(RELEASE, CONFIGURATION)
        assert desk.require("fresh").attempt == two.id
        desk.promote(one)
        desk.refused("fresh", f"attempt {two.id} was compared with nothing, and what is stable now is release {short(OTHER)}")
        with pytest.raises(LedgerError, match="was compared with nothing"):
            desk.promote(two)
        assert desk.ledger.stable("digits", "local").release == OTHER

    def test_a_comparison_with_a_former_stable_promotes_nothing_over_the_present_one(self, desk: Any) -> None:
        former = desk.gate(OTHER, CONFIGURATION)
        desk.promote(former)
        passed = desk.gate(RELEASE, CONFIGURATION, stable=former)
        between = desk.gate(THIRD, CONFIGURATION, stable=former)
        assert desk.require("fresh").attempt == passed.id
        desk.promote(between)
        desk.refused("fresh", f"compared with release {short(OTHER)} .* stable now is release {short(THIRD)}")
        with pytest.raises(LedgerError, match=f"compared with release {short(OTHER)}"):
            desk.promote(passed)
        desk.roll_back(former)
        desk.promote(passed)
        assert desk.require().attempt == passed.id

    def test_a_comparison_with_stable_in_another_configuration_is_one_with_something_else(self, desk: Any) -> None:
        stable = desk.gate(OTHER, CONFIGURATION)
        desk.promote(stable)
        desk.gate(RELEASE, CONFIGURATION, stable=dataclasses.replace(stable, configuration=THIRD))
        desk.refused("fresh", f"compared with release {short(OTHER)} with configuration {short(THIRD)}")

    def test_a_comparison_is_worth_nothing_where_nothing_is_stable(self, desk: Any) -> None:
        """The ledger that knew of it is not this one."""
        desk.gate(RELEASE, CONFIGURATION, stable=desk.begin(OTHER, None))
        desk.refused("fresh", f"compared with release {short(OTHER)} with configuration unknown, and what is stable now is nothing")

    def test_where_no_comparison_is_declared_none_is_missed(self, desk: Any) -> None:
        desk.declare(quality=[_BAR])
        one, two = desk.gate(OTHER, CONFIGURATION), desk.gate(RELEASE, CONFIGURATION)
        desk.promote(one)
        assert desk.require("fresh").attempt == two.id
        desk.promote(two)
        assert desk.require().attempt == two.id
