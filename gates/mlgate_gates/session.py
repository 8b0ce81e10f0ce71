"""One attempt's measuring: sends what each phase still lacks, judges as rows come in, and stops at the first proof.

Rows are on disk before they are judged. A killed gate leaves its journals; the next session reads them and sends only what is missing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from mlgate.release import Lineage
from mlgate.service import Service
from mlgate.verdict import Verdict
from mlgate_gates.contract_cases import contract_requests
from mlgate_gates.judge import judge
from mlgate_gates.phases import Traffic, contract_traffic, load_traffic, sample_traffic
from mlgate_gates.plan import CONTRACT, Plan, PlannedLoad
from mlgate_gates.planning import timeout_ns
from mlgate_gates.result import GateResult
from mlgate_gates.samples import Sample
from mlgate_loadtests.account import Generator, read_generator
from mlgate_loadtests.drive import Drive, next_run, recover
from mlgate_loadtests.job import Job
from mlgate_loadtests.recording import SCHEMA
from mlgate_serving.clients import client_for

Progress = Callable[[str], None]
_LOOK_EVERY_S = 0.5
_TELL_EVERY_S = 5.0
_UNDER_LOAD = ("latency", "error-rate")


@dataclass
class Session:
    """The measuring of one attempt in `folder`, as its plan says; `rows` grows.

    `resumed_ns` is when the rows of an interrupted gate were taken up (since the Unix epoch), None where there were none.
    """

    plan: Plan
    service: Service
    samples: Sequence[Sample]
    folder: Path
    progress: Progress
    lineage: Lineage | None = None
    rows: pa.Table = field(default_factory=SCHEMA.empty_table)
    resumed_ns: int | None = None

    def measure(self) -> GateResult:
        """Run every phase that can still change the verdict; the result over all rows.

        Raises EndpointError or ProcessError where the load worker ends by itself; the rows so far stay, and the attempt can go on.
        """
        self._take_up()
        client = client_for(self.service.interface, self.service.name)
        contract = contract_requests(self.service.interface, self.service.name)
        self._run_once(CONTRACT, contract_traffic(contract, self.rows))
        load = self.plan.load
        for index, sample in enumerate(self.samples):
            if self._refused():
                return self.judged()
            self._run_once(sample.check, sample_traffic(sample, client, self.rows, load=load, seed=self.plan.seed + index + 1))
        if load is not None and not self._refused():
            self._watch_load(load)
        return self.judged()

    def judged(self, *, ended: bool = True) -> GateResult:
        """What the rows amount to: at the end, or so far."""
        return judge(self.plan, self.rows, self.generator, ended=ended)

    @property
    def generator(self) -> Generator:
        """What the load generator says that it sent so far."""
        return read_generator(self.folder)

    def _refused(self) -> bool:
        return _refuses(self.judged(ended=False))

    def _take_up(self) -> None:
        """Rows that an interrupted gate left."""
        left = recover(self.folder)
        if left.num_rows == 0:
            return
        self.rows, self.resumed_ns = left, time.time_ns()
        self.progress(f"going on from {self.rows.num_rows:,} rows of an interrupted gate")

    def _run_once(self, phase: str, traffic: Traffic | None) -> None:
        if traffic is not None:
            self.progress(f"{phase}: {len(traffic.arrivals_ns):,} requests")
            with self._drive(traffic) as drive:
                while not drive.finished:
                    self._add(drive.poll(_LOOK_EVERY_S))
                self._finish(drive)

    def _watch_load(self, load: PlannedLoad) -> None:
        """Load until something is proven or the time is up. What looked proven is judged again when the last answer is in."""
        while (traffic := load_traffic(self.samples, self.service, self.rows, load=load, run=next_run(self.folder))) is not None:
            self.progress(f"load: {load.rate_per_s:g}/s until something is proven")
            told = time.monotonic()
            decided = False
            with self._drive(traffic) as drive:
                while not drive.finished and not decided:
                    self._add(drive.poll(_LOOK_EVERY_S))
                    result = self.judged(ended=False)
                    decided = _decided(result)
                    if time.monotonic() - told >= _TELL_EVERY_S:
                        told = time.monotonic()
                        self.progress(f"load: {_standing(result)}")
                self._finish(drive)
            # A schedule that was sent to its end has used up `at_most`; a proof that the last answers took back has not.
            if not decided or _decided(self.judged(ended=False)):
                return

    def _drive(self, traffic: Traffic) -> Drive:
        arms = {request.arm for request in traffic.requests}
        subjects = {"candidate": self.plan.subject, "stable": self.plan.stable}
        targets = {arm: subject.url for arm, subject in subjects.items() if subject is not None and arm in arms}
        return Drive.start(
            Job(
                folder=self.folder,
                run=next_run(self.folder),
                targets=targets,
                interface=self.service.interface,
                model=self.service.name,
                requests=traffic.requests,
                arrivals_ns=traffic.arrivals_ns,
                picks=traffic.picks,
                blocks=traffic.blocks,
                timeout_ns=timeout_ns(self.service),
            )
        )

    def _finish(self, drive: Drive) -> None:
        drive.stop()
        while not drive.finished:
            self._add(drive.poll(_LOOK_EVERY_S))

    def _add(self, rows: pa.Table) -> None:
        if rows.num_rows:
            self.rows = pa.concat_tables([self.rows, rows])


def _refuses(result: GateResult) -> bool:
    """Whether more requests could not save the candidate: a check failed, or the rows are beyond repair."""
    return bool(result.health["problems"]) or any(finding.verdict is Verdict.FAIL for finding in result.findings)


def _decided(result: GateResult) -> bool:
    """Whether more load could prove nothing that is not proven."""
    return _refuses(result) or all(finding.verdict is Verdict.PASS for finding in result.findings if finding.kind in _UNDER_LOAD)


def _standing(result: GateResult) -> str:
    rates = [finding for finding in result.findings if finding.kind in _UNDER_LOAD]
    return "; ".join(f"{finding.name} {finding.verdict or 'not judged yet'} after {finding.requests:,} requests" for finding in rates)
