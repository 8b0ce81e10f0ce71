"""What the page says of a change of any argument is what the providers say. One file, since a worker that has it loads simulated AWS."""

from __future__ import annotations

import pytest

from .cases import CASES
from .changing import Case
from .page import section, written

pytestmark = pytest.mark.simulated


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_the_page_says_what_the_providers_say(case: Case) -> None:
    assert written()[case.title] == section(case), "python -m tests.components.aws.changes.page"
