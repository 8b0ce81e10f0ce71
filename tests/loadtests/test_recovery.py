"""Every request that went out has its row, whoever is killed when."""

from __future__ import annotations

import asyncio
import errno
import os
import pickle
import resource
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import psutil
import pyarrow as pa
import pytest

from mlgate.errors import BusyError, ProcessError
from mlgate_loadtests import drive as drive_module
from mlgate_loadtests.account import read_generator
from mlgate_loadtests.drive import Drive, discard, next_run, recover
from mlgate_loadtests.progress import Progress, progress_path
from mlgate_loadtests.recording import SCHEMA

from .driving import finish, kinds, run, until


def test_a_killed_worker_is_named_and_its_rows_are_kept(make_job, endpoint):
    job = make_job(10_000, gap_ms=10)
    given = []
    with Drive.start(job) as drive:
        until(lambda: given.append(drive.poll(0.1)) or given[-1].num_rows)
        os.kill(drive._worker.pid, signal.SIGKILL)
        with pytest.raises(ProcessError, match="was killed by signal 9"):
            finish(drive)
        assert drive.finished
        sent = drive.sent
    recovered = recover(job.folder)
    assert recovered.num_rows == sent
    assert recovered.slice(0, given[-1].num_rows).equals(given[-1].combine_chunks())
    assert set(kinds(recovered)) <= {None, "lost"}


def test_sigterm_ends_a_worker_without_losing_a_row(make_job, endpoint):
    with Drive.start(make_job(10_000, gap_ms=10)) as drive:
        until(lambda: len(endpoint.calls) >= 5)
        os.kill(drive._worker.pid, signal.SIGTERM)
        assert finish(drive).num_rows == drive.sent == len(endpoint.calls) < 10_000


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="only Linux sets limits of a running process")
def test_a_full_disk_ends_the_worker_with_that_message(make_job):
    job = make_job(10_000, gap_ms=10)
    with Drive.start(job) as drive:
        until(lambda: drive.poll(0.1).num_rows)
        size = (job.folder / "rows-0.arrow").stat().st_size
        resource.prlimit(drive._worker.pid, resource.RLIMIT_FSIZE, (size, size))
        with pytest.raises(ProcessError, match="rows cannot be written: File too large") as caught:
            finish(drive)
        assert "make room" in str(caught.value)
    assert None in kinds(recover(job.folder))


GATE = """
    import pickle, sys, time
    from mlgate_loadtests.drive import Drive
    job = pickle.load(open(sys.argv[1], "rb"))
    drive = Drive.start(job)
    print(drive._worker.pid, flush=True)
    time.sleep(60)
"""


def test_a_worker_ends_by_itself_when_its_gate_is_killed_and_no_row_is_lost(make_job, endpoint, tmp_path):
    release = asyncio.Event()

    async def one_hangs(call):
        if call.number == 4:
            await release.wait()
        call.send(200, {"scores": [0, 1, 0]})

    endpoint.answer = one_hangs
    job = make_job(10_000, gap_ms=10, timeout_s=10)
    (tmp_path / "job.pickle").write_bytes(pickle.dumps(job))
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(GATE), str(tmp_path / "job.pickle")], stdout=subprocess.PIPE) as gate:
        assert gate.stdout is not None
        worker = psutil.Process(int(gate.stdout.readline()))
        until(lambda: len(endpoint.calls) >= 8)
        gate.kill()
    endpoint.call_later(0.3, release.set)
    rows = recover(job.folder)  # waits for the request that is still in flight
    worker.wait(10)
    assert rows.num_rows == len(endpoint.calls) < 10_000
    assert set(kinds(rows)) == {None}
    assert next_run(job.folder) == 1


def test_requests_known_sent_without_a_row_are_lost_rows(make_job, endpoint):
    async def never(call):
        pass

    endpoint.answer = never
    job = make_job(10_000, gap_ms=10, timeout_s=20)
    with Drive.start(job) as drive:
        until(lambda: len(endpoint.calls) >= 5)
        os.kill(drive._worker.pid, signal.SIGKILL)
    rows = recover(job.folder)
    assert rows.num_rows == drive.sent >= 5
    assert set(kinds(rows)) == {"lost"}
    assert set(rows["status"].to_pylist()) == set(rows["sent_ns"].to_pylist()) == set(rows["done_ns"].to_pylist()) == {0}
    assert set(rows["score"].to_pylist()) == {None}
    scheduled = rows["scheduled_ns"].to_numpy()
    assert set(np.diff(scheduled).tolist()) == {10_000_000}
    assert abs(time.time_ns() - scheduled[0]) < 600e9
    assert rows["case_id"].to_pylist()[:3] == ["case-0", "case-1", "case-2"]


def test_runs_follow_one_another_in_one_folder_and_are_discarded_together(make_job):
    first, second = make_job(10), make_job(5, run=1)
    assert next_run(first.folder) == 0
    rows = pa.concat_tables([run(first), run(second)])
    assert next_run(first.folder) == 2
    assert recover(first.folder).equals(rows.combine_chunks())
    with pytest.raises(FileExistsError):
        Drive.start(make_job(5, run=1))
    discard(first.folder)
    assert list(first.folder.iterdir()) == []
    assert recover(first.folder).equals(SCHEMA.empty_table())


@pytest.mark.parametrize("as_far_as", ["the progress file", "half the job file", "the job file"])
def test_a_start_that_was_cut_short_has_no_rows_and_is_in_nobodys_way(make_job, as_far_as):
    job = make_job(5)
    job.folder.mkdir()
    Progress.create(job.folder, 0).close()
    if as_far_as != "the progress file":
        path = job.write()
        if as_far_as == "half the job file":
            path.write_bytes(path.read_bytes()[:100])
    assert recover(job.folder).equals(SCHEMA.empty_table())
    assert next_run(job.folder) == 1


def test_a_disk_that_was_full_when_a_run_started_leaves_no_run(make_job, monkeypatch):
    """Half a progress file would stand in the way of every later recovery."""
    job = make_job(5)
    job.folder.mkdir()

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        Progress.create(job.folder, 0)
    monkeypatch.undo()
    assert list(job.folder.iterdir()) == []
    (job.folder / ".progress-0.part").touch()  # what a kill at that moment leaves
    assert recover(job.folder).equals(SCHEMA.empty_table())
    assert read_generator(job.folder).runs == ()
    run(job)
    assert [path.name for path in job.folder.iterdir() if path.suffix == ".part"] == []


def test_recovery_does_not_read_under_a_worker_that_still_writes(make_job, monkeypatch):
    monkeypatch.setattr(drive_module, "_GRACE_S", 0.05)
    job = make_job(5, timeout_s=0.05)
    run(job)
    worker = Progress(progress_path(job.folder, 0))
    assert worker.lock()
    with pytest.raises(BusyError, match="still writes run 0"):
        recover(job.folder)
    worker.close()
    assert recover(job.folder).num_rows == 5


def test_a_torn_end_of_the_journal_costs_only_what_is_torn(make_job):
    job = make_job(30, gap_ms=10)
    run(job)
    journal = job.folder / "rows-0.arrow"
    journal.write_bytes(journal.read_bytes()[:-7])
    rows = recover(job.folder)
    assert rows.num_rows == 30
    lost = kinds(rows).count("lost")
    assert 1 <= lost < 30
