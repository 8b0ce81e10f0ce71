"""Tables of the pages are tables to GitHub: each row has as many cells as its head."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"


def tables(text: str) -> Iterator[list[str]]:
    """Each with its rows; a fenced block has none."""
    shown = re.sub(r"^( *)```.*?^\1```$", "", text, flags=re.DOTALL | re.MULTILINE)
    for is_row, lines in groupby(shown.splitlines(), lambda line: line.lstrip().startswith("|")):
        if is_row:
            yield list(lines)


def cells(row: str) -> int:
    """As GitHub counts them: a stroke ends a cell wherever it stands, if it is not escaped (GFM 0.29, 4.10)."""
    return len(re.findall(r"(?<!\\)\|", row)) - 1


@pytest.mark.parametrize("page", sorted(path.name for path in DOCS.glob("*.md")))
def test_each_row_has_the_cells_of_its_head(page: str) -> None:
    for head, *rows in tables((DOCS / page).read_text(encoding="utf-8")):
        assert [row for row in rows if cells(row) != cells(head)] == [], head


def test_a_stroke_in_a_cell_is_seen() -> None:
    (table,) = tables("text\n```\n| no |\n```\n| a | b |\n|---|---|\n| `x|y` | z |\n| `x\\|y` | z |\n")
    assert [cells(row) for row in table] == [2, 2, 3, 2]
