"""What every test shares: Hypothesis without deadlines, since a busy machine is no failure, and what may take longest comes first.

With CI=true Hypothesis tries the same examples each time: what a change is judged by must not depend on luck. Everybody else's runs go on
looking.
"""

import os
from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("mlgate", deadline=None, derandomize=os.environ.get("CI") == "true")
settings.load_profile("mlgate")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files come by the longest time that any of their tests is allowed: one that is begun last is waited for by all other workers."""
    allowed_s: dict[Path, float] = defaultdict(float)
    for item in items:
        if (limit := item.get_closest_marker("timeout")) is not None:
            allowed_s[item.path] = max(allowed_s[item.path], limit.args[0])
    items.sort(key=lambda item: -allowed_s[item.path])
