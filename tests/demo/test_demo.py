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
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parents[2]
# Progress lines of each phase, one after the other; the demo is killed, or interrupted, as the last of them appears.
KILLED_AT = [
    ["training release 1"],
    ["release 1 is "],
    ["quality:holdout"],
    ["load: "],
    ["gate: PASS"],
    ["gate: PASS", "traffic of digits"],
    ["--- release 2"],
    ["look:look"],
    ["gate: PASS", "traffic of digits"],
]
INTERRUPTED_AT = [
    ["training release 3"],
    ["release 3 is ", "creating"],
    ["contract:"],
    ["--- release 4", "load: "],
    ["stopping what the demo started"],
]


@dataclass
class Act:
    """What a test does to the demo, once, when lines holding each of `lines` have appeared one after the other."""

    do: Callable[[subprocess.Popen[str], list[str]], None]
    lines: list[str]

    def now(self, line: str) -> bool:
        if not self.lines or self.lines[0] not in line:
            return False
        self.lines.pop(0)
        return not self.lines


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What the demo needs of a clone, so that a test never touches the state of the one it runs in."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples", ignore=shutil.ignore_patterns("data", "__pycache__"))
    shutil.copytree(ROOT / "stacks", tmp_path / "stacks", ignore=shutil.ignore_patterns("Pulumi.local.yaml", "__pycache__"))
    shutil.copyfile(ROOT / "Pulumi.yaml", tmp_path / "Pulumi.yaml")
    return tmp_path


def demo(clone: Path, *acts: Act) -> tuple[int, str, str]:
    """Runs the demo, and each of `acts` when its lines have appeared. Gives exit code, standard output and error."""
    command = [str(Path(sys.executable).with_name("mlgate")), "demo", "--json"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=clone, start_new_session=True, **pipes) as process:
        guard = threading.Timer(600, process.kill)
        guard.start()
        said: list[str] = []
        for line in process.stderr:
            said.append(line)
            for act in acts:
                if act.now(line):
                    act.do(process, said)
        output = process.stdout.read()
        process.wait()
        guard.cancel()
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


def server(clone: Path, arm: str, *lines: str) -> Act:
    """Kills the JVM of the release that is being judged, or of the one it is compared with, as soon as there is one."""

    def kill(_: subprocess.Popen[str], said: list[str]) -> None:
        judged = re.findall(r"release \d is (\w+);", "".join(said))[-1]
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            for process in of_clone(clone, "java"):
                if (f"digits-{judged}" in " ".join(process.cmdline())) == (arm == "candidate"):
                    process.kill()
                    return
        raise AssertionError(f"no server of {arm} appeared")

    return Act(kill, list(lines))


def workers(clone: Path, *lines: str) -> Act:
    """Kills a worker of each server."""

    def kill(_: subprocess.Popen[str], __: list[str]) -> None:
        parents = set()
        for process in of_clone(clone, "model_service_worker"):
            if process.ppid() not in parents:
                parents.add(process.ppid())
                process.kill()

    return Act(kill, list(lines))


@pytest.mark.demo
@pytest.mark.timeout(1800)
def test_the_demo_killed_in_each_phase_goes_on_and_ends_as_promised(clone: Path) -> None:
    for lines in KILLED_AT:
        code, _, said = demo(clone, Act(lambda process, _: process.kill(), list(lines)))
        assert code == -signal.SIGKILL, said
    for lines in INTERRUPTED_AT:
        # As a terminal does it: to the whole foreground group.
        code, _, said = demo(clone, Act(lambda process, _: os.killpg(process.pid, signal.SIGINT), list(lines)))
        assert code == 130, said
        assert "Traceback" not in said
        assert running(clone) == [], said
    code, output, said = demo(clone)
    assert code == 0, said + output
    promised(output)
    assert running(clone) == []


@pytest.mark.demo
@pytest.mark.timeout(1800)
def test_a_server_killed_in_each_phase_is_named_and_the_next_run_ends_as_promised(clone: Path) -> None:
    code, _, said = demo(clone, server(clone, "candidate", "release 1 is "))
    assert code == 1, said
    assert re.search(r"mlgate: .*digits-\w+.*\n *->|mlgate: .*\n(.*\n)* *-> ", said), said
    killed_while_measured = [
        server(clone, "candidate", "quality:holdout"),
        server(clone, "candidate", "--- release 2", "load: "),
        server(clone, "stable", "--- release 2", "quality:holdout"),
    ]
    for act in killed_while_measured:
        code, output, said = demo(clone, act)
        assert code == 1, said
        assert "was not expected to end with" in said, said
        assert re.search(r"the server of digits-\w+ ended during the gate", said), said
        assert "Traceback" not in said
        last = json.loads(output)["releases"][-1]
        assert not last["promoted"]
        assert running(clone) == []
    code, output, said = demo(clone, server(clone, "candidate", "gate: PASS"))
    assert code == 0, said + output  # promotion brings up what has fallen
    promised(output)
    assert running(clone) == []


@pytest.mark.demo
@pytest.mark.timeout(1800)
def test_workers_killed_in_each_phase_are_replaced_and_callers_of_the_stable_url_lose_one_request_a_kill_at_most(clone: Path) -> None:
    phases = ["contract:", "quality:holdout", "look:look", "load: ", "gate: PASS"]
    first = [workers(clone, phase) for phase in phases]
    second = [workers(clone, "--- release 2", phase) for phase in phases]
    code, output, said = demo(clone, *first, *second)
    lost = re.search(r"([\d,]+) calls of the stable URL failed", said)
    assert lost is None or int(lost[1].replace(",", "")) <= len(first) + len(second), said
    if code != 0:  # an answer that died with its worker is an answer that failed: the demo says so, and a gate may refuse by it
        assert lost or "was not expected to end with" in said, said
        code, output, said = demo(clone)
    assert code == 0, said + output
    promised(output)
    assert running(clone) == []
