"""Faults on order, asked directly: which request fails."""

from __future__ import annotations

import threading

import pytest

from mlgate import UsageError
from mlgate_testkit.provider.faults import Faults
from mlgate_testkit.provider.provider import ProviderError, Resource, Run


def refused(faults: Faults, *names: str) -> list[bool]:
    """Whether the create of each was refused, one after another."""
    found = []
    for name in names:
        try:
            faults.before("create", Resource(f"urn:{name}", "a:b:C", name), Run(False, 0, threading.Event(), print))
            found.append(False)
        except ProviderError:
            found.append(True)
    return found


def test_the_first_request_of_each_resource_fails_and_no_later_one() -> None:
    faults = Faults()
    faults.fail("create", each=True)
    assert refused(faults, "one", "two", "one", "three", "two", "two") == [True, True, False, True, False, False]


def test_requests_in_a_row_fail_whosever_they_are() -> None:
    faults = Faults()
    faults.fail("create", nth=2, times=2)
    assert refused(faults, "one", "two", "two", "two") == [False, True, True, False]


def test_each_is_the_first_of_every_resource_and_counts_nothing() -> None:
    with pytest.raises(UsageError, match="each is the first request of every resource"):
        Faults().fail("create", each=True, times=2)
