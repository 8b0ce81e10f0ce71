"""Drives a job to its end, and what tests ask of its rows."""

from __future__ import annotations

import time
from collections.abc import Callable

import pyarrow as pa

from mlgate_loadtests.drive import Drive
from mlgate_loadtests.job import Job
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
        return finish(drive)


def kinds(rows: pa.Table) -> list[str | None]:
    """The first word of each row's error."""
    return [error and error.split(":")[0] for error in rows["error"].to_pylist()]
