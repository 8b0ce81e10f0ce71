"""What stands in the way of a start or a stop is named, and leaves nothing running."""

import errno
import os
import signal
import socket
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from mlgate.errors import ProcessError
from mlgate_serving import supervisor as module
from mlgate_serving.ports import free_ports, port_is_free
from mlgate_serving.registry import Entry, Registry
from mlgate_serving.supervisor import Supervisor

from .processes import eventually, ours, python

SERVE = "import socket, time; s = socket.create_server(('127.0.0.1', {port})); time.sleep(600)"


def test_stop_frees_the_port_and_a_restart_gets_it(tmp_path: Path, supervisor: Supervisor) -> None:
    (port,) = free_ports(1)
    spec = python(tmp_path, SERVE.format(port=port), ports=(port,))
    supervisor.start(spec)
    eventually(lambda: not port_is_free(port))
    supervisor.stop("one")
    assert port_is_free(port)
    assert not (tmp_path / "one" / "tmp").exists()
    assert supervisor.start(spec).alive


def test_a_port_that_somebody_else_listens_on_is_no_failure_to_stop_but_one_to_start_there(
    tmp_path: Path, supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PORT_WAIT_S", 0)
    (port,) = free_ports(1)
    spec = python(tmp_path, ports=(port,))
    running = supervisor.start(spec)
    with closing(socket.create_server(("127.0.0.1", port))):
        supervisor.stop("one")
        assert not running.alive
        assert supervisor.get("one") is None
        with pytest.raises(ProcessError, match=f"port {port} is taken by process {os.getpid()} .*"):
            supervisor.start(spec)


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
    assert caught.value.remedy == "mend what its log complains of"
    assert "3" not in lines
    assert supervisor.get("one") is None
    assert not (tmp_path / "one" / "tmp").exists()


@pytest.mark.usefixtures("patient")
def test_a_process_that_is_killed_at_once_is_an_error_that_names_the_signal(tmp_path: Path, supervisor: Supervisor) -> None:
    with pytest.raises(ProcessError, match="was ended by SIGKILL at once; it wrote nothing") as caught:
        supervisor.start(python(tmp_path, "import os; os.kill(os.getpid(), 9)"))
    assert caught.value.remedy == f"see whether memory ran out, then whether {sys.executable} runs by hand"


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
