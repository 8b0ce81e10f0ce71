"""The ledger under real processes: many writers at once, writers killed in mid-write, and a disk that is full."""

import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mlgate_evidence.history import History
from mlgate_evidence.ledger import Ledger
from mlgate_evidence.ledger_store import GENESIS, LedgerFile

_BEGIN = """
import sys
from pathlib import Path
from mlgate_evidence.ledger import Ledger
from mlgate_evidence.ledger_store import LedgerFile
ledger = Ledger(LedgerFile(Path(sys.argv[1])))
def begin():
    release, plan = "sha256:" + "0" * 64, {"pad": "x" * 200}
    return ledger.begin_attempt(service="digits", stage="local", release=release, configuration=None, make_plan=lambda *_: plan)
"""


def start(script: str, path: Path, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", _BEGIN + script, str(path), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def history_of(path: Path) -> History:
    return Ledger(LedgerFile(path)).history()


def test_eight_writers_at_once_lose_no_entry_and_take_no_route_twice(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    script = 'print("ready", flush=True); sys.stdin.readline()\nfor _ in range(25): print(begin().id)'
    writers = [start(script, path) for _ in range(8)]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    with ThreadPoolExecutor(8) as pool:  # all begin together, and each is read while it writes
        outputs = list(pool.map(lambda writer: writer.communicate("go\n"), writers))
    assert [errors for _, errors in outputs] == [""] * 8
    attempts = history_of(path).attempts("digits", "local", GENESIS)
    assert [attempt.route for attempt in attempts] == list(range(1, 201))
    assert sorted(line for out, _ in outputs for line in out.split()) == sorted(attempt.id for attempt in attempts)


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_a_writer_killed_in_mid_write_leaves_no_harm(tmp_path: Path, share: float) -> None:
    """kill -9 after a part of the line: none of it, some of it, all but the head file."""
    path = tmp_path / "ledger.jsonl"
    script = f"""
import os, signal
begin()
write = os.write
def torn(descriptor, content):
    write(descriptor, content[:int(len(content) * {share})])
    os.kill(os.getpid(), signal.SIGKILL)
os.write = torn
begin()
"""
    writer = start(script, path)
    writer.communicate()
    assert writer.returncode == -signal.SIGKILL
    survived = 1 if share < 1 else 2
    assert len(history_of(path).lines) == survived
    attempt = Ledger(LedgerFile(path)).begin_attempt(
        service="digits", stage="local", release=GENESIS, configuration=None, make_plan=lambda *_: {}
    )
    assert attempt.route == survived + 1
    assert len(history_of(path).lines) == survived + 1


def test_what_a_killed_writer_was_told_is_written_stays_written(tmp_path: Path) -> None:
    """kill -9 at whatever instant: every acknowledged attempt is there, and the next writer goes on."""
    path = tmp_path / "ledger.jsonl"
    acknowledged: list[str] = []
    for lines_before_the_kill in (1, 4, 9):
        writer = start("while True: print(begin().id, flush=True)", path)
        assert writer.stdout is not None
        acknowledged += [writer.stdout.readline().strip() for _ in range(lines_before_the_kill)]
        writer.kill()
        rest, _ = writer.communicate()
        acknowledged += rest.split("\n")[:-1]
    attempts = [attempt.id for attempt in history_of(path).attempts("digits", "local", GENESIS)]
    assert set(acknowledged) <= set(attempts)
    # Each kill may leave one line that is there and was not heard of.
    assert len(acknowledged) <= len(attempts) <= len(acknowledged) + 3


def test_a_full_disk_adds_nothing_and_the_ledger_goes_on_when_there_is_room(tmp_path: Path) -> None:
    """A limit on the size of files is a real short write followed by a real refusal."""
    path = tmp_path / "ledger.jsonl"
    script = """
import resource
from mlgate.errors import LedgerError
begin()
size = Path(sys.argv[1]).stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, resource.RLIM_INFINITY))
try:
    begin()
except LedgerError as error:
    print(error.problem)
assert Path(sys.argv[1]).stat().st_size == size
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(begin().route)
"""
    out, errors = start(script, path).communicate()
    assert errors == ""
    problem, route = out.splitlines()
    assert "nothing was added" in problem
    assert route == "2"
    assert len(history_of(path).lines) == 2


def test_a_reader_beside_a_writer_never_sees_a_broken_ledger(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    writer = start("for _ in range(60): begin()\nprint('done', flush=True)", path)
    seen = 0
    while writer.poll() is None:
        count = len(history_of(path).lines)
        assert count >= seen
        seen = count
    out, errors = writer.communicate()
    assert (out, errors) == ("done\n", "")
    assert len(history_of(path).lines) == 60
