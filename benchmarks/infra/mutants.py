"""Whether the tests of the policies and of the plan guard notice when one thing in them is changed: mutants, and those that survive.

A survivor stands in the results with its place, its change and the reason for leaving it, which is in `survivors.toml`.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from benchmarks.harness import NotRunError, Row, continued, say
from benchmarks.infra import judging
from benchmarks.infra.judging import SURVIVED
from benchmarks.infra.mutating import Mutant, mutants_of
from benchmarks.provenance import PROJECT, RESULTS, Origin, files
from mlgate.environment import cache_folder

GOAL_PERCENT = 95.0
RECORD = RESULTS / "infra-mutants.jsonl"
REASONS = Path(__file__).with_name("survivors.toml")
POLICIES, GUARD = "policies/mlgate_policies", "delivery/mlgate_delivery"
DOCUMENTS = "core/mlgate/policy_documents.py"
"""When a statement lets in everybody, which the policies go by."""
_PACKAGES = (POLICIES, GUARD, "core/mlgate")
_RULES = ("tests/policies/test_page.py", "tests/policies/test_rules.py")
_GUARD = tuple(f"tests/delivery/test_plan_{theme}.py" for theme in ("guard", "stateful", "documents"))
JUDGED: dict[str, Sequence[str]] = {
    DOCUMENTS: ("tests/core/test_policy_documents.py", "tests/policies/test_access.py"),
    f"{POLICIES}/access.py": ("tests/policies/test_access.py", *_RULES),
    f"{POLICIES}/cost.py": ("tests/policies/test_cost.py", *_RULES),
    f"{POLICIES}/disks.py": ("tests/policies/test_disks.py", "tests/policies/test_tables.py", *_RULES),
    f"{POLICIES}/documents.py": ("tests/policies/test_documents.py", "tests/policies/test_access.py"),
    f"{POLICIES}/exceptions.py": ("tests/policies/test_exceptions.py",),
    f"{POLICIES}/judge.py": ("tests/policies/test_exceptions.py", "tests/policies/test_rules.py"),
    f"{POLICIES}/naming.py": ("tests/policies/test_naming.py", "tests/policies/test_tables.py", *_RULES),
    f"{POLICIES}/network.py": ("tests/policies/test_network.py", "tests/policies/test_tables.py", *_RULES),
    f"{POLICIES}/resource.py": tuple(f"tests/policies/test_{rules}.py" for rules in ("access", "storage", "network", "cost", "naming")),
    f"{POLICIES}/rule.py": (*_RULES, "tests/policies/test_cost.py"),
    f"{POLICIES}/rules.py": ("tests/policies/test_rules.py", "tests/policies/test_cost.py"),
    f"{POLICIES}/serve.py": ("tests/policies/test_served.py", "tests/policies/test_served_files.py"),
    f"{POLICIES}/storage.py": ("tests/policies/test_storage.py", "tests/policies/test_tables.py", *_RULES),
    f"{POLICIES}/traffic.py": ("tests/policies/test_traffic.py", *_RULES),
    f"{GUARD}/approval.py": ("tests/delivery/test_plan_approval.py", *_GUARD),
    f"{GUARD}/guarded_update.py": ("tests/delivery/test_guarded_update.py",),
    f"{GUARD}/plan.py": _GUARD,
    f"{GUARD}/plan_guard.py": _GUARD,
}
"""The modules that are mutated, each with the tests that judge its mutants: those without an engine, in the order in which they run."""

# What a verdict depends on, which is what the judging tests import, and what that imports (their settings and the page that they read as
# well); the rest of the project may change while a run goes on.
_COUNTS = (
    *("benchmarks/infra/judging.py", "benchmarks/infra/mut", "docs/policies.md", "pyproject.toml"),
    *("cli/", "components/", "core/", "delivery/", "evidence/", "gates/", "loadtests/", "policies/", "serving/", "testkit/", "tools/"),
    *("tests/components/aws/gpu/definitions.py", "tests/components/conftest.py", "tests/conftest.py", "tests/core/conftest.py"),
    *("tests/core/test_policy_documents.py", "tests/delivery/", "tests/policies/", "tests/rungs.py", "tests/testkit/cluster/"),
)


def measure(origin: Callable[[], Origin], *, anew: bool = False, record: Path = RECORD, reasons: Path = REASONS) -> list[Row]:
    """Every mutant judged once. A line in `record` for each, so that the next run goes on with those that are missing; `anew` forgets them.

    Raises NotRunError where a survivor has no reason, or a reason is for none.
    """
    now = _of_what_counts(origin())
    if anew:
        record.unlink(missing_ok=True)
    done = {line["id"]: line for line in continued(record, now, "mutants")}
    mutants = [mutant for path in JUDGED for mutant in mutants_of(path, (PROJECT / path).read_text(encoding="utf-8"))]
    missing = [mutant for mutant in mutants if mutant.id not in done]
    record.parent.mkdir(exist_ok=True)
    with closing(judge_all(missing)) as verdicts:
        for mutant, verdict in verdicts:
            line = {"commit": now.commit, "origin": now.fingerprint, "id": mutant.id, **verdict}
            done[mutant.id] = line
            with record.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(line) + "\n")
            if len(done) % 100 == 0:
                say(f"{len(done)} of {len(mutants)} mutants judged")
    survivors = [mutant for mutant in mutants if done[mutant.id]["outcome"] == SURVIVED]
    return rows_of(mutants, survivors, read_reasons(reasons))


def _of_what_counts(now: Origin) -> Origin:
    """The same, of no more code than a verdict depends on."""
    digest = hashlib.sha256()
    for name in files():
        if name.startswith(_COUNTS):
            digest.update(f"{name}\0{hashlib.sha256((PROJECT / name).read_bytes()).hexdigest()}\n".encode())
    return replace(now, code=f"sha256:{digest.hexdigest()}", versions={**now.versions, "mutmut": version("mutmut")})


Key = tuple[str, str, str]
"""Of a mutant: its module, what it is in there, and its change. Lines may move."""


def read_reasons(path: Path) -> dict[Key, str]:
    """Why each survivor is left as it is."""
    written = tomllib.loads(path.read_text(encoding="utf-8")).get("survivors", [])
    return {(each["module"], each["function"], change.strip()): each["reason"] for each in written for change in each["changes"]}


def key_of(mutant: Mutant) -> Key:
    return mutant.path, mutant.function, mutant.change


def rows_of(mutants: Sequence[Mutant], survivors: Sequence[Mutant], reasons: Mapping[Key, str]) -> list[Row]:
    """The share that was killed, of policies and of guard, and each survivor. Raises NotRunError as `measure`."""
    left = {key_of(mutant) for mutant in survivors}
    wrong = [f"no reason for {_told(mutant)}" for mutant in survivors if key_of(mutant) not in reasons]
    wrong += [f"a reason for {' '.join(key)}, which does not survive".replace("\n", " ") for key in reasons if key not in left]
    if wrong:
        raise NotRunError("\n".join([f"{REASONS.name} is not what survives", *wrong]))
    return [
        *(_share(what, place, mutants, survivors) for what, place in (("policies", (POLICIES, DOCUMENTS)), ("plan guard", GUARD))),
        *(Row(f"survivor: {_told(mutant)}", 1, "mutants", reference=reasons[key_of(mutant)]) for mutant in survivors),
    ]


def _share(what: str, place: str | tuple[str, ...], mutants: Iterable[Mutant], survivors: Iterable[Mutant]) -> Row:
    of_it, alive = (sum(mutant.path.startswith(place) for mutant in each) for each in (mutants, survivors))
    killed = of_it - alive
    said = f"{killed} of {of_it}, made by mutmut {version('mutmut')}"
    return Row(f"mutants of the {what} killed", 100.0 * killed / of_it, "%", GOAL_PERCENT, "higher", said)


def _told(mutant: Mutant) -> str:
    return f"{mutant.path}:{mutant.line} {mutant.function}: {' '.join(mutant.change.splitlines())}"


Verdict = Mapping[str, Any]


def judge_all(mutants: Iterable[Mutant], processes: int = os.cpu_count() or 1) -> Generator[tuple[Mutant, Verdict], None, None]:
    """Each mutant with its verdict, as they come. Raises NotRunError where the tests fail by themselves."""
    with ExitStack() as held:
        free: SimpleQueue[Judge] = SimpleQueue()
        for _ in range(processes):
            free.put(held.enter_context(open_judge()))
        pool = held.enter_context(ThreadPoolExecutor(processes))
        held.callback(pool.shutdown, wait=False, cancel_futures=True)

        def judged(mutant: Mutant) -> Verdict:
            judge = free.get()
            try:
                return judge.ask(mutant)
            finally:
                free.put(judge)

        asked = {pool.submit(judged, mutant): mutant for mutant in mutants}
        for done in as_completed(asked):
            yield asked[done], done.result()


class Judge:
    """A process that judges mutants on copies of their packages."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._limits_s: dict[str, float] = {}

    def ask(self, mutant: Mutant) -> Verdict:
        """What becomes of a mutant. Before the first of a module comes the module as it is, which says how long its tests may take."""
        if mutant.path not in self._limits_s:
            whole = self._order(mutant.path, (PROJECT / mutant.path).read_text(encoding="utf-8"), 600.0, warm=True)
            if whole["outcome"] != SURVIVED:
                raise NotRunError(f"the tests of {mutant.path} fail by themselves: {whole['by'] or whole['outcome']}")
            self._limits_s[mutant.path] = 10 + 5 * whole["seconds"]
        return self._order(mutant.path, mutant.source, self._limits_s[mutant.path], warm=False)

    def _order(self, path: str, source: str, limit_s: float, *, warm: bool) -> Verdict:
        assert self._process.stdin
        assert self._process.stdout
        order = {"path": path, "source": source, "tests": JUDGED[path], "limit_s": limit_s, "warm": warm}
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise NotRunError(f"what judges the mutants of {path} ended with {self._process.wait()}")
        verdict: Verdict = json.loads(answer)
        return verdict


@contextmanager
def open_judge() -> Iterator[Judge]:
    """One that is gone afterwards, with its copies and what the policy pack compiled of them."""
    with tempfile.TemporaryDirectory(prefix="mlgate-mutants-") as place, ExitStack() as held:
        folder = Path(place)
        for package in _PACKAGES:
            shutil.copytree(PROJECT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
        held.callback(shutil.rmtree, cache_folder() / "bytecode" / folder.relative_to("/"), ignore_errors=True)
        # With CI=true Hypothesis tries the same examples for every mutant.
        first = os.pathsep.join(str((folder / package).parent) for package in _PACKAGES)
        environ = {**os.environ, "CI": "true", "PYTHONPATH": first}
        command = [sys.executable, "-m", judging.__name__, str(folder)]
        started = subprocess.Popen(command, cwd=PROJECT, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        process = held.enter_context(started)
        held.callback(process.terminate)
        yield Judge(process)
