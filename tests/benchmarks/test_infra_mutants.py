"""Mutants: what is changed, who judges it, and that a survivor has a reason."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import replace
from importlib.util import find_spec, resolve_name
from pathlib import Path
from typing import Any

import pytest

from benchmarks.harness import NotRunError
from benchmarks.infra import mutants
from benchmarks.infra.mutants import JUDGED, POLICIES, Judge, key_of, open_judge, read_reasons, rows_of
from benchmarks.infra.mutating import Mutant, mutants_of
from benchmarks.provenance import PROJECT, Origin

HERE = Origin("0a1b2c3d4e5f", "sha256:one", {"cores": 2}, {"mlgate": "0.1.0"})
RESOURCE = f"{POLICIES}/resource.py"
SOURCE = """\
from a import b

__all__ = ["Thing"]


@dataclass(frozen=True)
class Thing:
    size: int | None
    kind: Annotated[str, Field(min_length=1)]

    @property
    def small(self) -> bool:
        assert self.size is not None
        return self.size < 3
"""


def test_one_thing_at_a_time_is_changed_wherever_it_stands_but_for_what_nobody_reads() -> None:
    found = mutants_of("thing.py", SOURCE)
    assert {(mutant.line, mutant.function, mutant.change) for mutant in found} == {
        (
            9,
            "Thing",
            "- kind: Annotated[str, Field(min_length=1)]\n+ kind: Annotated[str, Field(min_length=None)]",
        ),
        (9, "Thing", "- kind: Annotated[str, Field(min_length=1)]\n+ kind: Annotated[str, Field(min_length=2)]"),
        (14, "Thing.small", "- return self.size < 3\n+ return self.size <= 3"),
        (14, "Thing.small", "- return self.size < 3\n+ return self.size < 4"),
    }
    assert len({mutant.id for mutant in found}) == len(found)
    assert all(mutant.source != SOURCE for mutant in found)


def test_of_a_change_the_lines_that_went_and_came_are_told_without_their_indentation() -> None:
    assert "- 1," in {mutant.change for mutant in mutants_of("a.py", "call(\n    1,\n    2,\n)\n")}


def test_no_module_of_the_policies_is_left_out_and_what_is_named_is_there() -> None:
    assert [name for path in JUDGED for name in (path, *JUDGED[path]) if not (PROJECT / name).is_file()] == []
    there = {str(path.relative_to(PROJECT)) for path in (PROJECT / POLICIES).glob("*.py")}
    assert there - JUDGED.keys() == {f"{POLICIES}/__init__.py"}


def mutant(number: int, path: str = RESOURCE) -> Mutant:
    return Mutant(path, number, "at", f"- {number}\n+ {number + 1}", f"{number + 1}")


def test_the_share_that_was_killed_is_told_and_each_survivor_with_its_reason() -> None:
    guard = "delivery/mlgate_delivery/plan.py"
    made = [*(mutant(number) for number in range(20)), *(mutant(number, guard) for number in range(4))]
    left = [made[3], made[21]]
    policies, plan_guard, *survivors = rows_of(made, left, {key_of(each): f"because {each.line}" for each in left})
    assert (policies.value, policies.met) == (95.0, True)
    assert policies.reference.startswith("19 of 20, made by mutmut ")
    assert (plan_guard.value, plan_guard.met) == (75.0, False)
    assert [(row.name, row.reference) for row in survivors] == [
        (f"survivor: {RESOURCE}:3 at: - 3 + 4", "because 3"),
        (f"survivor: {guard}:1 at: - 1 + 2", "because 1"),
    ]


def test_a_survivor_without_a_reason_and_a_reason_without_a_survivor_leave_no_figures() -> None:
    made = [mutant(number) for number in range(20)]
    with pytest.raises(NotRunError) as failure:
        rows_of(made, [made[3]], {key_of(made[4]): "because"})
    assert str(failure.value).splitlines() == [
        "survivors.toml is not what survives",
        f"no reason for {RESOURCE}:3 at: - 3 + 4",
        f"a reason for {RESOURCE} at - 4 + 5, which does not survive",
    ]


def test_the_reasons_are_read_by_change(tmp_path: Path) -> None:
    path = tmp_path / "survivors.toml"
    path.write_text(
        f'[[survivors]]\nmodule = "{RESOURCE}"\nfunction = "at"\nreason = "because"\nchanges = ["""\n- 3\n+ 4\n""", "- 4\\n+ 5"]\n',
        encoding="utf-8",
    )
    assert read_reasons(path) == {key_of(mutant(3)): "because", key_of(mutant(4)): "because"}
    path.write_text("# none\n", encoding="utf-8")
    assert read_reasons(path) == {}


def test_an_interrupted_run_goes_on_with_the_mutants_that_are_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record, reasons = tmp_path / "results" / "mutants.jsonl", tmp_path / "survivors.toml"
    reasons.write_text("", encoding="utf-8")
    asked: list[str] = []

    def killed(missing: Iterable[Mutant], at_most: int = 3) -> Iterator[tuple[Mutant, Any]]:
        for each in missing:
            if len(asked) == at_most:
                raise KeyboardInterrupt
            asked.append(each.id)
            yield each, {"outcome": "killed", "by": "a test", "seconds": 0.1}

    monkeypatch.setattr(mutants, "mutants_of", lambda path, _source: [mutant(number, path) for number in range(4)])
    monkeypatch.setattr(mutants, "judge_all", killed)
    with pytest.raises(KeyboardInterrupt):
        mutants.measure(lambda: HERE, record=record, reasons=reasons)
    first = [*asked]
    monkeypatch.setattr(mutants, "judge_all", lambda missing: killed(missing, 10**6))
    rows = mutants.measure(lambda: HERE, record=record, reasons=reasons)
    assert [row.value for row in rows] == [100.0, 100.0]
    assert len(set(asked)) == len(asked) == len(record.read_text().splitlines())
    assert asked[:3] == first
    asked.clear()
    mutants.measure(lambda: HERE, record=record, reasons=reasons)
    assert asked == []
    mutants.measure(lambda: replace(HERE, machine={"cores": 4}), record=record, reasons=reasons)
    assert len(asked) > 3


def imports(path: Path) -> Iterator[str]:
    """The project's modules that a file imports, wherever in it, and perhaps names in them."""
    package = ".".join(path.relative_to(PROJECT).parent.parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
        if isinstance(node, ast.ImportFrom):
            base = resolve_name("." * node.level + (node.module or ""), package)
            names = [base, *(f"{base}.{name}" for name in names)]
        yield from (name for name in names if name.startswith(("mlgate", "tests.", "benchmarks.")))


def files_of(name: str) -> list[Path]:
    """Those of a module; of one of our packages all, since each imports the others."""
    if not name.startswith("mlgate"):
        path = PROJECT.joinpath(*name.split("."))
        return [each for each in (path.with_suffix(".py"), path / "__init__.py") if each.is_file()]
    spec = find_spec(name.partition(".")[0])
    assert spec
    return [*Path(str(spec.origin)).parent.rglob("*.py")]


def test_a_verdict_counts_no_more_once_anything_that_the_judging_tests_import_has_changed() -> None:
    judging = {PROJECT / test for tests in JUDGED.values() for test in tests}
    waiting = {*judging, *(above / "conftest.py" for test in judging for above in test.parents if (above / "conftest.py").is_file())}
    seen, named = set[Path](), set[str]()
    while waiting:
        path = waiting.pop()
        seen.add(path)
        new = {name.partition(".")[0] if name.startswith("mlgate") else name for name in imports(path)} - named
        named |= new
        waiting |= {found for name in new for found in files_of(name)} - seen
    assert {str(path.relative_to(PROJECT)) for path in seen if not str(path.relative_to(PROJECT)).startswith(mutants._COUNTS)} == set()
    assert {name.partition(".")[0] for name in named} >= {"mlgate", "mlgate_components", "mlgate_testkit", "mlgate_tools", "tests"}


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    with open_judge() as opened:
        yield opened


EXCEPTIONS = f"{POLICIES}/exceptions.py"


def changed(old: str, new: str) -> Mutant:
    source = (PROJECT / EXCEPTIONS).read_text(encoding="utf-8")
    assert source.count(old) == 1
    return Mutant(EXCEPTIONS, 1, "", "", source.replace(old, new))


def test_a_mutant_that_a_test_notices_is_killed_by_it_and_another_one_survives(judge: Judge) -> None:
    verdict = judge.ask(changed("return today <= self.expires", "return today < self.expires"))
    assert verdict["outcome"] == "killed"
    assert verdict["by"].startswith("tests/policies/test_exceptions.py::test_an_exception_is_for_its_resources")
    assert judge.ask(changed("Whether it has not expired.", "Whether it counts."))["outcome"] == "survived"


def test_a_mutant_that_cannot_be_imported_is_killed(judge: Judge) -> None:
    assert judge.ask(changed("class PolicyException(Declared)", "class PolicyException(Stated)"))["outcome"] == "killed"


def test_a_mutant_that_never_ends_is_overdue(judge: Judge) -> None:
    judge.ask(changed("Whether it has not expired.", "Whether it counts."))
    judge._limits_s[EXCEPTIONS] = 3.0
    assert judge.ask(changed("return today <= self.expires", "while True: pass"))["outcome"] == "overdue"


def test_a_module_whose_tests_fail_by_themselves_has_no_verdicts(judge: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    path = f"{POLICIES}/judge.py"
    monkeypatch.setitem(JUDGED, path, ("tests/policies/no_such_file.py",))
    with pytest.raises(NotRunError, match=f"the tests of {path} fail by themselves"):
        judge.ask(Mutant(path, 1, "", "", ""))
