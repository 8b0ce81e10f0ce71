"""A folder for what the programs make, and a stack of boxes."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlgate_testkit.engine import Stack, Stacks

from .programs import boxes

Shelf = Callable[..., Stack]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the boxes are."""
    made = tmp_path / "boxes"
    made.mkdir()
    return made


@pytest.fixture
def shelf(stack: Stacks, folder: Path) -> Shelf:
    """A stack with a box for each name."""

    def make(*names: str, secrets: dict[str, str] | None = None, **config: Any) -> Stack:
        return stack("dev", program=boxes, config={"folder": str(folder), "names": json.dumps(names), **config}, secrets=secrets)

    return make
