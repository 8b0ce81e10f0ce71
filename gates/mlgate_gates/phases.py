"""The phases of a gate as load jobs: the contract's deliberate requests, every case of each sample once, then the declared load.

Each returns what is still to send, given the rows that an interrupted gate left, so that starting and resuming are one thing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mlgate.service import Service
from mlgate_gates.contract_cases import VALID, example_case
from mlgate_gates.plan import PlannedLoad
from mlgate_gates.rows import LOAD, WARM_UP, Rows
from mlgate_gates.samples import Sample
from mlgate_loadtests.job import Expectation, Prepared
from mlgate_loadtests.schedule import poisson_arrivals
from mlgate_serving.clients import Client, client_for

_SETTLED_RATE_PER_S = 200.0  # of contract and samples where no load is declared
# Mean gaps between arrivals that the schedule is drawn beyond what is watched, so that an arrival lies there but once in e^100.
_GAPS_BEYOND = 100


@dataclass(frozen=True, slots=True)
class Traffic:
    """What a worker sends: requests, when (ns from the start), which of them, and in which block."""

    requests: Sequence[Prepared]
    arrivals_ns: NDArray[np.int64]
    picks: NDArray[np.int32]
    blocks: NDArray[np.int32]


def contract_traffic(requests: Sequence[Prepared], rows: pa.Table) -> Traffic | None:
    """The contract's requests that have no answer yet."""
    return _each_once(requests, rows, rate_per_s=_SETTLED_RATE_PER_S, seed=0)


def sample_traffic(sample: Sample, client: Client, rows: pa.Table, *, load: PlannedLoad | None, seed: int) -> Traffic | None:
    """Every case of the sample to every arm, once, in a seeded order that mixes arms; at the declared rate for each arm."""
    requests = [
        Prepared(
            request=client.encode(sample.cases.case(index)),
            case_id=sample.cases.case_ids[index],
            arm=arm,
            check=sample.check,
            expectation=Expectation(label=float(sample.cases.labels[index])),
        )
        for index in range(len(sample.cases.case_ids))
        for arm in sample.arms
    ]
    rate = load.rate_per_s if load else _SETTLED_RATE_PER_S
    return _each_once(requests, rows, rate_per_s=rate * len(sample.arms), seed=seed)


def _each_once(requests: Sequence[Prepared], rows: pa.Table, *, rate_per_s: float, seed: int) -> Traffic | None:
    """The requests that no row answers. Nobody saw the answer of a lost one, so it is sent again."""
    sent = Rows(rows)
    kept = sent.only(~sent.lost)
    answered = set(zip(*(kept.text(column) for column in ("check", "arm", "case_id")), strict=True))
    pending = [item for item in requests if (item.check, item.arm, item.case_id) not in answered]
    if not pending:
        return None
    order = np.random.default_rng(seed).permutation(len(pending))
    arrivals = (np.arange(len(pending)) * (1e9 / rate_per_s)).astype(np.int64)
    return Traffic(pending, arrivals, order.astype(np.int32), np.zeros(len(pending), np.int32))


def load_arrivals(load: PlannedLoad, run: int, watch_ns: int) -> NDArray[np.int64]:
    """Poisson arrivals of a run, in ns from its start: a warm-up, then as many as it takes to watch the load for `watch_ns`.

    Each run draws from its own seed, so a continued gate sends new data. Watching longer only adds arrivals.
    """
    beyond_ns = int(_GAPS_BEYOND * 1e9 / load.rate_per_s)
    arrivals = poisson_arrivals(load.schedule_seed + run, load.rate_per_s, load.warm_up_ns + watch_ns + beyond_ns)
    first = int(np.searchsorted(arrivals, load.warm_up_ns))
    last = int(np.searchsorted(arrivals, arrivals[first] + watch_ns))
    return arrivals[: last + 1]


def load_traffic(samples: Sequence[Sample], service: Service, rows: pa.Table, *, load: PlannedLoad, run: int) -> Traffic | None:
    """The declared load for what is left of `at_most`; cases drawn at random with replacement, or the contract's right request where the
    service declares none. None where nothing is left.
    """
    left_ns = load.at_most_ns - Rows.of(rows).phase(LOAD, "candidate").watched_ns
    if left_ns <= 0:
        return None
    client = client_for(service.interface, service.name)
    cases = [
        (client.encode(sample.cases.case(index)), sample.cases.case_ids[index], Expectation(label=float(sample.cases.labels[index])))
        for sample in samples
        if not sample.look
        for index in range(len(sample.cases))
    ] or [(client.encode(example_case(service.interface)), VALID, Expectation())]
    requests = [
        Prepared(request, case_id, "candidate", check, expected) for check in (WARM_UP, LOAD) for request, case_id, expected in cases
    ]
    arrivals = load_arrivals(load, run, left_ns)
    draws = np.random.default_rng((load.schedule_seed, run)).integers(0, len(cases), len(arrivals))
    watched = arrivals >= load.warm_up_ns
    picks = (draws + watched * len(cases)).astype(np.int32)
    return Traffic(requests, arrivals, picks, (np.cumsum(watched) - 1).astype(np.int32))
