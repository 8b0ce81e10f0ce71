"""A caller that is killed, a leader that dies, a pid that is used again: nothing goes on that nobody finds, and nobody else is hit."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import psutil
import pytest

from mlgate_serving.identity import birth_of
from mlgate_serving.registry import Entry, Registry
from mlgate_serving.supervisor import Supervisor

from .processes import SLEEP, eventually, ours, python

STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); "


def call_and_die(tmp_path: Path, code: str) -> int:
    """Runs `code` in an interpreter of its own, with `supervisor` and `spec` of the test; returns its exit code."""
    head = f"""
        import os, sys
        from pathlib import Path
        from mlgate_serving.registry import Registry, ProcessSpec
        from mlgate_serving.supervisor import Supervisor
        supervisor = Supervisor(Path({str(tmp_path / "registry")!r}))
        spec = ProcessSpec("one", (sys.executable, "-c", {SLEEP!r}), {{}}, Path({str(tmp_path / "one")!r}), (), {{"release": "sha256:1"}})
    """
    script = textwrap.dedent(head) + textwrap.dedent(code)
    return subprocess.run([sys.executable, "-c", script], check=False, timeout=60).returncode


DIE_AT_WRITE = """
    written, write = [], Registry.write
    def crash(self, entry):
        if len(written) == {before}:
            os.kill(os.getpid(), 9)
        written.append(entry)
        write(self, entry)
    Registry.write = crash
    supervisor.start(spec)
"""


def test_a_process_outlives_the_killed_command_that_started_it(tmp_path: Path, supervisor: Supervisor) -> None:
    assert call_and_die(tmp_path, "supervisor.start(spec)\nos.kill(os.getpid(), 9)") == -signal.SIGKILL
    running = supervisor.get("one")
    assert running
    assert running.alive
    assert os.getsid(running.pid) == running.pid
    assert supervisor.start(python(tmp_path)) == running
    assert ours(tmp_path) == [running.pid]


@pytest.mark.parametrize("before", [0, 1], ids=["before the intent", "between spawn and registration"])
def test_a_caller_killed_while_starting_leaves_no_duplicate(tmp_path: Path, supervisor: Supervisor, before: int) -> None:
    assert call_and_die(tmp_path, DIE_AT_WRITE.format(before=before)) == -signal.SIGKILL
    assert len(ours(tmp_path)) == before
    assert supervisor.get("one") is None
    running = supervisor.start(python(tmp_path))
    assert ours(tmp_path) == [running.pid]


def test_stop_ends_what_a_killed_caller_spawned_and_did_not_register(tmp_path: Path, supervisor: Supervisor) -> None:
    assert call_and_die(tmp_path, DIE_AT_WRITE.format(before=1)) == -signal.SIGKILL
    assert len(ours(tmp_path)) == 1
    supervisor.stop("one")
    assert not ours(tmp_path)
    assert not list((tmp_path / "registry").glob("*.json"))


def test_reap_ends_what_a_killed_caller_spawned_and_spares_what_is_registered(tmp_path: Path, supervisor: Supervisor) -> None:
    call_and_die(tmp_path, DIE_AT_WRITE.format(before=1))
    kept = supervisor.start(python(tmp_path, name="other"))
    assert supervisor.reap() == ["one"]
    assert ours(tmp_path) == [kept.pid]
    assert supervisor.list() == [kept]
    assert supervisor.reap() == []


def test_reap_leaves_alone_a_name_that_another_caller_is_starting(tmp_path: Path, supervisor: Supervisor) -> None:
    call_and_die(tmp_path, DIE_AT_WRITE.format(before=1))
    with Registry(tmp_path / "registry").locked("one", wait_s=1):
        assert supervisor.reap() == []
        assert len(ours(tmp_path)) == 1


FAMILY = STUBBORN + (
    "import subprocess, sys, time\n"
    "child = [sys.executable, '-c', 'import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)']\n"
    "subprocess.Popen(child); subprocess.Popen(child, start_new_session=True)\n"
    "subprocess.Popen(child, env={{}})\n"
    "{leader}"
)


def test_stop_ends_the_whole_family_even_if_it_ignores_sigterm(tmp_path: Path, supervisor: Supervisor) -> None:
    running = supervisor.start(python(tmp_path, FAMILY.format(leader="time.sleep(600)")))
    eventually(lambda: len(psutil.Process(running.pid).children()) == 3)
    family = [running.pid, *(child.pid for child in psutil.Process(running.pid).children())]
    supervisor.stop("one", grace_s=0.3)
    assert [pid for pid in family if psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE] == []


def test_reap_ends_children_of_a_dead_leader_and_keeps_its_entry(tmp_path: Path, supervisor: Supervisor) -> None:
    code = f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {SLEEP!r}]); time.sleep(600)"
    running = supervisor.start(python(tmp_path, code))
    eventually(lambda: len(ours(tmp_path)) == 2)
    os.kill(running.pid, signal.SIGKILL)
    eventually(lambda: not running.alive)
    assert len(ours(tmp_path)) == 1
    assert supervisor.reap() == ["one"]
    assert not ours(tmp_path)
    assert supervisor.get("one") == running


def test_a_pid_that_was_handed_out_again_is_never_signalled(tmp_path: Path, supervisor: Supervisor) -> None:
    innocent = subprocess.Popen([sys.executable, "-c", SLEEP], start_new_session=True)
    try:
        birth = birth_of(innocent.pid)
        assert birth
        registry = Registry(tmp_path / "registry")
        with registry.locked("one", wait_s=1):
            registry.write(Entry(python(tmp_path), "token", innocent.pid, birth + "0", 0.0))
        found = supervisor.get("one")
        assert found
        assert not found.alive
        supervisor.reap()
        started = supervisor.start(python(tmp_path))
        assert started.pid != innocent.pid
        supervisor.stop("one")
        assert innocent.poll() is None
    finally:
        innocent.kill()
        innocent.wait()
