"""The parts of the platform's benchmark: what is compared is the same, and a run that did something else has no figures."""

from __future__ import annotations

import gc
import os
import runpy
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as kubernetes
import pytest

from benchmarks.harness import NotRunError, Options
from benchmarks.infra import __main__ as infra_parts
from benchmarks.infra import covered, covered_pack, kills, suites
from benchmarks.infra.bare import objects, program, write_program
from benchmarks.infra.environments import prod
from benchmarks.infra.previews import require_same, rows_of
from benchmarks.provenance import PROJECT, Origin
from mlgate.errors import StackError, UsageError
from mlgate_testkit.record import UNKNOWN, Graph, record
from mlgate_tools.tool import Tool

HERE = Origin("0a1b2c3d4e5f", "sha256:one", {"cores": 2}, {"mlgate": "0.1.0"})


class Shop(pulumi.ComponentResource):
    """A component with a little of everything: children, computed texts, options, secrets, a kind that no SDK knows."""

    def __init__(self) -> None:
        provider = aws.Provider("aws", region="eu-central-1", allowed_account_ids=["123456789012"])
        super().__init__("shop:index:Shop", "shop", None, pulumi.ResourceOptions(providers=[provider]))
        here = pulumi.ResourceOptions(parent=self)
        kept = pulumi.ResourceOptions(parent=self, protect=True, retain_on_delete=True)
        data = aws.s3.Bucket("data", tags={"Owner": "shop"}, opts=kept)
        aws.s3.BucketVersioning("data", bucket=data.id, versioning_configuration={"status": "Enabled"}, opts=here)
        policy = data.arn.apply(lambda arn: f'{{"Resource": "{arn}/*"}}')
        aws.s3.BucketPolicy("data", bucket=data.id, policy=policy, opts=here)
        token = pulumi.Output.secret("hush")
        aws.ssm.Parameter("token", type="SecureString", value=token, opts=pulumi.ResourceOptions(parent=self, depends_on=[data]))
        spec = {"template": {"spec": {"requirements": [{"key": "bucket", "values": [data.id]}]}}}
        kubernetes.apiextensions.CustomResource("pool", api_version="karpenter.sh/v1", kind="NodePool", spec=spec, opts=here)


def recorded(program: Callable[[], Any]) -> Graph:
    return record(program, preview=True)


def told(graph: Graph) -> dict[tuple[str, str], Any]:
    """What the engine is told of each object, whatever it stands in."""
    own = {found.urn: (found.type, found.name) for found in objects(graph)}
    return {
        own[found.urn]: (
            dict(found.inputs),
            found.protect,
            found.retain_on_delete,
            found.version,
            found.provider and found.provider.name,
            sorted(own[urn] for urn in found.dependency_urns if urn in own),
        )
        for found in objects(graph)
    }


def test_the_bare_program_registers_the_same_objects_with_the_same_inputs_and_no_component(tmp_path: Path) -> None:
    graph = recorded(Shop)
    bare = record(write_program(graph, tmp_path), preview=True)
    assert told(bare) == told(graph)
    assert bare.one("aws:s3/bucketPolicy:BucketPolicy").inputs["policy"] is UNKNOWN
    assert [found for found in graph.resources if found.component]
    assert not [found for found in bare.resources if found.component]


def test_the_bare_program_collects_no_more_garbage_than_ours(tmp_path: Path) -> None:
    assert gc.isenabled()
    try:
        runpy.run_path(str(write_program(recorded(lambda: None), tmp_path) / "__main__.py"))
        assert not gc.isenabled()
    finally:
        gc.enable()
    for text, sdk in ((program(recorded(Shop)), "pulumi_aws"), ((PROJECT / "stacks" / "__main__.py").read_text(), "mlgate_components.aws")):
        assert 0 < text.find("gc.disable()") < text.find(sdk)


def test_two_objects_of_one_name_cannot_stand_side_by_side(tmp_path: Path) -> None:
    def program() -> None:
        for name in ("One", "Two"):
            above = pulumi.ComponentResource(f"shop:index:{name}", "it")
            aws.sqs.Queue("work", opts=pulumi.ResourceOptions(parent=above))

    with pytest.raises(UsageError, match="two objects are aws:sqs/queue:Queue work"):
        write_program(recorded(program), tmp_path)


def test_prod_has_as_many_services_as_asked_and_all_else_as_in_its_file() -> None:
    one, many = prod(1), prod(100)
    assert len(many["services"]) == 100
    assert {key: value for key, value in one.items() if key != "services"} == {
        key: value for key, value in many.items() if key != "services"
    }


@pytest.mark.parametrize(
    ("bare", "count"),
    [({("aws:a", "x", frozenset({".in"}))}, 2), ({("aws:a", "x", frozenset())}, 1), (set(), 1)],
)
def test_programs_that_do_not_ask_for_the_same_have_no_figures(bare: Any, count: int) -> None:
    with pytest.raises(NotRunError):
        require_same({("aws:a", "x", frozenset({".in"}))}, bare, count)


def test_what_a_service_adds_is_what_more_of_them_take() -> None:
    ours, bare = {1: [2.0, 2.0], 10: [4.0, 4.0], 101: [12.0, 22.0]}, {1: [1.0, 1.0], 10: [2.0, 2.0], 101: [11.0, 11.0]}
    rows = {row.name: row for row in rows_of(ours, bare, {1: (110, 100), 10: (200, 160), 101: (900, 700)})}
    assert rows["preview of prod with 10 services, over the bare program"].value == 2.0
    assert rows["preview of prod with 1 service, over the bare program"].reference == "100 objects, in 10 components; 2 of each in turn"
    added = rows["preview per added service, over the bare program"]
    assert (added.value, added.spread, added.met) == (1.5, (1.0, 2.0), True)
    assert rows["preview per added service"].value == pytest.approx(150.0)
    assert added.reference == "what 100 more services add, by 6 objects each"


@pytest.mark.parametrize(
    "last", ["3 failed, 5 passed in 1.0s", "5 passed, 1 skipped in 2s", "no tests ran in 0.1s", "5 passed, 1 error in 3s"]
)
def test_a_suite_that_did_not_pass_as_a_whole_is_not_timed(last: str) -> None:
    with pytest.raises(NotRunError, match=last.split(" in ", maxsplit=1)[0]):
        suites.passed(f"....\n{last}")


def test_a_suite_says_how_many_tests_it_is() -> None:
    assert suites.passed("....\n537 passed, 18 deselected in 31.03s") == 537


def counted(lines: int, missing: list[int], branches: int, partial: int) -> dict[str, Any]:
    summary = {"num_statements": lines, "covered_lines": lines - len(missing)}
    summary |= {"num_branches": branches, "covered_branches": branches - partial}
    return {"summary": summary, "missing_lines": missing, "missing_branches": []}


def test_coverage_counts_lines_and_branches_and_names_each_file_below_the_goal() -> None:
    files = {
        "components/mlgate_components/aws/tags.py": counted(10, [], 10, 0),
        "components/mlgate_components/aws/names.py": counted(10, [3, 7], 0, 0),
        "components/mlgate_components/local/config.py": counted(10, [*range(10)], 0, 0),
        "policies/mlgate_policies/access.py": counted(10, [], 10, 1),
    }
    branches, lines, low = covered.rows_of("components", covered.MEASURED["components"], files)
    assert (branches.value, branches.met) == (100.0, True)
    assert (lines.value, lines.met) == (90.0, False)
    assert (low.name, low.value) == ("coverage: components/mlgate_components/aws/names.py", 80.0)
    assert low.reference == "not run: lines 3, 7"
    branches, lines, low = covered.rows_of("policies", covered.MEASURED["policies"], files)
    assert (branches.value, branches.met, lines.value) == (90.0, False, 100.0)
    assert (low.name, low.value) == ("coverage: policies/mlgate_policies/access.py", 90.0)


def test_the_pack_that_is_counted_is_the_pack_beside_coverage_alone(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "PulumiPolicy.yaml").write_text("runtime: python\n")
    (own / "mlgate-policies").write_text("#!/bin/sh\n")
    (own / "mlgate-policies").chmod(0o755)
    (own / "start.py").write_text("raise SystemExit('it was started')\n")
    tool = Tool(name="policies", path=own / "mlgate-policies", version="1", source="here")
    made = covered_pack.counted(lambda _progress: tool, tmp_path)(None)
    assert made.path != tool.path
    assert os.access(made.path, os.X_OK)
    assert (made.path.parent / "PulumiPolicy.yaml").read_text() == "runtime: python\n"
    assert [each.name for each in (tmp_path / "packages").iterdir()] == ["coverage"]
    command = [sys.executable, "-I", "-S", str(made.path.parent / "start.py")]
    assert "it was started" in subprocess.run(command, capture_output=True, text=True, check=False).stderr


class FakeStand:
    """A stand on which an `up` has 500 events."""

    aws = kubernetes = SimpleNamespace(alive=list, reap=list)

    def make_state_key(self, environment: str) -> None:
        assert environment == "prod"

    def prod(self, services: int) -> Any:
        assert services == 1
        return SimpleNamespace(up=lambda: SimpleNamespace(events=range(500)))

    def reset(self) -> None:
        """Nothing is there."""


@pytest.fixture
def killed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The events at which engines were killed; all but the one at 275 is recovered from."""
    points: list[int] = []

    @contextmanager
    def stand() -> Iterator[FakeStand]:
        yield FakeStand()

    def kill(_stand: Any, at: int) -> dict[str, Any]:
        points.append(at)
        failure = "it does not go on" if at == 275 else ""
        return {"event": at, "failure": failure, "adopted": 1, "listed": 0, "twice": 0, "recovering_s": 2.0}

    monkeypatch.setattr(kills, "open_stand", stand)
    monkeypatch.setattr(kills, "_killed", kill)
    return points


def test_kills_are_spread_over_an_up_and_go_on_with_those_that_are_missing(tmp_path: Path, killed: list[int]) -> None:
    path = tmp_path / "results" / "kills.jsonl"
    first, *_ = kills.measure(lambda: HERE, kills=10, record=path)
    assert killed == [25, 75, 125, 175, 225, 275, 325, 375, 425, 475]
    assert (first.value, first.met) == (1, False)
    assert first.reference == "of 10; event 275: it does not go on"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:3] + lines[4:]))
    killed.clear()
    kills.measure(lambda: HERE, kills=10, record=path)
    assert killed == [175]


class Recovering(FakeStand):
    """A stand whose stack is killed as ordered, and whose second preview says so."""

    def __init__(self, *, nothing: bool = True, refuses: bool = False) -> None:
        self.calm, self.refuses = nothing, refuses

    def prod(self, services: int) -> Any:
        from mlgate_testkit.engine import UpdateError

        def up(kill_at: int | None = None) -> None:
            if kill_at:
                error = UpdateError.__new__(UpdateError)
                error.killed_at = SimpleNamespace(number=kill_at)  # type: ignore[assignment]
                raise error
            if self.refuses:
                raise StackError("it is there already", where="prod", remedy="look")

        return SimpleNamespace(up=up, preview=lambda: SimpleNamespace(nothing=lambda: self.calm), orphans=list)


@pytest.mark.parametrize(
    ("stand", "failure"),
    [
        (Recovering(), ""),
        (Recovering(nothing=False), "a second preview is not empty"),
        (Recovering(refuses=True), "it is there already"),
    ],
)
def test_a_kill_is_recovered_from_where_the_next_up_ends_and_rests(stand: Any, failure: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kills, "recovered", lambda *_: [])
    assert failure in kills._killed(stand, 160)["failure"]
    assert bool(kills._killed(stand, 160)["failure"]) is bool(failure)


def test_all_parts_are_measured_by_default_and_what_takes_many_minutes_can_be_left_out() -> None:
    parts = infra_parts.parts_of(Options(), lambda: HERE)
    assert [*parts] == ["imports", "resolution", "cost", "previews", "unit-tests", "coverage", "engine-tests", "mutants", "kills"]
    assert {name for name, part in parts.items() if part.long} == {"engine-tests", "mutants", "kills"}
