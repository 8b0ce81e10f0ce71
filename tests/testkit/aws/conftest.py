"""Simulated AWS in this process, emptied for every test."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import pytest

from mlgate_testkit.aws import SimulatedAws
from mlgate_testkit.aws.arguments import argument_names
from mlgate_testkit.aws.models import MODELS

from .cloud import Cloud

with warnings.catch_warnings():  # the SDK warns about its own deprecated classes when a module of it loads
    warnings.simplefilter("ignore", DeprecationWarning)
    for token in MODELS:
        argument_names(token)


@pytest.fixture(scope="session")
def package() -> Iterator[SimulatedAws]:
    package = SimulatedAws()
    yield package
    package.account.close()


@pytest.fixture
def cloud(package: SimulatedAws) -> Cloud:
    package.reset()
    return Cloud(package)
