"""Pictures of cases: the pixels are the values, and what is no picture is told in numbers."""

from __future__ import annotations

import base64
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra import numpy as arrays

from mlgate_gates.predicate import read_looked
from mlgate_gates.report.pictures import answer_text, picture, png_address

DECLARATION = {"interface": {"input": {"image": {"at_least": 0, "at_most": 16}}}}


def _case(shape, values):
    case = {"case_id": "a", "label": 3.0, "answer": 8.0, "field": "image", "shape": shape, "values": list(values)}
    return read_looked([case])[0]


def _pixels(address):
    """The pixels of a PNG, each chunk's length and checksum checked on the way."""
    content = base64.b64decode(address.removeprefix("data:image/png;base64,"))
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    at, chunks = 8, {}
    while at < len(content):
        (length,) = struct.unpack(">I", content[at : at + 4])
        kind, body = content[at + 4 : at + 8], content[at + 8 : at + 8 + length]
        assert struct.unpack(">I", content[at + 8 + length : at + 12 + length]) == (zlib.crc32(kind + body),)
        chunks[kind] = body
        at += 12 + length
    width, height, depth, colour, *_ = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    assert (depth, colour) == (8, 0)
    lines = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), dtype=np.uint8).reshape(height, width + 1)
    assert not lines[:, 0].any()  # no filter
    return lines[:, 1:]


@given(arrays.arrays(np.uint8, arrays.array_shapes(min_dims=2, max_dims=2, max_side=32)))
def test_a_png_holds_its_pixels(grey):
    assert (_pixels(png_address(grey)) == grey).all()


def test_the_declared_bounds_are_black_and_white():
    drawn = picture(_case([2, 2], [0, 8, 16, 99]), DECLARATION)
    assert _pixels(drawn.source).tolist() == [[0, 128], [255, 255]]
    assert drawn.text == "2 by 2 pixels"


@pytest.mark.parametrize("declaration", [{}, {"interface": None}, {"interface": {"input": {"other": {}}}}])
def test_without_declared_bounds_the_pictures_own_extremes_are(declaration):
    assert _pixels(picture(_case([2, 2], [5, 6, 7, 9]), declaration).source).tolist() == [[0, 64], [128, 255]]


def test_a_picture_of_one_grey_is_no_division_by_zero():
    assert not _pixels(picture(_case([2, 2], [7, 7, 7, 7]), {}).source).any()


def test_sides_of_one_are_no_obstacle():
    assert _pixels(picture(_case([1, 2, 3], range(6)), {}).source).shape == (2, 3)


@pytest.mark.parametrize(("shape", "values"), [([3], [1, 2, 3]), ([2, 2, 2], range(8)), ([2, 2], [1, 2, 3]), ([1, 300, 2], range(600))])
def test_what_is_no_picture_is_told_in_numbers(shape, values):
    drawn = picture(_case(shape, values), DECLARATION)
    assert drawn.source is None
    assert drawn.text.startswith(", ".join(str(value) for value in list(values)[:3]))
    assert len(drawn.text) < 100


@pytest.mark.parametrize(("value", "text"), [(3.0, "3"), (-0.5, "\u22120.5"), (12.3456, "12.3")])
def test_a_class_has_no_decimal_point(value, text):
    assert answer_text(value) == text
