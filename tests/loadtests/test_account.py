"""What the generator says of itself: how much it sent, and how far the wall clock was set meanwhile."""

from __future__ import annotations

import os
import signal
import textwrap

import numpy as np
import pytest

from mlgate_loadtests.account import RunAccount, read_generator
from mlgate_loadtests.drive import Drive, discard, recover
from mlgate_loadtests.progress import Progress, progress_path

from .driving import run, until


def test_the_generators_account_tells_of_every_run_while_it_goes_on_and_afterwards(make_job, endpoint):
    first = make_job(3)
    assert read_generator(first.folder).runs == ()
    run(first)
    with Drive.start(make_job(10_000, gap_ms=10, run=1)) as drive:
        until(lambda: len(endpoint.calls) >= 8)
        under_way = read_generator(first.folder)
        assert [one.run for one in under_way.runs] == [0, 1]
        assert 5 <= under_way.runs[1].sent <= drive.sent
        os.kill(drive._worker.pid, signal.SIGKILL)
    assert read_generator(first.folder).runs == (
        RunAccount(run=0, sent=3, clock_stepped_ns=0),
        RunAccount(run=1, sent=drive.sent, clock_stepped_ns=0),
    )
    discard(first.folder)
    assert read_generator(first.folder).runs == ()


def test_a_wall_clock_that_is_set_while_requests_are_under_way_stands_in_the_account(make_job, tmp_path, monkeypatch):
    """The worker's own clock jumps back by 5 s after its first second, and is put right later: the larger jump is kept with its sign."""
    (tmp_path / "sitecustomize.py").write_text(textwrap.dedent(SET_CLOCK), encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    job = make_job(60, gap_ms=10)
    rows = run(job)
    assert rows.num_rows == 60
    assert (np.diff(rows["scheduled_ns"].to_numpy()) == 10_000_000).all(), "rows do not move with the wall clock"
    (account,) = read_generator(job.folder).runs
    assert account.clock_stepped_ns == pytest.approx(-5_000_000_000, abs=100_000_000)


SET_CLOCK = """
    import time
    true_ns, asked = time.time_ns, []
    def time_ns():
        asked.append(None)
        return true_ns() - (5_000_000_000 if 20 < len(asked) < 40 else 2_000_000_000 if len(asked) >= 40 else 0)
    time.time_ns = time_ns
"""


@pytest.mark.parametrize("gone", ["the job", "the progress"])
def test_after_a_power_loss_what_is_left_is_told_and_the_account_says_otherwise(make_job, gone):
    """The journal reached the disk and another file did not: such rows are kept, and cannot be all that was sent."""
    job = make_job(5)
    whole = run(job)
    if gone == "the job":
        (job.folder / "job-0.arrow").write_bytes(b"")
        journal = job.folder / "rows-0.arrow"
        journal.write_bytes(journal.read_bytes()[:-7])
        assert recover(job.folder).num_rows < read_generator(job.folder).runs[0].sent == 5
    else:
        progress = Progress(progress_path(job.folder, 0))
        progress.start_ns = progress.sent = 0
        assert recover(job.folder).equals(whole)
        assert read_generator(job.folder).runs[0].sent == 0
