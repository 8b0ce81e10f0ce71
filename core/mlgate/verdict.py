"""The four verdicts, their join, and the exit codes they leave with.

A verdict is a claim about evidence, not about the release: INCONCLUSIVE says that there is too little of it, VOID that there is
some and it cannot be trusted. Only PASS promotes.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Verdict(StrEnum):
    """What a check or a gate concludes."""

    PASS = "PASS"  # noqa: S105 (a verdict, not a password)
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"
    VOID = "VOID"

    @property
    def exit_code(self) -> int:
        """0, 10, 11, 12: outside the codes that crashes (1), usage errors (2) and pytest (1 to 5) take."""
        return _EXIT_CODES[self]

    def joined_with(self, other: Verdict) -> Verdict:
        """The verdict of both: FAIL over VOID over INCONCLUSIVE over PASS. Commutative, associative, idempotent, monotone."""
        return max(self, other, key=_SEVERITY.__getitem__)


_SEVERITY = {Verdict.PASS: 0, Verdict.INCONCLUSIVE: 1, Verdict.VOID: 2, Verdict.FAIL: 3}
_EXIT_CODES = {Verdict.PASS: 0, Verdict.FAIL: 10, Verdict.INCONCLUSIVE: 11, Verdict.VOID: 12}


def join_all(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict of a gate from those of its checks; a gate without checks is VOID, since nothing was measured."""
    joined: Verdict | None = None
    for verdict in verdicts:
        joined = verdict if joined is None else joined.joined_with(verdict)
    return Verdict.VOID if joined is None else joined
