"""What the documentation tells people to copy."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "testkit-kubernetes.md").read_text(encoding="utf-8")


@pytest.mark.cluster
@pytest.mark.engine
def test_the_two_tests_of_the_documentation_pass_as_they_stand_there(tmp_path: Path) -> None:
    program, tests = re.findall(r"```python\n(.*?)```", TEXT, re.S)
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "__main__.py").write_text(program)
    (tmp_path / "test_web.py").write_text(tests)
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_web.py"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout


NAMED = sorted(set(re.findall(r"test_\w+", TEXT.split("## What it does like")[1])))
assert NAMED


@pytest.mark.parametrize("named", NAMED)
def test_every_test_that_the_tables_name_is_there(named: str) -> None:
    assert (Path(__file__).parent / f"{named}.py").is_file()
