"""The command line: how long `mlgate --help` and `mlgate verify` take, start of Python included."""

from __future__ import annotations

from benchmarks.harness import Row, median_row, seconds
from benchmarks.main.evidence_folder import signed_evidence
from benchmarks.main.stand import MLGATE, Stand


def measure(stand: Stand, times: int = 9, rows: int = 100_000) -> list[Row]:
    """The median of `times`, after one that does not count."""
    folder, trust = signed_evidence(stand, rows)
    helped = _repeated([str(MLGATE), "--help"], times)
    verified = _repeated([str(MLGATE), "verify", str(folder), "--trust", str(trust)], times)
    return [
        median_row("mlgate --help", helped, "s", goal=0.3, reference=f"median of {times}"),
        median_row(
            f"mlgate verify, {rows:,} rows",
            verified,
            "s",
            goal=1.5,
            reference=f"median of {times}; a release against stable, every check; the verdict is PASS",
        ),
    ]


def _repeated(command: list[str], times: int) -> list[float]:
    """Raises CalledProcessError where the command does not end with 0."""
    seconds(command)
    return [seconds(command) for _ in range(times)]
