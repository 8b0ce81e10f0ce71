"""The demo, as a newcomer runs it and as nobody should: killed in each phase, and started again."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from mlgate import Environment, Release, Service
from mlgate.digests import short
from mlgate_evidence.ledger import Ledger

ROOT = Path(__file__).parents[2]
WORKER = "model_service_worker"
KILLED, INTERRUPTED = signal.SIGKILL, signal.SIGINT
STOPPING = "stopping what the demo started"
# One run of the demo after the other: the last release that it finds told, how it is ended, and the progress lines, one after the other, of
# which the last has just appeared then.
ENDINGS = [
    ("", KILLED, ["stack local: initialising"]),
    ("", KILLED, ["training release 1"]),
    ("", KILLED, ["packing release 1"]),
    ("", KILLED, ["release 1 is "]),
    ("", KILLED, ["contract:"]),
    ("", KILLED, ["quality:holdout"]),
    ("", KILLED, ["load: "]),
    ("", KILLED, ["gate: PASS"]),
    ("", KILLED, ["gate: PASS", "traffic of digits"]),
    ("", KILLED, ["--- release 2"]),
    ("1", KILLED, ["look:look"]),
    ("1", INTERRUPTED, ["gate: PASS", "traffic of digits"]),
    ("1", INTERRUPTED, ["training release 3"]),
    ("2", INTERRUPTED, ["release 3 is ", "creating"]),
    ("2", INTERRUPTED, ["contract:"]),
    ("2", KILLED, ["quality:holdout"]),
    ("2", INTERRUPTED, ["--- release 4", "load: "]),
    ("3", KILLED, ["load: "]),
    ("3", KILLED, [STOPPING]),
]


@dataclass
class Act:
    """What a test does to the demo, once, when lines holding each of `lines` have appeared one after the other."""

    do: Callable[[subprocess.Popen[str]], None]
    lines: list[str]

    def now(self, line: str) -> bool:
        if self.done or self.lines[0] not in line:
            return False
        self.lines.pop(0)
        return self.done

    @property
    def done(self) -> bool:
        return not self.lines


@pytest.fixture(autouse=True)
def heard() -> Iterator[None]:
    """A shell has Ctrl-C ignored in what it runs in the background, and so would a demo have it that is started from there."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def clone(tmp_path: Path) -> Iterator[Path]:
    """What the demo needs of a clone, so that a test never touches the state of the one it runs in."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples", ignore=shutil.ignore_patterns("data", "__pycache__"))
    shutil.copytree(ROOT / "stacks", tmp_path / "stacks", ignore=shutil.ignore_patterns("Pulumi.local.yaml", "__pycache__"))
    shutil.copyfile(ROOT / "Pulumi.yaml", tmp_path / "Pulumi.yaml")
    yield tmp_path
    for process in of_clone(tmp_path):  # of a test that failed
        with suppress(psutil.NoSuchProcess):
            process.kill()


def demo(clone: Path, *acts: Act) -> tuple[int, str, str]:
    """Runs the demo, and each of `acts` when its lines have appeared. Gives exit code, standard output and error."""
    command = [str(Path(sys.executable).with_name("mlgate")), "demo", "--json"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=clone, start_new_session=True, **pipes) as process:
        guard = threading.Timer(600, process.kill)
        guard.start()
        said: list[str] = []
        try:
            for line in process.stderr:
                said.append(line)
                for act in acts:
                    if act.now(line):
                        act.do(process)
            output = process.stdout.read()
            process.wait()
        finally:
            guard.cancel()
            process.kill()  # it goes on where an act has failed
    if process.returncode == 0:
        assert all(act.done for act in acts), f"not done to it: {[act.lines for act in acts if not act.done]}\n{''.join(said)}"
    return process.returncode, output, "".join(said)


def of_clone(clone: Path, program: str = "") -> list[psutil.Process]:
    """Processes that belong to the clone, by their command line, directory or environment, and whose command names `program`."""
    found = []
    for process in psutil.process_iter():
        try:
            command = " ".join(process.cmdline())
            about = " ".join([command, process.cwd(), *process.environ().values()])
            if str(clone) in about and program in command and process.pid != os.getpid() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


def running(clone: Path) -> list[str]:
    """What is left of a demo that has ended."""
    return [f"{process.pid} {process.name()}" for process in of_clone(clone)]


def promised(output: str) -> None:
    """Two releases are promoted and two refused, by the checks that were meant to, and there is a report."""
    told = json.loads(output)
    assert [(item["release"], item["verdict"], item["promoted"]) for item in told["releases"]] == [
        ("1", "PASS", True),
        ("2", "PASS", True),
        ("3", "FAIL", False),
        ("4", "FAIL", False),
    ]
    assert told["releases"][2]["decided_by"] in ("accuracy", "no-worse")
    assert told["releases"][3]["decided_by"] == "latency-p99"
    assert all(item["requests"] > 0 for item in told["releases"])
    assert sum(item["seconds"] for item in told["releases"]) > 0
    assert "<html" in Path(told["report"]).read_text(encoding="utf-8")


def goes_on(said: str, told: str) -> None:
    """A run went on after the release that was told last, and told neither that one again nor one before it."""
    assert re.findall(r"going on after release (\d)", said) == [*told], said
    assert "starting anew" not in said
    assert not [number for number in range(1, int(told or 0) + 1) if f"--- release {number}" in said], said


def ending(how: signal.Signals, *lines: str) -> Act:
    """Kills the demo, or interrupts it as a terminal does: the whole foreground group."""

    def end(process: subprocess.Popen[str]) -> None:
        if how is KILLED:
            process.kill()
        else:
            os.killpg(process.pid, how)

    return Act(end, list(lines))


def insisting(*lines: str) -> Act:
    """Ctrl-C three times, of somebody who does not want to wait for what is being stopped."""

    def interrupt(process: subprocess.Popen[str]) -> None:
        for _ in range(3):
            os.killpg(process.pid, signal.SIGINT)
            time.sleep(0.5)

    return Act(interrupt, list(lines))


def packed(clone: Path, number: str) -> Release:
    return Release.read(clone / ".mlgate" / "demo" / "dist" / f"digits-{number}")


def server_name(clone: Path, number: str) -> str:
    return f"digits-{short(packed(clone, number).digest)}"


def routes(clone: Path, number: str) -> list[int]:
    """The routes of all attempts at a release."""
    history = Ledger.of(Environment(name="local", home=clone / ".mlgate" / "demo" / "local")).history()
    return [attempt.route for attempt in history.attempts("digits", "local", packed(clone, number).digest)]


def server(clone: Path, number: str, *lines: str) -> Act:
    """Kills the JVM of a release as soon as there is one."""

    def kill(_: subprocess.Popen[str]) -> None:
        name, deadline = server_name(clone, number), time.monotonic() + 60
        while time.monotonic() < deadline:
            for process in of_clone(clone, "java"):
                if name in " ".join(process.cmdline()):
                    process.kill()
                    return
        raise AssertionError(f"no server of {name} appeared")

    return Act(kill, list(lines))


def refused(clone: Path, number: str, *acts: Act) -> str:
    """What a demo says of which the gate of a release ended otherwise than it should, since a server was killed in its course."""
    code, output, said = demo(clone, *acts)
    assert code == 1, said
    assert all(act.done for act in acts), said
    assert f"release {number} was not expected to end with" in said, said
    assert "gates it again" in said
    assert "Traceback" not in said
    last = json.loads(output)["releases"][-1]
    assert (last["release"], last["promoted"]) == (number, False)
    assert running(clone) == []
    return said


def ended(said: str, clone: Path, number: str) -> bool:
    """Whether a demo names the server of a release that ended while it was measured, or measured against."""
    return f"the server of {server_name(clone, number)} ended during the gate\n" in said


@dataclass
class Replacements:
    """Kills workers, and waits beside the demo until their servers have others in their place."""

    clone: Path
    waiting: Executor
    found: list[list[Future[bool]]] = field(default_factory=list)  # by kill, whether each server was whole again

    def killing(self, *lines: str) -> Act:
        """Kills a worker of each server."""

        def kill(_: subprocess.Popen[str]) -> None:
            killed: dict[int, psutil.Process] = {}
            for process in of_clone(self.clone, WORKER):
                if killed.setdefault(process.ppid(), process) is process:
                    process.kill()
            assert killed, "no server had a worker"
            self.found.append([self.waiting.submit(self._whole, psutil.Process(parent)) for parent in killed])

        return Act(kill, list(lines))

    def _whole(self, server: psutil.Process) -> bool:
        """Whether the server came to have as many workers as are declared; False where it was ended before."""
        declared = Service.read(self.clone / "examples" / "digits" / "service.yaml").serving.workers
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            time.sleep(0.5)  # first: the one that was killed is still seen for a moment
            if not server.is_running() or server.status() == psutil.STATUS_ZOMBIE:
                return False
            with suppress(psutil.Error):  # one that was seen and has ended
                if [WORKER in " ".join(child.cmdline()) for child in server.children()].count(True) == declared:
                    return True
        raise AssertionError(f"{server} did not replace its worker")


@pytest.mark.demo
@pytest.mark.timeout(1800)
def test_the_demo_killed_in_each_phase_goes_on_and_ends_as_promised(clone: Path) -> None:
    for told, how, lines in ENDINGS:
        insistence = [insisting(STOPPING)] if lines == ["--- release 4", "load: "] else []
        code, _, said = demo(clone, ending(how, *lines), *insistence)
        goes_on(said, told)
        if how is KILLED:
            assert code == -how, said
            continue
        assert code == 130, said
        assert all(act.done for act in insistence)
        assert "Traceback" not in said, said
        assert running(clone) == [], said
    code, output, said = demo(clone)  # all is told and was never shown
    goes_on(said, "4")
    assert code == 0, said + output
    promised(output)
    assert running(clone) == []
    # No kill is a second chance, nor does it cost one. Of 3 and 4 nothing is asked: what interrupted them also took their servers away.
    assert (routes(clone, "1"), routes(clone, "2")) == ([1], [1])
    code, _, said = demo(clone, ending(INTERRUPTED, "starting anew", "stack local: initialising"))
    assert code == 130, said
    assert running(clone) == []


@pytest.mark.demo
@pytest.mark.timeout(1800)
def test_a_server_killed_in_each_phase_is_named_and_the_next_run_ends_as_promised(clone: Path) -> None:
    code, _, said = demo(clone, server(clone, "1", "release 1 is "))
    assert code == 1, said
    error = said[said.index("\nmlgate: ") :]
    assert server_name(clone, "1") in error.splitlines()[1], said
    assert "\n  -> " in error
    assert "Traceback" not in said
    assert running(clone) == []

    said = refused(clone, "1", server(clone, "1", "look:look"))
    assert ended(said, clone, "1")
    # A promotion brings up what has fallen, and so does the next release's arrival. Only stable's callers notice.
    said = refused(
        clone,
        "2",
        server(clone, "1", "gate: PASS"),
        server(clone, "1", "training release 2"),
        server(clone, "1", "--- release 2", "quality:holdout"),
    )
    assert ended(said, clone, "1")
    assert f"endpoint {server_name(clone, '1')}: updated" in said[said.index("--- release 2") :]
    assert re.search(r"[\d,]+ calls of the stable URL failed", said), said
    said = refused(clone, "2", server(clone, "1", "load: "), server(clone, "2", "load: ", "load: "))
    assert ended(said, clone, "1")
    assert ended(said, clone, "2")
    assert re.search(r"[\d,]+ calls of the stable URL failed", said), said
    said = refused(clone, "3", server(clone, "2", "gate: PASS"), server(clone, "3", "--- release 3", "contract:"))
    assert ended(said, clone, "3")
    assert "calls of the stable URL failed" not in said
    said = refused(clone, "4", server(clone, "4", "--- release 4", "quality:holdout"))
    assert ended(said, clone, "4")
    code, output, said = demo(clone)
    assert code == 0, said + output
    promised(output)
    assert running(clone) == []


@pytest.mark.demo
@pytest.mark.timeout(1800)
def test_workers_killed_in_each_phase_are_replaced_and_callers_of_the_stable_url_lose_one_request_a_kill_at_most(clone: Path) -> None:
    phases = ["contract:", "quality:holdout", "look:look", "load: ", "gate: PASS"]
    with ThreadPoolExecutor() as waiting:
        replacements = Replacements(clone, waiting)
        acts = [replacements.killing(phase) for phase in phases]
        acts += [replacements.killing("--- release 2", phase) for phase in phases]
        code, output, said = demo(clone, *acts)
    lost = re.search(r"([\d,]+) calls of the stable URL failed", said)
    assert lost is None or int(lost[1].replace(",", "")) <= len(acts) - phases.index("gate: PASS"), (
        said
    )  # before release 1 is promoted there is no URL to lose a call of
    whole = [[server.result() for server in servers] for servers in replacements.found]
    if code != 0:  # an answer that died with its worker is an answer that failed: the demo says so, and a gate may refuse by it
        assert lost or "was not expected to end with" in said, said
        code, output, said = demo(clone)
    else:
        assert all(any(servers) for servers in whole), whole
    assert code == 0, said + output
    promised(output)
    assert running(clone) == []
