"""The demo's story: four releases of one service are trained, packed, deployed beside stable and gated; two are promoted, two refused.

Nothing here decides a verdict. Each chapter that ended as its gate was expected to is written down, so that an interrupted demo goes on
where it stopped and a finished one starts over, with a ledger of its own each time. It is finished when somebody has seen how it ended: one
that was interrupted before is shown by the next run. A chapter whose gate ended otherwise (its server was killed, the machine was too busy)
ends the demo, and the next run gates that release again: another attempt, on the next route of the ledger. If it was promoted, it is stable
and cannot be gated again: the next run starts over.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import signal
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
from mlgate_delivery.promote import promote, settled
from mlgate_delivery.recover import recover
from mlgate_evidence.history import Promotion
from mlgate_evidence.ledger import Ledger
from mlgate_evidence.locks import hold
from mlgate_gates.conclude import finished
from mlgate_gates.request import GateOutcome
from mlgate_gates.result import GateResult
from mlgate_serving.runtime import configuration_digest

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Chapter:
    """One release and how its gate is expected to end: the verdict, and the kinds of check that may decide it."""

    release: str
    about: str
    verdict: Verdict
    decided_by: tuple[str, ...] = ()

    def expects(self, result: GateResult) -> bool:
        """Whether the gate ended as this chapter says, by a check of the kind it says."""
        kinds = {finding.kind for finding in result.findings if finding.name == result.decided_by}
        return result.verdict is self.verdict and (not self.decided_by or bool(kinds & set(self.decided_by)))


CHAPTERS = (
    Chapter("1", "the first release", Verdict.PASS),
    Chapter("2", "trained longer", Verdict.PASS),
    Chapter("3", "a labelling job went wrong", Verdict.FAIL, ("accuracy", "margin")),
    Chapter("4", "correct, but its handler sleeps", Verdict.FAIL, ("latency",)),
)


@dataclass(frozen=True, slots=True)
class Told:
    """How a chapter ended, and whether it was expected to end so. `seconds` are those of the run that ended it."""

    release: str
    verdict: str
    promoted: bool
    decided_by: str
    expected: bool
    requests: int
    seconds: float
    report: str


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
        self._shown = self.home / "shown"
        self.told: dict[str, Told] = {}

    @contextmanager
    def running(self) -> Iterator[Watch]:
        """Go on where an interrupted demo stopped. What this one starts ends with it: orderly at the end, at once where it is interrupted.

        Raises BusyError where another demo runs in this project.
        """
        with hold(self.home, "running the demo", "only it may stop its servers"):
            watch = Watch(self.environment, Service.read(self.service_file))
            try:
                self._begin()
                yield watch
            finally:
                try:
                    self._end(watch)
                except KeyboardInterrupt:  # Ctrl-C once more, perhaps before the end had begun
                    with _undisturbed():
                        self.progress("interrupted once more: stopping to the end now, and hearing no Ctrl-C until that is done")
                        self._end(watch)
                    raise

    def _end(self, watch: Watch) -> None:
        watch.stop()
        self.progress("stopping what the demo started")
        down(self.environment, self.progress)

    def _begin(self) -> None:
        over = self.home.with_name("demo-finished")
        whole = self._read()
        if not whole or (self._shown.exists() and (len(self.told) == len(CHAPTERS) or self.unexpected)):
            self.progress("the last demo is over: starting anew, with a new ledger")
            down(self.environment, self.progress)
            shutil.rmtree(over, ignore_errors=True)
            self.home.rename(over)  # in one step, so that a kill leaves a whole demo or none
            self.told = {}
        elif self.told:
            self.progress(f"going on after release {max(self.told)}")
        self._shown.unlink(missing_ok=True)  # that was of how an earlier run ended
        shutil.rmtree(over, ignore_errors=True)
        prepare(self.environment, self.progress)
        recover(self.environment, self.progress)

    def shown(self) -> None:
        """Somebody has seen how it ended: where nothing is left to tell, the next run starts over."""
        self._shown.touch()

    @property
    def unexpected(self) -> Told | None:
        """The chapter that did not end as it should; nothing is told after it."""
        return next((told for told in self.told.values() if not told.expected), None)

    def tell(self, chapter: Chapter, watch: Watch) -> Told:
        """One chapter from training to promotion or refusal. Whatever of it was done already is not done again."""
        begin = time.monotonic()
        number = chapter.release
        self.progress(f"--- release {number}: {chapter.about}")
        packed, release = self._packed(number)
        self.progress(f"release {number} is {short(release.digest)}; bringing it up beside stable with weight 0")
        service = Service.read(self.service_file)
        promotion = self._promotion(service, release)
        if promotion is not None:  # the demo was killed within it
            outcome = finished(self.environment.evidence / promotion.attempt, promotion.attempt)
        else:
            deploy_candidate(self.environment, service, self.service_file, packed, self.progress)
            outcome = self._gated(service, release, chapter, watch)
        result = outcome.result
        self.progress(f"gate: {result.verdict}, {result.reason}")
        if result.verdict is Verdict.PASS:
            if promotion is None or not settled(self.environment, promotion):
                promote(self.environment, service, self.service_file, release.digest, self.progress)
            watch.start()
        told = Told(
            release=number,
            verdict=result.verdict.value,
            promoted=result.verdict is Verdict.PASS,
            decided_by=result.decided_by,
            expected=chapter.expects(result),
            requests=int(result.health["rows"]),
            seconds=round(time.monotonic() - begin, 1),
            report=str(outcome.report),
        )
        self.told[number] = told
        # What was refused against expectation may be gated again; what was promoted is stable and cannot.
        if told.promoted or told.expected:
            self._write_down()
        return told

    def _promotion(self, service: Service, release: Release) -> Promotion | None:
        """The promotion of this very release, where it is what is stable."""
        stable = Ledger.of(self.environment).stable(service.name, self.environment.name)
        configuration = configuration_digest(service.name, service.serving)
        return stable if stable is not None and stable.is_of(release.digest, configuration) else None

    def _packed(self, number: str) -> tuple[Path, Release]:
        target = self.home / "dist" / f"digits-{number}"
        if not (target / "release.json").is_file():
            if "torch" not in sys.modules:  # reads and compiles hundreds of megabytes: over a minute on a slow disk
                self.progress("loading torch and scikit-learn")
            from mlgate_serving.pack import pack

            training = _module(self.example / "train.py")
            self.progress(f"training release {number}")
            built = self.home / "build" / f"digits-{number}"
            training.write_data(self.example / "data")
            training.write_model(int(number), built, progress=self.progress)
            self.progress(f"packing release {number}")
            pack(built, service=Service.read(self.service_file), version=number, output=target)
        return target, Release.read(target)

    def _gated(self, service: Service, release: Release, chapter: Chapter, watch: Watch) -> GateOutcome:
        from mlgate_delivery.arms import arms_of, fallen
        from mlgate_gates.request import GateRequest
        from mlgate_gates.run import judged_before, run_gate

        candidate, stable = arms_of(self.environment, service, self.service_file, release.digest)
        if stable is not None:
            watch.start()
        known = judged_before(self.environment, service, candidate)
        if known is not None and chapter.expects(known.result):
            return known
        outcome = run_gate(GateRequest(service, self.environment, candidate, stable, first_release=stable is None), self.progress)
        for words in fallen(self.environment, service, (candidate, stable)):
            self.progress(words)
        return outcome

    def _read(self) -> bool:
        """Take up what an interrupted demo told; False where its record cannot be read, as that of another version."""
        try:
            self.told = {name: Told(**told) for name, told in json.loads(self.record.read_text(encoding="utf-8")).items()}
        except FileNotFoundError:
            return True
        except (OSError, ValueError, TypeError, AttributeError):
            return False
        return True

    def _write_down(self) -> None:
        part = self.record.with_suffix(".part")
        part.write_text(json.dumps({name: asdict(told) for name, told in self.told.items()}, indent=2), encoding="utf-8")
        part.replace(self.record)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """While the block runs, nobody is heard who asks us to end: that is what the block does, and half of it leaves servers running.

    By a handler that does nothing: what is ignored instead would be ignored by every program that is started meanwhile. What `nohup` has
    ignored stays so, for them too.
    """
    asking = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    heard = {number: signal.signal(number, lambda *_: None) for number in asking if signal.getsignal(number) != signal.SIG_IGN}
    try:
        yield
    finally:
        for number, handler in heard.items():
            signal.signal(number, handler)


def _module(path: Path) -> ModuleType:
    """The example's training script, which is not part of any package."""
    sys.path.insert(0, str(path.parent))  # it imports its model, which lies beside it
    spec = importlib.util.spec_from_file_location("mlgate_example_digits", path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules.setdefault(spec.name, importlib.util.module_from_spec(spec))
    spec.loader.exec_module(module)
    return module
