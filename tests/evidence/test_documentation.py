"""What docs/evidence.md tells an auditor to run does what it says."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mlgate.digests import digest_bytes, digest_json

PAGE = Path(__file__).parents[2] / "docs" / "evidence.md"


def run_block(desk: Any, attempt: Any, tmp_path: Path) -> "subprocess.CompletedProcess[str]":
    (block,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
    (tmp_path / "key.pem").write_text(desk.signer.public_pem)
    command = [sys.executable, "-W", "ignore::ResourceWarning", "-c", block, str(desk.store.folder(attempt.id)), str(tmp_path / "key.pem")]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def attempt(desk: Any) -> Any:
    attempt = desk.begin(digest_json("release"), digest_json("configuration"))
    desk.store.put(attempt.id, {"observations.parquet": b"rows", "evidence.json": desk.sign(attempt)})
    return attempt


def test_an_auditor_needs_no_mlgate(desk: Any, attempt: Any, tmp_path: Path) -> None:
    done = run_block(desk, attempt, tmp_path)
    assert (done.stdout, done.stderr) == (f"PASS {attempt.id}\n", "")


@pytest.mark.parametrize("name", ["evidence.json", "observations.parquet"])
def test_an_auditor_finds_what_was_altered(desk: Any, attempt: Any, tmp_path: Path, name: str) -> None:
    path = desk.store.folder(attempt.id) / name
    path.write_bytes(path.read_bytes().replace(b"ro", b"r0").replace(b'"payload":"e', b'"payload":"f'))
    assert run_block(desk, attempt, tmp_path).returncode != 0


def test_an_auditor_finds_the_attempt_in_the_ledger(desk: Any, attempt: Any) -> None:
    lines = desk.environment.ledger.read_bytes().split(b"\n")
    assert digest_bytes(lines[attempt.ledger.count - 1]) == attempt.ledger.head
