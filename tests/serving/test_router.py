import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlgate.errors import UsageError
from mlgate_serving.router import Arm, Arms, Drain, Fill, Move, Split, after, moves, require_servable, split_of

ARMS = [Arm(f"sha256:{letter}", f"http://127.0.0.1:{port}") for port, letter in enumerate("abc", 8001)]
SHARES = [0.0, 0.3, 1.0]
SERVABLE = [
    Arms(stable, candidate, weight, mirror)
    for stable in [None, *ARMS]
    for candidate in [None, *ARMS]
    for weight in (SHARES if stable and candidate else [0.0])
    for mirror in (SHARES if stable and candidate else [0.0])
]
servable = st.sampled_from(SERVABLE)


def share(arms: Arms, slot: str) -> float:
    return 1 - arms.candidate_weight if slot == "stable" else arms.candidate_weight


def check(now: Arms, target: Arms, steps: list[Move]) -> list[Arms]:
    """Every state on the way, after making sure that no step can fail a request."""
    states, clean = [now], set[str]()  # clean: slots without a request under way
    for step in steps:
        state = after(states[-1], step)
        if isinstance(step, Drain) and not share(state, step.slot):
            clean.add(step.slot)
        if isinstance(step, Fill):
            held = getattr(states[-1], step.slot)
            taken_away = step.slot == "stable" and target.stable is None
            assert held is None or step.slot in clean or taken_away, f"{step} cuts requests"
        if now.stable and target.stable:
            assert state.stable
            assert state.candidate or not state.candidate_weight, f"{step} sends requests to nobody"
        clean -= {slot for slot in ("stable", "candidate") if share(state, slot)}
        states.append(state)
    assert states[-1] == target
    return states


@given(now=servable, target=servable)
def test_every_move_ends_at_the_target_and_fails_no_request(now: Arms, target: Arms) -> None:
    check(now, target, moves(now, target))


@given(now=servable, target=servable, other=servable, data=st.data())
def test_from_every_state_on_the_way_the_rest_of_the_way_or_another_one_can_be_gone(
    now: Arms, target: Arms, other: Arms, data: st.DataObject
) -> None:
    killed = data.draw(st.sampled_from(check(now, target, moves(now, target))))
    check(killed, target, moves(killed, target))
    check(killed, other, moves(killed, other))


@given(now=servable)
def test_nothing_changed_is_nothing_done(now: Arms) -> None:
    assert moves(now, now) == []


@given(now=servable, target=servable)
def test_copies_go_only_to_the_candidate_they_were_meant_for(now: Arms, target: Arms) -> None:
    for state in check(now, target, moves(now, target)):
        assert not state.mirror or state.candidate in (now.candidate, target.candidate)


def test_a_promotion_takes_the_measured_order() -> None:
    old, new, _ = ARMS
    assert moves(Arms(old, new, 0.1), Arms(new)) == [
        Split(1.0, 0.0),
        Drain("stable"),
        Fill("stable", new),
        Split(0.0, 0.0),
        Drain("candidate"),
        Fill("candidate", None),
    ]


def test_a_stable_that_is_not_the_candidate_comes_in_through_the_candidates_slot() -> None:
    old, other, new = ARMS
    assert moves(Arms(old, other, 0.1), Arms(new, other, 0.1)) == [
        *(Split(0.0, 0.0), Drain("candidate"), Fill("candidate", new)),
        *(Split(1.0, 0.0), Drain("stable"), Fill("stable", new)),
        *(Split(0.0, 0.0), Drain("candidate"), Fill("candidate", other)),
        Split(0.1, 0.0),
    ]


@pytest.mark.parametrize("value", [-0.1, 1.1, math.nan, math.inf])
def test_a_share_out_of_range_is_refused(value: float) -> None:
    with pytest.raises(UsageError, match="weight is"):
        require_servable(Arms(ARMS[0], ARMS[1], value))
    with pytest.raises(UsageError, match="mirror share is"):
        require_servable(Arms(ARMS[0], ARMS[1], 0, value))


def test_a_share_for_an_arm_that_is_not_there_is_refused() -> None:
    with pytest.raises(UsageError, match=r"no candidate to give the weight 0\.5"):
        require_servable(Arms(ARMS[0], None, 0.5))
    with pytest.raises(UsageError, match="no candidate to give the mirror share 1 to"):
        require_servable(Arms(ARMS[0], None, 0, 1))
    with pytest.raises(UsageError, match="no stable to share with"):
        require_servable(Arms(None, ARMS[0], 0.5))


@given(arms=servable)
def test_what_can_be_served_is_not_refused(arms: Arms) -> None:
    require_servable(arms)


@given(weight=st.floats(0, 1))
def test_weights_that_sum_to_one_give_the_candidates_share(weight: float) -> None:
    assert split_of({"stable": 1 - weight, "candidate": weight}) == weight


@pytest.mark.parametrize(
    "weights",
    [
        {},
        {"stable": 1.0},
        {"candidate": 1.0},
        {"stable": 0.5, "candidate": 0.6},
        {"stable": 0.5, "canary": 0.5},
        {"stable": math.nan, "candidate": 1},
    ],
)
def test_weights_that_do_not_say_who_gets_what_are_refused(weights: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="the weights are"):
        split_of(weights)
