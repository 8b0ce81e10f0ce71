"""Evidence folders as a gate writes them, one for each way a gate can end; rows are made up, what is concluded from them is not."""

from __future__ import annotations

import base64
import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from sklearn.datasets import load_digits

from mlgate.digests import digest_bytes, digest_file
from mlgate.service import Service
from mlgate_evidence.signer import make_key
from mlgate_evidence.statement import build_statement, sign_statement
from mlgate_evidence.subject import subject_digests
from mlgate_gates.contract_cases import contract_names
from mlgate_gates.judge import judge
from mlgate_gates.plan import Plan
from mlgate_gates.report import build_report, render_report
from mlgate_loadtests.account import Generator, RunAccount
from mlgate_loadtests.recording import SCHEMA, read_observations, write_observations

Array = np.ndarray[Any, Any]
SECOND_NS = 10**9
START_NS = 1_790_949_785 * SECOND_NS
CANDIDATE, STABLE = digest_bytes(b"digits 2"), digest_bytes(b"digits 1")
CONFIGURATION = digest_bytes(b"configuration")
CASES, LOOK_CASES = 900, 150

DECLARATION = """\
apiVersion: mlgate/v1
kind: Service
metadata: {name: digits, owner: vision}
serving: {runtime: torchserve, batch: {size: 16, delay: 1 ms}, workers: 1}
interface:
  protocol: torchserve
  input: {image: {dtype: float32, shape: [-1, 8, 8], at_least: 0, at_most: 16}}
  output: {field: probabilities, shape: [-1, 10], answer: argmax}
objectives:
  - {name: latency-p99, quantile: 0.99, at_most: 200 ms}
  - {name: error-rate, at_most: 1 %}
load: {arrivals: poisson, rate: 200/s, warm_up: 5 s, at_least: 15 s, at_most: 90 s, bursts: independent}
quality:
  - {name: accuracy, metric: accuracy, at_least: 0.94, data: data/holdout.parquet, slices: [digit], look_at: data/look.parquet}
  - {name: no-worse, metric: accuracy, versus: stable, margin: 0.02, data: data/holdout.parquet}
alpha: 0.01
alpha_block: 0.01
"""


@dataclass(frozen=True)
class Scenario:
    """How the two arms behave: wrong answers of the hold-out, median latency, share of failed requests, seconds of load."""

    wrong: int = 23
    wrong_of_stable: int = 26
    median_ms: float = 9.0
    failing: float = 0.0007
    seconds: float = 15.2
    first_release: bool = False
    stable_too: bool = False
    served: str = CANDIDATE


SCENARIOS = {
    "pass": Scenario(),
    "fail-quality": Scenario(wrong=88, seconds=0),
    "fail-latency": Scenario(median_ms=158, seconds=6),
    "void": Scenario(served=digest_bytes(b"digits 3")),
    "inconclusive": Scenario(seconds=3, median_ms=31),
    "first-release": Scenario(first_release=True),
    "both-arms": Scenario(stable_too=True, seconds=20),
}


@pytest.fixture(scope="session")
def evidence_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The evidence folder, with its report, of a scenario; made once and not to be changed."""

    @cache
    def make(name: str) -> Path:
        folder = tmp_path_factory.mktemp(name)
        write_evidence(folder, SCENARIOS[name])
        build_report(folder)
        return folder

    return make


@pytest.fixture
def copy_of(evidence_of: Callable[[str], Path], tmp_path: Path) -> Callable[[str], Path]:
    """A copy of a scenario's evidence folder that a test may damage."""

    def copy(name: str) -> Path:
        return Path(shutil.copytree(evidence_of(name), tmp_path / name))

    return copy


Rendered = Callable[..., str]


@pytest.fixture
def render(evidence_of: Callable[[str], Path]) -> Rendered:
    """`render_report` on a scenario's evidence; `change` may alter the predicate, and rows, cases and keys can be replaced."""

    def rendered(
        name: str,
        change: Callable[[dict[str, Any]], None] | None = None,
        *,
        rows: pa.Table | None = None,
        look: list[dict[str, Any]] | None = None,
        keyids: Sequence[str] = ("3f6c1d0e9b8a4775",),
    ) -> str:
        folder = evidence_of(name)
        predicate = json.loads(base64.b64decode(json.loads((folder / "evidence.json").read_bytes())["payload"]))["predicate"]
        if change:
            change(predicate)
        observations = read_observations(folder / "observations.parquet") if rows is None else rows
        cases = json.loads((folder / "look.json").read_bytes()) if look is None else look
        return render_report(predicate, observations, cases, keyids)

    return rendered


class Document(HTMLParser):
    """What a test asks of a page: its tags in order, and the text inside those that it names."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self._open: list[tuple[str, list[str]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in _VOID_TAGS:
            self._open.append((tag, []))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open[-1][0] == tag, f"</{tag}> closes <{self._open[-1][0]}>"
        self.texts.append((tag, " ".join("".join(self._open.pop()[1]).split())))

    def handle_data(self, data: str) -> None:
        for _, parts in self._open:
            parts.append(data)

    def all(self, tag: str) -> list[str]:
        """The texts of every element with this tag, in the order they end."""
        return [text for name, text in self.texts if name == tag]

    @property
    def text(self) -> str:
        """The whole page, without its style."""
        return self.all("body")[0]


_VOID_TAGS = {"meta", "link", "img", "br"}


@pytest.fixture(scope="session")
def parse() -> type[Document]:
    """Reads a page; fails where tags do not nest."""
    return Document


def write_evidence(folder: Path, scenario: Scenario) -> None:
    """Everything that a gate leaves; the key is thrown away, since the report only shows whose the signature is."""
    plan, rows = _plan(scenario), _rows(scenario)
    write_observations(folder / "observations.parquet", rows)
    sent = Counter(rows["run"].to_pylist())
    generator = Generator(runs=tuple(RunAccount(run=run, sent=sent[run], clock_stepped_ns=0) for run in sorted(sent)))
    result = judge(plan, rows, generator)
    (folder / "look.json").write_text(json.dumps(_look(scenario)))
    predicate = {
        "plan": plan.to_dict(),
        "plan_digest": plan.digest,
        "ledger": {"count": 3, "head": digest_bytes(b"ledger")},
        "result": result.to_dict(),
        "generator": generator.to_dict(),
        "observations": {"digest": digest_file(folder / "observations.parquet"), "rows": rows.num_rows},
        "look": {"digest": digest_file(folder / "look.json")},
        "confusion": {"labels": [str(digit) for digit in range(10)], **{arm: _confusion(rows, arm) for arm in ("candidate", "stable")}},
        "slices": {"digit": _slices(rows)},
        "lineage": {
            "training_data": {"data/train.parquet": digest_bytes(b"train")},
            "code_commit": "58039c2f6d1a0f4e9a3d7d1b8f5f8f2a4c6e0b17",
            "code_changed": False,
            "environment_lock": digest_bytes(b"lock"),
            "seed": 7,
            "hyperparameters": {"epochs": 40, "learning_rate": 0.002, "width": 32},
            "command": "python train.py --epochs 40 --seed 7 --output model/",
        },
        "started_ns": START_NS,
        "finished_ns": int(np.max(rows["scheduled_ns"].to_numpy())) + SECOND_NS,
        "versions": {"mlgate": "0.1.0", "python": "3.11.9", "numpy": "2.4.6", "pyarrow": "26.0.1", "platform": "Linux x86_64"},
    }
    _sign(folder / "evidence.json", plan, predicate)


def _sign(path: Path, plan: Plan, predicate: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as keys:
        signer = make_key(Path(keys) / "signing.pem")
    statement = build_statement(subject_digests(plan.subject.release, plan.subject.configuration, plan.subject.url), predicate)
    path.write_bytes(sign_statement(statement, signer, clock=lambda: START_NS + 60 * SECOND_NS))


def _plan(scenario: Scenario) -> Plan:
    service = _service()
    stable = {"url": "http://127.0.0.1:7110", "release": STABLE, "configuration": CONFIGURATION}
    bars: list[dict[str, Any]] = [{"name": "accuracy", "kind": "accuracy", "sample": "holdout", "at_least": 0.94}]
    if not scenario.first_release:
        bars.append({"name": "no-worse", "kind": "margin", "sample": "holdout", "margin": 0.02})
    checks = [
        {"name": "contract", "kind": "contract", "cases": list(contract_names(service.interface))},
        *bars,
        {"name": "latency-p99", "kind": "latency", "quantile": 0.99, "at_most_ns": 200_000_000},
        {"name": "error-rate", "kind": "error-rate", "at_most": 0.01},
    ]
    arms = ["candidate"] if scenario.first_release else ["candidate", "stable"]
    return Plan.from_dict(
        {
            "mlgate": "0.1.0",
            "service": "digits",
            "declaration": service.model_dump(mode="json"),
            "stage": "local",
            "attempt": "20261002T140305-0a1b2c3d4e5f-r1",
            "route": 1,
            "alpha": 0.008,
            "alpha_block": 0.01 / len(checks),
            "subject": {"url": "http://127.0.0.1:7105", "release": CANDIDATE, "configuration": CONFIGURATION},
            "stable": None if scenario.first_release else stable,
            "first_release": scenario.first_release,
            "seed": 20261002,
            "samples": [
                _planned_sample("holdout", CASES, arms, look=False),
                _planned_sample("look", LOOK_CASES, ["candidate"], look=True),
            ],
            "checks": checks,
            "load": {
                "rate_per_s": 200.0,
                "warm_up_ns": 5 * SECOND_NS,
                "at_least_ns": 15 * SECOND_NS,
                "at_most_ns": 90 * SECOND_NS,
                "bursts": "independent",
                "late_ns": 4_000_000,
                "timeout_ns": 5 * SECOND_NS,
                "schedule_seed": 93281746512034,
            },
        }
    )


def _planned_sample(name: str, cases: int, arms: list[str], *, look: bool) -> dict[str, Any]:
    fixed = {"id": name, "data": f"data/{name}.parquet", "digest": digest_bytes(name.encode())}
    return fixed | {"cases": cases, "distinct": cases, "arms": arms, "look": look}


@cache
def _service() -> Service:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "service.yaml"
        path.write_text(DECLARATION)
        return Service.read(path)


@cache
def _digits() -> tuple[Array, Array]:
    images, labels = load_digits(return_X_y=True)
    return images.reshape(-1, 8, 8), labels


def _rows(scenario: Scenario) -> pa.Table:
    rng = np.random.default_rng(11)
    tables, at = [_contract(rng, scenario)], START_NS + SECOND_NS
    tables.append(_sample(rng, at, "quality:holdout", "candidate", scenario.served, _hold_out(), scenario.wrong, scenario, run=1))
    if not scenario.first_release:
        tables.append(_sample(rng, at, "quality:holdout", "stable", STABLE, _hold_out(), scenario.wrong_of_stable, scenario, run=1))
    at += 6 * SECOND_NS
    if scenario.seconds:
        look = _digits()[1][CASES : CASES + LOOK_CASES]
        tables.append(_sample(rng, at, "look:look", "candidate", scenario.served, look, len(_WRONGLY_SEEN), scenario, run=2))
        at += 2 * SECOND_NS
        for arm, digest in [("candidate", scenario.served)] + ([("stable", STABLE)] if scenario.stable_too else []):
            tables.append(_load(rng, at, arm, digest, scenario))
            at += int((scenario.seconds + 6) * SECOND_NS)
    return pa.concat_tables(tables)


def _hold_out() -> Array:
    return _digits()[1][:CASES]


# Digits of the looked-at cases that a small CNN tends to confuse, and with what.
_WRONGLY_SEEN = {8: 1, 9: 5, 3: 9, 1: 8, 5: 9, 4: 7, 2: 3}


def _look(scenario: Scenario) -> list[dict[str, Any]]:
    """The first looked-at case of each such digit, answered as the table says."""
    if not scenario.seconds:
        return []
    images, labels = _digits()
    chosen = [
        (CASES + int(np.argmax(labels[CASES : CASES + LOOK_CASES] == label)), label, answer) for label, answer in _WRONGLY_SEEN.items()
    ]
    return [
        {
            "case_id": f"digits-{index:04d}",
            "label": float(label),
            "answer": float(answer),
            "field": "image",
            "shape": [8, 8],
            "values": images[index].ravel().tolist(),
        }
        for index, label, answer in chosen
    ]


def _table(scheduled_ns: Array, latency_ns: Array, lag_ns: Array, **columns: Any) -> pa.Table:
    count = len(scheduled_ns)
    base: dict[str, Any] = {
        "scheduled_ns": scheduled_ns,
        "sent_ns": scheduled_ns + lag_ns,
        "first_byte_ns": scheduled_ns + lag_ns + ((latency_ns - lag_ns) * 0.97).astype(np.int64),
        "done_ns": scheduled_ns + latency_ns,
        "status": [200] * count,
        "block": [0] * count,
        "worker": [0] * count,
        "answer": [None] * count,
        "score": [None] * count,
        "bytes": [231] * count,
        "error": [None] * count,
    }
    given = {name: value if isinstance(value, list | np.ndarray) else [value] * count for name, value in columns.items()}
    return pa.table({name: pa.array((base | given)[name], SCHEMA.field(name).type) for name in SCHEMA.names}, schema=SCHEMA)


def _timing(rng: np.random.Generator, count: int, scenario: Scenario) -> tuple[Array, Array]:
    lag = (rng.lognormal(np.log(0.09), 0.8, count) * 1e6).astype(np.int64)
    spread = 0.14 if scenario.median_ms > 100 else 0.42
    service = (scenario.median_ms * rng.lognormal(0, spread, count) * 1e6).astype(np.int64)
    stalls = rng.random(count) < 0.004
    return lag + service + (stalls * rng.uniform(20e6, 90e6, count)).astype(np.int64), lag


def _contract(rng: np.random.Generator, scenario: Scenario) -> pa.Table:
    names = list(contract_names(_service().interface))
    latency, lag = _timing(rng, len(names), scenario)
    statuses = [200] + [400] * (len(names) - 2) + [404]
    errors = [None] + [f"status {status}" for status in statuses[1:]]
    scheduled = START_NS + np.arange(len(names)) * 5_000_000
    fixed = {"arm": "candidate", "check": "contract", "run": 0, "served_digest": scenario.served}
    return _table(scheduled, latency, lag, status=statuses, case_id=names, score=[1.0] * len(names), error=errors, **fixed)


def _sample(
    rng: np.random.Generator,
    at: int,
    check: str,
    arm: str,
    digest: str,
    labels: Array,
    wrong: int,
    scenario: Scenario,
    *,
    run: int,
) -> pa.Table:
    count = len(labels)
    latency, lag = _timing(rng, count, scenario)
    missed = rng.choice(count, wrong, replace=False)
    answers = labels.astype(float)
    answers[missed] = (answers[missed] + rng.choice([1, 2, 5, 7], wrong)) % 10
    first = 0 if check.startswith("quality") else CASES
    ids = [f"digits-{first + index:04d}" for index in range(count)]
    scheduled = at + rng.permutation(count) * 5_000_000
    scores = (answers == labels).astype(float)
    fixed = {"arm": arm, "check": check, "run": run, "served_digest": digest}
    return _table(scheduled, latency, lag, case_id=ids, answer=answers, score=scores, **fixed)


def _load(rng: np.random.Generator, at: int, arm: str, digest: str, scenario: Scenario) -> pa.Table:
    gaps = rng.exponential(1e9 / 200, int((scenario.seconds + 5) * 200 * 1.2) + 200)
    offsets = np.cumsum(gaps).astype(np.int64)
    offsets = offsets[offsets < (5 + scenario.seconds) * SECOND_NS]
    watched = offsets >= 5 * SECOND_NS
    count = len(offsets)
    latency, lag = _timing(rng, count, scenario)
    failed = rng.random(count) < scenario.failing
    labels = _hold_out()
    picks = rng.integers(0, CASES, count)
    return _table(
        at + offsets,
        latency,
        lag,
        arm=arm,
        check=["load" if one else "warm-up" for one in watched],
        run=3 if arm == "candidate" else 4,
        block=np.maximum(np.cumsum(watched) - 1, 0),
        case_id=[f"digits-{pick:04d}" for pick in picks],
        served_digest=[None if one else digest for one in failed],
        status=np.where(failed, 503, 200),
        answer=[None if one else float(labels[pick]) for one, pick in zip(failed, picks, strict=True)],
        score=[None if one else 1.0 for one in failed],
        error=["status 503 Service Unavailable" if one else None for one in failed],
    )


def _confusion(rows: pa.Table, arm: str) -> list[list[int]]:
    labels, counts = _hold_out(), np.zeros((10, 11), dtype=int)
    for row in _answers(rows, arm):
        counts[labels[int(row["case_id"][-4:])], int(row["answer"])] += 1
    return [] if not counts.any() else counts.tolist()


def _slices(rows: pa.Table) -> list[dict[str, Any]]:
    labels = _hold_out()
    answers = [(int(labels[int(row["case_id"][-4:])]), row["score"]) for row in _answers(rows, "candidate")]
    scores = {digit: [score for label, score in answers if label == digit] for digit in range(10)}
    return [{"value": str(digit), "cases": len(found), "right": int(sum(found))} for digit, found in scores.items()]


def _answers(rows: pa.Table, arm: str) -> list[dict[str, Any]]:
    return [row for row in rows.to_pylist() if row["check"] == "quality:holdout" and row["arm"] == arm]
