"""Simulated AWS in this process, emptied for every test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mlgate_testkit.aws import SimulatedAws

from .cloud import Cloud


@pytest.fixture(scope="session")
def package() -> Iterator[SimulatedAws]:
    package = SimulatedAws()
    yield package
    package.account.close()


@pytest.fixture
def cloud(package: SimulatedAws) -> Cloud:
    package.reset()
    return Cloud(package)
