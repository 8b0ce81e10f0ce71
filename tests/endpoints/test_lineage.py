"""What it takes to run a training again is in the release, or visibly not known."""

import json
import subprocess
from pathlib import Path

import pytest

from mlgate import Problem
from mlgate.digests import digest_file, digest_of_files
from mlgate_serving.lineage import read_lineage


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with one commit, a lock and a model directory that git ignores."""
    (tmp_path / ".gitignore").write_text("models/\n")
    (tmp_path / "train.py").write_text("")
    (tmp_path / "uv.lock").write_text("torch==2\n")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "-c", "user.name=t", "-c", "user.email=t@t", "commit", "-q", "-m", "x")
    (tmp_path / "models" / "1").mkdir(parents=True)
    return tmp_path


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True, text=True).stdout.strip()


def test_commit_and_lock_come_from_the_repository_around_the_model(repository: Path) -> None:
    lineage = read_lineage(repository / "models" / "1", problems := [])
    assert not problems
    assert lineage.code_commit == git(repository, "rev-parse", "HEAD")
    assert not lineage.code_changed
    assert lineage.environment_lock == digest_file(repository / "uv.lock")


def test_uncommitted_changes_are_said(repository: Path) -> None:
    (repository / "train.py").write_text("changed = True\n")
    assert read_lineage(repository / "models" / "1", []).code_changed


def test_a_folder_of_requirements_is_one_lock(repository: Path) -> None:
    (repository / "uv.lock").unlink()
    (repository / "requirements").mkdir()
    for name in ("base.txt", "dev.txt"):
        (repository / "requirements" / name).write_text(name)
    digests = {name: digest_file(repository / "requirements" / name) for name in ("base.txt", "dev.txt")}
    assert read_lineage(repository / "models" / "1", []).environment_lock == digest_of_files(digests)


def test_what_the_training_wrote_wins_over_what_packing_finds(repository: Path) -> None:
    (repository / "models" / "1" / "training.json").write_text(
        json.dumps({"seed": 3, "code_commit": "abc", "environment_lock": f"sha256:{'b' * 64}"})
    )
    lineage = read_lineage(repository / "models" / "1", [])
    assert (lineage.seed, lineage.code_commit, lineage.environment_lock) == (3, "abc", f"sha256:{'b' * 64}")


def test_what_nobody_knows_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    (tmp_path / ".git").mkdir()  # not a repository, but the end of the search for a lock
    lineage = read_lineage(tmp_path, [])
    assert (lineage.code_commit, lineage.environment_lock, lineage.seed) == (None, None, None)


def test_without_git_the_commit_is_not_known(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert read_lineage(repository / "models" / "1", []).code_commit is None


@pytest.mark.parametrize("text", ["{", "[]", '{"seed": "x"}', '{"training_data": {"a": "md5:1"}}', '{"epochs": 3}'])
def test_a_wrong_training_file_is_a_problem_that_names_it(tmp_path: Path, text: str) -> None:
    problems: list[Problem] = []
    (tmp_path / "training.json").write_text(text)
    read_lineage(tmp_path, problems)
    assert problems
    assert problems[0].where == "training.json"
    assert "hyperparameters" in problems[0].expected
