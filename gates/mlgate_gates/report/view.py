"""What stands on the page, in words: the template only places it.

The order is the reader's: what was concluded and why, each check, how the evidence came together, what can be looked at, whether the
measurement can be trusted, and everything needed to do it again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import yaml
from pydantic import ValidationError

from mlgate.digests import short
from mlgate.service import Service
from mlgate_gates.plan import Plan, PlannedSubject
from mlgate_gates.predicate import Predicate, read_looked
from mlgate_gates.report import charts, formats, measured, pictures
from mlgate_gates.report.answers import Matrix, SliceTable, looked_at, matrices, slice_tables
from mlgate_gates.report.checks import CheckRow, Mark, check_row, evidence_chart, mark, sentence
from mlgate_gates.report.provenance import Fact, alpha_sentences, commands, health_facts, identity_facts, lineage_facts, plan_facts
from mlgate_gates.result import GateResult
from mlgate_gates.rows import Rows


@dataclass(frozen=True, slots=True)
class Page:
    """Everything on the page."""

    title: str
    service: str
    stage: str
    mark: Mark
    reason: str
    left_out: tuple[str, ...]
    first_release: bool
    summary: tuple[Fact, ...]
    checks: tuple[CheckRow, ...]
    evidence_charts: tuple[charts.Chart, ...]
    without_path: tuple[str, ...]
    latencies: tuple[measured.Latencies, ...]
    matrices: tuple[Matrix, ...]
    slices: tuple[SliceTable, ...]
    look_cases: int
    looked_at: str
    pictures: tuple[pictures.Picture, ...]
    problems: tuple[str, ...]
    health: tuple[Fact, ...]
    phases: tuple[measured.Phase, ...]
    errors: tuple[measured.ErrorText, ...]
    late_limit: str
    commands: tuple[Fact, ...]
    identity: tuple[Fact, ...]
    plan: tuple[Fact, ...]
    lineage: tuple[Fact, ...]
    data: tuple[Fact, ...]
    versions: str
    declaration: str
    alpha: tuple[str, str]
    mlgate: str


def build_page(predicate: Predicate, observations: pa.Table, look: Sequence[Mapping[str, Any]] | None, keyids: Sequence[str]) -> Page:
    """The page of one gate; every argument's text is data and nothing here is markup."""
    plan, result, rows = predicate.plan, predicate.result, Rows.of(observations)
    with_path = [finding for finding in result.findings if finding.path]
    cases = read_looked(look or ())
    return Page(
        title=f"{result.verdict} · {plan.service} on {plan.stage} · mlgate gate report",
        service=plan.service,
        stage=plan.stage,
        mark=mark(result.verdict),
        reason=_lead(result),
        left_out=_left_out(plan),
        first_release=plan.first_release,
        summary=_summary(predicate, keyids),
        checks=tuple(check_row(finding, result, plan) for finding in result.findings),
        evidence_charts=tuple(evidence_chart(index, finding, plan) for index, finding in enumerate(with_path)),
        without_path=tuple(finding.name for finding in result.findings if finding.verdict is not None and not finding.path),
        latencies=measured.latencies(rows, plan),
        matrices=matrices(predicate.confusion),
        slices=slice_tables(predicate.slices),
        look_cases=sum(sample.cases for sample in plan.samples if sample.look),
        looked_at=looked_at(rows, cases),
        pictures=tuple(pictures.picture(case, plan.declaration) for case in cases),
        problems=tuple(str(problem) for problem in result.health.get("problems", ())),
        health=health_facts(predicate),
        phases=measured.phases(rows, plan.load.late_ns if plan.load else None),
        errors=measured.commonest_errors(rows),
        late_limit=formats.duration(plan.load.late_ns) if plan.load else "",
        commands=commands(predicate),
        identity=identity_facts(predicate, keyids),
        plan=plan_facts(predicate),
        lineage=lineage_facts(predicate),
        data=tuple(
            Fact(f"{sample.data}, {sample.cases:,} cases {'to look at' if sample.look else 'that gate'}", sample.digest, code=True)
            for sample in plan.samples
        ),
        versions=", ".join(f"{name} {version}" for name, version in sorted(predicate.versions.items())),
        declaration=_declaration(plan),
        alpha=alpha_sentences(plan),
        mlgate=plan.mlgate,
    )


def _declaration(plan: Plan) -> str:
    """The declaration as YAML, in the order of the model; signing has sorted its keys."""
    try:
        declared = Service.model_validate_json(json.dumps(plan.declaration)).model_dump(mode="json")
    except ValidationError:  # another version of mlgate declared something else
        declared = plan.declaration
    return yaml.safe_dump(declared, sort_keys=False, allow_unicode=True, width=100)


def _lead(result: GateResult) -> str:
    """Why, in one sentence; the check that decided stands first, by its name as declared."""
    prefix = f"{result.decided_by}: "
    if result.reason.startswith(prefix):
        return f"Decided by {result.decided_by}: {result.reason.removeprefix(prefix)}."
    return sentence(result.reason)


def _left_out(plan: Plan) -> tuple[str, ...]:
    """Declared checks against stable that a first release cannot be asked."""
    bars = plan.declaration.get("quality")
    planned = {check.name for check in plan.checks}
    declared = [bar for bar in bars if isinstance(bar, dict)] if isinstance(bars, list) else []
    return tuple(str(bar.get("name")) for bar in declared if bar.get("versus") and bar.get("name") not in planned)


def _summary(predicate: Predicate, keyids: Sequence[str]) -> tuple[Fact, ...]:
    plan = predicate.plan
    against = "nothing: this is the first release" if plan.first_release else _subject_name(plan.stable) if plan.stable else "nothing"
    return (
        Fact("Candidate", _subject_name(plan.subject), code=True),
        Fact("Compared with", against, code=plan.stable is not None and not plan.first_release),
        Fact("Requests", formats.whole(predicate.observations.rows)),
        Fact("Measured", _measured(predicate)),
        Fact("Signed by", ", ".join(keyid[:16] for keyid in keyids) or "nobody", code=bool(keyids)),
    )


def _measured(predicate: Predicate) -> str:
    took = formats.duration(predicate.finished_ns - (predicate.resumed_ns or predicate.started_ns))
    resumed = f", interrupted, resumed {formats.instant(predicate.resumed_ns)}" if predicate.resumed_ns else ""
    return f"{formats.instant(predicate.started_ns)}{resumed}, {took}"


def _subject_name(subject: PlannedSubject) -> str:
    return short(subject.release) if subject.release else subject.url
