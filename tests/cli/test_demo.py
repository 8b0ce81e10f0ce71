"""What the demo tells people at its end, and its exit code. The story itself is told by tests/demo."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import typer

import mlgate_cli.story
from mlgate import Verdict
from mlgate_cli.demo import command
from mlgate_cli.story import CHAPTERS, Chapter, Told
from mlgate_gates.result import Finding, GateResult

TOLD = (
    Told("1", "PASS", True, "every check", True, 4480, 36.4, "evidence/1/report.html"),
    Told("2", "PASS", True, "every check", True, 5297, 34.3, "evidence/2/report.html"),
    Told("3", "FAIL", False, "accuracy", True, 1810, 12.8, "evidence/3/report.html"),
    Told("4", "FAIL", False, "latency-p99", True, 2620, 26.1, "evidence/4/report.html"),
)
SHOWN = "(the story was told that this was shown)"


@pytest.fixture
def ending(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs the verb over a story that ends so, `before` of it in an earlier run; gives exit code, standard output and error."""

    def run(*told: Told, answered: int = 1310, failed: int = 0, before: int = 0) -> tuple[int, str, str]:
        class Ended:
            def __init__(self, *_: object) -> None:
                self.told = {one.release: one for one in told[:before]}

            @property
            def unexpected(self) -> Told | None:
                return next((one for one in self.told.values() if not one.expected), None)

            @contextmanager
            def running(self) -> Iterator[SimpleNamespace]:
                yield SimpleNamespace(answered=answered, failed=failed)

            def tell(self, chapter: Chapter, _: object) -> None:
                self.told[chapter.release] = next(one for one in told if one.release == chapter.release)

            def shown(self) -> None:
                sys.stdout.write(SHOWN)

        monkeypatch.setattr(mlgate_cli.story, "Story", Ended)
        code = 0
        try:
            command()
        except typer.Exit as left:
            code = left.exit_code
        output, error = capsys.readouterr()
        assert output.endswith(SHOWN)  # after everything: an interruption before it has the next run show this again
        return code, output.removesuffix(SHOWN), error

    return run


def test_a_line_per_release_says_verdict_decider_requests_and_seconds_and_each_has_its_report(ending: Any) -> None:
    code, output, error = ending(*TOLD)
    assert (code, error) == (0, "")
    for one, chapter in zip(TOLD, CHAPTERS, strict=True):
        promoted = "promoted" if one.promoted else "refused"
        cells = (one.release, chapter.about, one.verdict, promoted, one.decided_by, f"{one.requests:,}", str(one.seconds))
        assert re.search(r"\s+".join(map(re.escape, cells)), output)
        assert f"report of release {one.release}: {one.report}" in output
    assert "stable answered 1,310 of 1,310 calls" in output


def test_a_release_that_ends_otherwise_ends_the_demo_with_exit_code_1_and_what_to_do(ending: Any) -> None:
    code, output, error = ending(TOLD[0], replace(TOLD[1], verdict="VOID", promoted=False, decided_by="health", expected=False))
    assert code == 1
    assert "release 2 was not expected to end with VOID by health" in error
    assert "gates it again" in error
    assert "report of release 2" in output
    assert "release 3" not in output


def test_a_release_that_is_promoted_against_expectation_is_not_gated_again(ending: Any) -> None:
    code, _, error = ending(*TOLD[:2], replace(TOLD[2], verdict="PASS", promoted=True, decided_by="every check", expected=False))
    assert code == 1
    assert "release 3 was not expected to end with PASS by every check" in error
    assert "starts anew" in error
    assert "again" not in error


def test_a_failed_call_of_the_stable_url_is_no_success(ending: Any) -> None:
    code, _, error = ending(*TOLD, failed=3)
    assert code == 1
    assert "3 calls of the stable URL failed" in error


def test_a_stable_url_that_nobody_called_is_no_success(ending: Any) -> None:
    code, _, error = ending(*TOLD, answered=0)
    assert code == 1
    assert "nobody called the stable URL" in error


def test_what_an_earlier_run_did_and_could_not_show_is_shown_and_nobody_has_to_call_the_url_once_more(ending: Any) -> None:
    code, output, error = ending(*TOLD, before=4, answered=0)
    assert (code, error) == (0, "")
    assert all(f"report of release {one.release}" in output for one in TOLD)
    assert "done by an earlier run" in output
    assert "calls meanwhile" not in output


def test_a_url_that_nobody_called_is_no_success_of_a_run_that_went_on_either(ending: Any) -> None:
    code, _, error = ending(*TOLD, before=2, answered=0)
    assert code == 1
    assert "nobody called the stable URL" in error


@pytest.mark.parametrize(
    ("release", "verdict", "kind", "expected"),
    [
        ("1", Verdict.PASS, "", True),
        ("1", Verdict.INCONCLUSIVE, "latency", False),
        ("3", Verdict.FAIL, "accuracy", True),
        ("3", Verdict.FAIL, "latency", False),
        ("3", Verdict.PASS, "", False),
        ("4", Verdict.FAIL, "latency", True),
        ("4", Verdict.FAIL, "error-rate", False),
    ],
)
def test_a_chapter_expects_a_verdict_by_a_kind_of_check(release: str, verdict: Verdict, kind: str, expected: bool) -> None:
    chapter = next(chapter for chapter in CHAPTERS if chapter.release == release)
    finding = Finding("decider", kind, "a claim", verdict, "a reason")
    result = GateResult(verdict, "decider" if kind else "every check", "a reason", (finding,), {})
    assert chapter.expects(result) is expected
