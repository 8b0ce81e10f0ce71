"""The evaluator is got once, and where it cannot be had its tests are reported as not run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mlgate.environment import CACHE_VARIABLE
from tests.components.aws.iam.evaluator import judge

Machine = Callable[..., None]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Nothing but these programs on PATH, each with its lines of shell, and an empty cache."""

    def only(**programs: str) -> None:
        for name, lines in programs.items():
            path = tmp_path / "bin" / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(f"#!/bin/sh\n{lines}\n")
            path.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path / "bin"))
        monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))

    return only


@pytest.mark.parametrize(
    ("programs", "said"),
    [({}, "node and npm on PATH"), ({"node": "", "npm": "echo no network >&2; exit 1"}, "npm did not get it: no network")],
)
def test_where_it_cannot_be_had_the_tests_are_not_run_and_fail_for_a_change_to_be_judged(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, programs: dict[str, str], said: str
) -> None:
    machine(**programs)
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match=said):
        judge((), {}, {})
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match=said):
        judge((), {}, {})
    assert not list(tmp_path.glob("cache/tools/iam-simulate*/*")), "nothing half-got stays"


def test_it_is_got_once(machine: Machine, tmp_path: Path) -> None:
    answer = '{"allowed": [], "about": {}, "impossible": {}, "asked": 0, "simulated": 0}'
    machine(node=f"echo '{answer}'", npm=f"echo got >> {tmp_path}/got; echo module > module.js")
    assert judge((), {}, {}) == judge((), {}, {})
    assert (tmp_path / "got").read_text() == "got\n"
