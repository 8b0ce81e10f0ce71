"""Pickles that run code are refused, wherever in a model directory they hide."""

import bz2
import errno
import gzip
import io
import json
import lzma
import os
import pickle
import tempfile
import zipfile
import zlib
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mlgate import PackError, Service
from mlgate_serving.pack import pack
from mlgate_serving.scan import scan_file


class Bomb:
    """Leaves a file behind when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch /tmp/mlgate-test-bomb",)


def zipped(content: bytes, name: str = "data.pkl", how: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", how) as archive:
        archive.writestr(name, content)
    return buffer.getvalue()


def saved(value: Any, **options: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer, **options)
    return buffer.getvalue()


BOMB = pickle.dumps(Bomb())
UNSAFE = {
    "a.pkl": BOMB,
    "protocol-0.pkl": pickle.dumps(Bomb(), protocol=0),
    "a.bin": BOMB,
    "behind-another.bin": pickle.dumps(OrderedDict(a=1)) + BOMB,
    "before-a-zip.pkl": BOMB + zipped(b"x"),
    "renamed.txt": BOMB,
    "weights-2.pt": saved({"w": Bomb()}),
    "legacy.pt": saved({"w": Bomb()}, _use_new_zipfile_serialization=False),
    "zip.zip": zipped(BOMB),
    "zip-as-text.txt": zipped(BOMB),
    "zip-in-zip.zip": zipped(zipped(BOMB), "inner.zip"),
    "weights-in-zip.zip": zipped(saved({"w": Bomb()}), "weights.pt"),
}


def write(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("name", UNSAFE)
def test_an_unsafe_pickle_is_found_and_named(tmp_path: Path, name: str) -> None:
    (problem, *_) = scan_file(write(tmp_path, name, UNSAFE[name]), name)
    assert problem.where.startswith(name)
    assert "system" in problem.found


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("a.pkl", gzip.compress(BOMB), "packed with gzip"),
        *[("a.joblib", zlib.compress(BOMB, level), "packed with zlib") for level in (1, 3, 6, 9)],
        ("a.joblib", lzma.compress(BOMB, lzma.FORMAT_ALONE), "packed with lzma"),
        ("a.pkl", b"\x04\x22\x4d\x18" + BOMB, "packed with lz4"),
        ("a.pkl", b"\x28\xb5\x2f\xfd" + BOMB, "packed with zstd"),
        ("a.pkl.gz", gzip.compress(BOMB), "packed with gzip"),
        ("a.PKL.bz2", bz2.compress(BOMB), "packed with bzip2"),
        ("a.joblib.xz", lzma.compress(BOMB), "packed with xz"),
        ("a.pkl", b"\x01of no known kind" + BOMB, "not a pickle"),
        ("a.joblib", pickle.dumps([1, 2])[:-1], "not a pickle"),
        ("a.zip", zipped(b"x")[:-30], "cannot be looked into"),
        ("deep.zip", zipped(zipped(zipped(zipped(zipped(BOMB))))), "levels deep"),
    ],
    ids=lambda value: "" if isinstance(value, bytes) else value,  # the bytes of some hold the time, and workers must agree on names
)
def test_what_cannot_be_looked_into_is_refused(tmp_path: Path, name: str, content: bytes, found: str) -> None:
    (problem,) = scan_file(write(tmp_path, name, content), name)
    assert found in problem.found


@pytest.mark.parametrize(("how", "at"), [(zipfile.ZIP_DEFLATED, 0), (zipfile.ZIP_BZIP2, 0), (zipfile.ZIP_LZMA, 9)])
def test_a_zip_of_damaged_content_is_refused_however_it_is_compressed(tmp_path: Path, how: int, at: int) -> None:
    content = bytearray(zipped(b"words " * 99, "words.txt", how))
    begins = 30 + len("words.txt") + at  # behind the file's header and, for LZMA, that of its content
    content[begins : begins + 8] = b"\xff" * 8
    (problem,) = scan_file(write(tmp_path, "a.zip", bytes(content)), "a.zip")
    assert "cannot be looked into" in problem.found


def test_a_disk_that_fails_under_a_zip_is_said_as_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_stream: Any) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("mlgate_serving.scan.zipfile.ZipFile", fail)
    with pytest.raises(OSError, match="Input/output error"):
        scan_file(write(tmp_path, "a.zip", b"PK\3\4"), "a.zip")


@pytest.mark.parametrize("name", ["table.joblib", "table.pkl", "table.bin"])
def test_a_bomb_behind_raw_array_bytes_is_refused(tmp_path: Path, name: str) -> None:
    """joblib writes arrays as they are into the middle of its pickles, where a reader of pickles stops."""
    (problem,) = scan_file(write(tmp_path, name, pickle.dumps(OrderedDict(a=1))[:-1] + b"\xff" * 64 + BOMB), name)
    assert "looked into only in part" in problem.found


def test_an_object_array_is_a_pickle_too(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([Bomb()], dtype=object))
    assert scan_file(tmp_path / "a.npy", "a.npy")
    np.save(tmp_path / "b.npy", np.arange(4))
    assert not scan_file(tmp_path / "b.npy", "b.npy")


@pytest.mark.parametrize(
    "content",
    [saved({"w": torch.ones(3)}), saved({"w": torch.ones(3)}, _use_new_zipfile_serialization=False), pickle.dumps({"a": [1, "b"]})],
)
def test_tensors_and_plain_values_raise_no_alarm(tmp_path: Path, content: bytes) -> None:
    for name in ("weights.pt", "table.bin", "numbers.data"):
        assert not scan_file(write(tmp_path, name, content), name)


def test_a_plain_pickle_and_what_is_packed_but_no_pickle_raise_no_alarm(tmp_path: Path) -> None:
    for name in ("table.pkl", "table.pickle", "table.joblib"):
        assert not scan_file(write(tmp_path, name, pickle.dumps({"a": [1, "b"]})), name)
    assert not scan_file(write(tmp_path, "words.txt.gz", gzip.compress(b"cat dog")), "words.txt.gz")
    assert not scan_file(write(tmp_path, "numbers.bin", np.arange(93, 200).tobytes()), "numbers.bin")


def test_texts_and_code_are_no_pickles(tmp_path: Path) -> None:
    for name in ("words.txt", "model.py", "labels.json"):
        assert not scan_file(write(tmp_path, name, b"cat\ndog\nimport os; os.system('x')\n"), name)


def test_a_directory_with_unsafe_pickles_is_refused_naming_each(make_model: Callable[..., Path], service: Service, tmp_path: Path) -> None:
    folder = make_model()
    write(folder, "table.pkl", BOMB)
    write(folder, "weights.pt", saved({"w": Bomb()}))
    with pytest.raises(PackError) as caught:
        pack(folder, service=service, version="1", output=tmp_path / "out")
    assert "table.pkl" in str(caught.value)
    assert "weights.pt" in str(caught.value)
    assert not Path("/tmp/mlgate-test-bomb").exists()  # noqa: S108
    assert not (tmp_path / "out").exists()


def test_names_that_the_scanner_does_not_know_pass_since_parameters_have_such(
    make_model: Callable[..., Path], service: Service, tmp_path: Path, state_dict: dict[str, torch.Tensor]
) -> None:
    folder = make_model()
    torch.save({name: torch.nn.Parameter(value) for name, value in state_dict.items()}, folder / "weights.pt")
    assert "weights.pt" in pack(folder, service=service, version="1", output=tmp_path / "out").files


@pytest.fixture(scope="module")
def exported(model_text: str) -> bytes:
    """A usual model.pt2."""
    namespace: dict[str, type[torch.nn.Module]] = {}
    exec(model_text, namespace)  # noqa: S102
    shapes = ({0: torch.export.Dim("batch")},)
    buffer = io.BytesIO()
    torch.export.save(torch.export.export(namespace["Model"]().eval(), (torch.zeros(2, 8, 8),), dynamic_shapes=shapes), buffer)
    return buffer.getvalue()


def with_members(program: bytes, **members: bytes) -> bytes:
    """The program with these members below `data/`, in place of its own or beside them."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(program)) as own, zipfile.ZipFile(buffer, "w") as changed:
        root = own.namelist()[0].split("/")[0]
        names = {f"{root}/data/{name}": content for name, content in members.items()}
        for name in own.namelist():
            changed.writestr(name, names.pop(name) if name in names else own.read(name))
        for name, content in names.items():
            changed.writestr(name, content)
    return buffer.getvalue()


class Stranger:
    """Makes a folder when it is unpickled, by a function that the scanner does not know."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> tuple[Any, ...]:
        return tempfile.mkdtemp, ("", "mark-", str(self.place))


def payload(name: str, path: str) -> bytes:
    """What a program's own list says of a parameter or constant that is a pickle."""
    return json.dumps({"config": {name: {"path_name": path, "is_param": False, "use_pickle": True, "tensor_meta": None}}}).encode()


def test_a_usual_exported_program_passes(exported: bytes, service: Service, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    write(tmp_path / "model", "model.pt2", with_members(exported))
    before = dict(os.environ), pickle.loads
    assert "model.pt2" in pack(tmp_path / "model", service=service, version="1", output=tmp_path / "out").files
    assert (dict(os.environ), pickle.loads) == before


@pytest.mark.parametrize(
    "members",
    [
        lambda stranger: {"sample_inputs/model.pt": saved(((stranger,), {}))},
        lambda stranger: {"weights/model_weights_config.json": payload("x", "weight_9"), "weights/weight_9": saved(stranger)},
        lambda stranger: {"constants/model_constants_config.json": payload("x", "tensor_9"), "constants/tensor_9": saved(stranger)},
        lambda stranger: {"constants/model_constants_config.json": payload("x", "opaque_obj_0"), "constants/opaque_obj_0": stranger},
    ],
    ids=["example inputs", "weights", "constants", "objects"],
)
def test_an_exported_program_that_is_more_than_tensors_is_refused_before_anything_of_it_ran(
    exported: bytes, service: Service, tmp_path: Path, members: Callable[[Any], dict[str, Any]]
) -> None:
    folder, marks = tmp_path / "model", tmp_path / "marks"
    folder.mkdir()
    marks.mkdir()
    content = {name: pickle.dumps(part) if isinstance(part, Stranger) else part for name, part in members(Stranger(marks)).items()}
    write(folder, "model.pt2", with_members(exported, **content))
    assert not scan_file(folder / "model.pt2", "model.pt2")
    with pytest.raises(PackError, match=r"model.pt2: holds more than tensors"):
        pack(folder, service=service, version="1", output=tmp_path / "out")
    assert not list(marks.iterdir())


def test_weights_that_are_more_than_tensors_are_refused_even_where_no_scanner_objects(
    make_model: Callable[..., Path], service: Service, tmp_path: Path
) -> None:
    folder = make_model()
    torch.save(torch.nn.Linear(2, 2), folder / "weights.pt")  # a whole module: harmless, and still code by name
    assert not scan_file(folder / "weights.pt", "weights.pt")
    with pytest.raises(PackError, match=r"weights.pt: holds more than tensors"):
        pack(folder, service=service, version="1", output=tmp_path / "out")
