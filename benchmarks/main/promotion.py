"""Promotion under load, as delivery does it: releases are promoted and rolled back in a local environment while requests come at 500/s.

Both were gated for it once. Each turn is a whole one: evidence verified anew, an update that starts the server of the release that comes
(in a rollback, and in a promotion after one), the traffic's turn, and the end of the server that it left.
"""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.harness import NotRunError, Row, median_row, say
from benchmarks.main.stand import Stand
from benchmarks.main.url_load import Seen, open_load
from benchmarks.provenance import PROJECT
from mlgate import Environment, Release, Verdict
from mlgate_delivery.arms import arms_of, service_url
from mlgate_delivery.candidate import deploy_candidate
from mlgate_delivery.down import down
from mlgate_delivery.promote import promote
from mlgate_delivery.rollback import rollback
from mlgate_gates.request import GateRequest
from mlgate_gates.run import run_gate

RATE_PER_S = 500
TURNS = 6
_SETTLE_S = 1.0
_LONGEST_S = 600.0


@dataclass(frozen=True)
class Site:
    """A local environment of the stand's service, set up in a project of its own."""

    stand: Stand
    environment: Environment

    def deploy(self, number: int) -> None:
        """Brings a release up beside stable."""
        deploy_candidate(self.environment, self.stand.service, self.stand.declaration, self.stand.release(number), _quiet)

    def gate(self, number: int) -> None:
        """Judges a release that runs. Raises NotRunError where it does not pass: nothing could be promoted then."""
        candidate, stable = arms_of(self.environment, self.stand.service, self.stand.declaration, self._digest(number))
        request = GateRequest(self.stand.service, self.environment, candidate, stable, first_release=stable is None)
        result = run_gate(request, _quiet).result
        say(f"gate of release {number}: {result.verdict}, {result.reason}")
        if result.verdict is not Verdict.PASS:
            raise NotRunError(f"the gate of release {number} ended with {result.verdict}: {result.reason}")

    def promote(self, number: int) -> None:
        """Makes a release stable; its server is started where it does not run, the other one's ended."""
        promote(self.environment, self.stand.service, self.stand.declaration, self._digest(number), _quiet)

    def roll_back(self) -> None:
        """Makes stable what was so before."""
        rollback(self.environment, self.stand.service, "the benchmark goes back and forth", _quiet)

    def _digest(self, number: int) -> str:
        return Release.read(self.stand.release(number)).digest


def measure(stand: Stand, requests: int = 10_000) -> list[Row]:
    """Promotes release 2 and rolls back to release 1 in turn, until `requests` were sent and at least `TURNS` were made."""
    with local_site(stand) as site:
        for number in (1, 2):
            site.deploy(number)
            site.gate(number)
            if number == 1:
                site.promote(number)
        seen = Seen()
        url = service_url(site.environment, stand.service.name)
        with open_load(stand, url, RATE_PER_S, _LONGEST_S, seen) as drive:
            over_s = time.monotonic() + _LONGEST_S  # a worker that died sends nothing more, and is told of once the load is over
            turns = turn_in_turn(lambda: site.promote(2), site.roll_back, lambda: drive.sent < requests and time.monotonic() < over_s)
    for error, times in Counter(seen.errors).most_common(3):
        say(f"promotion: {times} x {error}")
    return rows_of(seen, turns, requests)


def turn_in_turn(forward: Callable[[], None], back: Callable[[], None], wanted: Callable[[], bool]) -> dict[str, list[float]]:
    """Seconds of each promotion and each rollback: pairs of them, as long as more are `wanted`, and `TURNS` at least."""
    taken: dict[str, list[float]] = {"promotion": [], "rollback": []}
    while wanted() or sum(map(len, taken.values())) < TURNS:
        for kind, turn in (("promotion", forward), ("rollback", back)):
            time.sleep(_SETTLE_S)
            begin = time.perf_counter()
            turn()
            taken[kind].append(time.perf_counter() - begin)
            say(f"{kind} {len(taken[kind])}: {taken[kind][-1]:.1f} s")
    time.sleep(_SETTLE_S)
    return taken


def rows_of(seen: Seen, turns: dict[str, list[float]], requests: int) -> list[Row]:
    """Raises NotRunError where not both releases answered: then the traffic did not move."""
    if len(seen.served) != 2:
        raise NotRunError(f"{len(seen.served)} releases answered, and both should have")
    shares = " and ".join(f"{count:,}" for count in seen.served.values())
    told = " and ".join(f"{len(taken)} {kind}s" for kind, taken in turns.items())
    return [
        Row("failed requests under promotion", int(seen.failed.sum()), "requests", 0, reference=f"{told} at {RATE_PER_S}/s"),
        Row("requests under promotion", len(seen.failed), "requests", requests, "higher", f"{shares} answered by the two releases"),
        Row("p99 under promotion", float(np.quantile(seen.latency_ms, 0.99)), "ms", reference="from the scheduled instant"),
        *(
            median_row(f"a {kind}", taken, "s", reference="update included: a server is started, the other one ended")
            for kind, taken in turns.items()
        ),
    ]


@contextmanager
def local_site(stand: Stand) -> Iterator[Site]:
    """A project like the repository's own, whose environment is down again afterwards."""
    project = stand.folder_of("site")
    shutil.copyfile(PROJECT / "Pulumi.yaml", project / "Pulumi.yaml")
    shutil.copytree(PROJECT / "stacks", project / "stacks", ignore=shutil.ignore_patterns("__pycache__", "Pulumi.*.yaml"))
    environment = Environment(name="local", home=Path(project) / ".mlgate" / "local")
    with chdir(project):  # where delivery looks for the project
        try:
            yield Site(stand, environment)
        finally:
            down(environment, _quiet)


def _quiet(_line: str) -> None:
    """Nobody reads what each step says."""
