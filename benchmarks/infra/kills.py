"""prod's `up` ended by kill -9 at points spread over it: whether one command recovers, and the next `up` makes everything once."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.harness import Row, continued, median_row, say
from benchmarks.infra.environments import ACCOUNT, REGION
from benchmarks.infra.stand import Stand, open_stand
from benchmarks.provenance import RESULTS, Origin
from mlgate.errors import MlgateError
from mlgate_delivery.orphan_kinds import Where
from mlgate_delivery.orphans import Left, adopt
from mlgate_testkit.engine import Simulated, Stack, UpdateError

RECORD = RESULTS / "infra-kills.jsonl"
_PROD = "prod"


def measure(origin: Callable[[], Origin], *, anew: bool = False, kills: int = 50, record: Path = RECORD) -> list[Row]:
    """`kills` of one `up` each. A line in `record` for each, so that the next run goes on with those that are missing; `anew` forgets them.

    The points are equal shares of the events that an `up` has when nothing ends it.
    """
    now = origin()
    if anew:
        record.unlink(missing_ok=True)
    done = continued(record, now, "kills")
    if missing := [number for number in range(kills) if number not in {line["number"] for line in done}]:
        with open_stand() as stand:
            events = _events(stand)
            for number in missing:
                at = round((number + 0.5) / kills * events)
                done.append({"commit": now.commit, "origin": now.fingerprint, "number": number, **_killed(stand, at)})
                record.parent.mkdir(exist_ok=True)
                with record.open("a", encoding="utf-8") as lines:
                    lines.write(json.dumps(done[-1]) + "\n")
                say(f"kill {number + 1} of {kills}, at event {at} of {events}: {done[-1]['failure'] or 'recovered'}")
    return rows_of(done)


def rows_of(done: list[dict[str, Any]]) -> list[Row]:
    failures = [f"event {line['event']}: {line['failure']}" for line in done if line["failure"]]
    said = f"of {len(done)}" + (f"; {'; '.join(failures)}" if failures else "")
    return [
        Row("kills of the engine that were not recovered from", len(failures), "kills", 0, reference=said),
        Row("resources that were there twice after the next up", sum(line["twice"] for line in done), "resources", 0),
        Row("orphans adopted", sum(line["adopted"] for line in done), "resources"),
        Row("orphans listed, with the command that deletes each", sum(line["listed"] for line in done), "resources"),
        median_row("recovering", [line["recovering_s"] for line in done], "s", reference="the lock, what was begun, orphans by tag"),
    ]


def _events(stand: Stand) -> int:
    """How many events an `up` has that nothing ends."""
    with _cloud(stand):
        return len(stand.prod(1).up().events)


@contextmanager
def _cloud(stand: Stand) -> Iterator[None]:
    """One that holds no more than what `mlgate bootstrap` made, and is emptied afterwards."""
    stand.make_state_key(_PROD)
    try:
        yield
    finally:
        stand.reset()


def _killed(stand: Stand, at: int) -> dict[str, Any]:
    """One kill, and what came of it. `failure`: the first thing that was not as it should be, "" where all was."""
    found: dict[str, Any] = {"event": at, "failure": "", "adopted": 0, "listed": 0, "twice": 0, "recovering_s": 0.0}
    with _cloud(stand):
        stack = stand.prod(1)
        try:
            stack.up(kill_at=at)
        except UpdateError as killed:
            if not killed.killed_at:
                raise
        try:
            begin = time.monotonic()
            said: list[str] = []
            left = recovered(stack, stand, said)
            found |= {"recovering_s": round(time.monotonic() - begin, 1), "listed": len(left)}
            found["adopted"] = sum("took over" in line for line in said)
            _delete(left, stack, stand.aws)  # what is listed is for a person: the command beside it is run
            stack.up()
            if not stack.preview().nothing():
                found["failure"] = "a second preview is not empty"
            alive = Counter((made.type, made.urn) for made in (*stand.aws.alive(), *stand.kubernetes.alive()))
            found["twice"] = sum(count - 1 for count in alive.values())
        except MlgateError as error:
            found["failure"] = str(error).strip()
    return found


def recovered(stack: Stack, stand: Stand, said: list[str]) -> list[Left]:
    """What `mlgate env ENVIRONMENT --recover` does, on a state in files: the dead engine's lock goes, what it had begun is taken over."""
    stack.state.mend()
    if stack.state.locks():
        stack.engine.ask(stack.site, "cancel", stack.name, "--yes")
    return [*adopt(stack, _PROD, Where(ACCOUNT, REGION, stand.client), said.append)]


def _delete(left: list[Left], stack: Stack, aws: Simulated) -> None:
    named = {each.id for each in left}
    aws.reap([made for made in stack.orphans() if made.id in named])
