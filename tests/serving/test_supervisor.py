"""Processes under a name: started once, adopted, replaced and stopped, by whoever asks."""

import os
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlgate.errors import BusyError, UsageError
from mlgate_serving import supervisor as module
from mlgate_serving.identity import VARIABLE
from mlgate_serving.registry import Entry, ProcessSpec, Registry
from mlgate_serving.supervisor import Supervisor

from .processes import SLEEP, eventually, ours, python


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


def test_a_damaged_entry_is_healed_without_a_duplicate(tmp_path: Path, supervisor: Supervisor) -> None:
    supervisor.start(python(tmp_path))
    (tmp_path / "registry" / "one.json").write_text("{")
    assert supervisor.get("one") is None
    second = supervisor.start(python(tmp_path))
    assert ours(tmp_path) == [second.pid]


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
