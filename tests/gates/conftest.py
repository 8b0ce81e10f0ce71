"""Plans and rows made by hand, so that a test says in one line what the generator, the endpoint and the model did."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from mlgate import Environment, Service
from mlgate.digests import digest_file, digest_json
from mlgate_evidence.signer import KeyFileSigner
from mlgate_evidence.statement import build_statement, sign_statement
from mlgate_evidence.subject import subject_digests
from mlgate_evidence.trust import Trust, ensure_local_trust
from mlgate_gates.contract_cases import contract_names
from mlgate_gates.judge import judge as judge_rows
from mlgate_gates.phases import load_arrivals
from mlgate_gates.plan import Plan, PlannedLoad
from mlgate_gates.planning import build_plan
from mlgate_gates.request import Subject
from mlgate_gates.result import GateResult
from mlgate_gates.samples import Sample
from mlgate_gates.verify import Verified, verify_folder
from mlgate_loadtests.account import Generator, RunAccount
from mlgate_loadtests.cases import Cases
from mlgate_loadtests.recording import SCHEMA, write_observations

MS, SECOND = 10**6, 10**9
START_NS = 1_795_000_000 * SECOND
SIGNED_NS = 1_796_000_000 * SECOND
CANDIDATE, STABLE, CONFIGURATION = ("sha256:" + letter * 64 for letter in "c5f")
CASES = 900
Change = Callable[[dict[str, Any]], None]

DECLARATION = """\
apiVersion: mlgate/v1
kind: Service
metadata: {name: digits, owner: vision}
interface:
  protocol: torchserve
  input: {image: {dtype: float32, shape: [-1, 8, 8], at_least: 0, at_most: 16}}
  output: {field: probabilities, shape: [-1, 10], answer: argmax}
objectives:
  - {name: latency-p99, quantile: 0.99, at_most: 200 ms}
  - {name: error-rate, at_most: 1 %}
load: {arrivals: poisson, rate: 200/s, warm_up: 5 s, at_least: 15 s, at_most: 90 s, bursts: independent}
quality:
  - {name: accuracy, metric: accuracy, at_least: 0.94, data: data/holdout.parquet}
  - {name: no-worse, metric: accuracy, versus: stable, margin: 0.02, data: data/holdout.parquet}
alpha: 0.01
alpha_block: 0.01
"""


@dataclass
class Recorder:
    """Rows as the load worker would leave them. Each call is a run of its own; everything not named went well."""

    contract_cases: tuple[str, ...]
    tables: list[pa.Table] = field(default_factory=list)
    now_ns: int = START_NS
    runs: int = 0

    def copy(self) -> Recorder:
        """The same rows, to go on differently."""
        return replace(self, tables=list(self.tables))

    def add(self, check: str, arm: str = "candidate", *, offsets_ns: Any = None, **columns: Any) -> Recorder:
        """One run, a request every 5 ms unless `offsets_ns` says when.

        Columns are scalars or sequences of one length; `latency_ms` and `lag_ms` are counted from the scheduled instant.
        """
        count = max(len(value) for value in columns.values() if not isinstance(value, str) and np.ndim(value))
        offsets = np.arange(count) * 5 * MS if offsets_ns is None else np.asarray(offsets_ns)
        scheduled = self.now_ns + offsets
        lag_ns = (np.asarray(columns.pop("lag_ms", 0.1)) * MS).astype(np.int64)
        latency_ns = (np.asarray(columns.pop("latency_ms", 8.0)) * MS).astype(np.int64)
        answered = np.broadcast_to(np.asarray(columns.get("status", 200)) > 0, count)
        done = np.where(answered, scheduled + np.maximum(latency_ns, lag_ns), 0)
        usual: dict[str, Any] = {
            "scheduled_ns": scheduled,
            "sent_ns": scheduled + lag_ns,
            "first_byte_ns": done,
            "done_ns": done,
            "status": 200,
            "arm": arm,
            "block": np.arange(count) if check == "load" else 0,
            "run": self.runs,
            "worker": 0,
            "check": check,
            "served_digest": [(CANDIDATE if arm == "candidate" else STABLE) if one else None for one in answered],
            "case_id": [f"case-{place}" for place in range(count)],
            "answer": 1.0,
            "score": 1.0,
            "bytes": 100,
            "error": None,
        }
        every = usual | columns
        arrays = [
            pa.array([value] * count if value is None or isinstance(value, str) or np.ndim(value) == 0 else list(value), kind)
            for value, kind in ((every[name], kind) for name, kind in zip(SCHEMA.names, SCHEMA.types, strict=True))
        ]
        self.tables.append(pa.table(arrays, schema=SCHEMA))
        self.now_ns = int(scheduled[-1]) + SECOND
        self.runs += 1
        return self

    def contract(self, **columns: Any) -> Recorder:
        """Every documented answer as documented, unless said otherwise."""
        names = list(self.contract_cases)
        right = {"case_id": names, "status": [200] + [400] * (len(names) - 2) + [404]}
        right["error"] = [None] + [f"status: {status}" for status in right["status"][1:]]
        return self.add("contract", **(right | {"answer": [1.0] + [None] * (len(names) - 1)} | columns))

    def quality(self, wrong: Sequence[int] | int = 20, arm: str = "candidate", **columns: Any) -> Recorder:
        """All cases once; `wrong` are the places of the wrong answers, or how many of the first ones are."""
        places = range(wrong) if isinstance(wrong, int) else wrong
        score = [1.0] * CASES
        for place in places:
            score[place] = 0.0
        return self.add("quality:holdout", arm, **({"score": score} | columns))

    def load(self, count: int = 3200, **columns: Any) -> Recorder:
        """That many requests at the declared rate, all good unless said otherwise."""
        return self.add("load", **({"case_id": [f"case-{place % CASES}" for place in range(count)]} | columns))

    def drive(self, load: PlannedLoad, count: int = 3200, **columns: Any) -> Recorder:
        """That many requests of the planned load behind its warm-up, each at its instant."""
        arrivals = load_arrivals(load, self.runs, load.at_most_ns)
        warm_up = int(np.searchsorted(arrivals, load.warm_up_ns))
        start_ns = self.now_ns
        self.add("warm-up", offsets_ns=arrivals[:warm_up], case_id=["case-0"] * warm_up)
        self.runs, self.now_ns = self.runs - 1, start_ns
        return self.load(count, offsets_ns=arrivals[warm_up : warm_up + count], **columns)

    def table(self) -> pa.Table:
        """All rows, in the order they were added."""
        return pa.concat_tables(self.tables) if self.tables else SCHEMA.empty_table()


def account_of(table: pa.Table) -> Generator:
    """The account of a generator that lost nothing: as many requests were sent as there are rows."""
    runs = table["run"].to_pylist() if "run" in table.column_names else []
    sent = Counter(runs)
    return Generator(runs=tuple(RunAccount(run=run, sent=sent[run], clock_stepped_ns=0) for run in range(max(runs, default=-1) + 1)))


@pytest.fixture(scope="session")
def accounted() -> Callable[[pa.Table], Generator]:
    """Gives the account of a generator that lost nothing."""
    return account_of


@pytest.fixture(scope="session")
def judge() -> Callable[..., GateResult]:
    """Judges rows with the account of a generator that lost nothing, unless given another."""
    return lambda plan, table, generator=None, **how: judge_rows(plan, table, generator or account_of(table), **how)


@pytest.fixture(scope="session")
def service_from(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Service]:
    """Reads the declaration with texts replaced."""

    def read(*changes: tuple[str, str]) -> Service:
        text = DECLARATION
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        path = tmp_path_factory.mktemp("service") / "service.yaml"
        path.write_text(text, encoding="utf-8")
        return Service.read(path)

    return read


@pytest.fixture(scope="session")
def sample_of_size() -> Callable[..., Sample]:
    """A hold-out of that many cases, or others to look at; each asks something else unless `inputs` says what."""

    def make(count: int = CASES, *, data: str = "data/holdout.parquet", look: bool = False, inputs: Any = None, repeats: int = 0) -> Sample:
        ids = tuple(f"case-{place}" for place in range(count))
        inputs = {"image": np.arange(count) + (CASES if look else 0)} if inputs is None else {"image": np.asarray(inputs)}
        cases = Cases("sha256:" + "d" * 64, ids, inputs, np.zeros(count), {})
        arms = ("candidate",) if look else ("candidate", "stable")
        return Sample(data.rsplit("/", 1)[-1].split(".", maxsplit=1)[0], data, cases, repeats, arms, look)

    return make


@pytest.fixture(scope="session")
def plan_from(service_from: Callable[..., Service], sample_of_size: Callable[..., Sample]) -> Callable[..., Plan]:
    """The plan of the declaration with texts replaced, and the arguments of `build_plan` changed."""

    def make(*changes: tuple[str, str], **arguments: Any) -> Plan:
        usual: dict[str, Any] = {
            "candidate": Subject("http://127.0.0.1:1", CANDIDATE),
            "stable": Subject("http://127.0.0.1:2", STABLE),
            "first_release": False,
            "stage": "local",
            "attempt": "a-1",
            "route": 1,
            "alpha_share": 0.8,
            "seed": 7,
        }
        samples = arguments.pop("samples", (sample_of_size(),))
        return build_plan(service_from(*changes), samples, **(usual | arguments))

    return make


@pytest.fixture(scope="session")
def plan(plan_from: Callable[..., Plan]) -> Plan:
    """The plan of the declaration: contract, accuracy, no-worse, latency-p99, error-rate."""
    return plan_from()


@pytest.fixture
def rows(service_from: Callable[..., Service]) -> Recorder:
    """An empty recorder."""
    return Recorder(contract_names(service_from().interface))


@pytest.fixture
def good(rows: Recorder) -> Recorder:
    """A recorder with every phase but the load, all healthy: candidate 880 of 900, stable 878."""
    return rows.copy().contract().quality(range(20)).quality(range(2, 24), "stable")


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment with a key and a trust file."""
    place = Environment("local", tmp_path_factory.mktemp("home"))
    ensure_local_trust(place)
    return place


@pytest.fixture
def planned(plan_from: Callable[..., Plan]) -> Plan:
    """A plan whose candidate is known by release and configuration, and whose hold-out has a slice."""
    sliced = ("at_least: 0.94, data: data/holdout.parquet", "at_least: 0.94, data: data/holdout.parquet, slices: [digit]")
    return plan_from(sliced, candidate=Subject("http://127.0.0.1:1", CANDIDATE, CONFIGURATION))


@pytest.fixture
def observed(good: Any, planned: Plan) -> pa.Table:
    """Rows of a gate that passes."""
    table: pa.Table = good.copy().drive(planned.load, latency_ms=[float(place % 50) for place in range(3200)]).table()
    return table


@pytest.fixture
def evidence(tmp_path: Path, environment: Environment, planned: Plan, observed: pa.Table) -> Callable[..., Path]:
    """Writes the evidence of a gate.

    `lie` may change the predicate before it is signed, and `plan_lie` the plan before anything else; `rows` are what is stored.
    """

    def write(lie: Change = lambda _: None, rows: pa.Table = observed, plan_lie: Change = lambda _: None) -> Path:
        folder = tmp_path / "attempt"
        folder.mkdir()
        write_observations(folder / "observations.parquet", rows)
        plan = planned.to_dict()
        plan_lie(plan)
        (folder / "plan.json").write_text(json.dumps(plan, indent=2))
        predicate = {
            "plan": plan,
            "plan_digest": digest_json(plan),
            "ledger": {"count": 1, "head": "sha256:" + "0" * 64},
            "result": judge_rows(Plan.from_dict(plan), rows, account_of(rows)).to_dict(),
            "generator": account_of(rows).to_dict(),
            "versions": {"numpy": np.__version__},
            "look": {"digest": "sha256:" + "0" * 64},
            "slices": {"holdout": {"digit": [{"value": "0", "cases": 300, "right": 280}, {"value": "1", "cases": 600, "right": 600}]}},
            "started_ns": START_NS,
            "finished_ns": SIGNED_NS,
            "observations": {"digest": digest_file(folder / "observations.parquet"), "rows": rows.num_rows},
            "confusion": {"labels": ["0", "1"], "candidate": [[0, 20, 0], [0, 880, 0]], "stable": [[0, 22, 0], [0, 878, 0]]},
        }
        lie(predicate)
        subject = planned.subject
        statement = build_statement(subject_digests(subject.release, subject.configuration, subject.url), predicate)
        signed = sign_statement(statement, KeyFileSigner(environment.signing_key), clock=lambda: SIGNED_NS)
        (folder / "evidence.json").write_bytes(signed)
        return folder

    return write


@pytest.fixture
def verify(environment: Environment) -> Callable[..., Verified]:
    """Verifies a folder, an hour after it was signed and by who is trusted in its environment unless told otherwise."""

    def at(folder: Path, trust: Trust | None = None, *, hours: int = 1) -> Verified:
        return verify_folder(folder, trust or Trust.read(environment.trust), now_ns=SIGNED_NS + hours * 3600 * SECOND)

    return at
