"""How the demo's story goes on after an interruption, and how it ends, on stand-ins for what moves servers. tests/demo tells all of it."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import pytest

from mlgate_cli import story
from mlgate_cli.story import Story, Told

EXAMPLE = Path(__file__).parents[2] / "examples" / "digits" / "service.yaml"
TOLD = (
    Told("1", "PASS", True, "every check", True, 4480, 36.4, "evidence/1/report.html"),
    Told("2", "PASS", True, "every check", True, 5297, 34.3, "evidence/2/report.html"),
    Told("3", "FAIL", False, "accuracy", True, 1810, 12.8, "evidence/3/report.html"),
    Told("4", "FAIL", False, "latency-p99", True, 2620, 26.1, "evidence/4/report.html"),
)


@dataclass
class Stage:
    """A project in which the demo moves no server; what it did instead of that, and what it said."""

    folder: Path
    done: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    while_down: Callable[[], None] = lambda: None

    def story(self) -> Story:
        """What the next run of the demo makes."""
        self.said.clear()
        return Story(self.folder, self.said.append)

    def has_told(self, *told: Told) -> None:
        """Leaves what a run writes down that was interrupted after these."""
        demo = self.folder / ".mlgate" / "demo"
        demo.mkdir(parents=True, exist_ok=True)
        (demo / "chapters.json").write_text(json.dumps({one.release: asdict(one) for one in told}), encoding="utf-8")


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    (tmp_path / "examples" / "digits").mkdir(parents=True)
    shutil.copyfile(EXAMPLE, tmp_path / "examples" / "digits" / "service.yaml")
    made = Stage(tmp_path)

    def down(*_: object) -> None:
        made.done.append("down begins")
        made.while_down()
        made.done.append("down")

    monkeypatch.setattr(story, "down", down)
    monkeypatch.setattr(story, "prepare", lambda *_: made.done.append("prepare"))
    monkeypatch.setattr(story, "recover", lambda *_: made.done.append("recover"))
    return made


@pytest.fixture(params=[signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def asking(request: pytest.FixtureRequest) -> Iterator[signal.Signals]:
    """A signal that interrupts the demo, as the `mlgate` command has it."""
    heard = signal.signal(request.param, signal.default_int_handler)
    yield request.param
    assert signal.getsignal(request.param) is signal.default_int_handler
    signal.signal(request.param, heard)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_an_interrupted_demo_goes_on_after_what_it_has_told(stage: Stage, count: int) -> None:
    stage.has_told(*TOLD[:count])
    demo = stage.story()
    with demo.running():
        assert [*demo.told.values()] == [*TOLD[:count]]
        assert f"going on after release {count}" in stage.said
        assert stage.done == ["prepare", "recover"]
    assert stage.done[2:] == ["down begins", "down"]


@pytest.mark.parametrize(
    "told",
    [TOLD, (TOLD[0], replace(TOLD[1], expected=False))],
    ids=["four releases", "one that was promoted against expectation"],
)
def test_a_demo_is_over_once_somebody_has_seen_how_it_ended(stage: Stage, told: tuple[Told, ...]) -> None:
    stage.has_told(*told)
    for _ in range(2):  # a run may be interrupted again
        demo = stage.story()
        with demo.running():
            assert [*demo.told.values()] == [*told]
            assert f"going on after release {len(told)}" in stage.said
    demo.shown()
    demo = stage.story()
    with demo.running():
        assert demo.told == {}
        assert not demo.record.exists()
        assert any("starting anew" in line for line in stage.said)


def test_what_was_seen_of_a_release_that_is_gated_again_is_not_how_the_demo_ended(stage: Stage) -> None:
    stage.has_told(*TOLD[:3])
    stage.story().shown()  # release 4 ended otherwise than it should, and is not written down
    with stage.story().running():
        stage.has_told(*TOLD)  # and now as it should
    demo = stage.story()
    with demo.running():
        assert len(demo.told) == len(TOLD)


@pytest.mark.parametrize("record", ["", "[]", '{"1": {"release": "1"}}', '{"1": null}'])
def test_a_record_that_nobody_can_read_is_begun_anew(stage: Stage, record: str) -> None:
    stage.has_told()
    (stage.folder / ".mlgate" / "demo" / "chapters.json").write_text(record, encoding="utf-8")
    demo = stage.story()
    with demo.running():
        assert demo.told == {}
        assert any("starting anew" in line for line in stage.said)


def test_whoever_asks_the_demo_to_end_while_it_ends_is_heard_once_and_then_it_ends_whatever_is_asked(
    stage: Stage, asking: signal.Signals
) -> None:
    stage.while_down = lambda: signal.raise_signal(asking)
    with pytest.raises(KeyboardInterrupt), stage.story().running():
        pass
    assert stage.done == ["prepare", "recover", "down begins", "down begins", "down"]


def test_what_nohup_has_ignored_stays_so_for_what_the_end_starts(stage: Stage) -> None:
    ignored: list[bool] = []

    def interrupted() -> None:
        ignored.append(signal.getsignal(signal.SIGHUP) == signal.SIG_IGN)
        signal.raise_signal(signal.SIGINT)

    stage.while_down = interrupted
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with pytest.raises(KeyboardInterrupt), stage.story().running():
            pass
    finally:
        signal.signal(signal.SIGHUP, before)
    assert ignored == [True, True]
