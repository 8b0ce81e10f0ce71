"""Whether an attempt was measured, from its first request to its last, on the servers that it began with.

A row says which release answered, not in which configuration, and what another command puts in a server's place answers at the same
address. So the servers are noted beside the rows before anything is sent, and looked at again when the measuring ends, however it ends.
The note goes when they are the same, also after a Ctrl-C: then these rows are known to be theirs, and what goes on with the attempt may
be measured on a later process of the same configuration, which has a note of its own. While the note stays, the rows are worth nothing
unless those very servers still run: nobody can tell what they were measured on. Such an attempt gets no verdict, neither VOID, which
`mlgate verify` could not compute from the rows, nor FAIL, since the release did nothing. The rows are not measured anew on the same route
either, which would be a second chance at the same alpha: the next gate is the next route.

A server that ended by itself stays what it was. That it no longer answers is its own doing, and counts.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from mlgate.errors import EndpointError
from mlgate_evidence.store import write_whole
from mlgate_gates.request import Subject

_NOTE = "servers.json"


@contextmanager
def same_servers(folder: Path, arms: Mapping[str, Subject]) -> Iterator[None]:
    """Measure in this block, into `folder`. Raises EndpointError at its end where a server is not the one it was at the beginning."""
    note = folder / _NOTE
    write_whole(note, _names(arms).encode())  # on the disk before the first row is
    try:
        yield
    except BaseException:
        if not _replaced(arms):
            note.unlink()
        raise
    if replaced := _replaced(arms):
        raise EndpointError(
            f"another command replaced or stopped the server of {' and '.join(replaced)} while it was measured, so nothing was judged",
            where=", ".join(arms[arm].url for arm in replaced),
            remedy="bring it up and gate again; that is the next route, since these rows cannot be used",
        )
    note.unlink()


def may_go_on(folder: Path, arms: Mapping[str, Subject]) -> bool:
    """Whether the rows that an interrupted gate left in `folder` are of the servers that it began with, as far as there are any."""
    note = folder / _NOTE
    return not note.exists() or note.read_text(encoding="utf-8") == _names(arms)


def _names(arms: Mapping[str, Subject]) -> str:
    return json.dumps({arm: subject.server.name for arm, subject in arms.items() if subject.server}, sort_keys=True)


def _replaced(arms: Mapping[str, Subject]) -> list[str]:
    return [arm for arm, subject in arms.items() if subject.server and subject.server.now() != subject.server.name]
