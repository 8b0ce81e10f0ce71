"""The worker and its gate: every request goes out once, and every one that went out has its row, whoever is killed when."""

from __future__ import annotations

import asyncio
import os
import pickle
import resource
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from mlgate.errors import BusyError, ProcessError, UsageError
from mlgate_loadtests import drive as drive_module
from mlgate_loadtests.account import RunAccount, read_generator
from mlgate_loadtests.drive import Drive, discard, next_run, recover
from mlgate_loadtests.job import Expectation, Job
from mlgate_loadtests.progress import Progress, progress_path
from mlgate_loadtests.recording import SCHEMA


def until(condition: Callable[[], object]) -> None:
    give_up = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < give_up, "this did not happen within 20 s"
        time.sleep(0.005)


def finish(drive: Drive) -> pa.Table:
    tables = [SCHEMA.empty_table()]
    while not drive.finished:
        tables.append(drive.poll(0.2))
    return pa.concat_tables(tables).combine_chunks()


def run(job: Job) -> pa.Table:
    with Drive.start(job) as drive:
        table = finish(drive)
        assert table.equals(drive.rows())
        return table


def kinds(rows: pa.Table) -> list[str | None]:
    """The first word of each row's error."""
    return [error and error.split(":")[0] for error in rows["error"].to_pylist()]


def test_every_request_goes_out_and_comes_back_as_a_row_in_schedule_order(make_job, endpoint):
    job = make_job(40)
    rows = run(job)
    assert rows.schema == SCHEMA
    assert rows.num_rows == len(endpoint.calls) == 40
    scheduled = rows["scheduled_ns"].to_numpy()
    assert (scheduled - scheduled[0] == job.arrivals_ns - job.arrivals_ns[0]).all()
    for earlier, later in [("scheduled_ns", "sent_ns"), ("sent_ns", "first_byte_ns"), ("first_byte_ns", "done_ns")]:
        assert (rows[earlier].to_numpy() <= rows[later].to_numpy()).all()
    assert abs(time.time_ns() - scheduled[0]) < 600e9
    assert rows["block"].to_pylist() == [index // 4 for index in range(40)]
    assert rows["case_id"].to_pylist() == [f"case-{index % 8}" for index in range(40)]
    constants = {
        "status": 200,
        "arm": "candidate",
        "run": 0,
        "worker": 0,
        "check": "load",
        "served_digest": "sha256:" + "a" * 64,
        "answer": 1.0,
        "score": 1.0,
        "bytes": 27,
        "error": None,
    }
    for name, value in constants.items():
        assert set(rows[name].to_pylist()) == {value}, name


def test_requests_go_out_on_schedule_while_the_first_ones_hang(make_job, endpoint):
    release = asyncio.Event()

    async def hang(call):
        if call.number == 29:
            release.set()
        await release.wait()
        call.send(200, {"scores": [0, 1, 0]})

    endpoint.answer = hang
    rows = run(make_job(30, gap_ms=2))
    assert endpoint.connections == 30
    assert set(rows["error"].to_pylist()) == {None}
    # The first could only be answered once the last was sent: a client that waits would never have come here.
    assert rows["done_ns"].to_numpy()[0] >= rows["sent_ns"].to_numpy()[29]
    assert np.all(np.diff(rows["sent_ns"].to_numpy()) > 0)


def test_an_empty_schedule_ends_at_once_with_no_rows(make_job):
    assert run(make_job(0)).equals(SCHEMA.empty_table())


def test_more_requests_at_one_instant_than_connections_all_get_an_answer(make_job, endpoint):
    rows = run(make_job(1500, gap_ms=0, timeout_s=30))
    assert set(rows["error"].to_pylist()) == {None}
    assert len(endpoint.calls) == 1500
    assert endpoint.connections <= 1024


def test_polling_gives_a_prefix_of_the_schedule_and_a_slow_row_holds_back_those_after_it(make_job, endpoint):
    release = asyncio.Event()

    async def first_hangs(call):
        if call.case == 3 and [other.case for other in endpoint.calls].count(3) == 1:
            await release.wait()
        call.send(200, {"scores": [0, 1, 0]})

    endpoint.answer = first_hangs
    with Drive.start(make_job(20, timeout_s=10)) as drive:
        until(lambda: drive.poll(0.05).num_rows == 0 and drive.rows().num_rows == 19)
        assert drive._prefix == 3
        endpoint.call_soon(release.set)
        rest = finish(drive)
        assert rest.num_rows == 17
        assert rest["scheduled_ns"].equals(rest.sort_by("scheduled_ns")["scheduled_ns"])
        assert drive.rows().num_rows == 20


def test_what_goes_wrong_is_named_by_its_first_word(make_job, endpoint):
    async def misbehave(call):
        match call.case:
            case 0:
                call.send(503, {"type": "InternalServerException", "message": "Prediction failed"})
            case 1:
                call.send(200, {"scores": [float("nan"), 1, 2]})
            case 2:
                call.hang_up()
            case 3:
                pass
            case _:
                call.send(200, {"scores": [1, 0, 0]})

    endpoint.answer = misbehave
    rows = run(make_job(5, gap_ms=20, timeout_s=0.3))
    assert kinds(rows) == ["status", "schema", "connection", "timeout", None]
    assert rows["status"].to_pylist() == [503, 200, 0, 0, 200]
    assert rows["error"][0].as_py() == "status: 503 InternalServerException: Prediction failed"
    assert rows["error"][3].as_py() == "timeout: no whole answer within 0.3 s"
    assert rows["score"].to_pylist() == [0.0] * 5  # the last answered, and wrongly
    assert [instant > 0 for instant in rows["done_ns"].to_pylist()] == [True, True, False, False, True]


def test_each_arm_gets_its_own_requests(make_job, endpoint):
    places = {"candidate": f"{endpoint.url}/c", "stable": f"{endpoint.url}/s/"}
    rows = run(make_job(8, targets=places))
    assert rows["arm"].to_pylist() == ["candidate", "stable"] * 4
    assert {call.case: call.path[:2] for call in endpoint.calls} == {case: ("/c", "/s")[case % 2] for case in range(8)}


def test_an_expected_refusal_scores(make_job, endpoint):
    async def refuse(call):
        call.send(400, {"code": 400, "type": "BadRow", "message": "x has the wrong shape", "field": "x"})

    endpoint.answer = refuse
    rows = run(make_job(2, expectation=Expectation(status=(400, 499), mentions='"field": "x"')))
    assert rows["score"].to_pylist() == [1.0, 1.0]
    assert kinds(rows) == ["status", "status"]


def test_stop_sends_nothing_more_and_keeps_what_was_in_flight(make_job, endpoint):
    release = asyncio.Event()

    async def hang(call):
        if call.number == 4:
            await release.wait()
        call.send(200, {"scores": [0, 1, 0]})

    endpoint.answer = hang
    with Drive.start(make_job(10_000, gap_ms=10, timeout_s=10)) as drive:
        until(lambda: len(endpoint.calls) >= 10)
        endpoint.call_later(0.2, release.set)
        drive.stop()
        finish(drive)
        assert 10 <= drive.rows().num_rows == drive.sent == len(endpoint.calls) < 10_000
        assert set(drive.rows()["error"].to_pylist()) == {None}
    assert not psutil.pid_exists(drive.pid)


def test_stop_does_not_wait_longer_than_the_timeout(make_job, endpoint):
    async def never(call):
        pass

    endpoint.answer = never
    with Drive.start(make_job(10_000, gap_ms=10, timeout_s=0.5)) as drive:
        until(lambda: len(endpoint.calls) >= 3)
        drive.stop()
        assert set(kinds(finish(drive))) == {"timeout"}


def test_a_killed_worker_is_named_and_its_rows_are_kept(make_job, endpoint):
    job = make_job(10_000, gap_ms=10)
    with Drive.start(job) as drive:
        until(lambda: drive.poll(0.1).num_rows)
        os.kill(drive.pid, signal.SIGKILL)
        with pytest.raises(ProcessError, match="was killed by signal 9"):
            finish(drive)
        assert drive.finished
        kept, sent = drive.rows(), drive.sent
    assert 0 < kept.num_rows <= sent
    recovered = recover(job.folder)
    assert recovered.num_rows == sent
    assert recovered.filter(pc.field("error").is_null()).equals(kept)
    assert set(kinds(recovered)) <= {None, "lost"}


def test_sigterm_ends_a_worker_without_losing_a_row(make_job, endpoint):
    with Drive.start(make_job(10_000, gap_ms=10)) as drive:
        until(lambda: len(endpoint.calls) >= 5)
        os.kill(drive.pid, signal.SIGTERM)
        finish(drive)
        assert drive.rows().num_rows == drive.sent == len(endpoint.calls) < 10_000


def test_ctrl_c_in_the_terminal_does_not_reach_the_worker(make_job):
    with Drive.start(make_job(10)) as drive:
        assert os.getpgid(drive.pid) != os.getpgid(0)
        assert os.getsid(drive.pid) != os.getsid(0)


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="only Linux sets limits of a running process")
def test_a_full_disk_ends_the_worker_with_that_message(make_job):
    with Drive.start(make_job(10_000, gap_ms=10)) as drive:
        until(lambda: drive.poll(0.1).num_rows)
        size = (drive._job.folder / "rows-0.arrow").stat().st_size
        resource.prlimit(drive.pid, resource.RLIMIT_FSIZE, (size, size))
        with pytest.raises(ProcessError, match="rows cannot be written: File too large") as caught:
            finish(drive)
        assert "make room" in str(caught.value)
        assert drive.rows().num_rows > 0


def test_a_worker_that_does_not_start_is_named(make_job, monkeypatch):
    monkeypatch.setattr(drive_module.sys, "executable", "/bin/false")
    with pytest.raises(ProcessError, match="the load worker ended with exit status 1"):
        run(make_job(10))


GATE = """
    import pickle, sys, time
    from mlgate_loadtests.drive import Drive
    job = pickle.load(open(sys.argv[1], "rb"))
    drive = Drive.start(job)
    print(drive.pid, flush=True)
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
        os.kill(drive.pid, signal.SIGKILL)
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


def test_the_generators_account_tells_of_every_run_while_it_goes_on_and_afterwards(make_job, endpoint):
    first = make_job(3)
    assert read_generator(first.folder).runs == ()
    run(first)
    with Drive.start(make_job(10_000, gap_ms=10, run=1)) as drive:
        until(lambda: len(endpoint.calls) >= 8)
        under_way = read_generator(first.folder)
        assert [one.run for one in under_way.runs] == [0, 1]
        assert 5 <= under_way.runs[1].sent <= drive.sent
        os.kill(drive.pid, signal.SIGKILL)
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


def test_secrets_come_from_the_environment_and_reach_only_the_endpoint(make_job, endpoint, interface, monkeypatch, capfd):
    async def echo(call):
        call.send(401, {"message": f"unknown token {call.headers['authorization']} {call.headers['x-key']}"})

    endpoint.answer = echo
    monkeypatch.setenv("TOY_TOKEN", "open-sesame-1")
    monkeypatch.setenv("TOY_KEY", "open-sesame-2")
    auth = {"bearer": "TOY_TOKEN", "headers": {"X-Key": "TOY_KEY"}}
    job = make_job(4, interface=type(interface).model_validate({**interface.model_dump(), "auth": auth}))
    rows = run(job)
    assert {call.headers["authorization"] for call in endpoint.calls} == {"Bearer open-sesame-1"}
    assert {call.headers["x-key"] for call in endpoint.calls} == {"open-sesame-2"}
    assert set(rows["error"].to_pylist()) == {"status: 401 unknown token Bearer [redacted] [redacted]"}
    for path in job.folder.iterdir():
        assert b"open-sesame" not in path.read_bytes(), path
    assert "open-sesame" not in "".join(capfd.readouterr())


def test_a_missing_secret_is_a_usage_error_before_anything_starts(make_job, interface, monkeypatch):
    monkeypatch.delenv("TOY_TOKEN", raising=False)
    job = make_job(4, interface=type(interface).model_validate({**interface.model_dump(), "auth": {"bearer": "TOY_TOKEN"}}))
    with pytest.raises(UsageError, match="export TOY_TOKEN="):
        Drive.start(job)
    assert not job.folder.exists()


def test_requests_never_touch_the_disk(make_job):
    job = make_job(4)
    body = job.requests[0].request.body
    run(job)
    for path in job.folder.iterdir():
        assert body not in path.read_bytes(), path
