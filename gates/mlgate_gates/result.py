"""What a gate concludes: one `Finding` per check, joined to a `GateResult`. Values only; their JSON form is signed and compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from mlgate import Verdict

Number = float | int


@dataclass(frozen=True, slots=True)
class Finding:
    """One check's verdict and every number it rests on.

    `verdict` is None where the check was not run, since another had already failed. `estimate` is in the unit of the claim: nanoseconds
    for a latency quantile, a share for an error rate or an accuracy, candidate minus stable for a margin; None where there is none.
    `requests` counts the rows judged. `path` holds at most 200 points [requests, log e for the claim, log e against it]; e-values are
    floored at `mlgate_gates.checks.rate.LOWEST_LOG_E`, so that JSON can hold them. `missing` says what an INCONCLUSIVE one lacks.
    """

    name: str
    kind: str
    claim: str
    verdict: Verdict | None
    reason: str
    estimate: float | None = None
    requests: int = 0
    numbers: Mapping[str, Number] = field(default_factory=dict)
    path: tuple[tuple[int, float, float], ...] = ()
    missing: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """JSON values only; `from_dict` gives the same finding back."""
        return {
            **asdict(self),
            "verdict": None if self.verdict is None else self.verdict.value,
            "numbers": dict(self.numbers),
            "path": [list(point) for point in self.path],
        }

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> Finding:
        """The finding that `to_dict` wrote. Raises KeyError, TypeError or ValueError for anything else."""
        verdict = value["verdict"]
        return cls(
            **{
                **value,
                "verdict": None if verdict is None else Verdict(verdict),
                "path": tuple((int(n), float(log_for), float(log_against)) for n, log_for, log_against in value["path"]),
            }
        )


@dataclass(frozen=True, slots=True)
class GateResult:
    """The gate's verdict, the check that decided it, and every finding in the order of the plan.

    `health` holds what the generator and the rows were like: counts, lag in nanoseconds, and `problems`, the sentences that make
    everything VOID.
    """

    verdict: Verdict
    decided_by: str
    reason: str
    findings: tuple[Finding, ...]
    health: Mapping[str, Any]

    def finding(self, name: str) -> Finding:
        """The finding of the check called `name`. Raises KeyError."""
        for finding in self.findings:
            if finding.name == name:
                return finding
        raise KeyError(name)

    def to_dict(self) -> dict[str, Any]:
        """JSON values only; `from_dict` gives the same result back."""
        return {
            "verdict": self.verdict.value,
            "decided_by": self.decided_by,
            "reason": self.reason,
            "findings": [finding.to_dict() for finding in self.findings],
            "health": dict(self.health),
        }

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> GateResult:
        """The result that `to_dict` wrote. Raises KeyError, TypeError or ValueError for anything else."""
        return cls(
            verdict=Verdict(value["verdict"]),
            decided_by=value["decided_by"],
            reason=value["reason"],
            findings=tuple(Finding.from_dict(finding) for finding in value["findings"]),
            health=dict(value["health"]),
        )
