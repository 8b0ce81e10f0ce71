"""The browser of rung 6: where it is, and what becomes of the rung where there is none."""

from __future__ import annotations

import shutil

from tests.rungs import not_run

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def chromium_path() -> str:
    """The program; where there is none the rung is not run."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        not_run(f"rung 6 (browser) needs Chromium: none of {', '.join(BROWSERS)} on PATH; on Debian: apt-get install chromium")
    return path
