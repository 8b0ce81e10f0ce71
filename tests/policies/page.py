"""The blocks of the page about policies."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = (Path(__file__).parents[2] / "docs" / "policies.md").read_text(encoding="utf-8")


def block(language: str, holding: str) -> str:
    """The one block of a language that holds a text."""
    (found,) = [text for text in re.findall(rf"^```{language}\n(.*?)^```$", PAGE, flags=re.DOTALL | re.MULTILINE) if holding in text]
    return str(found)
