"""Releases that are gated and promoted as the components' tests do it."""

from __future__ import annotations

import pytest

from mlgate import Environment
from mlgate.environment import HOME_VARIABLE
from mlgate_tools.policies import ensure_policies

from ..components import conftest as components

environment, declare, packed, gated, promoted = (
    components.environment,
    components.declare,
    components.packed,
    components.gated,
    components.promoted,
)


@pytest.fixture
def at_home(environment: Environment, monkeypatch: pytest.MonkeyPatch) -> Environment:
    """The environment that a command in this process, and what it starts, means by local."""
    monkeypatch.setenv(HOME_VARIABLE, str(environment.home.parent))
    return environment


@pytest.fixture(scope="session")
def policy_pack() -> str:
    """The pack as `pulumi up --policy-pack` takes it, with the environment that it runs in."""
    return str(ensure_policies(lambda _line: None).path)
