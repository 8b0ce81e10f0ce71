"""The page about access: its programs run, and its tables are what the code says."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mlgate_components.aws import duties
from mlgate_components.aws.access.flows import TABLE, Verb, arns_of
from mlgate_testkit.lint import assert_clean
from mlgate_testkit.record import record

from ..storage.stores import ANSWERS

PAGE = Path(__file__).parents[4] / "docs" / "platform-access.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


@dataclass(frozen=True)
class Anything:
    """A resource that has every ARN there is, which says what it is."""

    what: str

    def __getattr__(self, name: str) -> str:
        return self.what


@pytest.mark.parametrize("block", range(len(BLOCKS)))
def test_its_programs_run(block: int, tmp_path: Path) -> None:
    file = tmp_path / "program.py"
    file.write_text(BLOCKS[block], encoding="utf-8")
    graph = record(file, invokes=ANSWERS)
    assert len(graph.all("mlgate:index:Permissions")) == (8 if block == 0 else 0)
    assert_clean(graph)


def test_who_does_what_is_told_as_it_is() -> None:
    assert section("duties") == rows(["role", "does"], [[f"`{duty}`", "; ".join(told(flows))] for duty, flows in everything().items()])


def test_what_a_verb_allows_is_told_as_it_is() -> None:
    assert section("verbs") == rows(
        ["verb", "takes", "allows"],
        [
            [
                f"`{verb.value}`",
                ", ".join(f"`{name}`" for name in arns_of(verb)),
                "; ".join(f"on {act.at.value}: {', '.join(f'`{action}`' for action in act.actions)}" for act in TABLE[verb]),
            ]
            for verb in Verb
        ],
    )


def everything() -> dict[str, Any]:
    return duties(
        models=Anything("models"),
        evidence=Anything("evidence"),
        cluster=Anything("the cluster"),
        state=Anything("state"),
        repositories=[Anything("images")],
        secrets=[Anything("secrets")],
        trail=Anything("the trail"),
    )


def told(flows: list[Any]) -> list[str]:
    """Each verb with all that it is done to."""
    done: dict[str, list[str]] = {}
    for flow in flows:
        done.setdefault(flow["verb"].value, []).append(next(iter(flow["resource"].values())))
    return [f"{verb} {', '.join(what)}" for verb, what in done.items()]


def section(name: str) -> str:
    return PAGE.read_text(encoding="utf-8").split(f"<!-- begin {name} -->\n")[1].split("<!-- end -->")[0].strip()


def rows(head: list[str], body: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" if cells else f"|{'---|' * len(head)}" for cells in [head, [], *body])
