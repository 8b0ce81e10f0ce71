"""The algebra of verdicts: a join that is total, commutative, associative, idempotent and monotone, and empty is VOID."""

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlgate import Verdict, join_all

WORSE = [Verdict.PASS, Verdict.INCONCLUSIVE, Verdict.VOID, Verdict.FAIL]
verdicts = st.sampled_from(Verdict)


def rank(verdict: Verdict) -> int:
    """Its place in the order that the design names: FAIL over VOID over INCONCLUSIVE over PASS."""
    return WORSE.index(verdict)


@pytest.mark.parametrize(("one", "other"), list(product(Verdict, repeat=2)))
def test_the_join_is_total_and_is_the_worse_of_the_two(one: Verdict, other: Verdict) -> None:
    assert one.joined_with(other) is WORSE[max(rank(one), rank(other))]


@pytest.mark.parametrize(("one", "other"), list(product(Verdict, repeat=2)))
def test_the_join_is_commutative(one: Verdict, other: Verdict) -> None:
    assert one.joined_with(other) is other.joined_with(one)


@pytest.mark.parametrize(("a", "b", "c"), list(product(Verdict, repeat=3)))
def test_the_join_is_associative(a: Verdict, b: Verdict, c: Verdict) -> None:
    assert a.joined_with(b).joined_with(c) is a.joined_with(b.joined_with(c))


@pytest.mark.parametrize("verdict", Verdict)
def test_a_verdict_joined_with_itself_is_itself_and_pass_is_neutral(verdict: Verdict) -> None:
    assert verdict.joined_with(verdict) is verdict
    assert verdict.joined_with(Verdict.PASS) is verdict


@pytest.mark.parametrize(("a", "b", "c"), list(product(Verdict, repeat=3)))
def test_the_join_is_monotone_so_a_worse_check_never_makes_a_better_gate(a: Verdict, b: Verdict, c: Verdict) -> None:
    if rank(a) <= rank(b):
        assert rank(a.joined_with(c)) <= rank(b.joined_with(c))


@settings(deadline=None)
@given(st.lists(verdicts, min_size=1))
def test_a_gate_passes_exactly_when_every_check_passes(each: list[Verdict]) -> None:
    assert (join_all(each) is Verdict.PASS) == all(verdict is Verdict.PASS for verdict in each)


@settings(deadline=None)
@given(st.lists(verdicts, min_size=1), verdicts)
def test_one_more_check_never_makes_a_gate_better(each: list[Verdict], more: Verdict) -> None:
    assert rank(join_all([*each, more])) >= rank(join_all(each))


@settings(deadline=None)
@given(st.lists(verdicts).flatmap(lambda each: st.tuples(st.just(each), st.permutations(each))))
def test_the_order_of_checks_does_not_matter(both: tuple[list[Verdict], list[Verdict]]) -> None:
    assert join_all(both[0]) is join_all(both[1])


def test_a_gate_without_checks_is_void() -> None:
    assert join_all([]) is Verdict.VOID


def test_exit_codes_are_apart_from_those_of_crashes_usage_errors_and_pytest() -> None:
    assert {verdict: verdict.exit_code for verdict in Verdict} == {
        Verdict.PASS: 0,
        Verdict.FAIL: 10,
        Verdict.INCONCLUSIVE: 11,
        Verdict.VOID: 12,
    }


def test_a_verdict_reads_as_its_name() -> None:
    assert [f"{verdict}" for verdict in Verdict] == ["PASS", "FAIL", "INCONCLUSIVE", "VOID"]
