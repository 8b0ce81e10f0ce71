"""A program is run to its end, or to what keeps it from one, and nothing of it stays."""

import asyncio
import gc
import signal
import sys
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pulumi
import pulumi_aws as aws
import pytest

from mlgate.errors import DeclarationError, UsageError
from mlgate_testkit.record import record, stall


def test_the_exception_of_a_program_comes_out_as_it_is():
    class OwnError(Exception):
        pass

    def program() -> None:
        aws.s3.Bucket("b")
        raise OwnError("mine")

    with pytest.raises(OwnError, match=r"^mine$"):
        record(program)


def test_an_error_in_an_apply_that_nobody_returns_is_not_lost():
    def program() -> None:
        aws.s3.Bucket("b").arn.apply(int)

    with pytest.raises(ValueError, match="<arn of Bucket b>"):
        record(program)


def test_resources_made_late_in_an_apply_are_waited_for():
    def program() -> None:
        bucket = aws.s3.Bucket("b")
        bucket.arn.apply(lambda _: aws.s3.Bucket("c").arn.apply(lambda _: aws.s3.Bucket("d")))

    assert [resource.name for resource in record(program).resources] == ["b", "c", "d"]


def test_an_asynchronous_program_is_awaited():
    async def program() -> None:
        await asyncio.sleep(0)
        aws.s3.Bucket("b")

    assert record(program).one(aws.s3.Bucket)


def test_a_running_event_loop_is_named_with_the_way_out():
    async def inside() -> None:
        record(lambda: None)

    with pytest.raises(UsageError, match=r"await asyncio\.to_thread"):
        asyncio.run(inside())


def test_a_program_that_waits_for_itself_is_ended_and_named(monkeypatch):
    def program() -> None:
        later, resolve = pulumi.deferred_output()
        first = aws.s3.Bucket("first", tags={"Other": later})
        second = aws.s3.Bucket("second", tags={"Other": first.arn.apply(lambda arn: f"{arn}!")})
        resolve(second.arn)

    monkeypatch.setattr(stall, "_PATIENCE_S", 0.5)
    with pytest.raises(DeclarationError) as caught:
        record(program)
    assert [problem.found for problem in caught.value.problems] == [
        "aws:s3/bucket:Bucket first is never made: it waits for an Output that nothing resolves",
        "aws:s3/bucket:Bucket second is never made: it waits for aws:s3/bucket:Bucket first",
    ]
    assert all("test_running.py:" in problem.where for problem in caught.value.problems)


def test_a_program_that_awaits_nothing_it_can_get_is_ended(monkeypatch):
    async def program() -> None:
        await asyncio.get_running_loop().create_future()

    monkeypatch.setattr(stall, "_PATIENCE_S", 0.5)
    with pytest.raises(DeclarationError, match="it waits for something that nothing resolves"):
        record(program)


def test_a_program_that_is_only_slow_is_waited_for(monkeypatch):
    async def program() -> None:
        await asyncio.sleep(1)
        pulumi.export("slow", await asyncio.to_thread(lambda: time.sleep(1) or True))

    monkeypatch.setattr(stall, "_PATIENCE_S", 0.5)
    assert record(program).outputs == {"slow": True}


def test_recordings_follow_one_another_and_leave_pulumi_as_it_was():
    before = (pulumi.get_stack(), pulumi.get_project(), Path.cwd(), list(sys.path), dict(pulumi.Output.__dict__))
    for stack in ("dev", "prod"):
        graph = record(lambda: pulumi.export("stack", pulumi.get_stack()), stack=stack)
        assert graph.outputs == {"stack": stack}
    with pytest.raises(ZeroDivisionError):
        record(lambda: 1 // 0)
    assert (pulumi.get_stack(), pulumi.get_project(), Path.cwd(), list(sys.path), dict(pulumi.Output.__dict__)) == before
    monitors: list[object] = []
    thread = threading.Thread(target=lambda: monitors.append(pulumi.runtime.settings.get_monitor()))
    thread.start()
    thread.join()
    assert monitors == [None]


def test_recordings_in_threads_wait_for_one_another():
    graphs = {}

    def one(stack: str) -> None:
        graphs[stack] = record(lambda: pulumi.export("stack", pulumi.get_stack()), stack=stack)

    threads = [threading.Thread(target=one, args=(f"s{index}",)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {stack: graph.outputs["stack"] for stack, graph in graphs.items()} == {f"s{index}": f"s{index}" for index in range(4)}


def test_no_thread_of_a_recording_is_left():
    before = set(threading.enumerate())
    record(lambda: aws.s3.Bucket("b") and None)
    gc.collect()
    assert set(threading.enumerate()) <= before


def test_what_a_program_made_goes_with_its_recording_so_that_the_next_is_no_slower():
    made = []

    def program() -> None:
        made.append(weakref.ref(aws.s3.Bucket("b")))

    gc.disable()  # else it may have gone by chance
    try:
        record(program)
    finally:
        gc.enable()
    assert made[0]() is None


def test_a_programs_signal_handlers_are_not_the_callers_in_a_thread_either():
    before = signal.getsignal(signal.SIGINT)

    def program() -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        pulumi.export("during", signal.getsignal(signal.SIGINT) is before)

    with ThreadPoolExecutor() as threads:
        graphs = [record(program), threads.submit(record, program).result()]
    assert [graph.outputs["during"] for graph in graphs] == [True, True]
    assert signal.getsignal(signal.SIGINT) is before


def test_leaving_in_the_middle_leaves_everything_as_it_was():
    with pytest.raises(SystemExit):
        record(lambda: sys.exit(3))
    assert record(lambda: pulumi.export("on", True)).outputs == {"on": True}
