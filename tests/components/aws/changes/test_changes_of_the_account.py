"""What the page says of a change of network, stores, access and budget is what the providers say."""

from __future__ import annotations

import pytest

from .cases import CASES
from .changing import Case
from .page import section, written


@pytest.mark.parametrize("case", [case for case in CASES if case.theme not in {"addons", "cluster", "gpu"}], ids=lambda case: case.title)
def test_the_page_says_what_the_providers_say(case: Case) -> None:
    assert written()[case.title] == section(case), "python -m tests.components.aws.changes.page"
