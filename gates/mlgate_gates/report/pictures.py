"""Cases as pictures: the few that were set aside to be looked at and were answered wrongly.

A PNG in a data address is a twentieth of the same picture in SVG rectangles, and a 28 x 28 case is then still small.
"""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlgate_gates.predicate import Looked
from mlgate_gates.report import formats

_LARGEST_SIDE = 256
_NUMBERS_SHOWN = 16
_SIGNATURE = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True, slots=True)
class Picture:
    """A case on the page: `source` is a data address where its input is a picture, else None; `text` says what the input is."""

    case_id: str
    label: str
    answer: str
    field: str
    source: str | None
    text: str


def picture(case: Looked, declaration: Mapping[str, Any]) -> Picture:
    """The case drawn, black at the declared lower bound of its input and white at the upper one."""
    pixels = _pixels(case)
    if pixels is None:
        numbers = ", ".join(formats.significant(value) for value in case.values[:_NUMBERS_SHOWN])
        text = numbers + (", …" if len(case.values) > _NUMBERS_SHOWN else "")
        return Picture(case.case_id, answer_text(case.label), answer_text(case.answer), case.field, None, text)
    low, high = _bounds(case.field, pixels, declaration)
    grey = np.clip((pixels - low) / (high - low) if high > low else np.zeros_like(pixels), 0, 1)
    source = png_address(np.round(grey * 255).astype(np.uint8))
    size = f"{pixels.shape[1]} by {pixels.shape[0]} pixels"
    return Picture(case.case_id, answer_text(case.label), answer_text(case.answer), case.field, source, size)


def answer_text(value: float) -> str:
    """A class without a decimal point that says nothing, or a number."""
    return str(int(value)) if float(value).is_integer() else formats.significant(value)


def _pixels(case: Looked) -> NDArray[np.float64] | None:
    """A grey picture (rows, columns) if the input is one, whatever sides of length 1 it has besides."""
    sides = [side for side in case.shape if side != 1]
    values = np.asarray(case.values, dtype=np.float64)
    if len(sides) != 2 or max(sides) > _LARGEST_SIDE or sides[0] * sides[1] != len(values) or not np.isfinite(values).all():
        return None
    return values.reshape(sides)


def _bounds(field: str, pixels: NDArray[np.float64], declaration: Mapping[str, Any]) -> tuple[float, float]:
    """The declared bounds of the input; the picture's own extremes where none are declared."""
    try:
        tensor = declaration["interface"]["input"][field]
    except (KeyError, TypeError):
        tensor = {}
    low, high = tensor.get("at_least"), tensor.get("at_most")
    return float(pixels.min() if low is None else low), float(pixels.max() if high is None else high)


def png_address(grey: NDArray[np.uint8]) -> str:
    """A `data:` address of the 8-bit grey picture `grey` (rows, columns). PNG specification, third edition, sections 5 and 9."""
    rows = b"".join(b"\0" + row.tobytes() for row in grey)
    header = struct.pack(">IIBBBBB", grey.shape[1], grey.shape[0], 8, 0, 0, 0, 0)
    content = _SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(rows, 9)) + _chunk(b"IEND", b"")
    return "data:image/png;base64," + base64.b64encode(content).decode()


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
