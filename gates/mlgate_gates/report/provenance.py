"""Whether the measurement can be trusted, everything needed to do it again, and what its alpha means."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mlgate_gates.plan import Plan
from mlgate_gates.predicate import Predicate
from mlgate_gates.report import formats

_UNKNOWN = "not recorded"
_TRUST = "../../trust.yaml"  # an environment keeps its policy two folders over each attempt


@dataclass(frozen=True, slots=True)
class Fact:
    """A term and what it is here; `code` is set in the fixed-width face and selected whole."""

    term: str
    value: str
    code: bool = False


_HEALTH_TERMS = {
    "sent": "Requests sent",
    "rows": "Rows recorded",
    "load_rows": "Rows under load",
    "runs": "Runs of the generator",
    "late": "Sent late",
    "lost": "Lost",
    "lag_p50_ns": "Lag, p50",
    "lag_p99_ns": "Lag, p99",
    "wrong_digest": "Answered by another release",
    "clock_stepped_ns": "Clock jumped by",
}


def health_facts(predicate: Predicate) -> tuple[Fact, ...]:
    """The generator's health as recorded, whatever else a later version adds to it."""
    health = predicate.result.health
    known = [key for key in _HEALTH_TERMS if key in health]
    others = [key for key in health if key not in _HEALTH_TERMS and key != "problems"]
    return tuple(
        Fact(_HEALTH_TERMS.get(key, key.removesuffix("_ns").replace("_", " ").capitalize()), _health_text(key, health[key]))
        for key in (*known, *others)
    )


def _health_text(key: str, value: Any) -> str:
    if value is None:
        return formats.NONE
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return formats.duration(value) if key.endswith("_ns") else formats.significant(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def commands(predicate: Predicate) -> tuple[Fact, ...]:
    """What to type, and what it does."""
    plan = predicate.plan
    if plan.subject.release:
        gate = ["mlgate", "gate", "service.yaml", "--release", plan.subject.release]
    else:
        gate = ["mlgate", "gate", "service.yaml", "--candidate", plan.subject.url]
        if plan.stable:
            gate += ["--stable", plan.stable.url]
    if plan.first_release:
        gate.append("--first-release")
    typed = [
        Fact(
            "Check the signature and compute the verdict again from the rows, in the folder that holds this page",
            f"mlgate verify . --trust {_TRUST}",
            code=True,
        ),
        Fact("Run the gate again, as this release's next route", shlex.join(gate), code=True),
    ]
    if predicate.lineage and predicate.lineage.command:
        typed.append(Fact("Run the training again", predicate.lineage.command, code=True))
    return tuple(typed)


def identity_facts(predicate: Predicate, keyids: Sequence[str]) -> tuple[Fact, ...]:
    """Digests and addresses of what was judged, and of what judged it."""
    plan = predicate.plan
    facts = []
    for name, subject in (("Candidate", plan.subject), ("Stable", plan.stable)):
        if subject is not None:
            facts += [
                Fact(f"{name}, release", subject.release or "none: it was judged by its address", code=bool(subject.release)),
                Fact(f"{name}, configuration", subject.configuration or _UNKNOWN, code=bool(subject.configuration)),
                Fact(f"{name}, address", subject.url, code=True),
            ]
    facts += [
        Fact("Plan", predicate.plan_digest, code=True),
        Fact("Observations", f"{predicate.observations.digest} ({formats.whole(predicate.observations.rows)} rows)", code=True),
        Fact("Ledger before it", f"{predicate.ledger.head} ({formats.whole(predicate.ledger.count)} entries)", code=True),
        Fact("Signed", formats.instant(predicate.signed_ns)),
    ]
    return (*facts, *(Fact("Signed by key", keyid, code=True) for keyid in keyids))


def plan_facts(predicate: Predicate) -> tuple[Fact, ...]:
    """What was fixed before the first request, besides the declaration."""
    plan = predicate.plan
    declared = _declared_alpha(plan)
    share = f", {formats.percent(plan.alpha / declared)} of the declared {formats.chance(declared)}" if declared else ""
    facts = [
        Fact("Attempt", plan.attempt, code=True),
        Fact("Route", f"{plan.route}, which may use alpha {formats.chance(plan.alpha)}{share}"),
        Fact("Budget for wrongly refusing", f"{formats.chance(plan.alpha_block)} for each check"),
        Fact("Seed", str(plan.seed), code=True),
    ]
    if load := plan.load:
        watched = f"{formats.duration(load.at_least_ns)} to {formats.duration(load.at_most_ns)}"
        facts += [
            Fact("Schedule", f"Poisson arrivals at {formats.significant(load.rate_per_s)}/s, schedule seed {load.schedule_seed}"),
            Fact("Watched", f"{watched}, after {formats.duration(load.warm_up_ns)} of warm-up"),
            Fact("Timeout", formats.duration(load.timeout_ns)),
            Fact("Bursts", _bursts(plan)),
        ]
    return tuple(facts)


def lineage_facts(predicate: Predicate) -> tuple[Fact, ...]:
    """What it takes to train the release again; nothing where the evidence does not know."""
    lineage = predicate.lineage
    if lineage is None:
        return ()
    changed = ", with changes that were not committed" if lineage.code_changed else ""
    parameters = ", ".join(f"{name} = {json.dumps(value)}" for name, value in lineage.hyperparameters.items())
    return (
        *(Fact(f"Training data, {name}", digest, code=True) for name, digest in lineage.training_data.items()),
        Fact("Code", f"{lineage.code_commit}{changed}" if lineage.code_commit else _UNKNOWN, code=lineage.code_commit is not None),
        Fact("Environment lock", lineage.environment_lock or _UNKNOWN, code=lineage.environment_lock is not None),
        Fact("Training seed", _UNKNOWN if lineage.seed is None else str(lineage.seed), code=lineage.seed is not None),
        Fact("Hyperparameters", parameters or _UNKNOWN),
    )


def _bursts(plan: Plan) -> str:
    """The assumption on bursts in words; `independent` is the only one that a plan can hold so far."""
    if plan.load is None:
        return ""
    return (
        f"{plan.load.bursts}: the statistics take slow and failed requests to come independently of one another. "
        "Where they come in bursts, a PASS is easier to get than alpha says."
    )


def alpha_sentences(plan: Plan) -> tuple[str, str]:
    """What alpha bounds, and under which assumption."""
    declared = _declared_alpha(plan)
    subject = "this release" if plan.subject.release else "what answers at this address"
    together = f", and all gates of {subject} on {plan.stage} together with at most {formats.percent(declared)}" if declared else ""
    chance = formats.percent(plan.alpha)
    first = f"If even one of these claims were false, this gate would still have said PASS with a chance of at most {chance}{together}."
    if plan.load is None:
        return first, "That holds as long as the hold-out is a fair sample of what the service will be asked."
    return first, (
        "That holds as long as slow and failed requests come independently of one another and the hold-out is a fair sample of what "
        "the service will be asked; where requests fail or slow down in bursts, the chance is higher."
    )


def _declared_alpha(plan: Plan) -> float | None:
    alpha = plan.declaration.get("alpha")
    return float(alpha) if isinstance(alpha, int | float) and alpha > 0 else None
