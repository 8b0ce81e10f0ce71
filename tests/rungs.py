"""What becomes of tests whose tool is not on this machine."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def not_run(reason: str) -> NoReturn:
    """Reports the test as not run. With CI=true it fails: a rung must not vanish unseen."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
