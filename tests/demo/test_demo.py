"""The demo, as a newcomer runs it and as nobody should: killed in each phase, and started again."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parents[2]
# A progress line of each phase; the demo is killed as it appears.
PHASES = [
    "training release 1",
    "release 1 is ",
    "quality:holdout",
    "load: ",
    "--- release 2",
    "look:look",
]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What the demo needs of a clone, so that a test never touches the state of the one it runs in."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples", ignore=shutil.ignore_patterns("data", "__pycache__"))
    shutil.copytree(ROOT / "stacks", tmp_path / "stacks", ignore=shutil.ignore_patterns("Pulumi.local.yaml", "__pycache__"))
    shutil.copyfile(ROOT / "Pulumi.yaml", tmp_path / "Pulumi.yaml")
    return tmp_path


def demo(clone: Path, kill_at: str | None = None, ending: signal.Signals = signal.SIGKILL) -> tuple[int, str, str]:
    """Runs the demo; with `kill_at`, until a progress line that holds it. Gives exit code, standard output and error."""
    command = [str(Path(sys.executable).with_name("mlgate")), "demo", "--json"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=clone, start_new_session=True, **pipes) as process:
        guard = threading.Timer(600, process.kill)
        guard.start()
        said = []
        for line in process.stderr:
            said.append(line)
            if kill_at is not None and kill_at in line:
                process.send_signal(ending)
        output = process.stdout.read()
        process.wait()
        guard.cancel()
    return process.returncode, output, "".join(said)


def running(clone: Path) -> list[str]:
    """Processes that belong to the clone: by their command line, directory or environment."""
    found = []
    for process in psutil.process_iter():
        try:
            about = " ".join([*process.cmdline(), process.cwd(), *process.environ().values()])
        except psutil.Error:
            continue
        if str(clone) in about and process.pid != os.getpid() and process.status() != psutil.STATUS_ZOMBIE:
            found.append(f"{process.pid} {' '.join(process.cmdline())[:120]}")
    return found


@pytest.mark.demo
@pytest.mark.timeout(1800)
def test_the_demo_killed_in_each_phase_goes_on_and_ends_as_promised(clone: Path) -> None:
    for phase in PHASES:
        code, _, said = demo(clone, kill_at=phase)
        assert code == -signal.SIGKILL, said
    code, _, said = demo(clone, kill_at="load: ", ending=signal.SIGINT)
    assert code == 130, said
    assert running(clone) == []
    code, output, said = demo(clone)
    assert code == 0, said + output
    told = json.loads(output)
    assert [(item["release"], item["verdict"], item["promoted"]) for item in told["releases"]] == [
        ("1", "PASS", True),
        ("2", "PASS", True),
        ("3", "FAIL", False),
        ("4", "FAIL", False),
    ]
    assert told["releases"][2]["decided_by"] in ("accuracy", "no-worse")
    assert told["releases"][3]["decided_by"] == "latency-p99"
    assert all(item["requests"] > 0 and item["seconds"] > 0 for item in told["releases"])
    assert "<html" in Path(told["report"]).read_text(encoding="utf-8")
    assert running(clone) == []
