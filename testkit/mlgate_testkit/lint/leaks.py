"""`assert_no_secret_in_clear`: no secret of a stack stands in its state, or in what its runs said, for everybody to read.

A recording sees what a program passes on; what a provider gives back, and what is printed and logged on the way, only a run shows. The
engine masks secrets of the configuration in whatever is said, and no others (ran: 3.259).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlgate_testkit.lint import secrets
from mlgate_testkit.lint.findings import Finding, leaves
from mlgate_testkit.lint.linting import refuse, sift
from mlgate_testkit.record import Graph, Secret

if TYPE_CHECKING:
    from mlgate_testkit.engine import Stack
    from mlgate_testkit.engine.engine import Site

__all__ = ["LEAK_RULES", "assert_no_secret_in_clear"]

_LOG = "secret-in-log"
LEAK_RULES = (*(rule.name for rule in secrets.RULES), _LOG)
_REMEDY = "leave it out of what is printed, logged and raised, or say its name instead"


def assert_no_secret_in_clear(stack: Stack, *, allow: Mapping[str, str] | None = None) -> None:
    """AssertionError with a table of the places where a secret stands in clear: the state, and diagnostics and logs of every run so far.

    Secrets are those of the stack's configuration and whatever its state marks, opened for the comparison. `allow` as for `lint`: the rules
    are "secret-in-clear" (which is `lint`'s, over the state) and "secret-in-log". The values themselves are not shown.
    """
    __tracebackhide__ = True
    graph = Graph.from_state(stack.export(show_secrets=True))
    graph.config = {key: Secret(value) for key, value in stack.secrets.items()}
    state = [found for rule in secrets.RULES for found in rule.check(graph)]
    where = f"{stack.project}/{stack.name}"
    refuse(sift([*state, *_logged(stack.site, secrets.known_secrets(graph))], allow, set(LEAK_RULES), where), where)


def _logged(site: Site, known: set[str]) -> Iterator[Finding]:
    """One finding for each run and resource that something was said of. The text is read where the events are clear: it repeats them."""
    for run, events, log in site.runs():
        yield from dict.fromkeys(_in_events(events, run, known)) or _in_text(log, run, known)


def _in_events(events: Path, run: str, known: set[str]) -> Iterator[Finding]:
    for line in events.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            event = json.loads(line)
        except ValueError:  # cut short: its engine was killed
            continue
        said = {key: value for key, value in event.items() if isinstance(value, Mapping) and "metadata" not in value}
        if _holds(said, known):
            urn = str(next((value["urn"] for value in said.values() if value.get("urn")), ""))
            type_, name = (urn.split("::", 3)[2].rpartition("$")[2], urn.split("::", 3)[3]) if urn else ("program", run)
            yield Finding(_LOG, type_, name, run, "something said of it holds the value of a secret", _REMEDY)


def _in_text(log: Path, run: str, known: set[str]) -> Iterator[Finding]:
    text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    if any(secret in text for secret in known):
        yield Finding(_LOG, "program", run, run, "what it printed holds the value of a secret", _REMEDY)


def _holds(said: Mapping[str, Any], known: set[str]) -> bool:
    return any(secret in value for _, value in leaves(said) if isinstance(value, str) for secret in known)
