"""Digests are one function of content; a release.json that contradicts itself is refused."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlgate import EvidenceError, Release
from mlgate.digests import canonical_json, digest_bytes, digest_file, digest_json, digest_of_files, short

FILES = {"model.py": digest_bytes(b"a"), "weights.safetensors": digest_bytes(b"b")}


@pytest.fixture
def release() -> dict[str, Any]:
    return {
        "service": "digits",
        "version": "1",
        "digest": digest_of_files(FILES),
        "archive": "digits-1.mar",
        "archive_digest": digest_bytes(b"zip"),
        "files": FILES,
        "interface": {
            "protocol": "torchserve",
            "input": {"image": {"dtype": "float32", "shape": [-1, 8, 8]}},
            "output": {"field": "probabilities", "shape": [-1, 10], "answer": "argmax"},
        },
        "mlgate": "0.1.0",
        "lineage": {"seed": 7, "hyperparameters": {"epochs": 20, "rate": 0.1}},
    }


def write(folder: Path, value: Any) -> Path:
    (folder / "release.json").write_text(json.dumps(value), encoding="utf-8")
    return folder


def test_a_release_is_read_from_its_folder(tmp_path: Path, release: dict[str, Any]) -> None:
    read = Release.read(write(tmp_path, release))
    assert read.label == f"digits 1 ({short(release['digest'])})"
    assert read.lineage.hyperparameters == {"epochs": 20, "rate": 0.1}


def test_a_folder_without_release_says_how_to_pack_one(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match="mlgate pack"):
        Release.read(tmp_path)


def test_a_release_whose_file_digests_were_changed_is_refused(tmp_path: Path, release: dict[str, Any]) -> None:
    release["files"] = {**FILES, "model.py": digest_bytes(b"c")}
    with pytest.raises(EvidenceError, match="do not add up"):
        Release.read(write(tmp_path, release))


def test_a_malformed_release_names_the_place(tmp_path: Path, release: dict[str, Any]) -> None:
    release["archive_digest"] = "sha256:short"
    with pytest.raises(EvidenceError, match="archive_digest"):
        Release.read(write(tmp_path, release))


@pytest.mark.parametrize("archive", ["../../x.mar", "/etc/x.mar", "a/b.mar", "..", "release.json", ".hidden.mar", "a.mar\n", ""])
def test_an_archive_that_does_not_lie_beside_its_release_is_refused(tmp_path: Path, release: dict[str, Any], archive: str) -> None:
    release["archive"] = archive
    with pytest.raises(EvidenceError, match=r"release\.json: archive: "):
        Release.read(write(tmp_path, release))


def test_an_archive_given_for_its_folder_says_to_give_the_folder(tmp_path: Path) -> None:
    (tmp_path / "digits-1.mar").write_bytes(b"zip")
    with pytest.raises(EvidenceError, match=r"digits-1\.mar/release\.json: cannot be read: Not a directory\n  -> give the folder"):
        Release.read(tmp_path / "digits-1.mar")


def test_the_release_digest_is_the_one_that_old_evidence_was_signed_for() -> None:
    """What `sha256sum model.py weights.safetensors | sha256sum` says of two files that hold a and b: evidence lives for years."""
    assert digest_of_files(FILES) == "sha256:06a5b85cb35b0cc76fe89225df68bb3eb8702b68f0a6ab1677d70388cfe1128f"


def test_a_file_and_its_bytes_have_the_same_digest(tmp_path: Path) -> None:
    path = tmp_path / "big"
    path.write_bytes(b"x" * 3_000_000)
    assert digest_file(path) == digest_bytes(b"x" * 3_000_000) == "sha256:" + hashlib.sha256(b"x" * 3_000_000).hexdigest()


@given(st.dictionaries(st.text(min_size=1, max_size=8), st.binary(max_size=4).map(digest_bytes), min_size=1, max_size=5))
def test_the_release_digest_knows_no_order_but_every_path_and_content(files: dict[str, str]) -> None:
    assert digest_of_files(files) == digest_of_files(dict(reversed(files.items())))
    path = next(iter(files))
    assert digest_of_files(files) != digest_of_files({**files, path: digest_bytes(b"something else")})


def test_canonical_json_has_one_form_and_refuses_what_json_cannot_hold() -> None:
    assert canonical_json({"b": 1, "a": [1.5, None, "ü"]}) == '{"a":[1.5,null,"ü"],"b":1}'.encode()
    assert digest_json({"a": 1, "b": 2}) == digest_json({"b": 2, "a": 1})
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json(float("nan"))
