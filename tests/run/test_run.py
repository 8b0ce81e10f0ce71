"""Live gates against small endpoints: good ones pass, bad ones fail by the check that knows, absence is never read as a pass."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from packaging.utils import canonicalize_name

from mlgate import BusyError, DeclarationError, EndpointError, Environment, LedgerError, Service, UsageError, Verdict
from mlgate_evidence.ledger import Ledger
from mlgate_evidence.locks import endpoint_lock
from mlgate_evidence.trust import Trust
from mlgate_gates.request import GateOutcome, GateRequest, Subject
from mlgate_gates.run import run_gate
from mlgate_gates.verify import verify_folder

Endpoint = Callable[..., str]
Routes = Callable[[str], dict[str, int]]
Signed = Callable[[GateOutcome], dict[str, Any]]
ROOT = Path(__file__).parents[2]
CASES = 300
DIGESTS = ("sha256:" + "a" * 64, "sha256:" + "b" * 64)


def test_a_good_release_passes_every_check_with_evidence_that_verifies(
    gate: Callable[..., GateOutcome], endpoint: Endpoint, environment: Environment
) -> None:
    outcome = gate(endpoint(), endpoint())
    assert outcome.result.verdict is Verdict.PASS
    assert {finding.name: finding.verdict for finding in outcome.result.findings} == dict.fromkeys(
        ["contract", "accuracy", "no-worse", "latency-p95", "error-rate"], Verdict.PASS
    )
    verified = verify_folder(outcome.folder, Trust.read(environment.trust))
    assert verified.result.to_dict() == outcome.result.to_dict()
    assert sorted(path.name for path in outcome.folder.iterdir()) == [
        "evidence.json",
        "look.json",
        "observations.parquet",
        "plan.json",
        "report.html",
    ]


def test_a_release_with_too_many_wrong_answers_fails_by_quality_and_is_not_loaded_further(
    gate: Callable[..., GateOutcome], endpoint: Endpoint
) -> None:
    result = gate(endpoint(wrong_every=4)).result
    assert (result.verdict, result.decided_by) == (Verdict.FAIL, "accuracy")
    assert result.finding("latency-p95").verdict is None


def test_a_slow_release_fails_by_latency_before_the_time_is_up(gate: Callable[..., GateOutcome], endpoint: Endpoint) -> None:
    result = gate(endpoint(sleep_s=1.3)).result
    assert (result.verdict, result.decided_by) == (Verdict.FAIL, "latency-p95")


@pytest.fixture
def failing_under_load(behaviour: Any) -> Callable[[int], Callable[[str], None]]:
    """Progress that lets every n-th request fail from the load on; contract and quality are over by then."""

    def every(n: int) -> Callable[[str], None]:
        def hear(line: str) -> None:
            if line.startswith("load"):
                behaviour.fail_every = n

        return hear

    return every


def test_a_release_that_fails_requests_fails_by_its_error_rate(
    gate: Callable[..., GateOutcome], endpoint: Endpoint, behaviour: Any, failing_under_load: Callable[[int], Callable[[str], None]]
) -> None:
    result = gate(endpoint(behaviour), progress=failing_under_load(5)).result
    assert result.verdict is Verdict.FAIL
    assert {name: result.finding(name).verdict for name in ("contract", "accuracy", "error-rate")} == {
        "contract": Verdict.PASS,
        "accuracy": Verdict.PASS,
        "error-rate": Verdict.FAIL,
    }
    assert "failed (mostly status: 503 busy), which proves a share over 5 %" in result.finding("error-rate").reason


def test_a_release_near_its_limit_is_watched_for_at_most_and_then_inconclusive_with_what_is_missing(
    gate: Callable[..., GateOutcome],
    endpoint: Endpoint,
    behaviour: Any,
    folder: Path,
    environment: Environment,
    failing_under_load: Callable[[int], Callable[[str], None]],
) -> None:
    text = (folder / "service.yaml").read_text(encoding="utf-8")
    assert "at_most: 6 s" in text
    (folder / "service.yaml").write_text(text.replace("at_most: 6 s", "at_most: 3 s"), encoding="utf-8")
    outcome = gate(endpoint(behaviour), progress=failing_under_load(25), service=Service.read(folder / "service.yaml"))
    assert outcome.result.verdict is Verdict.INCONCLUSIVE
    found = outcome.result.finding("error-rate")
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.numbers["watched_ns"] >= 3 * 10**9
    assert re.fullmatch(r"about [\d,]+ more requests at the observed rate \([\d,]+ s of the load\)", found.missing or "")
    verified = verify_folder(outcome.folder, Trust.read(environment.trust))
    assert verified.result.to_dict() == outcome.result.to_dict()


@pytest.mark.parametrize(
    ("departure", "broken"),
    [
        ({"bad_rows_status": 200}, "wrong-type:numbers (schema: "),
        ({"names_fields": False}, "wrong-type:numbers (status: 400 a bad row)"),
        ({"unknown_model_status": 200}, "unknown-model (schema: "),
        ({"unknown_model_status": 400}, "unknown-model (status: 400 no such model)"),
    ],
)
def test_a_release_that_answers_otherwise_than_documented_breaks_its_contract_by_a_case_that_is_named(
    gate: Callable[..., GateOutcome], endpoint: Endpoint, departure: dict[str, Any], broken: str
) -> None:
    result = gate(endpoint(**departure)).result
    assert (result.verdict, result.decided_by) == (Verdict.FAIL, "contract")
    assert broken in result.reason


def test_another_release_at_the_address_voids_the_gate(gate: Callable[..., GateOutcome], endpoint: Endpoint) -> None:
    result = gate(endpoint(digest=DIGESTS[0]), release=DIGESTS[1]).result
    assert result.verdict is Verdict.VOID
    assert "wrong digest" in result.reason


def test_a_second_gate_of_the_same_endpoint_is_the_next_route_with_less_alpha(gate: Callable[..., GateOutcome], endpoint: Endpoint) -> None:
    url = endpoint(wrong_every=4)
    plans = [json.loads((gate(url).folder / "plan.json").read_text()) for _ in range(2)]
    assert [plan["route"] for plan in plans] == [1, 2]
    assert [plan["alpha"] for plan in plans] == pytest.approx([0.05 * 0.8, 0.05 * 0.1])


def test_every_case_is_answered_exactly_once_by_each_arm(gate: Callable[..., GateOutcome], endpoint: Endpoint, signed: Signed) -> None:
    predicate = signed(gate(endpoint(), endpoint()))
    for arm in ("candidate", "stable"):
        assert sum(sum(row) for row in predicate["confusion"][arm]) == CASES
    assert sum(part["cases"] for part in predicate["slices"]["holdout"]["half"]) == CASES


def test_a_check_against_stable_without_stable_names_both_remedies(service: Service, environment: Environment, endpoint: Endpoint) -> None:
    request = GateRequest(service, environment, Subject(endpoint()))
    with pytest.raises(UsageError, match=r"(?s)--stable URL.*--first-release"):
        run_gate(request, print)


def test_first_release_is_refused_where_the_ledger_knows_a_stable(
    gate: Callable[..., GateOutcome], service: Service, environment: Environment, endpoint: Endpoint
) -> None:
    url = endpoint(digest=DIGESTS[0])
    request = GateRequest(service, environment, Subject(url, DIGESTS[0], DIGESTS[1]), first_release=True)
    outcome = run_gate(request, print)
    given = Ledger.of(environment).history().verdict(outcome.attempt)
    assert given is not None
    assert given.evidence is not None
    Ledger.of(environment).record_promotion(
        service="toy",
        stage="local",
        release=DIGESTS[0],
        configuration=DIGESTS[1],
        evidence_digest=given.evidence,
        attempt=outcome.attempt,
        by="t",
    )
    with pytest.raises(UsageError, match=r"(?s)is stable in local.*leave the option out; with --candidate, also name"):
        gate(endpoint())


def test_an_endpoint_that_is_not_there_is_an_error_and_no_attempt(gate: Callable[..., GateOutcome], environment: Environment) -> None:
    with pytest.raises(EndpointError, match=r"127\.0\.0\.1:9"):
        gate("http://127.0.0.1:9")
    assert Ledger.of(environment).history().lines == []


def test_an_endpoint_that_wants_a_token_says_what_to_declare(gate: Callable[..., GateOutcome], endpoint: Endpoint) -> None:
    with pytest.raises(EndpointError, match=r"interface\.auth"):
        gate(endpoint(token="right"))  # noqa: S106


def test_a_token_from_the_environment_opens_the_endpoint_and_stands_nowhere(
    gate: Callable[..., GateOutcome], endpoint: Endpoint, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    declared = (
        (folder / "service.yaml").read_text(encoding="utf-8").replace("answer: argmax}\n", "answer: argmax}\n  auth: {bearer: TOY_TOKEN}\n")
    )
    (folder / "service.yaml").write_text(declared, encoding="utf-8")
    monkeypatch.setenv("TOY_TOKEN", "a-secret-of-the-test")
    outcome = gate(endpoint(token="a-secret-of-the-test"), service=Service.read(folder / "service.yaml"))  # noqa: S106
    assert outcome.result.verdict is Verdict.PASS
    for path in outcome.folder.parent.rglob("*"):
        assert path.is_dir() or b"a-secret-of-the-test" not in path.read_bytes()


def test_two_gates_never_load_one_endpoint_and_the_second_says_who_does(gate: Callable[..., GateOutcome], endpoint: Endpoint) -> None:
    url = endpoint()
    with endpoint_lock(url), pytest.raises(BusyError, match=str(os.getpid())):
        gate(url)


def test_a_gate_holds_the_stable_endpoint_too(gate: Callable[..., GateOutcome], endpoint: Endpoint) -> None:
    stable = endpoint()
    with endpoint_lock(stable), pytest.raises(BusyError, match=stable):
        gate(endpoint(), stable)


def test_a_gate_of_a_first_release_records_that_nothing_was_compared(
    gate: Callable[..., GateOutcome], endpoint: Endpoint, signed: Signed
) -> None:
    predicate = signed(gate(endpoint()))
    assert predicate["plan"]["first_release"] is True
    assert [finding["name"] for finding in predicate["result"]["findings"]] == ["contract", "accuracy", "latency-p95", "error-rate"]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [(lambda table: table.drop_columns("label"), "label"), (lambda table: table.slice(0, 0), "holds no case")],
    ids=["no label", "no rows"],
)
def test_data_that_cannot_be_judged_is_named_before_any_request(
    gate: Callable[..., GateOutcome],
    endpoint: Endpoint,
    behaviour: Any,
    environment: Environment,
    folder: Path,
    spoil: Callable[[pa.Table], pa.Table],
    message: str,
) -> None:
    holdout = folder / "holdout.parquet"
    pq.write_table(spoil(pq.read_table(holdout)), holdout)
    with pytest.raises(DeclarationError, match=message):
        gate(endpoint(behaviour))
    assert behaviour.requests == 0
    assert Ledger.of(environment).history().lines == []


@pytest.mark.parametrize("name", ["holdout.parquet", "look.parquet"])
def test_missing_data_is_named_before_any_request(
    gate: Callable[..., GateOutcome], endpoint: Endpoint, environment: Environment, folder: Path, name: str
) -> None:
    (folder / name).unlink()
    with pytest.raises(DeclarationError, match=name):
        gate(endpoint())
    assert Ledger.of(environment).history().lines == []


@pytest.mark.parametrize("now", [None, "process 2"])
@pytest.mark.parametrize("arm", ["candidate", "stable"])
def test_a_server_that_was_replaced_in_mid_gate_gives_no_verdict_and_the_next_gate_is_the_next_route(
    service: Service, environment: Environment, endpoint: Endpoint, registry: Any, arm: str, now: str | None, routes: Routes
) -> None:
    """Its answers carry the same release, and nobody can tell in which configuration they were given."""
    arms = {"candidate": Subject(endpoint()), "stable": Subject(endpoint())}
    url, replaced = arms["candidate"].url, arms[arm].url

    def request() -> GateRequest:
        return GateRequest(service, environment, **arms | {arm: registry.arm(replaced)})

    def replace(line: str) -> None:
        if line.startswith("quality"):
            registry.name = now

    with pytest.raises(EndpointError, match=f"replaced or stopped the server of {arm} while it was measured") as caught:
        run_gate(request(), replace)
    assert caught.value.where == replaced
    (attempt,) = routes(url)
    assert Ledger.of(environment).history().verdict(attempt) is None
    assert not (environment.evidence / attempt / "evidence.json").exists()
    registry.name = "process 2"
    outcome = run_gate(request(), print)
    assert routes(url) == {attempt: 1, outcome.attempt: 2}
    assert not (outcome.folder / "servers.json").exists()


def test_a_gate_interrupted_in_order_goes_on_though_its_server_was_started_anew_since(
    service: Service, environment: Environment, endpoint: Endpoint, registry: Any, routes: Routes
) -> None:
    url = endpoint()

    def interrupt(line: str) -> None:
        if line.startswith("load"):
            raise KeyboardInterrupt

    for progress in (interrupt, interrupt):
        with pytest.raises(KeyboardInterrupt):
            run_gate(GateRequest(service, environment, registry.arm(url), first_release=True), progress)
        registry.name = f"later {registry.name}"
    outcome = run_gate(GateRequest(service, environment, registry.arm(url), first_release=True), print)
    assert outcome.result.verdict is Verdict.PASS
    assert routes(url) == {outcome.attempt: 1}


def test_a_gate_interrupted_after_its_server_was_replaced_does_not_go_on(
    service: Service, environment: Environment, endpoint: Endpoint, registry: Any, routes: Routes
) -> None:
    url = endpoint()

    def replace_and_interrupt(line: str) -> None:
        if line.startswith("load"):
            registry.name = "process 2"
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_gate(GateRequest(service, environment, registry.arm(url), first_release=True), replace_and_interrupt)
    said: list[str] = []
    outcome = run_gate(GateRequest(service, environment, registry.arm(url), first_release=True), said.append)
    (attempt, _) = routes(url)
    assert routes(url) == {attempt: 1, outcome.attempt: 2}
    assert f"attempt {attempt} cannot go on: a server that it measured was replaced since" in said


def test_a_server_that_was_replaced_between_being_found_and_being_measured_is_seen(
    service: Service, environment: Environment, endpoint: Endpoint, registry: Any
) -> None:
    request = GateRequest(service, environment, registry.arm(endpoint()), first_release=True)
    registry.name = "process 2"
    with pytest.raises(EndpointError, match="replaced or stopped"):
        run_gate(request, print)


def test_a_gate_that_does_not_find_its_ledger_takes_nothing_for_the_first_release(
    gate: Callable[..., GateOutcome], endpoint: Endpoint, environment: Environment
) -> None:
    gate(endpoint(wrong_every=4))
    for suffix in (".jsonl", ".head"):
        environment.ledger.with_suffix(suffix).unlink()
    with pytest.raises(LedgerError, match="the ledger was begun anew"):
        gate(endpoint())
    assert not environment.ledger.exists()


# In every process that the gate starts, too. PIL, hypothesis, locust and whatever else is installed here is not there for a user.
_BLOCKED = """
import sys

class Absent:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] in {modules!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}: no part of the base install", name=name)

sys.meta_path.insert(0, Absent)
"""


@pytest.fixture
def base_install(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs `mlgate` as if nothing but `requirements/base.txt` were installed."""
    base = {canonicalize_name(name) for name in re.findall(r"^([\w.-]+)==", (ROOT / "requirements" / "base.txt").read_text(), flags=re.M)}
    more = {
        module
        for module, distributions in packages_distributions().items()
        if not {canonicalize_name(name) for name in distributions} & {*base, "mlgate"}
    }
    assert {"torch", "pulumi", "psutil", "PIL", "pytest"} <= more
    (tmp_path / "blocked").mkdir()
    (tmp_path / "blocked" / "sitecustomize.py").write_text(_BLOCKED.format(modules=more), encoding="utf-8")
    environ = {**os.environ, "MLGATE_HOME": str(tmp_path / "home"), "PYTHONPATH": str(tmp_path / "blocked")}
    command = str(Path(sys.executable).with_name("mlgate"))

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([command, *arguments], capture_output=True, text=True, check=False, env=environ, timeout=100)

    return run


def test_gating_an_address_needs_the_base_install_alone(
    endpoint: Endpoint, folder: Path, base_install: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    declaration = str(folder / "service.yaml")
    validated = base_install("validate", declaration)
    assert validated.returncode == 0, validated.stderr
    gated = base_install("gate", declaration, "--candidate", endpoint(), "--first-release", "--json")
    assert gated.returncode == 0, gated.stderr
    attempt = json.loads(gated.stdout)["folder"]
    for verb in ("verify", "report"):
        done = base_install(verb, attempt)
        assert done.returncode == 0, done.stderr
    absent = base_install("status")
    assert absent.returncode == 1
    assert "which the base install leaves out" in absent.stderr
