"""Each environment by one `up` from nothing, as its first day is where nothing goes wrong: all of it is made, and then it rests."""

from __future__ import annotations

import pytest

from .looking import once
from .platforms import ENVIRONMENTS

pytestmark = [pytest.mark.engine, pytest.mark.cluster]


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_one_update_makes_all_of_it_and_the_second_preview_is_empty(deployed, name):
    platform = deployed(name)
    changes = platform.up()
    assert {step.operation for step in changes} == {"create"}
    assert changes.created("aws:eks/cluster:Cluster")
    assert once(platform)
    assert platform.preview().nothing()
