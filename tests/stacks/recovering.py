"""A platform's engine killed in the middle, and what puts that right: as `mlgate env ENVIRONMENT --recover` does it, on simulated AWS."""

from __future__ import annotations

from collections.abc import Sequence

from mlgate_delivery.orphan_kinds import Where
from mlgate_delivery.orphans import Left, adopt
from mlgate_testkit.engine import Simulated, UpdateError
from mlgate_testkit.engine.stack import KillAt, Stack
from tests.testkit.aws.cloud import by_hand

from .platforms import ACCOUNT

REGION = "eu-central-1"


def killed_and_recovered(stack: Stack, aws: Simulated, kill_at: KillAt) -> tuple[UpdateError | None, Sequence[Left], list[str]]:
    """Kills an update at that event, and recovers from it; what was left to a person, and what was said. No error: it ended before."""
    try:
        stack.up(kill_at=kill_at)
    except UpdateError as killed:
        if not killed.killed_at:
            raise
        said: list[str] = []
        return killed, recovered(stack, aws, said), said
    return None, [], []


def recovered(stack: Stack, aws: Simulated, said: list[str]) -> Sequence[Left]:
    """Takes the dead engine's lock away, and takes over what it had begun."""
    assert not any(lock.held for lock in stack.state.locks())
    stack.state.mend()
    if stack.state.locks():
        stack.engine.ask(stack.site, "cancel", stack.name, "--yes")
    where = Where(ACCOUNT, REGION, lambda service: by_hand(aws.endpoint(), service))
    return adopt(stack, stack.name, where, said.append)
