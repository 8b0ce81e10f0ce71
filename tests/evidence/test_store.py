"""Evidence is there whole or not at all, and is written once."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from mlgate.digests import digest_json
from mlgate.errors import EvidenceError
from mlgate.verdict import Verdict
from mlgate_evidence import store as store_module
from mlgate_evidence.store import DirectoryStore, read_attempt, what_verifies

RELEASE, CONFIGURATION = digest_json("release"), digest_json("configuration")


@pytest.fixture
def store(tmp_path: Path) -> DirectoryStore:
    return DirectoryStore(tmp_path / "evidence")


def test_what_was_put_is_read(store: DirectoryStore) -> None:
    store.put("a-r1", {"plan.json": b"{}", "observations.parquet": b"rows", "evidence.json": b"signed"})
    assert [store.read("a-r1", name) for name in ("plan.json", "observations.parquet", "evidence.json")] == [b"{}", b"rows", b"signed"]
    assert store.attempts() == ["a-r1"]
    assert sorted(path.name for path in store.folder("a-r1").iterdir()) == ["evidence.json", "observations.parquet", "plan.json"]


def test_a_folder_where_a_gate_still_works_is_no_evidence(store: DirectoryStore) -> None:
    store.folder("a-r1").mkdir(parents=True)
    (store.folder("a-r1") / "rows-1.arrow").write_bytes(b"rows")
    assert store.attempts() == []
    store.put("a-r1", {"evidence.json": b"signed"})
    assert store.attempts() == ["a-r1"]
    assert store.read("a-r1", "rows-1.arrow") == b"rows"


def test_evidence_is_written_once(store: DirectoryStore) -> None:
    store.put("a-r1", {"plan.json": b"{}", "evidence.json": b"signed"})
    store.put("a-r1", {"plan.json": b"{}", "evidence.json": b"signed"})
    with pytest.raises(EvidenceError, match="written once") as caught:
        store.put("a-r1", {"plan.json": b"other", "evidence.json": b"other"})
    assert "mlgate gate" in caught.value.remedy
    assert (store.read("a-r1", "plan.json"), store.read("a-r1", "evidence.json")) == (b"{}", b"signed")


@pytest.mark.parametrize("failing", ["plan.json", "observations.parquet", "evidence.json"])
def test_a_full_disk_leaves_no_evidence_and_the_same_again_succeeds(
    store: DirectoryStore, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    files = {"evidence.json": b"signed", "plan.json": b"{}", "observations.parquet": b"rows"}
    write = store_module.write_whole

    def full(path: Path, content: bytes) -> None:
        if path.name == failing:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(path, content)

    monkeypatch.setattr(store_module, "write_whole", full)
    with pytest.raises(EvidenceError, match="No space left on device"):
        store.put("a-r1", files)
    assert store.attempts() == []
    monkeypatch.setattr(store_module, "write_whole", write)
    store.put("a-r1", files)
    assert store.attempts() == ["a-r1"]


def test_a_statement_is_not_evidence_before_everything_it_rests_on_is_there(store: DirectoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    monkeypatch.setattr(store_module, "write_whole", lambda path, _: written.append(path.name))
    store.put("a-r1", {"evidence.json": b"signed", "plan.json": b"{}", "observations.parquet": b"rows"})
    assert written[-1] == "evidence.json"


@pytest.mark.parametrize("attempt", ["", "..", ".hidden", "a/b", "../a", "a b"])
def test_an_id_is_a_plain_name(store: DirectoryStore, attempt: str) -> None:
    with pytest.raises(EvidenceError, match="not the id of an attempt"):
        store.put(attempt, {"evidence.json": b"signed"})


def test_what_is_missing_or_unreadable_is_named(store: DirectoryStore) -> None:
    with pytest.raises(EvidenceError, match="no such file") as caught:
        store.read("a-r1", "evidence.json")
    assert caught.value.where.endswith("a-r1/evidence.json")
    (store.folder("a-r1") / "evidence.json").mkdir(parents=True)
    with pytest.raises(EvidenceError, match="cannot be read"):
        store.read("a-r1", "evidence.json")


def test_a_file_is_on_the_disk_before_it_is_there_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a power cut could leave an evidence.json that is empty."""
    done: list[str] = []
    sync, replace = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda descriptor: (done.append(f"sync of {os.fstat(descriptor).st_size} bytes"), sync(descriptor)))
    monkeypatch.setattr(Path, "replace", lambda path, target: (done.append(f"rename to {target.name}"), replace(path, target)))
    store_module.write_whole(tmp_path / "evidence.json", b"signed")
    assert done == ["sync of 6 bytes", "rename to evidence.json"]


class TestVerified:
    def of(self, desk: Any) -> list[str]:
        found = what_verifies(desk.store, desk.store.attempts(), desk.trust, "local", desk.clock.now_ns)
        return [evidence.attempt for evidence in found]

    def test_what_does_not_verify_is_left_out(self, desk: Any) -> None:
        good, bad = desk.gate(RELEASE, CONFIGURATION), desk.gate(RELEASE, CONFIGURATION)
        (desk.store.folder(bad.id) / "evidence.json").write_bytes(b"{}")
        assert self.of(desk) == [good.id]

    def test_evidence_in_the_folder_of_another_attempt_is_refused(self, desk: Any) -> None:
        one, two = desk.gate(RELEASE, CONFIGURATION, Verdict.FAIL), desk.gate(RELEASE, CONFIGURATION)
        (desk.store.folder(one.id) / "evidence.json").write_bytes(desk.store.read(two.id, "evidence.json"))
        with pytest.raises(EvidenceError, match=f"the evidence of attempt {two.id}"):
            read_attempt(desk.store, one.id, desk.trust, "local", desk.clock.now_ns)
        assert self.of(desk) == [two.id]
