"""The browser of rung 6: where it is, and what becomes of the rung where there is none."""

from __future__ import annotations

import os
import shutil

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def chromium_path() -> str:
    """The program. Where there is none the rung is reported as not run, and with CI=true it fails: a rung must not vanish unseen."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is not None:
        return path
    reason = f"rung 6 (browser) needs Chromium: none of {', '.join(BROWSERS)} on PATH; on Debian: apt-get install chromium"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
