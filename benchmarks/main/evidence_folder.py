"""A signed folder of evidence with as many rows as wanted, made by the code that concludes a real gate. Only the rows are invented.

It is the dearest kind that the example has: of a release against stable, so with every check, the exact paired one among them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.harness import NotRunError, say
from benchmarks.main.stand import Stand
from mlgate import Environment, Verdict
from mlgate_evidence.ledger import Ledger
from mlgate_evidence.trust import ensure_local_trust
from mlgate_gates.conclude import conclude
from mlgate_gates.contract_cases import contract_requests
from mlgate_gates.phases import load_arrivals
from mlgate_gates.plan import Plan, PlannedLoad
from mlgate_gates.planning import build_plan
from mlgate_gates.request import Subject
from mlgate_gates.rows import LOAD, WARM_UP
from mlgate_gates.samples import Sample, read_samples
from mlgate_gates.session import Session
from mlgate_loadtests.progress import Progress
from mlgate_loadtests.recording import SCHEMA

_RATE_PER_S = 1200.0  # at which 100,000 rows fit into the declared `at_most`
_SEED = 9
# Of each arm's answers to the hold-out: as many as releases 1 and 2 of the example give, mostly to the same cases.
_WRONG, _WRONG_ALONE = 25, 8
_FAILED_SHARE = 5e-4
_START_NS = 1_795_000_000 * 10**9


def signed_evidence(stand: Stand, rows: int) -> tuple[Path, Path]:
    """The folder of a passed attempt with that many rows in all, and the trust file that allows its key.

    Raises NotRunError where the rows do not amount to a PASS.
    """
    stand.release(1)
    environment = Environment(name="local", home=stand.folder_of("evidence") / "local")
    assert stand.service.load is not None
    service = stand.service.model_copy(update={"load": stand.service.load.model_copy(update={"rate": _RATE_PER_S})})
    ensure_local_trust(environment)
    candidate, stable = (
        Subject(f"http://127.0.0.1:{port}", release="sha256:" + letter * 64, configuration="sha256:" + "5" * 64)
        for port, letter in ((9, "c"), (10, "b"))
    )
    samples = read_samples(service)

    def make_plan(route: int, share: float, attempt_id: str) -> dict[str, Any]:
        return build_plan(
            service,
            samples,
            candidate=candidate,
            stable=stable,
            first_release=False,
            stage=environment.name,
            attempt=attempt_id,
            route=route,
            alpha_share=share,
            seed=_SEED,
        ).to_dict()

    ledger = Ledger.of(environment)
    attempt = ledger.begin_attempt(
        service=service.name, stage=environment.name, release=candidate.release, configuration=candidate.configuration, make_plan=make_plan
    )
    folder = environment.evidence / attempt.id
    folder.mkdir(parents=True)
    session = Session(Plan.from_dict(attempt.plan), service, samples, folder, say)
    session.rows = _Rows({"candidate": candidate.release, "stable": stable.release}).gate(session, rows)
    for run in session.rows["run"].value_counts():
        Progress.create(folder, run["values"].as_py()).sent = run["counts"].as_py()
    result = session.judged()
    if result.verdict is not Verdict.PASS:
        raise NotRunError(f"the invented rows give {result.verdict}: {result.reason}")
    conclude(environment, ledger, attempt, session, result)
    return folder, environment.trust


class _Rows:
    """Rows as the load worker would leave them for a healthy candidate on a busy machine; a run per phase. `releases`: by arm."""

    def __init__(self, releases: Mapping[str, str | None]) -> None:
        self._releases = releases
        self._random = np.random.default_rng(_SEED)
        self._runs = 0
        self._now_ns = _START_NS

    def gate(self, session: Session, rows: int) -> pa.Table:
        """Contract and samples as the plan has them, and load up to `rows` in all."""
        contract = contract_requests(session.service.interface, session.service.name)
        status = [one.expectation.status[0] if one.expectation.status else 200 for one in contract]
        refused = [None if code < 400 else f"status: {code}" for code in status]
        parts = [self._phase("contract", [one.case_id for one in contract], status=status, error=refused)]
        parts += [self._sample(sample) for sample in session.samples]
        left = rows - sum(part.num_rows for part in parts)
        assert session.plan.load is not None
        parts.append(self._load(session.plan.load, session.samples[0].cases.case_ids, left))
        return pa.concat_tables(parts)

    def _sample(self, sample: Sample) -> pa.Table:
        """Every case to every arm, once, the arms in turn; of the wrong answers, `_WRONG_ALONE` are another arm's right ones."""
        labels, arms = np.asarray(sample.cases.labels), len(sample.arms)
        together, alone = _WRONG - _WRONG_ALONE, _WRONG_ALONE
        order = self._random.permutation(len(labels))
        answers = np.stack([labels] * arms, axis=1)
        for arm in range(arms):
            begin = together + arm * alone
            wrong = np.concatenate([order[:together], order[begin : begin + alone]])
            answers[wrong, arm] = (labels[wrong] + 1) % 10
        score = (answers == labels[:, None]).astype(float)
        case_ids = [name for name in sample.cases.case_ids for _ in sample.arms]
        return self._phase(sample.check, case_ids, arm=[*sample.arms] * len(labels), answer=answers.ravel(), score=score.ravel())

    def _load(self, load: PlannedLoad, case_ids: Sequence[str], count: int) -> pa.Table:
        offsets = load_arrivals(load, self._runs, load.at_most_ns)[:count]
        watched = offsets >= load.warm_up_ns
        failed = self._random.random(count) < _FAILED_SHARE
        errors = ["status: 503" if each else None for each in failed]
        picks = self._random.integers(0, len(case_ids), count)
        status = np.where(failed, 503, 200)
        return self._phase(
            np.where(watched, LOAD, WARM_UP).tolist(),
            [case_ids[pick] for pick in picks],
            offsets,
            status=status,
            error=errors,
            block=np.cumsum(watched) - 1,
        )

    def _phase(self, check: str | list[str], case_ids: Sequence[str], offsets_ns: Any = None, **columns: Any) -> pa.Table:
        count = len(case_ids)
        arms = columns.get("arm", ["candidate"] * count)
        scheduled = self._now_ns + (np.arange(count) * int(1e9 / _RATE_PER_S) if offsets_ns is None else offsets_ns)
        sent = scheduled + self._random.exponential(5e4, count).astype(np.int64)
        done = sent + self._random.lognormal(np.log(8e6), 0.5, count).astype(np.int64)
        usual = {
            "scheduled_ns": scheduled,
            "sent_ns": sent,
            "first_byte_ns": done - 20_000,
            "done_ns": done,
            "status": np.full(count, 200),
            "arm": arms,
            "block": np.zeros(count, int),
            "run": np.full(count, self._runs),
            "worker": np.zeros(count, int),
            "check": [check] * count if isinstance(check, str) else check,
            "served_digest": [self._releases[arm] for arm in arms],
            "case_id": list(case_ids),
            "answer": np.ones(count),
            "score": np.ones(count),
            "bytes": np.full(count, 240),
            "error": [None] * count,
        }
        self._runs += 1
        self._now_ns = int(done.max()) + 10**9
        values = usual | columns
        return pa.table([pa.array(values[name], kind) for name, kind in zip(SCHEMA.names, SCHEMA.types, strict=True)], schema=SCHEMA)
