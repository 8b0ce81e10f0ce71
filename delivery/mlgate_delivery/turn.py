"""Whose turn it is: what an environment runs is changed by one command at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from mlgate.environment import Environment
from mlgate_evidence.locks import hold


@contextmanager
def turn(environment: Environment, doing: str) -> Iterator[None]:
    """Holds the environment against every other command that changes it; `doing` ("promoting digits") is what those are told.

    The lock vanishes with its holder, however that ends. Raises BusyError at once where another has it: who, since when, doing what.
    """
    with hold(environment.home / "locks" / "turn", doing, f"one command at a time changes what {environment.name} runs"):
        yield
