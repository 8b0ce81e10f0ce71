"""Evidence folders as a gate writes them, one for each way a gate can end; rows are made up, what is concluded from them is not."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from mlgate_gates.report import build_report
from mlgate_gates.report.page import render_report
from mlgate_loadtests.recording import read_observations

from .evidence import read_predicate, write_evidence
from .scenarios import SCENARIOS

Rendered = Callable[..., str]
_VOID_TAGS = {"meta", "link", "img", "br"}


@pytest.fixture(scope="session")
def evidence_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The evidence folder, with its report, of a scenario; made once and not to be changed."""

    @cache
    def make(name: str) -> Path:
        folder = tmp_path_factory.mktemp(name)
        write_evidence(folder, SCENARIOS[name])
        build_report(folder)
        return folder

    return make


@pytest.fixture
def copy_of(evidence_of: Callable[[str], Path], tmp_path: Path) -> Callable[[str], Path]:
    """A copy of a scenario's evidence folder that a test may damage."""

    def copy(name: str) -> Path:
        return Path(shutil.copytree(evidence_of(name), tmp_path / name))

    return copy


@pytest.fixture
def render(evidence_of: Callable[[str], Path]) -> Rendered:
    """`render_report` on a scenario's evidence; `change` may alter the predicate, and rows, cases and keys can be replaced."""

    def rendered(
        name: str,
        change: Callable[[dict[str, Any]], None] | None = None,
        *,
        rows: pa.Table | None = None,
        look: list[dict[str, Any]] | None = None,
        keyids: Sequence[str] = ("3f6c1d0e9b8a4775",),
    ) -> str:
        folder = evidence_of(name)
        predicate = read_predicate(folder)
        if change:
            change(predicate)
        observations = read_observations(folder / "observations.parquet") if rows is None else rows
        cases = json.loads((folder / "look.json").read_bytes()) if look is None else look
        return render_report(predicate, observations, cases, keyids)

    return rendered


class Document(HTMLParser):
    """What a test asks of a page: its tags in order, and the text inside those that it names."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self._open: list[tuple[str, list[str]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in _VOID_TAGS:
            self._open.append((tag, []))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open[-1][0] == tag, f"</{tag}> closes <{self._open[-1][0]}>"
        self.texts.append((tag, " ".join("".join(self._open.pop()[1]).split())))

    def handle_data(self, data: str) -> None:
        for _, parts in self._open:
            parts.append(data)

    def all(self, tag: str) -> list[str]:
        """The texts of every element with this tag, in the order they end."""
        return [text for name, text in self.texts if name == tag]

    @property
    def text(self) -> str:
        """The whole page, without its style."""
        return self.all("body")[0]

    @property
    def tables(self) -> dict[str, list[list[str]]]:
        """The cells of each line of each table, by its caption."""
        found: dict[str, list[list[str]]] = {}
        caption, lines, cells = "", [], []
        for tag, text in self.texts:  # in the order they end
            if tag == "caption":
                caption = text
            elif tag in ("th", "td"):
                cells.append(text)
            elif tag == "tr":
                lines.append(cells)
                cells = []
            elif tag == "table":
                found[caption] = lines
                lines = []
        return found


@pytest.fixture(scope="session")
def parse() -> type[Document]:
    """Reads a page; fails where tags do not nest."""
    return Document
