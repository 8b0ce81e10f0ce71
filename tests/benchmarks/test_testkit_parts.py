"""The parts of the testkit's benchmark: a run that did something else than what it is timed for has no figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks.harness import NotRunError
from benchmarks.testkit import __main__ as testkit_parts
from benchmarks.testkit import cluster, engine, tools
from benchmarks.testkit.workbench import created, unchanged


class FakeCluster:
    """Comes up at once and weighs 12 MB."""

    def __init__(self, missing: Mapping[str, str]) -> None:
        self.missing = missing
        self.nodes: list[int] = []

    def status(self) -> list[Any]:
        return [SimpleNamespace(memory_bytes=5_000_000), SimpleNamespace(memory_bytes=7_000_000)]

    def add_nodes(self, count: int, **_: Any) -> None:
        self.nodes.append(count)

    def apply(self, manifest: Mapping[str, Any]) -> None:
        found = {"status": {"readyReplicas": manifest["spec"]["replicas"]}}
        self.objects = SimpleNamespace(find=lambda *_: found)

    def wait_for(self, condition: Callable[[], bool], what: str, **_: Any) -> None:
        assert condition(), what


@pytest.fixture
def clusters(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, bool]]:
    """What was asked of each cluster; one that is asked for KEDA lacks it."""
    asked: list[dict[str, bool]] = []

    def make(**chosen: bool) -> nullcontext[FakeCluster]:
        asked.append(chosen)
        return nullcontext(FakeCluster({"keda": "there is no network of its own"} if chosen.get("keda") else {}))

    monkeypatch.setattr(cluster, "Cluster", make)
    return asked


def test_a_control_plane_is_timed_and_weighed(clusters: list[dict[str, bool]]) -> None:
    ready, memory = cluster.measure_ready(times=3)
    assert clusters == [{"karpenter": True, "keda": False, "prometheus": False}] * 3
    assert (memory.value, memory.goal, memory.met) == (12.0, 800.0, True)
    assert ready.goal == 10.0


def test_a_control_plane_that_lacks_what_was_asked_for_has_no_figures(clusters: list[dict[str, bool]]) -> None:
    with pytest.raises(NotRunError, match="without keda: there is no network of its own"):
        cluster.measure_extensions()
    assert clusters == [{"karpenter": True, "keda": True, "prometheus": True}]


def test_scheduling_is_measured_three_times_on_clusters_of_their_own(clusters: list[dict[str, bool]]) -> None:
    taken, added, memory = cluster.measure_scheduling()
    assert len(clusters) == 3
    assert taken.name == "1,000 pods ready on 250 fake GPU nodes"
    assert taken.spread is not None
    assert taken.spread[0] <= taken.value <= taken.spread[1]
    assert added.value >= 0
    assert memory.value == 12.0


class Done:
    """Changes of so many steps."""

    def __init__(self, *, made: int = 0, same: int = 0) -> None:
        self.made, self.same = made, same

    def created(self) -> list[int]:
        return [0] * self.made

    def nothing(self) -> bool:
        return not self.made

    def __len__(self) -> int:
        return self.made + self.same

    def __repr__(self) -> str:
        return f"<{self.made} create, {self.same} same>"


@pytest.mark.parametrize("done", [Done(), Done(made=19), Done(made=20, same=1), Done(same=20)])
def test_a_run_that_did_not_create_what_it_should_is_not_timed(done: Done) -> None:
    with pytest.raises(NotRunError, match=repr(done)):
        created(lambda: done, 20)  # type: ignore[arg-type, return-value]


@pytest.mark.parametrize("done", [Done(), Done(same=19), Done(made=1, same=19), Done(made=20)])
def test_a_run_that_changed_anything_or_saw_less_is_no_no_op(done: Done) -> None:
    with pytest.raises(NotRunError, match=repr(done)):
        unchanged(lambda: done, 20)  # type: ignore[arg-type, return-value]


def test_a_run_that_did_what_it_should_is_timed() -> None:
    assert created(lambda: Done(made=20), 20) >= 0  # type: ignore[arg-type, return-value]
    assert unchanged(lambda: Done(same=20), 20) >= 0  # type: ignore[arg-type, return-value]


@pytest.mark.parametrize(("up", "preview"), [(Done(made=19), Done(same=20)), (Done(made=20), Done(made=1, same=19))])
def test_an_engine_that_did_something_else_is_not_timed(up: Done, preview: Done) -> None:
    bench = SimpleNamespace(stack=lambda *_: SimpleNamespace(up=lambda: up, preview=lambda: preview))
    with pytest.raises(NotRunError):
        engine._up_and_preview(bench, SimpleNamespace(reset=lambda: None), 1)  # type: ignore[arg-type]


def test_the_tools_are_the_engine_and_the_control_plane(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[list[str]] = []

    def run(command: list[str], *, env: dict[str, str], **_: Any) -> None:
        ran.append(command[1:])
        assert env["MLGATE_CACHE"]

    monkeypatch.setattr("benchmarks.harness.subprocess.run", run)
    names = {row.name: row.goal for row in tools.measure()}
    assert ran == [["-m", "mlgate_tools"], ["-m", "mlgate_tools", "cluster"]]
    assert names["tools from an empty cache"] == 22.0
    assert names["tools kept on disk"] == 1.6
    assert "tools from an empty cache: the Pulumi engine" in names


def test_all_parts_are_measured_by_default_and_only_the_tools_can_be_left_out() -> None:
    assert {name for name, part in testkit_parts.PARTS.items() if part.long} == {"tools"}
    assert [*testkit_parts.PARTS] == ["record", "engine", "stand-in", "control-plane", "extensions", "scheduling", "tools"]
