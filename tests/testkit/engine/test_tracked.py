"""What a simulated provider still does for an engine that is gone."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from mlgate import ProcessError
from mlgate_testkit.engine import Tracked, tracked
from mlgate_testkit.provider.provider import Resource, Run

from .clouds import Cloud
from .until import until

DEV = "urn:pulumi:dev::shop::"


class SlowCloud(Cloud):
    """Makes a box once it is cancelled, and hears that."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = 0
        self.hears = threading.Event()
        self.hears.set()

    def create(self, resource: Resource, inputs: dict[str, Any], run: Run) -> tuple[str, dict[str, Any]]:
        self.begun += 1
        run.cancelled.wait()
        self.hears.wait()
        return super().create(resource, inputs, run)


def box(name: str, stack: str = "dev") -> tuple[Resource, dict[str, Any], Run]:
    resource = Resource(f"urn:pulumi:{stack}::shop::box:index:Box::{name}", "box:index:Box", name)
    return resource, {}, Run(False, 0, threading.Event(), lambda _line: None)


def test_what_is_under_way_is_ended_and_known_before_anybody_looks() -> None:
    cloud = SlowCloud()
    package = Tracked(cloud)
    with ThreadPoolExecutor(2) as pool:
        for name in ("a", "b"):
            pool.submit(package.configure({}).create, *box(name))
        until(lambda: cloud.begun == 2)
        assert package.alive() == []
        package.finish(DEV)
        assert sorted(made["name"] for made in package.alive()) == ["a", "b"]


def test_another_stack_goes_on() -> None:
    cloud = SlowCloud()
    package = Tracked(cloud)
    theirs = box("a", stack="development")
    with ThreadPoolExecutor(1) as pool:
        creating = pool.submit(package.configure({}).create, *theirs)
        until(lambda: cloud.begun)
        package.finish(DEV)
        assert not theirs[2].cancelled.is_set()
        assert not creating.done()
        package.finish("urn:pulumi:development::shop::")
        assert creating.done()


def test_what_does_not_end_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracked, "_END_S", 0.1)
    cloud = SlowCloud()
    cloud.hears.clear()
    package = Tracked(cloud)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(package.configure({}).create, *box("a"))
        until(lambda: cloud.begun)
        with pytest.raises(ProcessError, match=r"still under way 0.1 s after it was cancelled: box:index:Box a"):
            package.finish(DEV)
        cloud.hears.set()


def test_nothing_under_way_is_not_waited_for() -> None:
    package = Tracked(SlowCloud())
    package.finish(DEV)
    assert package.alive() == []
