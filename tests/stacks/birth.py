"""A platform's hard birth: every create is refused once, and five engines are killed while they make what was refused before."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection
from itertools import count
from unittest.mock import patch

from mlgate.errors import UsageError
from mlgate_testkit.engine import Simulated, UpdateError
from mlgate_testkit.engine.events import Event
from mlgate_testkit.engine.stack import Stack

from .looking import once
from .recovering import recovered

AT_MOST = 30
"""Runs of `up`: one more than resources stand on each other, and again for what a killed one had not come to."""
KILLS = 5
"""So many engines are killed."""
MANY = 5
"""A run that makes so many again of what was refused is killed at the last of them."""


def require_it_comes_up_though_everything_is_refused_once_and_five_engines_are_killed(made: Stack, aws: Simulated) -> None:
    """Repeats `up --continue-on-error`, and recovers after each kill as one is told to, until it rests with each resource there once."""
    for cloud in made.attached:
        cloud.fail("create", each=True)
    refused: set[str] = set()
    killed, said = 0, list[str]()
    for _ in range(AT_MOST):
        ended = _raised(made, refused if killed < KILLS and len(refused) >= MANY else ())
        if ended is None:
            break
        failed = ended.changes.failed()
        assert [step for step in failed if not any("refused on order" in told.message for told in step.diagnostics)] == [], "that alone"
        refused = {step.urn for step in failed}
        if ended.killed_at:
            killed += 1
            assert list(recovered(made, aws, said)) == [], "nothing is left to a person"
    assert killed == KILLS
    assert any("took over" in line for line in said)
    asked = Counter((call.token, call.name) for cloud in made.attached for call in cloud.calls("create"))
    there = {(found.type, found.name) for found in made.state.checkpoint().resources}
    assert {which for which, times in asked.items() if times > 1} == there, "refused the first time"
    with patch.dict(os.environ, PYTHONHASHSEED="1"):  # every other run has that of the Python that it was forked from
        assert made.preview().nothing()
    assert once(made)


def _raised(made: Stack, again: Collection[str]) -> UpdateError | None:
    """How one run of `up` ended, unless well. Where any are given it is killed with the last of them that is begun again."""
    left = count(len(again) - 1, -1)

    def kill_at(event: Event) -> bool:
        return event.operation == "create" and event.phase == "begun" and event.urn in again and next(left) == 0

    try:
        made.operate("up", "--continue-on-error", "--yes", "--skip-preview", kill_at=kill_at if again else None)
    except UpdateError as ended:
        return ended
    except UsageError as never:  # it had failed before the last of them
        if isinstance(never.__cause__, UpdateError):
            return never.__cause__
        raise
    return None
