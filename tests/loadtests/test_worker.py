"""The sending loop by itself, with connections and waiting replaced: what it does when, without a clock in the test."""

from __future__ import annotations

import asyncio
from time import monotonic_ns

import pytest

from mlgate_loadtests import worker as worker_module
from mlgate_loadtests.journal import JournalReader, JournalWriter
from mlgate_loadtests.progress import Progress
from mlgate_loadtests.target import Target
from mlgate_loadtests.worker import Run


class Turns:
    """A pacer that only lets the loop turn."""

    def __init__(self, _) -> None: ...

    async def toward(self, _) -> None:
        await asyncio.sleep(0)

    def close(self) -> None: ...


@pytest.fixture
def story(monkeypatch) -> list[tuple[str, int]]:
    """What was sent and answered in which order, over connections that answer at the loop's next turn."""
    told: list[tuple[str, int]] = []

    class Prompt:
        def __init__(self, _, *, finished, **__) -> None:
            self._finished = finished

        async def resolve(self) -> None: ...

        def send(self, exchange) -> None:
            told.append(("sent", exchange.arrival))
            exchange.sent_ns = monotonic_ns()
            asyncio.get_running_loop().call_soon(self._answer, exchange)

        def _answer(self, exchange) -> None:
            told.append(("answered", exchange.arrival))
            exchange.status, exchange.done_ns = 200, monotonic_ns()
            exchange.body += b'{"scores": [0, 1, 0]}'
            self._finished(exchange)

        def close(self) -> None: ...

    monkeypatch.setattr(worker_module, "Pool", Prompt)
    monkeypatch.setattr(worker_module, "Pacer", Turns)
    monkeypatch.setattr(worker_module, "_connections", lambda arms: 8)
    return told


def prepare(job) -> Run:
    job.folder.mkdir()
    targets = {arm: Target.of(url, job.interface.auth) for arm, url in job.targets.items()}
    return Run(job, targets, Progress.create(job.folder, job.run), JournalWriter(job.folder, job.run))


def test_behind_schedule_answers_are_still_read_while_requests_go_out(make_job, story):
    job = make_job(100, gap_ms=0)
    asyncio.run(prepare(job).drive())
    last_sent = story.index(("sent", 99))
    assert [arrival for kind, arrival in story if kind == "sent"] == list(range(100))
    assert ("answered", 0) in story[: story.index(("sent", 40))]
    assert last_sent > 150
    assert sum(batch.num_rows for batch in JournalReader(job.folder, 0).read()) == 100


def test_after_stop_nothing_is_sent_and_what_was_sent_is_recorded(make_job, story):
    job = make_job(100, gap_ms=0.1)
    run = prepare(job)

    async def main() -> None:
        driving = asyncio.create_task(run.drive())
        while len(story) < 20:
            await asyncio.sleep(0)
        run.stop()
        await driving

    asyncio.run(main())
    sent = [arrival for kind, arrival in story if kind == "sent"]
    assert sent == list(range(len(sent)))
    assert len(sent) < 100
    assert sum(batch.num_rows for batch in JournalReader(job.folder, 0).read()) == len(sent)


def test_a_clock_step_in_the_middle_of_a_run_is_in_its_progress(make_job, story, monkeypatch):
    job = make_job(5)
    run = prepare(job)
    monkeypatch.setattr(run._clock, "stepped_ns", lambda: -7_000_000)
    asyncio.run(run.drive())
    assert run._progress.clock_stepped_ns == -7_000_000
