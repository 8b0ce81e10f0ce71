"""The worker and its gate: every request goes out once, on schedule, and comes back as a row."""

from __future__ import annotations

import asyncio
import os
import time

import numpy as np
import psutil
import pytest

from mlgate.errors import ProcessError, UsageError
from mlgate_loadtests import drive as drive_module
from mlgate_loadtests.drive import Drive
from mlgate_loadtests.job import Expectation
from mlgate_loadtests.recording import SCHEMA

from .driving import finish, kinds, run, until


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
        until(lambda: drive.poll(0.05).num_rows == 0 and drive._held.num_rows == 16)
        assert drive._prefix == 3
        endpoint.call_soon(release.set)
        rest = finish(drive)
        assert rest.num_rows == 17
        assert rest["scheduled_ns"].equals(rest.sort_by("scheduled_ns")["scheduled_ns"])


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
        rows = finish(drive)
        assert 10 <= rows.num_rows == drive.sent == len(endpoint.calls) < 10_000
        assert set(rows["error"].to_pylist()) == {None}
    assert not psutil.pid_exists(drive._worker.pid)


def test_stop_does_not_wait_longer_than_the_timeout(make_job, endpoint):
    async def never(call):
        pass

    endpoint.answer = never
    with Drive.start(make_job(10_000, gap_ms=10, timeout_s=0.5)) as drive:
        until(lambda: len(endpoint.calls) >= 3)
        drive.stop()
        assert set(kinds(finish(drive))) == {"timeout"}


def test_ctrl_c_in_the_terminal_does_not_reach_the_worker(make_job):
    with Drive.start(make_job(10)) as drive:
        assert os.getpgid(drive._worker.pid) != os.getpgid(0)
        assert os.getsid(drive._worker.pid) != os.getsid(0)


def test_a_worker_that_does_not_start_is_named(make_job, monkeypatch):
    monkeypatch.setattr(drive_module.sys, "executable", "/bin/false")
    with pytest.raises(ProcessError, match="the load worker ended with exit status 1"):
        run(make_job(10))


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
    assert any(job.folder.iterdir())
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
    assert any(job.folder.iterdir())
    for path in job.folder.iterdir():
        assert body not in path.read_bytes(), path
