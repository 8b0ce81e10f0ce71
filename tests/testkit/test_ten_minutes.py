"""The page for newcomers, done as it says: its files copied into an empty folder, its tests run there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "testkit.md"


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A folder with the files of the page."""
    page = PAGE.read_text(encoding="utf-8")
    found = re.findall(r"`([\w./]+\.(?:py|yaml))`[^`]*:\n\n```\w+\n(.*?)```", page, flags=re.S)
    assert [name for name, _ in found] == ["infra/Pulumi.yaml", "infra/__main__.py", "test_infra.py"]
    for name, content in found:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return tmp_path


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}
    command = [sys.executable, "-m", "pytest", "-q", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.engine
def test_the_tests_of_the_page_pass_where_they_are_copied_and_leave_nothing_in_the_program(copied: Path) -> None:
    before = sorted(path.name for path in (copied / "infra").iterdir())
    done = run(copied)
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout
    assert "warning" not in done.stdout
    assert sorted(path.name for path in (copied / "infra").iterdir()) == before


@pytest.mark.parametrize(
    ("meant", "written", "said"),
    [
        ("block_public_acls=True", "block_public_acl=True", "block_public_acls"),
        ("aws.s3.BucketPublicAccessBlock(", "(lambda *_, **__: None)(", "no resource is aws:s3/bucketPublicAccessBlock"),
        ("restrict_public_buckets=True", "restrict_public_buckets=False", "assert False is True"),
    ],
)
def test_its_first_test_fails_with_the_reason_when_the_program_is_broken(copied: Path, meant: str, written: str, said: str) -> None:
    program = copied / "infra" / "__main__.py"
    text = program.read_text(encoding="utf-8")
    assert meant in text
    program.write_text(text.replace(meant, written), encoding="utf-8")
    done = run(copied, "-k", "private")
    assert done.returncode == 1, done.stdout
    assert said in done.stdout


@pytest.mark.engine
def test_its_second_test_fails_when_the_stack_does_not_rest(copied: Path) -> None:
    program = copied / "infra" / "__main__.py"
    text = program.read_text(encoding="utf-8")
    program.write_text("import time\n" + text.replace('{"owner": "shop"}', '{"owner": str(time.time())}'), encoding="utf-8")
    done = run(copied, "-k", "rests")
    assert done.returncode == 1, done.stdout
    assert "nothing()" in done.stdout
