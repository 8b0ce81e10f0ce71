"""The examples of the page run as they stand, and each pair of them is two tests of one fixture."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mlgate.environment import CACHE_VARIABLE, cache_folder
from mlgate_testkit import lint
from mlgate_testkit.lint import RUN_RULES
from mlgate_testkit.lint.leaks import LEAK_RULES

pytest_plugins = ["pytester"]
CACHE = cache_folder()  # before pytester moves HOME
PAGE = (Path(__file__).parents[3] / "docs" / "testkit-engine.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"^`(store/[\w.]+)`.*?:\n\n```\w+\n(.*?)```", PAGE, flags=re.DOTALL | re.MULTILINE))
TESTS = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)[1:]
KUBERNETES = [text for text in TESTS if "kubernetes" in text]


def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, blocks: list[str]) -> None:
    """Runs them as a user's test files."""
    monkeypatch.setenv(CACHE_VARIABLE, str(CACHE))
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    pytester.mkdir("store")
    assert list(FILES) == ["store/Pulumi.yaml", "store/Pulumi.prod.yaml", "store/__main__.py"]
    for path, text in FILES.items():
        (pytester.path / path).write_text(text)
    pytester.makepyfile(**{f"test_store_{number}": text for number, text in enumerate(blocks)})
    done = pytester.runpytest_subprocess("-p", "no:cacheprovider", timeout=280)
    done.assert_outcomes(passed=2 * len(blocks))


def test_every_example_is_two_tests():
    fixtures = re.findall(r"^\| \[`(\w+)`\]", PAGE, flags=re.MULTILINE)
    assert fixtures
    assert [text.count("def test_") for text in TESTS] == [2] * len(TESTS)
    for fixture in fixtures:
        assert any(re.search(rf"def test_\w+\(.*\b{fixture}\b", text) for text in TESTS), fixture


def test_the_table_of_rules_for_runs_is_complete():
    section = PAGE.split("### Rules for runs")[1].split("```python")[0]
    assert re.findall(r"^\| `([\w-]+)` \|", section, flags=re.MULTILINE) == [*RUN_RULES, *LEAK_RULES]
    for checked in {name for name in lint.__all__ if name.startswith("assert_")} - {"assert_clean"}:
        assert f"`{checked}(" in section, checked


@pytest.mark.engine
def test_the_examples_on_simulated_aws_pass(pytester, monkeypatch):
    run(pytester, monkeypatch, [text for text in TESTS if text not in KUBERNETES])


@pytest.mark.engine
@pytest.mark.cluster
def test_the_examples_on_the_control_plane_pass(pytester, monkeypatch):
    run(pytester, monkeypatch, KUBERNETES)
