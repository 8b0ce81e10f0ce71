"""What puts right a platform whose engine was killed in the middle: as `mlgate env ENVIRONMENT --recover` does it, on simulated AWS."""

from __future__ import annotations

from collections.abc import Sequence

from mlgate_delivery.orphan_kinds import Where
from mlgate_delivery.orphans import Left, adopt
from mlgate_testkit.engine import Simulated, Stack
from tests.testkit.aws.cloud import by_hand

from .platforms import ACCOUNT

REGION = "eu-central-1"


def recovered(stack: Stack, aws: Simulated, said: list[str]) -> Sequence[Left]:
    """Takes the dead engine's lock away, and takes over what it had begun."""
    assert not any(lock.held for lock in stack.state.locks())
    stack.state.mend()
    if stack.state.locks():
        stack.engine.ask(stack.site, "cancel", stack.name, "--yes")
    where = Where(ACCOUNT, REGION, lambda service: by_hand(aws.endpoint(), service))
    return adopt(stack, stack.name, where, said.append)
