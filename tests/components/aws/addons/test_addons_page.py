"""The page about the cluster: its program runs, and its table of add-ons is that of the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mlgate_components.aws.addons.table import TABLE
from mlgate_testkit.record import record

from .installed import ARN, LOOKED_UP, RESOURCES

PAGE = (Path(__file__).parents[4] / "docs" / "platform-cluster.md").read_text(encoding="utf-8")


def test_the_program_of_the_page_is_one_that_runs() -> None:
    (text,) = re.findall(r"```python\n(.*?)```", PAGE, re.S)
    answers = {**LOOKED_UP, "aws:index/getCallerIdentity:getCallerIdentity": {"arn": "arn:aws:sts::123456789012:assumed-role/deployer/ci"}}
    made = {**RESOURCES, "aws:eks/cluster:Cluster": {"arn": ARN}}
    graph = record(lambda: exec(compile(text, "platform-cluster.md", "exec"), {}), invokes=answers, resources=made)  # noqa: S102
    assert graph.outputs["versions"].keys() == TABLE.keys()


@pytest.mark.parametrize("name", sorted(TABLE))
def test_the_page_has_the_row_of_the_table(name: str) -> None:
    addon = TABLE[name]
    origin = f"`{addon.chart.place}` {addon.chart.name}" if addon.chart else "EKS"
    version = addon.chart.version if addon.chart else "looked up or pinned"
    assert f"| `{name}` | {addon.namespace} | {origin} | {version} | {addon.owns or 'nothing'} |" in PAGE
