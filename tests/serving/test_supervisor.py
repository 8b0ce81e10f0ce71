import errno
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlgate.errors import BusyError, ProcessError, UsageError
from mlgate_serving import supervisor as module
from mlgate_serving.identity import VARIABLE, birth_of, marked
from mlgate_serving.ports import free_ports, port_is_free
from mlgate_serving.registry import Entry, ProcessSpec, Registry
from mlgate_serving.supervisor import Supervisor

SLEEP = "import time; time.sleep(600)"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
SERVE = "import socket, time; s = socket.create_server(('127.0.0.1', {port})); time.sleep(600)"


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    supervisor = Supervisor(tmp_path / "registry")
    yield supervisor
    for running in supervisor.list():
        supervisor.stop(running.spec.name, grace_s=0)
    supervisor.reap()
    assert not ours(tmp_path)


def ours(tmp_path: Path) -> list[int]:
    """Pids of every process that carries a marker of the test's registry."""
    return [process.pid for process, _ in marked(tmp_path / "registry")]


def python(tmp_path: Path, code: str = SLEEP, name: str = "one", ports: tuple[int, ...] = ()) -> ProcessSpec:
    return ProcessSpec(name, (sys.executable, "-c", code), {}, tmp_path / name, ports, {"release": "sha256:1"})


def eventually(condition: Callable[[], object]) -> None:
    until = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.02)


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


def test_starting_the_same_again_adopts_it(tmp_path: Path, supervisor: Supervisor) -> None:
    first = supervisor.start(python(tmp_path))
    assert supervisor.start(python(tmp_path)) == first
    assert Supervisor(tmp_path / "registry").start(python(tmp_path)) == first
    assert supervisor.list() == [first]


@pytest.mark.parametrize(
    "change",
    [
        {"command": (sys.executable, "-c", SLEEP + " # new")},
        {"environment": {"OTHER": "1"}},
        {"labels": {"release": "sha256:2"}},
    ],
)
def test_a_different_spec_replaces_what_had_the_name(tmp_path: Path, supervisor: Supervisor, change: dict[str, object]) -> None:
    first = supervisor.start(python(tmp_path))
    second = supervisor.start(replace(python(tmp_path), **change))  # type: ignore[arg-type]
    assert not first.alive
    assert second.alive
    assert supervisor.list() == [second]
    assert ours(tmp_path) == [second.pid]


def test_a_dead_process_is_seen_as_dead_and_replaced(tmp_path: Path, supervisor: Supervisor) -> None:
    first = supervisor.start(python(tmp_path))
    os.kill(first.pid, signal.SIGKILL)
    eventually(lambda: not first.alive)
    found = supervisor.get("one")
    assert found == first
    second = supervisor.start(python(tmp_path))
    assert second.alive
    assert second.pid != first.pid


def test_an_unknown_name_is_none_and_has_no_log(supervisor: Supervisor) -> None:
    assert supervisor.get("nobody") is None
    assert supervisor.log_tail("nobody") == ""
    assert supervisor.list() == []
    assert supervisor.reap() == []


def test_callers_at_the_same_moment_start_one_process(tmp_path: Path, supervisor: Supervisor) -> None:
    barrier = threading.Barrier(6)

    def start() -> int:
        barrier.wait()
        return Supervisor(tmp_path / "registry").start(python(tmp_path)).pid

    with ThreadPoolExecutor(6) as pool:
        pids = {future.result() for future in [pool.submit(start) for _ in range(6)]}
    assert [*pids] == ours(tmp_path)


def test_stop_twice_and_from_callers_at_the_same_moment_is_no_error(tmp_path: Path, supervisor: Supervisor) -> None:
    running = supervisor.start(python(tmp_path))
    barrier = threading.Barrier(4)

    def stop() -> None:
        barrier.wait()
        Supervisor(tmp_path / "registry").stop("one")

    with ThreadPoolExecutor(4) as pool:
        for future in [pool.submit(stop) for _ in range(4)]:
            future.result()
    supervisor.stop("one")
    assert not running.alive
    assert supervisor.get("one") is None


@pytest.mark.parametrize("before", [0, 1], ids=["before the intent", "between spawn and registration"])
def test_a_caller_killed_while_starting_leaves_no_duplicate(tmp_path: Path, supervisor: Supervisor, before: int) -> None:
    assert call_and_die(tmp_path, DIE_AT_WRITE.format(before=before)) == -signal.SIGKILL
    assert len(ours(tmp_path)) == before
    assert supervisor.get("one") is None
    running = supervisor.start(python(tmp_path))
    assert ours(tmp_path) == [running.pid]


def test_stop_ends_what_a_killed_caller_spawned_and_did_not_register(tmp_path: Path, supervisor: Supervisor) -> None:
    call_and_die(tmp_path, DIE_AT_WRITE.format(before=1))
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


def test_a_damaged_entry_is_healed_without_a_duplicate(tmp_path: Path, supervisor: Supervisor) -> None:
    supervisor.start(python(tmp_path))
    (tmp_path / "registry" / "one.json").write_text("{")
    assert supervisor.get("one") is None
    second = supervisor.start(python(tmp_path))
    assert ours(tmp_path) == [second.pid]


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


def test_stop_frees_the_port_and_a_restart_gets_it(tmp_path: Path, supervisor: Supervisor) -> None:
    (port,) = free_ports(1)
    spec = python(tmp_path, SERVE.format(port=port), ports=(port,))
    supervisor.start(spec)
    eventually(lambda: not port_is_free(port))
    supervisor.stop("one")
    assert port_is_free(port)
    assert not (tmp_path / "one" / "tmp").exists()
    assert supervisor.start(spec).alive


def test_a_port_that_stays_taken_after_stop_is_reported_once(
    tmp_path: Path, supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PORT_WAIT_S", 0)
    (port,) = free_ports(1)
    supervisor.start(python(tmp_path, ports=(port,)))
    with closing(socket.create_server(("127.0.0.1", port))):
        with pytest.raises(ProcessError, match=f"port {port} is taken by process {os.getpid()} .*"):
            supervisor.stop("one")
        supervisor.stop("one")


def test_the_ports_of_the_dead_are_theirs_until_they_are_stopped(tmp_path: Path, supervisor: Supervisor) -> None:
    one, other = free_ports(2)
    running = supervisor.start(python(tmp_path, ports=(one,)))
    supervisor.start(python(tmp_path, name="other", ports=(other,)))
    os.kill(running.pid, signal.SIGKILL)
    eventually(lambda: not running.alive)
    assert supervisor.ports() == {one, other}
    supervisor.stop("one")
    assert supervisor.ports() == {other}


def test_a_taken_port_is_an_error_that_names_the_holder(tmp_path: Path, supervisor: Supervisor) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
        with pytest.raises(ProcessError, match=f"port {port} is taken by process {os.getpid()} ") as caught:
            supervisor.start(python(tmp_path, ports=(port,)))
    assert str(port) in caught.value.remedy
    assert supervisor.get("one") is None


def test_a_missing_command_is_an_error_that_names_it(tmp_path: Path, supervisor: Supervisor) -> None:
    with pytest.raises(ProcessError, match="cannot run no-such-program") as caught:
        supervisor.start(replace(python(tmp_path), command=("no-such-program",)))
    assert "install" in caught.value.remedy
    assert supervisor.get("one") is None


def test_a_command_that_may_not_be_run_is_an_error_that_names_it(tmp_path: Path, supervisor: Supervisor) -> None:
    script = tmp_path / "script"
    script.write_text("#!/bin/sh\n")
    with pytest.raises(ProcessError, match=f"cannot run {script}: Permission denied"):
        supervisor.start(replace(python(tmp_path), command=(str(script),)))


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even a machine too busy to start an interpreter in 0.2 s sees that the process ended."""
    monkeypatch.setattr(module, "_SETTLE_S", 60)


@pytest.mark.usefixtures("patient")
def test_a_process_that_ends_at_once_is_an_error_with_the_end_of_its_log(tmp_path: Path, supervisor: Supervisor) -> None:
    code = "import sys; print('\\n'.join(map(str, range(100))), flush=True); sys.exit('no such option')"
    with pytest.raises(ProcessError, match="exit code 1") as caught:
        supervisor.start(python(tmp_path, code))
    lines = str(caught.value).splitlines()
    assert {"99", "no such option"} <= set(lines)
    assert "3" not in lines
    assert supervisor.get("one") is None
    assert not (tmp_path / "one" / "tmp").exists()


@pytest.mark.usefixtures("patient")
def test_a_process_that_is_killed_at_once_is_an_error_that_names_the_signal(tmp_path: Path, supervisor: Supervisor) -> None:
    with pytest.raises(ProcessError, match="was ended by SIGKILL at once; it wrote nothing"):
        supervisor.start(python(tmp_path, "import os; os.kill(os.getpid(), 9)"))


@pytest.mark.parametrize("before", [0, 1], ids=["intent", "registration"])
def test_a_full_disk_leaves_no_process(tmp_path: Path, supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch, before: int) -> None:
    written: list[Entry] = []
    write = Registry.write

    def full(self: Registry, entry: Entry) -> None:
        if len(written) == before:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.folder))
        written.append(entry)
        write(self, entry)

    monkeypatch.setattr(Registry, "write", full)
    with pytest.raises(ProcessError, match="registry: No space left on device") as caught:
        supervisor.start(python(tmp_path))
    assert "make room" in caught.value.remedy
    assert not ours(tmp_path)
    assert supervisor.get("one") is None


def test_an_interrupt_while_starting_leaves_no_process(tmp_path: Path, supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(child: object, wait_s: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "_exit_code", interrupted)
    with pytest.raises(KeyboardInterrupt):
        supervisor.start(python(tmp_path))
    assert not ours(tmp_path)


def test_the_log_begins_anew_at_each_start_and_its_tail_can_be_read(tmp_path: Path, supervisor: Supervisor) -> None:
    for word in ("first", "second"):
        running = supervisor.start(python(tmp_path, f"print('{word}\\n' * 50, 'last', flush=True); {SLEEP}"))
        eventually(lambda: "last" in supervisor.log_tail("one"))
        assert running.log.read_text().split() == [word] * 50 + ["last"]
    assert len(supervisor.log_tail("one", lines=5).splitlines()) == 5


def test_a_process_gets_its_own_variables_and_none_of_the_callers_secrets(
    tmp_path: Path, supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "secret")
    running = supervisor.start(replace(python(tmp_path), environment={"MINE": "1"}))
    environment = psutil.Process(running.pid).environ()
    assert environment["MINE"] == "1"
    assert environment["TMPDIR"] == str(tmp_path / "one" / "tmp")
    assert environment["PATH"] == os.environ["PATH"]
    assert environment[VARIABLE].startswith(f"{tmp_path / 'registry'}:one:")
    assert "PULUMI_CONFIG_PASSPHRASE" not in environment


def test_entries_hold_environments_and_are_for_their_owner_only(tmp_path: Path, supervisor: Supervisor) -> None:
    supervisor.start(python(tmp_path))
    assert (tmp_path / "registry" / "one.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "a:b", "a b"])
def test_a_name_that_cannot_be_a_file_is_refused(tmp_path: Path, supervisor: Supervisor, name: str) -> None:
    with pytest.raises(UsageError, match="cannot be a name"):
        supervisor.start(replace(python(tmp_path), name=name))
    with pytest.raises(UsageError):
        supervisor.stop(name)


def test_a_name_held_by_another_caller_for_too_long_is_an_error(
    tmp_path: Path, supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_LOCK_WAIT_S", 0.05)
    with Registry(tmp_path / "registry").locked("one", wait_s=1), pytest.raises(BusyError, match="another mlgate has been changing one"):
        supervisor.start(python(tmp_path))


def test_a_frozen_process_is_alive_and_can_be_stopped(tmp_path: Path, supervisor: Supervisor) -> None:
    running = supervisor.start(python(tmp_path))
    os.kill(running.pid, signal.SIGSTOP)
    assert supervisor.start(python(tmp_path)) == running
    supervisor.stop("one", grace_s=0.1)
    assert not running.alive


@given(
    command=st.lists(st.text(), min_size=1).map(tuple),
    environment=st.dictionaries(st.text(), st.text()),
    ports=st.lists(st.integers(1, 65535)).map(tuple),
    labels=st.dictionaries(st.text(), st.text()),
)
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_an_entry_is_read_back_as_it_was_written(
    tmp_path: Path, command: tuple[str, ...], environment: dict[str, str], ports: tuple[int, ...], labels: dict[str, str]
) -> None:
    registry = Registry(tmp_path)
    entry = Entry(ProcessSpec("one", command, environment, tmp_path / "one", ports, labels), "token", 7, "birth", 1.5)
    registry.write(entry)
    assert registry.read("one") == entry
    registry.remove("one")
    assert registry.read("one") is None
