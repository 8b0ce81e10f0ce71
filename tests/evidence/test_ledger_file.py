"""The file under the ledger: what is torn is mended, what is damaged is refused."""

import errno
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import given, settings
from hypothesis import strategies as st

from mlgate.digests import digest_bytes
from mlgate.errors import BusyError, LedgerError
from mlgate_evidence import ledger_store
from mlgate_evidence.ledger_store import GENESIS, LedgerFile, Position


@pytest.fixture
def store(tmp_path: Path) -> LedgerFile:
    return LedgerFile(tmp_path / "home" / "ledger.jsonl")


def fill(store: LedgerFile, count: int) -> list[bytes]:
    lines = [b'{"n":%d}' % number for number in range(1, count + 1)]
    head = GENESIS
    for line in lines:
        assert store.append(head, line)
        head = digest_bytes(line)
    return lines


def test_a_ledger_that_is_not_there_is_empty(store: LedgerFile) -> None:
    assert store.read() == ([], GENESIS)


def test_lines_come_back_in_order_with_the_digest_of_the_last(store: LedgerFile) -> None:
    lines = fill(store, 3)
    assert store.read() == (lines, digest_bytes(b'{"n":3}'))


def test_a_writer_that_has_not_seen_the_last_line_adds_nothing(store: LedgerFile) -> None:
    lines = fill(store, 2)
    assert not store.append(digest_bytes(lines[0]), b'{"n":9}')
    assert not store.append(GENESIS, b'{"n":9}')
    assert store.read()[0] == lines


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was done to the disk, in order."""
    found: list[str] = []
    write, sync, replace = os.write, os.fsync, Path.replace

    def named(descriptor: int) -> str:
        return Path(f"/proc/self/fd/{descriptor}").readlink().name

    def written(descriptor: int, content: bytes) -> int:
        found.append(f"write {named(descriptor)}")
        return write(descriptor, content)

    def synced(descriptor: int) -> None:
        found.append(f"sync {named(descriptor)}")
        sync(descriptor)

    def renamed(path: Path, target: Path) -> Path:
        found.append(f"rename to {target.name}")
        return replace(path, target)

    monkeypatch.setattr(os, "write", written)
    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", renamed)
    return found


_LINE = ["write ledger.jsonl", "sync ledger.jsonl"]
_HEAD = ["sync ledger.head-new", "rename to ledger.head", "sync home"]


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="names of open files are taken from Linux's /proc")
def test_an_append_that_returned_is_on_the_disk_and_its_head_after_it(store: LedgerFile, done: list[str]) -> None:
    """The head says that the line is there. A new file's own sync does not cover its entry in the folder."""
    fill(store, 1)
    assert done == [*_LINE, "sync home", *_HEAD]
    done.clear()
    assert store.append(digest_bytes(b'{"n":1}'), b'{"n":2}')
    assert done == [*_LINE, *_HEAD]


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="names of open files are taken from Linux's /proc")
def test_a_head_that_is_behind_is_on_the_disk_before_the_next_line(store: LedgerFile, done: list[str]) -> None:
    fill(store, 1)
    store.path.with_suffix(".head").unlink()
    done.clear()
    assert store.append(digest_bytes(b'{"n":1}'), b'{"n":2}')
    assert done == [*_HEAD, *_LINE, *_HEAD]


def test_a_line_within_a_line_is_refused(store: LedgerFile) -> None:
    with pytest.raises(ValueError, match="no line end"):
        store.append(GENESIS, b"{}\n{}")


@settings(deadline=None)
@given(cut=st.integers(1, len(b'{"n":3,"of":"attempt"}') - 1))
def test_a_last_line_that_was_never_finished_is_passed_over_and_then_removed(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    store = LedgerFile(tmp_path_factory.mktemp("torn") / "ledger.jsonl")
    lines = fill(store, 2)
    with store.path.open("ab") as stream:
        stream.write(b'{"n":3,"of":"attempt"}'[:cut])
    assert store.read()[0] == lines
    assert store.append(digest_bytes(lines[-1]), b'{"n":3}')
    assert store.read()[0] == [*lines, b'{"n":3}']


def test_a_last_line_that_lacks_its_end_only_is_kept(store: LedgerFile) -> None:
    lines = fill(store, 2)
    with store.path.open("ab") as stream:
        stream.write(b'{"n":3}')
    assert not store.append(digest_bytes(lines[-1]), b'{"n":4}')
    assert store.read()[0] == [*lines, b'{"n":3}']
    assert store.append(digest_bytes(b'{"n":3}'), b'{"n":4}')


@pytest.mark.parametrize(
    ("damage", "line", "problem"),
    [
        (lambda content: content[:-1], 3, "line 3 was cut short after it had been written"),
        (lambda content: content[:-3], 3, "line 3 was cut short after it had been written"),
        (lambda content: content[:-8], 3, "1 of 3 lines are missing at the end"),
        (lambda content: content[:-9], 2, "2 of 3 lines are missing at the end"),
        (lambda _: b"", 1, "3 of 3 lines are missing at the end"),
        (lambda content: content.replace(b"3", b"4"), 3, "line 3 is not the one that was written there"),
    ],
)
def test_a_line_that_was_finished_once_is_never_taken_for_a_torn_one(
    store: LedgerFile, damage: Callable[[bytes], bytes], line: int, problem: str
) -> None:
    lines = fill(store, 3)
    store.path.write_bytes(damage(store.path.read_bytes()))
    before = store.path.read_bytes()
    for use in (store.read, lambda: store.append(digest_bytes(lines[-1]), b"{}")):
        with pytest.raises(LedgerError, match=problem) as caught:
            use()
        assert caught.value.where == f"{store.path}:{line}"
        assert "never edit it" in caught.value.remedy
    assert store.path.read_bytes() == before


def test_a_ledger_removed_as_a_whole_is_missed(store: LedgerFile) -> None:
    fill(store, 3)
    store.path.unlink()
    with pytest.raises(LedgerError, match="3 of 3 lines"):
        store.read()


def test_a_head_that_is_behind_does_no_harm(store: LedgerFile) -> None:
    """A kill between the line and the head leaves exactly this."""
    fill(store, 1)
    behind = store.path.with_suffix(".head").read_bytes()
    lines = [b'{"n":1}', b'{"n":2}']
    assert store.append(digest_bytes(lines[0]), lines[1])
    store.path.with_suffix(".head").write_bytes(behind)
    assert store.read()[0] == lines
    assert store.append(digest_bytes(lines[1]), b'{"n":3}')
    assert json.loads(store.path.with_suffix(".head").read_bytes())["count"] == 3


def test_a_first_line_may_be_without_a_head(store: LedgerFile) -> None:
    """A kill between the two leaves this as well."""
    (line,) = fill(store, 1)
    store.path.with_suffix(".head").unlink()
    assert store.read()[0] == [line]
    assert store.append(digest_bytes(line), b'{"n":2}')


@pytest.mark.parametrize("known", [0, 1])
def test_a_head_more_than_a_line_behind_is_damage_since_it_would_hide_a_cut(store: LedgerFile, known: int) -> None:
    fill(store, 1)
    early = store.path.with_suffix(".head").read_bytes()
    head = digest_bytes(b'{"n":1}')
    for line in (b'{"n":2}', b'{"n":3}', b'{"n":4}'):
        assert store.append(head, line)
        head = digest_bytes(line)
    store.path.write_bytes(store.path.read_bytes()[:-8])  # a promotion, or a rollback
    if known:
        store.path.with_suffix(".head").write_bytes(early)
    else:
        store.path.with_suffix(".head").unlink()
    before = store.path.read_bytes()
    for use in (store.read, lambda: store.append(digest_bytes(b'{"n":3}'), b"{}")):
        with pytest.raises(LedgerError, match=f"the head file {'knows 1' if known else 'is missing'}.* of 3 lines") as caught:
            use()
        assert caught.value.where == str(store.path.with_suffix(".head"))
    assert store.path.read_bytes() == before


def test_a_lost_head_is_written_again_by_the_command_in_the_message(tmp_path: Path) -> None:
    store = LedgerFile(tmp_path / "a home" / "ledger.jsonl")
    lines = fill(store, 3)
    store.path.with_suffix(".head").unlink()
    with pytest.raises(LedgerError, match="is missing") as caught:
        store.read()
    subprocess.run(["sh", "-c", "echo " + caught.value.remedy.split(": echo ")[1]], check=True)
    assert store.read()[0] == lines
    assert store.append(digest_bytes(lines[-1]), b'{"n":4}')


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"count": "many", "head": ""}', b"\xff"])
def test_a_head_file_of_something_else_is_named(store: LedgerFile, content: bytes) -> None:
    fill(store, 1)
    store.path.with_suffix(".head").write_bytes(content)
    with pytest.raises(LedgerError, match="not what the ledger's head file holds") as caught:
        store.read()
    assert caught.value.where.endswith("ledger.head")


@pytest.mark.parametrize("suffix", [".jsonl", ".head"])
def test_a_file_that_cannot_be_read_is_named(store: LedgerFile, suffix: str) -> None:
    store.path.with_suffix(suffix).mkdir(parents=True)
    with pytest.raises(LedgerError, match="cannot be read") as caught:
        store.read()
    assert caught.value.where == str(store.path.with_suffix(suffix))


def test_a_ledger_that_cannot_be_written_says_that_nothing_was_added(store: LedgerFile) -> None:
    store.path.parent.write_text("a file where the folder should be")
    with pytest.raises(LedgerError, match="nothing was added"):
        store.append(GENESIS, b"{}")


def test_what_was_written_before_the_disk_was_full_is_taken_back(store: LedgerFile, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = fill(store, 2)
    before, write = store.path.read_bytes(), os.write

    def full(descriptor: int, content: bytes) -> int:
        if len(content) < 8:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, content[:4])

    monkeypatch.setattr(ledger_store.os, "write", full)
    with pytest.raises(LedgerError, match="No space left on device; nothing was added"):
        store.append(digest_bytes(lines[-1]), b'{"n":3}')
    monkeypatch.undo()
    assert store.path.read_bytes() == before
    assert store.append(digest_bytes(lines[-1]), b'{"n":3}')


def test_a_line_is_kept_though_the_head_finds_no_room(store: LedgerFile) -> None:
    lines = fill(store, 1)
    store.path.with_suffix(".head-new").mkdir()
    assert store.append(digest_bytes(lines[0]), b'{"n":2}')
    assert len(store.read()[0]) == 2


def test_no_second_line_is_kept_before_the_head_has_found_room(store: LedgerFile) -> None:
    fill(store, 1)
    store.path.with_suffix(".head-new").mkdir()
    assert store.append(digest_bytes(b'{"n":1}'), b'{"n":2}')
    with pytest.raises(LedgerError, match="nothing was added"):
        store.append(digest_bytes(b'{"n":2}'), b'{"n":3}')
    store.path.with_suffix(".head-new").rmdir()
    assert len(store.read()[0]) == 2
    assert store.append(digest_bytes(b'{"n":2}'), b'{"n":3}')


def test_a_lock_held_for_too_long_is_a_busy_error(store: LedgerFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_store, "_LOCK_WAIT_S", 0.05)
    store.path.parent.mkdir(parents=True)
    with FileLock(store.path.with_suffix(".lock")), pytest.raises(BusyError, match="held the ledger's lock") as caught:
        store.append(GENESIS, b"{}")
    assert "fuser" in caught.value.remedy


def test_a_reader_overtaken_by_writers_between_head_and_lines_sees_no_damage(store: LedgerFile, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(store, 1)
    acknowledged = store._acknowledged

    def overtaken() -> Position:
        monkeypatch.undo()
        early = acknowledged()
        assert store.append(digest_bytes(b'{"n":1}'), b'{"n":2}')
        assert store.append(digest_bytes(b'{"n":2}'), b'{"n":3}')
        return early

    monkeypatch.setattr(store, "_acknowledged", overtaken)
    assert len(store.read()[0]) == 3


def test_readers_wait_for_no_writer(store: LedgerFile) -> None:
    lines = fill(store, 1)
    with FileLock(store.path.with_suffix(".lock")):
        assert store.read()[0] == lines
