"""Which code was measured: by what the files hold, the results left out."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from benchmarks import provenance


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one commit, in the place of this one."""
    monkeypatch.setattr(provenance, "PROJECT", tmp_path)
    for name in ("code.py", "benchmarks/results/main.json", ".gitignore"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("cache/\n")
    for command in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "-m", "one"]):
        git(tmp_path, *command)
    return tmp_path


def git(project: Path, *arguments: str) -> None:
    who = ["-c", "user.name=tests", "-c", "user.email=tests@example.invalid", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(project), *who, *arguments], check=True, capture_output=True)


def test_a_changed_or_a_new_file_is_other_code_and_marks_the_commit(project: Path) -> None:
    commit, code = provenance.commit(), provenance.code()
    (project / "code.py").write_text("changed")
    changed = provenance.code()
    assert provenance.commit() == f"{commit}-dirty"
    (project / "new.py").write_text("new")
    assert len({code, changed, provenance.code()}) == 3
    git(project, "add", ".")
    git(project, "commit", "--quiet", "-m", "two")
    assert not provenance.commit().endswith("-dirty")


def test_results_and_what_git_ignores_are_no_other_code(project: Path) -> None:
    commit, code = provenance.commit(), provenance.code()
    (project / "benchmarks" / "results" / "main.json").write_text("figures")
    (project / "cache").mkdir()
    (project / "cache" / "file").write_text("ignored")
    assert (provenance.commit(), provenance.code()) == (commit, code)
    git(project, "commit", "--quiet", "-a", "-m", "figures")
    assert provenance.commit() != commit
    assert provenance.code() == code


def test_without_git_nobody_knows(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(project))
    assert (provenance.commit(), provenance.code(), provenance.files()) == ("unknown", "unknown", [])


def test_now_names_the_versions_and_says_of_what_is_not_installed_that_it_is_absent() -> None:
    now = provenance.Origin.now(["numpy", "no-such-package"])
    assert now.versions["no-such-package"] == "absent"
    assert now.versions["numpy"][0].isdigit()
    assert provenance.Origin.of(now.to_dict()) == now
