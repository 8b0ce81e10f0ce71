"""Nanoseconds since the Unix epoch that never jump: one reading of the wall clock, then the monotonic one."""

from __future__ import annotations

import time
from collections.abc import Callable

# Between the two readings the process may be preempted; a step smaller than this is not told apart from that.
STEP_NS = 1_000_000
_SAMPLES = 5


class Clock:
    """`wall = monotonic + anchor_ns`, with the anchor taken once. `stepped_ns` tells when the system's wall clock jumped off that line."""

    def __init__(self, wall_ns: Callable[[], int] = time.time_ns, monotonic_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self._wall_ns = wall_ns
        self._monotonic_ns = monotonic_ns
        self.anchor_ns = self._last_ns = self._offset_ns()

    def wall(self, monotonic_ns: int) -> int:
        """The instant since the Unix epoch of a monotonic one."""
        return monotonic_ns + self.anchor_ns

    def _offset_ns(self) -> int:
        """Wall minus monotonic, from the pair of readings that lie closest together."""
        best = None
        for _ in range(_SAMPLES):
            before = self._monotonic_ns()
            wall = self._wall_ns()
            width = self._monotonic_ns() - before
            if best is None or width < best[0]:
                best = (width, wall - before - width // 2)
        assert best is not None
        return best[1]

    def stepped_ns(self) -> int:
        """How far the wall clock jumped against the monotonic one since this was last asked; 0 below `STEP_NS`.

        A step and a suspended machine do that. Slewing (NTP's normal correction) moves both clocks alike on Linux, and elsewhere one of
        them by far less between two looks.
        """
        offset_ns = self._offset_ns()
        stepped_ns, self._last_ns = offset_ns - self._last_ns, offset_ns
        return stepped_ns if abs(stepped_ns) >= STEP_NS else 0
