"""The demo's story: four releases of one service are trained, packed, deployed beside stable and gated; two are promoted, two refused.

Nothing here decides a verdict. Each finished chapter is written down, so that an interrupted demo goes on where it stopped and a finished
one starts over, with a ledger of its own each time.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType

from mlgate import Environment, Release, Service, UsageError, Verdict
from mlgate.digests import short
from mlgate_cli.watch import Watch
from mlgate_delivery.candidate import deploy_candidate
from mlgate_delivery.down import down
from mlgate_delivery.exports import prepare
from mlgate_delivery.promote import promote
from mlgate_delivery.recover import recover
from mlgate_gates.request import GateOutcome

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Chapter:
    """One release and how its gate is expected to end: the verdict, and the kinds of check that may decide it."""

    release: str
    about: str
    verdict: Verdict
    decided_by: tuple[str, ...] = ()


CHAPTERS = (
    Chapter("1", "the first release", Verdict.PASS),
    Chapter("2", "trained longer", Verdict.PASS),
    Chapter("3", "a labelling job went wrong", Verdict.FAIL, ("accuracy", "margin")),
    Chapter("4", "correct, but its handler sleeps", Verdict.FAIL, ("latency",)),
)


@dataclass(frozen=True, slots=True)
class Told:
    """How a chapter ended. `decided_kind` is the kind of the deciding check, `seconds` the whole chapter's."""

    release: str
    verdict: str
    promoted: bool
    decided_by: str
    decided_kind: str
    requests: int
    seconds: float
    report: str

    def as_expected(self, chapter: Chapter) -> bool:
        """Whether the gate ended as the chapter says, by a check of the kind it says."""
        decided = not chapter.decided_by or self.decided_kind in chapter.decided_by
        return self.verdict == chapter.verdict and decided and self.promoted == (chapter.verdict is Verdict.PASS)


class Story:
    """The demo in one project folder. `told` grows by a chapter at a time and survives interruption."""

    def __init__(self, project: Path, progress: Progress) -> None:
        self.example = project / "examples" / "digits"
        self.service_file = self.example / "service.yaml"
        if not self.service_file.is_file():
            raise UsageError(f"there is no {self.service_file}", remedy="run the demo in a clone of the mlgate repository")
        self.progress = progress
        self.home = project / ".mlgate" / "demo"
        self.environment = Environment(name="local", home=self.home / "local")
        self.record = self.home / "chapters.json"
        self.told: dict[str, Told] = {}

    def begin(self) -> None:
        """Go on where an interrupted demo stopped; start over where the last one was finished."""
        if self.record.is_file():
            self.told = {name: Told(**told) for name, told in json.loads(self.record.read_text(encoding="utf-8")).items()}
        if len(self.told) == len(CHAPTERS):
            self.progress("the last demo was finished: starting over with a new ledger")
            down(self.environment, self.progress)
            shutil.rmtree(self.home)
            self.told = {}
        elif self.told:
            self.progress(f"going on after release {max(self.told)}")
        prepare(self.environment, self.progress)
        recover(self.environment, self.progress)

    @contextmanager
    def running(self) -> Iterator[Watch]:
        """What the demo starts ends with it: orderly at the end, at once where it is interrupted."""
        watch = Watch(self.environment, Service.read(self.service_file))
        try:
            yield watch
        finally:
            watch.stop()
            self.progress("stopping what the demo started")
            down(self.environment, self.progress)

    def tell(self, chapter: Chapter, watch: Watch) -> Told:
        """One chapter from training to promotion or refusal. Whatever of it was done already is not done again."""
        begin = time.monotonic()
        number = chapter.release
        self.progress(f"--- release {number}: {chapter.about}")
        packed, release = self._packed(number)
        self.progress(f"release {number} is {short(release.digest)}; bringing it up beside stable with weight 0")
        service = Service.read(self.service_file)
        deploy_candidate(self.environment, service, self.service_file, packed, self.progress)
        outcome = self._gated(service, release)
        result = outcome.result
        self.progress(f"gate: {result.verdict}, {result.reason}")
        if result.verdict is Verdict.PASS:
            promote(self.environment, service, self.service_file, release.digest, self.progress)
            watch.start()
        told = Told(
            release=number,
            verdict=result.verdict.value,
            promoted=result.verdict is Verdict.PASS,
            decided_by=result.decided_by,
            decided_kind=next((finding.kind for finding in result.findings if finding.name == result.decided_by), ""),
            requests=int(result.health["rows"]),
            seconds=round(time.monotonic() - begin, 1),
            report=str(outcome.report),
        )
        self.told[number] = told
        self._write_down()
        return told

    def _packed(self, number: str) -> tuple[Path, Release]:
        target = self.home / "dist" / f"digits-{number}"
        if not (target / "release.json").is_file():
            from mlgate_serving.pack import pack

            training = _module(self.example / "train.py")
            self.progress(f"training release {number}")
            built = self.home / "build" / f"digits-{number}"
            training.write_data(self.example / "data")
            training.write_model(int(number), built)
            pack(built, service=Service.read(self.service_file), version=number, output=target)
        return target, Release.read(target)

    def _gated(self, service: Service, release: Release) -> GateOutcome:
        from mlgate_delivery.arms import arms_of
        from mlgate_gates.request import GateRequest
        from mlgate_gates.run import judged_before, run_gate

        candidate, stable = arms_of(self.environment, service, release.digest)
        known = judged_before(self.environment, service, candidate)
        if known is not None:
            return known
        return run_gate(GateRequest(service, self.environment, candidate, stable, first_release=stable is None), self.progress)

    def _write_down(self) -> None:
        part = self.record.with_suffix(".part")
        part.write_text(json.dumps({name: asdict(told) for name, told in self.told.items()}, indent=2), encoding="utf-8")
        part.replace(self.record)


def _module(path: Path) -> ModuleType:
    """The example's training script, which is not part of any package."""
    sys.path.insert(0, str(path.parent))  # it imports its model, which lies beside it
    spec = importlib.util.spec_from_file_location("mlgate_example_digits", path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules.setdefault(spec.name, importlib.util.module_from_spec(spec))
    spec.loader.exec_module(module)
    return module
