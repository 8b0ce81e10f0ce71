"""`Router`: how a service's one URL divides its traffic between two arms, and in what order traffic moves so that no request fails.

`moves` is the pure half of every router: the steps from what is served now to what shall be. Every state on the way serves each request,
and a router that is killed on the way computes the rest from where it stands.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, Protocol, TypeAlias

from mlgate.errors import UsageError

Slot: TypeAlias = Literal["stable", "candidate"]


class Router(Protocol):
    """Moves traffic between the arms that a service has."""

    def shift(self, service: str, weights: Mapping[str, float], mirror: float) -> None:
        """Gives `stable` and `candidate` their shares of the requests (they sum to 1) and `candidate` copies of the share `mirror` of
        stable's, whose answers nobody sees. Returns when the data plane does so."""
        ...

    def weights(self, service: str) -> Mapping[str, float]:
        """The share of each arm as the data plane serves it now; empty if the service has no router."""
        ...


@dataclass(frozen=True, slots=True)
class Arm:
    """`release`: its digest. `url`: where it answers, http://ADDRESS:PORT."""

    release: str
    url: str


@dataclass(frozen=True, slots=True)
class Arms:
    """What a service's URL serves. `candidate_weight` and `mirror` are shares from 0 to 1."""

    stable: Arm | None = None
    candidate: Arm | None = None
    candidate_weight: float = 0.0
    mirror: float = 0.0

    def shares(self) -> dict[Arm, float]:
        """The share of each arm; one in both slots has what both have."""
        shares: dict[Arm, float] = {}
        for arm, share in ((self.stable, 1 - self.candidate_weight), (self.candidate, self.candidate_weight)):
            if arm:
                shares[arm] = shares.get(arm, 0.0) + share
        return shares


def require_servable(arms: Arms) -> None:
    """Raises UsageError for a share out of range, or one of an arm that is not there."""
    for name, share in (("weight", arms.candidate_weight), ("mirror share", arms.mirror)):
        if not (math.isfinite(share) and 0 <= share <= 1):
            raise UsageError(f"the candidate's {name} is {share}", remedy="a share from 0 to 1")
        if share and not arms.candidate:
            raise UsageError(f"there is no candidate to give the {name} {share:g} to", remedy="bring the candidate up first")
        if share and not arms.stable:
            remedy = "a first release is promoted: it becomes stable, and takes all requests"
            raise UsageError(f"the candidate's {name} is {share:g}, but there is no stable to share with", remedy=remedy)


@dataclass(frozen=True, slots=True)
class Split:
    """Step: divide new requests anew. Requests under way stay where they are."""

    candidate_weight: float
    mirror: float


@dataclass(frozen=True, slots=True)
class Drain:
    """Step: wait until no request is under way in the slot."""

    slot: Slot


@dataclass(frozen=True, slots=True)
class Fill:
    """Step: let the slot's requests go to `arm`; None empties it."""

    slot: Slot
    arm: Arm | None


Move: TypeAlias = Split | Drain | Fill


def split_of(weights: Mapping[str, float]) -> float:
    """The candidate's weight in `weights`. Raises UsageError unless they name stable and candidate and sum to 1."""
    # "not <=" refuses NaN as well.
    if weights.keys() != {"stable", "candidate"} or not abs(sum(weights.values()) - 1) <= 1e-9:
        given = ", ".join(f"{name} {weight:g}" for name, weight in weights.items()) or "none"
        raise UsageError(f"the weights are {given}", remedy="stable and candidate, which sum to 1, such as stable 0.9, candidate 0.1")
    return weights["candidate"]


def after(arms: Arms, move: Move) -> Arms:
    """What is served once `move` is done."""
    match move:
        case Split(candidate_weight, mirror):
            return replace(arms, candidate_weight=candidate_weight, mirror=mirror)
        case Fill(slot, arm):
            return replace(arms, stable=arm) if slot == "stable" else replace(arms, candidate=arm)
        case Drain():
            return arms


def moves(now: Arms, target: Arms) -> list[Move]:
    """The steps from `now` to `target`, such that a slot changes only when no request uses it.

    A new stable first takes everything in the candidate's slot, while the stable slot drains and gets it too. That is a promotion if it
    is the candidate already; if not, the candidate steps aside for the time. Only a target without stable takes the service away.
    """
    steps: list[Move] = []
    state = now

    def do(move: Move) -> None:
        nonlocal state
        steps.append(move)
        state = after(state, move)

    def split(candidate_weight: float, mirror: float = 0.0) -> None:
        if (state.candidate_weight, state.mirror) != (candidate_weight, mirror):
            do(Split(candidate_weight, mirror))

    def fill_candidate(arm: Arm | None) -> None:
        if state.candidate == arm:
            return
        if state.candidate:
            split(0.0)
            do(Drain("candidate"))
        do(Fill("candidate", arm))

    if target.stable != now.stable:
        if now.stable is None:
            do(Fill("stable", target.stable))
        elif target.stable is None:
            split(0.0)
            do(Fill("stable", None))
            do(Drain("stable"))
        else:
            fill_candidate(target.stable)
            split(1.0)
            do(Drain("stable"))
            do(Fill("stable", target.stable))
    fill_candidate(target.candidate)
    split(target.candidate_weight, target.mirror)
    return steps
