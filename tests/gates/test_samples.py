"""What is asked of a declared file: each distinct input with its label once, by the first case that has both."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlgate import Service
from mlgate_gates.samples import Sample, read_samples

Read = Callable[..., Sample]
CASES = 900


@pytest.fixture
def read(service_from: Callable[..., Service]) -> Read:
    """The hold-out of a declaration whose file has these inputs (one number for all pixels of an image) and labels."""

    def write_and_read(inputs: Any, labels: Any) -> Sample:
        service = service_from(("0.94, data: data/holdout.parquet}", "0.94, data: data/holdout.parquet, slices: [digit]}"))
        path = service.data_path("data/holdout.parquet")
        path.parent.mkdir()
        columns = {
            "case_id": [f"case-{place}" for place in range(len(inputs))],
            "image": pa.array([[float(number)] * 64 for number in inputs], pa.list_(pa.float32())),
            "label": pa.array(labels, pa.int64()),
            "digit": [f"digit-{place}" for place in range(len(inputs))],
        }
        pq.write_table(pa.table(columns), path)
        (sample,) = read_samples(service)
        return sample

    return write_and_read


def test_cases_that_repeat_inputs_and_label_of_another_are_counted_and_not_asked(read: Read) -> None:
    """880 of 900 right where 90 are distinct would be judged as if ten times as much were known."""
    inputs = np.arange(CASES) % 90 / 10
    sample = read(inputs, np.arange(CASES) % 90 % 10)
    assert (len(sample.cases), sample.repeats) == (90, 810)
    assert sample.to_dict() | {"digest": None} == {
        "id": "holdout",
        "data": "data/holdout.parquet",
        "digest": None,
        "cases": 90,
        "repeats": 810,
        "arms": ["candidate", "stable"],
        "look": False,
    }


def test_it_is_the_first_of_equal_cases_that_is_asked_with_its_slices(read: Read) -> None:
    sample = read([3, 1, 3, 2, 1], [7, 5, 7, 7, 5])
    assert sample.cases.case_ids == ("case-0", "case-1", "case-3")
    assert sample.cases.inputs["image"][:, 0, 0].tolist() == [3, 1, 2]
    assert sample.cases.labels.tolist() == [7, 5, 7]
    assert sample.cases.slices == {"digit": ("digit-0", "digit-1", "digit-3")}


def test_distinct_cases_are_all_asked(read: Read) -> None:
    sample = read(np.arange(CASES) / 100, [0] * CASES)
    assert (len(sample.cases), sample.repeats) == (CASES, 0)


def test_one_input_under_two_labels_is_two_cases(read: Read) -> None:
    sample = read([1, 2, 1, 3, 1, 2], [0, 5, 4, 6, 0, 5])
    assert sample.cases.case_ids == ("case-0", "case-1", "case-2", "case-3")
    assert (sample.cases.labels.tolist(), sample.repeats) == ([0, 5, 4, 6], 2)
