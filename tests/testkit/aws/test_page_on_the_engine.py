"""The tests that the page shows run as they stand there."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.engine
PAGE = Path(__file__).parents[3] / "docs" / "testkit-aws.md"


@pytest.mark.parametrize("name", ["test_models_are_kept_in_versions", "test_a_hand_on_the_bucket_is_seen"])
def test_what_the_page_shows_passes(stack: Any, simulated_aws: Any, tmp_path: Path, name: str) -> None:
    file = tmp_path / "page.py"
    file.write_text("\n\n".join(re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)))
    spec = importlib.util.spec_from_file_location("page", file)
    assert spec
    assert spec.loader
    page = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(page)
    getattr(page, name)(stack, simulated_aws)
