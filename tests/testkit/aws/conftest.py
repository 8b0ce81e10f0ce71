"""Simulated AWS in this process, emptied for every test."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import pytest

from mlgate_testkit.aws import SimulatedAws

from .cloud import Cloud

with warnings.catch_warnings():  # the SDK warns about its own deprecated classes whenever this module is imported
    warnings.simplefilter("ignore", DeprecationWarning)
    import pulumi_aws.s3  # noqa: F401


@pytest.fixture(scope="session")
def package() -> Iterator[SimulatedAws]:
    package = SimulatedAws()
    yield package
    package.account.close()


@pytest.fixture
def cloud(package: SimulatedAws) -> Cloud:
    package.reset()
    return Cloud(package)
