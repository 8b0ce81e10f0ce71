"""Hold-out files: what is right is read exactly, and what is wrong is named with column and row, all at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlgate.digests import digest_file
from mlgate.errors import DeclarationError
from mlgate.interface import Interface
from mlgate_loadtests.cases import read_cases

INTERFACE = Interface.model_validate(
    {
        "protocol": "torchserve",
        "input": {"image": {"dtype": "float32", "shape": [-1, 2, 3], "at_least": 0.0, "at_most": 16.0}},
        "output": {"field": "scores", "shape": [-1, 10], "answer": "argmax"},
    }
)
IMAGES = np.arange(24, dtype=np.float64).reshape(4, 2, 3) % 17


def write(path: Path, **changes: Any) -> Path:
    columns: dict[str, Any] = {
        "case_id": ["a", "b", "c", "d"],
        "image": IMAGES.tolist(),
        "label": [0, 1, 9, 3],
        "digit": ["zero", "one", "nine", "three"],
        **changes,
    }
    pq.write_table(pa.table({name: column for name, column in columns.items() if column is not None}), path)
    return path


def problems(path: Path, interface: Interface = INTERFACE, slices: tuple[str, ...] = ()) -> list[str]:
    with pytest.raises(DeclarationError) as caught:
        read_cases(path, interface, slices)
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    "image",
    [
        pytest.param(IMAGES.tolist(), id="nested"),
        pytest.param(IMAGES.reshape(4, 6).tolist(), id="flat"),
        pytest.param(IMAGES.astype(int).tolist(), id="whole numbers for floats"),
        pytest.param(pa.FixedSizeListArray.from_arrays(pa.array(IMAGES.reshape(-1)), 6), id="fixed size"),
        pytest.param(pa.array(IMAGES.tolist(), pa.large_list(pa.large_list(pa.float32()))), id="large lists"),
        pytest.param(pa.chunked_array([pa.array(IMAGES[:1].tolist()), pa.array(IMAGES[1:].tolist())]), id="chunked"),
    ],
)
def test_every_usual_layout_gives_the_declared_arrays(tmp_path, image):
    path = write(tmp_path / "cases.parquet", image=image)
    cases = read_cases(path, INTERFACE, ["digit"])
    assert cases.case_ids == ("a", "b", "c", "d")
    assert cases.inputs["image"].dtype == np.float32
    np.testing.assert_array_equal(cases.inputs["image"], IMAGES)
    np.testing.assert_array_equal(cases.case(2)["image"], IMAGES[2])
    np.testing.assert_array_equal(cases.labels, [0, 1, 9, 3])
    assert cases.slices == {"digit": ("zero", "one", "nine", "three")}
    assert cases.digest == digest_file(path)
    assert len(cases) == 4


def test_numbers_name_cases_as_well_as_texts_do(tmp_path):
    assert read_cases(write(tmp_path / "c.parquet", case_id=[7, 8, 9, 10]), INTERFACE).case_ids == ("7", "8", "9", "10")


def changed(row: int, value: Any) -> list[Any]:
    images = IMAGES.tolist()
    images[row][1][2] = value
    return images


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"label": None}, ["column label", "is absent", "there are: case_id, image, digit"]),
        ({"image": None}, ["column image", "is absent"]),
        ({"case_id": ["a", "b", "a", "d"]}, ["column case_id, row 2", "'a' is there twice (first in row 0)"]),
        ({"case_id": ["a", None, "c", "d"]}, ["column case_id, row 1", "NULL"]),
        ({"label": [0, 1, None, 3]}, ["column label, row 2", "NULL"]),
        ({"label": [0, 1, 10, 3]}, ["column label, row 2", "is 10", "a class from 0 to 9"]),
        ({"label": [0, 1, 2.5, 3]}, ["column label, row 2", "is 2.5"]),
        ({"label": [0, float("nan"), 2, 3]}, ["column label, row 1", "is nan"]),
        ({"label": ["0", "1", "2", "3"]}, ["column label", "type string"]),
        ({"image": changed(2, float("nan"))}, ["column image, row 2", "holds nan", "a finite float32"]),
        ({"image": changed(2, float("inf"))}, ["column image, row 2", "holds inf"]),
        ({"image": changed(3, 1e300)}, ["column image, row 3", "a finite float32"]),
        ({"image": changed(1, None)}, ["column image, row 1", "holds NULL"]),
        ({"image": [*IMAGES[:3].tolist(), None]}, ["column image, row 3", "NULL"]),
        ({"image": [*IMAGES[:3].tolist(), [[1.0, 2.0, 3.0], None]]}, ["column image, row 3", "NULL"]),
        ({"image": changed(1, -0.5)}, ["column image, row 1", "holds -0.5", "at least 0"]),
        ({"image": changed(3, 16.5)}, ["column image, row 3", "holds 16.5", "at most 16"]),
        ({"image": [*IMAGES[:3].tolist(), [[1.0, 2.0, 3.0]]]}, ["column image, row 3", "has 1 elements where 2 are declared"]),
        ({"image": [*IMAGES[:3].tolist(), [[1.0, 2.0, 3.0], [1.0]]]}, ["column image, row 3", "has 1 elements where 3 are declared"]),
        ({"image": IMAGES[:, :, :2].reshape(4, 4).tolist()}, ["column image, row 0", "has 4 elements where 6 are declared"]),
        ({"image": [0.5] * 4}, ["column image", "type double", "one flat list of 6"]),
        ({"image": [[["x"] * 3] * 2] * 4}, ["column image", "made of string"]),
    ],
)
def test_a_wrong_column_is_named_with_its_row(tmp_path, changes, words):
    path = write(tmp_path / "cases.parquet", **changes)
    (problem,) = problems(path)
    for word in [str(path), *words]:
        assert word in problem


def test_all_problems_come_at_once(tmp_path):
    path = write(tmp_path / "cases.parquet", label=None, case_id=["a", "a", "c", "d"], image=changed(0, -1.0))
    assert len(problems(path, slices=("digit", "hour"))) == 4


def test_an_empty_hold_out_is_an_error(tmp_path):
    empty = pa.table({"case_id": [], "image": [], "label": []}).cast(
        pa.schema([("case_id", pa.string()), ("image", pa.list_(pa.float64())), ("label", pa.int64())])
    )
    pq.write_table(empty, tmp_path / "empty.parquet")
    (problem,) = problems(tmp_path / "empty.parquet")
    assert "holds no case" in problem


def test_a_missing_file_and_one_that_is_not_parquet_say_so(tmp_path):
    (problem,) = problems(tmp_path / "absent.parquet")
    assert "no such file" in problem
    (tmp_path / "text.parquet").write_text("case_id,label\n")
    (problem,) = problems(tmp_path / "text.parquet")
    assert "cannot be read as Parquet" in problem


def test_whole_number_inputs_refuse_what_their_type_cannot_hold(tmp_path):
    interface = INTERFACE.model_copy(
        update={
            "input": Interface.model_validate({**INTERFACE.model_dump(), "input": {"image": {"dtype": "uint8", "shape": [-1, 2, 3]}}}).input
        }
    )
    path = write(tmp_path / "c.parquet", image=IMAGES.astype(int).tolist())
    assert read_cases(path, interface).inputs["image"].dtype == np.uint8
    (problem,) = problems(write(tmp_path / "d.parquet", image=(IMAGES.astype(int) + 250).tolist()), interface)
    assert "a number that uint8 can hold" in problem
    (problem,) = problems(write(tmp_path / "e.parquet"), interface)
    assert "made of double" in problem


def test_a_scalar_input_is_a_plain_column(tmp_path):
    interface = Interface.model_validate({**INTERFACE.model_dump(), "input": {"image": {"dtype": "float64", "shape": [-1]}}})
    cases = read_cases(write(tmp_path / "c.parquet", image=[0.5, 1.5, 2.5, 3.5]), interface)
    assert cases.case(1) == {"image": 1.5}


def test_cases_with_the_same_inputs_have_the_same_contents_whatever_they_are_called(tmp_path):
    images = [IMAGES[0].tolist(), IMAGES[1].tolist(), IMAGES[0].tolist(), IMAGES[3].tolist()]
    contents = read_cases(write(tmp_path / "cases.parquet", image=images), INTERFACE).contents
    assert [contents.index(content) for content in contents] == [0, 1, 0, 3]
    flat = [IMAGES[0].ravel().tolist()] * 4
    assert set(read_cases(write(tmp_path / "flat.parquet", image=flat), INTERFACE).contents) == {contents[0]}
