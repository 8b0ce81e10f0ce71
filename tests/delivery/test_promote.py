"""Promotion and rollback on the real engine and the real proxy. Evidence is signed by hand: how a gate comes to it is tested elsewhere."""

import os
import signal
import threading
import time
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

import pyarrow as pa
import pytest

from mlgate import BusyError, EvidenceError, ProcessError, RefusedError, Release, Service, StackError, UsageError, Verdict
from mlgate_delivery.arms import arms_of, service_url
from mlgate_delivery.candidate import deploy_candidate
from mlgate_delivery.promote import promote, settled
from mlgate_delivery.rollback import rollback
from mlgate_delivery.stack import LocalStack
from mlgate_delivery.status import status
from mlgate_evidence.ledger import Ledger
from mlgate_gates.request import GateRequest, Subject
from mlgate_gates.run import run_gate
from mlgate_loadtests.recording import read_observations, write_observations
from mlgate_serving.endpoint import find_endpoint, start_endpoint
from mlgate_serving.envoy import LocalRouter
from mlgate_serving.router import Arm, Arms
from mlgate_serving.runtime import configuration_digest

from ..run import conftest as run

pytestmark = pytest.mark.engine

# The endpoint that gates are tested with: what it serves has the same interface.
endpoint = run.endpoint


@pytest.fixture
def measured(site, service, packed, endpoint):
    """Gates the release with that version for real, at an endpoint that keeps the contract and says that it serves this release."""

    def gate(version):
        release = Release.read(packed(version)).digest
        subject = Subject(endpoint(digest=release), release, configuration_digest(service.name, service.serving))
        outcome = run_gate(GateRequest(service, site.environment, subject, first_release=True), print)
        assert outcome.result.verdict is Verdict.PASS
        return outcome

    return gate


@pytest.fixture
def callers():
    """Somebody who uses the service's URL all the while; gives what became of each request."""
    ended = threading.Event()
    threads = []
    answers = []

    def call(url):
        def calling():
            address = urlsplit(url)
            while not ended.is_set():
                connection = HTTPConnection(address.hostname, address.port, timeout=10)
                try:
                    connection.request("POST", "/predictions/toy", b'{"numbers": [0, 0, 0, 0]}')
                    answer = connection.getresponse()
                    answers.append(answer.headers["x-mlgate-release"] if answer.status == 200 else answer.status)
                except (OSError, HTTPException) as error:
                    answers.append(error)
                finally:
                    connection.close()
                time.sleep(0.005)

        threads.append(threading.Thread(target=calling))
        threads[-1].start()
        return answers

    yield call
    ended.set()
    for thread in threads:
        thread.join()


@pytest.fixture
def promote_it(site, declare, service, digest_of, recomputed):
    """Promotes the release with that version."""
    return lambda version, progress=print: promote(site.environment, service, declare(), digest_of(version), progress)


def test_from_the_first_release_to_a_rollback_the_url_answers_every_request(
    site, deploy, promote_it, gated, packed, service, declare, callers, digest_of
):
    deploy("1")
    first = gated(packed("1"))
    assert arms_of(site.environment, service, declare(), str(packed("1")))[1] is None
    promotion = promote_it("1")
    assert (promotion.release, promotion.attempt) == (digest_of("1"), first.id)
    url = service_url(site.environment, "toy")
    answers = callers(url)

    deploy("2")
    gated(packed("2"))
    candidate, stable = arms_of(site.environment, service, declare(), digest_of("2"))
    assert (candidate.release, stable.release) == (digest_of("2"), digest_of("1"))
    with pytest.raises(UsageError, match="is stable already"):
        arms_of(site.environment, service, declare(), digest_of("1"))
    promote_it("2")
    assert service_url(site.environment, "toy") == url
    assert sorted(site.running) == ["router-toy", f"toy-{digest_of('2')[7:19]}"]
    assert not site.stack.preview().changed

    rollback(site.environment, service, "complaints since noon", print)
    assert not [answer for answer in answers if not isinstance(answer, str)]
    served = list(dict.fromkeys(answers))
    assert served == [digest_of("1"), digest_of("2")]
    assert answers[-1] == digest_of("1")

    (shown,) = status(site.environment)
    assert (shown.name, shown.url) == ("toy", url)
    (arm,) = shown.arms
    assert (arm.arm, arm.release, arm.weight, arm.name) == ("stable", digest_of("1"), 1.0, f"1 ({digest_of('1')[7:19]})")
    assert arm.process.startswith("running")
    assert first.id in arm.evidence
    assert "complaints since noon" in arm.evidence
    with pytest.raises(RefusedError, match="no release of toy was stable"):
        rollback(site.environment, service, "again", print)


def test_no_evidence_and_evidence_of_a_fail_change_nothing(site, deploy, promote_it, gated, packed):
    deploy("1")
    with pytest.raises(RefusedError, match="never gated"):
        promote_it("1")
    gated(packed("1"), Verdict.FAIL)
    with pytest.raises(RefusedError) as raised:
        promote_it("1")
    assert raised.value.exit_code == 10
    assert Ledger.of(site.environment).stable("toy", "local") is None
    assert "stable" not in site.stack.file.services()["toy"]


def test_what_is_declared_otherwise_since_the_gate_promotes_nothing(site, gated, packed, declare, service, digest_of, recomputed):
    gated(packed("1"))
    before = site.environment.ledger.read_bytes()
    stricter = service.model_copy(update={"alpha": 0.001})
    with pytest.raises(RefusedError, match=r"alpha was 0\.01 and is 0\.001") as raised:
        promote(site.environment, stricter, declare(), digest_of("1"), print)
    assert "mlgate gate" in raised.value.remedy
    assert site.environment.ledger.read_bytes() == before


def test_what_a_real_gate_left_promotes_and_with_one_row_altered_it_does_not(site, deploy, measured, declare, service, digest_of):
    deploy("1")
    outcome = measured("1")
    observations = outcome.folder / "observations.parquet"
    whole, rows = observations.read_bytes(), read_observations(observations)
    answered = pa.array([rows["bytes"][0].as_py() + 1, *rows["bytes"].to_pylist()[1:]], rows.schema.field("bytes").type)
    write_observations(observations, rows.set_column(rows.schema.get_field_index("bytes"), "bytes", answered))
    before = site.environment.ledger.read_bytes()
    with pytest.raises(EvidenceError, match=r"observations\.parquet has digest"):
        promote(site.environment, service, declare(), digest_of("1"), print)
    assert site.environment.ledger.read_bytes() == before
    observations.write_bytes(whole)
    assert promote(site.environment, service, declare(), digest_of("1"), print).attempt == outcome.attempt


def test_rows_that_say_something_else_than_the_statement_promote_nothing(site, deploy, promote_it, gated, packed, recomputed):
    deploy("1")
    gated(packed("1"))
    recomputed.verdict = Verdict.INCONCLUSIVE
    with pytest.raises(EvidenceError, match="its rows say INCONCLUSIVE"):
        promote_it("1")
    assert Ledger.of(site.environment).stable("toy", "local") is None


def test_a_release_is_brought_up_for_its_promotion_and_then_neither_promoted_again_nor_a_candidate(
    site, deploy, promote_it, gated, packed, declare, service, recomputed
):
    gated(packed("1"))
    promote(site.environment, service, declare(), str(packed("1")), print)
    assert len(site.running) == 2
    with pytest.raises(UsageError, match="stable already"):
        promote_it("1")
    with pytest.raises(UsageError, match="stable already"):
        deploy("1")
    folder = packed("1")
    other = Service.read(declare(workers=2))
    for change in (
        lambda: deploy_candidate(site.environment, other, declare(workers=2), folder, print),
        lambda: promote(site.environment, other, declare(workers=2), str(folder), print),
    ):
        with pytest.raises(UsageError, match=r"stable with configuration \w+, and this declares \w+") as raised:
            change()
        assert "nothing is left to do" not in raised.value.remedy


def test_a_server_that_a_killed_update_left_in_another_configuration_gets_no_traffic_by_the_evidence_of_the_first(
    site, deploy, promote_it, gated, packed, declare, digest_of
):
    def left_otherwise():
        folder, otherwise = site.environment.release_folder(digest_of("1")), Service.read(declare(workers=2))
        return start_endpoint(site.supervisor, folder, otherwise).configuration

    deploy("1")
    gated(packed("1"))
    assert left_otherwise() != promote_it("1").configuration
    promotion = Ledger.of(site.environment).stable("toy", "local")
    assert find_endpoint(site.supervisor, "toy", digest_of("1")).configuration == promotion.configuration
    assert settled(site.environment, promotion)
    left_otherwise()
    assert not settled(site.environment, promotion)
    promote_it("1")
    assert settled(site.environment, promotion)


def test_where_the_stacks_configuration_was_lost_a_promotion_is_finished_and_a_rollback_done(
    site, deploy, promote_it, gated, packed, service, digest_of
):
    for version in ("1", "2"):
        deploy(version)
        gated(packed(version))
        promote_it(version)
    site.stack.file.path.unlink()
    promotion = promote_it("2")
    assert settled(site.environment, promotion)
    assert not site.stack.preview().changed
    site.stack.file.path.unlink()
    assert rollback(site.environment, service, "complaints", print).release == digest_of("1")
    assert not site.stack.preview().changed


@pytest.mark.parametrize("shared", [False, True], ids=["in the middle of its move", "with a share away"])
def test_traffic_that_is_not_all_where_it_belongs_is_put_there_by_promoting_again(site, deploy, promote_it, gated, packed, shared):
    deploy("1")
    gated(packed("1"))
    promotion = promote_it("1")
    router = LocalRouter(site.supervisor, site.environment.routers)
    stable = router.arms("toy").stable
    router.set_arms("toy", stable, Arm("sha256:" + "3" * 64, stable.url) if shared else stable, 0.5 if shared else 1.0)
    assert not settled(site.environment, promotion)
    promote_it("1")
    assert router.arms("toy") == Arms(stable)
    assert settled(site.environment, promotion)


@pytest.mark.parametrize("at", ["traffic of toy: updating", "endpoint toy-{}: deleting"])
def test_a_promotion_killed_with_its_engine_is_finished_by_the_same_command(
    site, deploy, promote_it, gated, packed, digest_of, killing, at
):
    deploy("1")
    gated(packed("1"))
    promote_it("1")
    deploy("2")
    gated(packed("2"))
    with pytest.raises(StackError, match=r"is stable in the ledger and .* killed by signal 9") as raised:
        promote_it("2", killing(at.format(digest_of("1")[7:19])))
    assert "the same command" in raised.value.remedy
    assert not settled(site.environment, Ledger.of(site.environment).stable("toy", "local"))
    promotion = promote_it("2")
    assert promotion.release == digest_of("2")
    assert settled(site.environment, promotion)
    assert len(Ledger.of(site.environment).promotions("toy", "local")) == 2
    assert sorted(site.running) == ["router-toy", f"toy-{digest_of('2')[7:19]}"]
    assert not site.stack.preview().changed


@pytest.mark.parametrize("at", ["traffic of toy: updating", "endpoint toy-{}: deleting"])
def test_a_rollback_killed_with_its_engine_is_finished_and_not_done_twice(
    site, deploy, promote_it, gated, packed, digest_of, service, killing, at
):
    for version in ("1", "2", "3"):
        deploy(version)
        gated(packed(version))
        promote_it(version)
    with pytest.raises(StackError, match=r"is stable in the ledger and .* killed by signal 9"):
        rollback(site.environment, service, "complaints", killing(at.format(digest_of("3")[7:19])))
    assert rollback(site.environment, service, "complaints", print).release == digest_of("2")
    assert len(Ledger.of(site.environment).promotions("toy", "local")) == 4
    assert sorted(site.running) == ["router-toy", f"toy-{digest_of('2')[7:19]}"]
    assert not site.stack.preview().changed

    server = site.supervisor.get(f"toy-{digest_of('2')[7:19]}")
    os.kill(server.pid, signal.SIGKILL)  # a release that dies is a reason to leave it, and no rollback that was not finished
    assert rollback(site.environment, service, "it crashes", print).release == digest_of("1")


def test_a_former_release_that_cannot_be_served_is_refused_before_the_ledger_says_otherwise(
    site, deploy, promote_it, gated, packed, digest_of, service, declare
):
    for version in ("1", "2"):
        deploy(version)
        gated(packed(version))
        promote_it(version)
    folder, declaration = packed("1"), declare(workers=2)
    deploy_candidate(site.environment, Service.read(declaration), declaration, folder, print)  # another configuration of the former one
    archive = site.environment.release_folder(digest_of("1")) / "toy-1.mar"
    content = archive.read_bytes()
    archive.unlink()
    with pytest.raises(EvidenceError, match=r"cannot be served again: .*toy-1\.mar"):
        rollback(site.environment, service, "complaints", print)
    assert len(Ledger.of(site.environment).promotions("toy", "local")) == 2
    archive.write_bytes(content)
    former = rollback(site.environment, service, "complaints", print)
    assert find_endpoint(site.supervisor, "toy", digest_of("1")).configuration == former.configuration
    assert not site.stack.preview().changed


@pytest.mark.parametrize(
    ("arms", "state"),
    [(Arms(), "does not have its traffic yet"), (ProcessError("Envoy hangs"), "nobody can tell whether it has its traffic")],
)
def test_an_update_by_hand_that_runs_meanwhile_hides_neither_itself_nor_what_is_promoted(
    site, deploy, promote_it, gated, packed, monkeypatch, arms, state
):
    deploy("1")
    gated(packed("1"))

    def busy(*_, **__):
        raise BusyError("another update of the stack is running", where="pulumi up", remedy="wait")

    def served(*_):
        if isinstance(arms, ProcessError):
            raise arms
        return arms

    monkeypatch.setattr(LocalStack, "up_by_plan", busy)
    monkeypatch.setattr(LocalRouter, "arms", served)
    with pytest.raises(BusyError, match=f"is stable in the ledger and {state}, but the update failed: another update") as raised:
        promote_it("1")
    assert "same command" in raised.value.remedy


def test_a_stable_changed_by_hand_is_refused_with_the_command_that_restores_it(site, deploy, promote_it, gated, packed, digest_of):
    deploy("1")
    gated(packed("1"))
    promote_it("1")
    site.stack.file.set_service("toy", stable=None)
    with pytest.raises(StackError, match="promoted last") as raised:
        site.stack.up(print)
    assert f"pulumi config set --path 'mlgate:services.toy.stable' {digest_of('1')}" in str(raised.value)
    assert len(site.running) == 2


def test_a_candidate_that_does_not_come_up_keeps_no_rollback_from_moving_the_traffic(
    site, deploy, promote_it, gated, packed, digest_of, service
):
    for version in ("1", "2"):
        deploy(version)
        gated(packed(version))
        promote_it(version)
    (packed("3") / "toy-3.mar").unlink()
    site.stack.file.set_service("toy", candidate=str(site.project.folder / "dist" / "toy-3"))
    with pytest.raises(StackError, match=r"toy-3\.mar"):
        site.stack.up(print)
    rollback(site.environment, service, "complaints", print)
    assert sorted(site.running) == ["router-toy", f"toy-{digest_of('1')[7:19]}"]


def test_nothing_was_ever_deployed(site):
    assert status(site.environment) == []
