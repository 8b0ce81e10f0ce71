"""Waiting in a test for what another process does."""

import time
from collections.abc import Callable
from typing import Literal


def until(condition: Callable[[], object], limit_s: float = 60) -> Literal[True]:
    """Waits for it."""
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return True
