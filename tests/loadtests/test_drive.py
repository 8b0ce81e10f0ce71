"""The worker and its gate: every request goes out once, and every one that went out has its row."""

from __future__ import annotations

import asyncio

import numpy as np
import pyarrow as pa

from mlgate_loadtests.drive import Drive
from mlgate_loadtests.recording import SCHEMA


def run(job) -> pa.Table:
    with Drive.start(job) as drive:
        tables = [SCHEMA.empty_table()]
        while not drive.finished:
            tables.append(drive.poll(0.2))
        table = pa.concat_tables(tables).combine_chunks()
        assert table.equals(drive.rows())
        return table


def test_every_request_goes_out_and_comes_back_as_a_row_in_schedule_order(make_job, endpoint):
    job = make_job(40)
    rows = run(job)
    assert rows.schema == SCHEMA
    assert rows.num_rows == len(endpoint.calls) == 40
    scheduled = rows["scheduled_ns"].to_numpy()
    assert (scheduled - scheduled[0] == job.arrivals_ns - job.arrivals_ns[0]).all()
    for earlier, later in [("scheduled_ns", "sent_ns"), ("sent_ns", "first_byte_ns"), ("first_byte_ns", "done_ns")]:
        assert (rows[earlier].to_numpy() <= rows[later].to_numpy()).all()
    assert set(rows["status"].to_pylist()) == {200}
    assert rows["case_id"].to_pylist() == [f"case-{index % 8}" for index in range(40)]
    assert set(rows["answer"].to_pylist()) == set(rows["score"].to_pylist()) == {1.0}
    assert set(rows["served_digest"].to_pylist()) == {"sha256:" + "a" * 64}
    assert set(rows["error"].to_pylist()) == {None}


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
