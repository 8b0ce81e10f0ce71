"""From an evidence folder to a file beside it: whole or not at all, and a clear error where the folder is not what a gate left."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from mlgate.digests import digest_bytes
from mlgate.errors import EvidenceError
from mlgate_gates.report import build_report
from mlgate_loadtests.recording import read_observations, write_observations

from .evidence import read_predicate

_NEEDED = ["plan", "plan_digest", "result", "observations", "look", "ledger", "started_ns", "finished_ns", "signed_ns", "versions"]


def _envelope(predicate):
    statement = {"predicate": predicate}
    return {"payload": base64.b64encode(json.dumps(statement).encode()).decode(), "signatures": [{"keyid": "k" * 64, "sig": ""}]}


def test_the_report_lies_beside_the_evidence_and_shows_whose_signature_it_bears(copy_of):
    folder = copy_of("pass")
    (folder / "report.html").unlink()
    path = build_report(folder)
    assert path == folder / "report.html"
    keyid = json.loads((folder / "evidence.json").read_bytes())["signatures"][0]["keyid"]
    assert keyid in path.read_text()
    assert sorted(file.name for file in folder.iterdir()) == ["evidence.json", "look.json", "observations.parquet", "report.html"]


def test_a_full_disk_leaves_the_old_report_and_nothing_else(copy_of, monkeypatch):
    folder = copy_of("pass")
    (folder / "report.html").write_text("the old one")

    def full(self, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(EvidenceError, match="the report cannot be written: No space left") as caught:
        build_report(folder)
    assert f"mlgate report {folder}" in caught.value.remedy
    assert (folder / "report.html").read_text() == "the old one"
    assert not [file.name for file in folder.iterdir() if file.name.startswith(".")]


def test_others_may_read_the_report(copy_of):
    assert build_report(copy_of("pass")).stat().st_mode & 0o777 == 0o644


def test_without_cases_to_look_at_there_is_still_a_report(copy_of):
    folder = copy_of("pass")
    (folder / "look.json").unlink()
    text = build_report(folder).read_text()
    assert "<img" not in text
    assert "7 of the 150 asked were answered wrongly. They are not kept here." in text


@pytest.mark.parametrize("missing", ["evidence.json", "observations.parquet"])
def test_a_missing_file_is_named(copy_of, missing):
    folder = copy_of("pass")
    (folder / missing).unlink()
    with pytest.raises(EvidenceError) as caught:
        build_report(folder)
    assert caught.value.where == str(folder / missing)
    assert caught.value.remedy


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not json",
        b"\xff\xfe",
        b"[]",
        b"{}",
        b'{"payload": 7, "signatures": []}',
        b'{"payload": "####", "signatures": []}',
        b'{"payload": "W10=", "signatures": []}',
        b'{"payload": "bm90IGpzb24=", "signatures": []}',
        b'{"payload": "e30=", "signatures": [{}]}',
        b'{"payload": "e30=", "signatures": []}',
    ],
)
def test_an_envelope_that_is_none_is_an_error_and_no_traceback(copy_of, content):
    folder = copy_of("pass")
    (folder / "evidence.json").write_bytes(content)
    with pytest.raises(EvidenceError) as caught:
        build_report(folder)
    assert "evidence.json" in caught.value.where


@pytest.mark.parametrize("field", _NEEDED)
def test_a_predicate_that_lacks_something_is_refused_by_its_name(copy_of, field):
    folder = copy_of("pass")
    predicate = read_predicate(folder)
    del predicate[field]
    (folder / "evidence.json").write_text(json.dumps(_envelope(predicate)))
    with pytest.raises(EvidenceError, match=f"^the evidence: {field}: "):
        build_report(folder)


def test_a_finding_with_an_unknown_verdict_is_refused_by_its_place(copy_of):
    folder = copy_of("pass")
    predicate = read_predicate(folder)
    predicate["result"]["findings"][1]["verdict"] = "MAYBE"
    (folder / "evidence.json").write_text(json.dumps(_envelope(predicate)))
    with pytest.raises(EvidenceError, match=r"^the evidence: result\.findings\.1\.verdict: "):
        build_report(folder)


def test_rows_other_than_the_signed_ones_are_refused(copy_of):
    folder = copy_of("pass")
    path = folder / "observations.parquet"
    write_observations(path, read_observations(path).slice(1))
    with pytest.raises(EvidenceError, match="not the file that the evidence was signed with") as caught:
        build_report(folder)
    assert caught.value.where == str(path)


def test_cases_to_look_at_other_than_the_signed_ones_are_refused(copy_of):
    folder = copy_of("pass")
    path = folder / "look.json"
    path.write_text(json.dumps(json.loads(path.read_bytes())[1:]))
    with pytest.raises(EvidenceError, match="not the file that the evidence was signed with") as caught:
        build_report(folder)
    assert caught.value.where == str(path)


def test_rows_without_a_column_are_refused(copy_of):
    folder = copy_of("pass")
    path = folder / "observations.parquet"
    pq.write_table(pq.read_table(path).drop_columns(["error"]), path)
    with pytest.raises(EvidenceError, match="columns"):
        build_report(folder)


@pytest.mark.parametrize("content", [b"nothing", b"{}", b"[1]", b'[{"case_id": "a"}]', b'[{"case_id": "a", "label": "x"}]'])
def test_cases_to_look_at_that_are_malformed_are_an_error(copy_of, content):
    folder = copy_of("pass")
    (folder / "look.json").write_bytes(content)
    predicate = read_predicate(folder) | {"look": {"digest": digest_bytes(content)}}
    (folder / "evidence.json").write_text(json.dumps(_envelope(predicate)))
    with pytest.raises(EvidenceError, match=r"look\.json") as caught:
        build_report(folder)
    assert "signed with" not in str(caught.value)
