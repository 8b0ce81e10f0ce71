"""Writes the pages that are generated from the code (`--check`: says which are out of date, exit 1)."""

from __future__ import annotations

import sys
from pathlib import Path

from mlgate.schema import service_schema

DOCS = Path(__file__).parent


def pages() -> dict[Path, str]:
    """Each generated file and what it must contain."""
    return {DOCS / "service.schema.json": service_schema()}


def main() -> int:
    stale = [path for path, text in pages().items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    if "--check" in sys.argv:
        for path in stale:
            sys.stderr.write(f"{path.relative_to(DOCS.parent)} is out of date\n  -> make docs\n")
        return 1 if stale else 0
    for path in stale:
        path.write_text(pages()[path], encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
