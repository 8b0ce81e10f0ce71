"""Promotion and rollback on the real engine and the real proxy. Evidence is signed by hand: how a gate comes to it is tested elsewhere."""

import os
import signal
import threading
import time
from http.client import HTTPConnection, HTTPException
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest

from mlgate import EvidenceError, LedgerError, RefusedError, StackError, UsageError, Verdict
from mlgate_delivery import promote as promote_module
from mlgate_delivery.arms import arms_of, service_url
from mlgate_delivery.candidate import deploy_candidate
from mlgate_delivery.promote import promote
from mlgate_delivery.rollback import rollback
from mlgate_delivery.status import status
from mlgate_evidence.ledger import Ledger

pytestmark = pytest.mark.engine


@pytest.fixture
def recomputed(monkeypatch):
    """What the rows of an attempt come to, computed again; the evidence here has none."""
    found = SimpleNamespace(result=SimpleNamespace(verdict=Verdict.PASS))
    monkeypatch.setattr(promote_module, "verify_folder", lambda _folder, _trust: found)
    return found.result


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
def deploy(site, packed, declare, service):
    """Brings the release with that version up as the candidate."""
    return lambda version: deploy_candidate(site.environment, service, declare(), packed(version), print)


@pytest.fixture
def promote_it(site, declare, service, digest_of, recomputed):
    """Promotes the release with that version."""
    return lambda version, progress=print: promote(site.environment, service, declare(), digest_of(version), progress)


def test_from_the_first_release_to_a_rollback_the_url_answers_every_request(
    site, deploy, promote_it, gated, packed, service, callers, digest_of
):
    deploy("1")
    first = gated(packed("1"))
    assert arms_of(site.environment, service, str(packed("1")))[1] is None
    promotion = promote_it("1")
    assert (promotion.release, promotion.attempt) == (digest_of("1"), first.id)
    url = service_url(site.environment, "toy")
    answers = callers(url)

    deploy("2")
    gated(packed("2"))
    candidate, stable = arms_of(site.environment, service, digest_of("2"))
    assert (candidate.release, stable.release) == (digest_of("2"), digest_of("1"))
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
    with pytest.raises(LedgerError, match="stable already"):
        promote_it("1")
    with pytest.raises(UsageError, match="stable already"):
        deploy("1")


def test_a_promotion_killed_with_its_engine_is_finished_by_the_same_command(site, deploy, promote_it, gated, packed, digest_of):
    deploy("1")
    gated(packed("1"))
    promote_it("1")
    deploy("2")
    gated(packed("2"))

    def kill_at_the_traffic(line):
        if line == "traffic of toy: updating":
            (lock,) = site.stack.state.locks()
            os.kill(lock.pid, signal.SIGKILL)

    with pytest.raises(StackError, match=r"is stable in the ledger and .* killed by signal 9") as raised:
        promote_it("2", kill_at_the_traffic)
    assert "the same command" in raised.value.remedy
    assert promote_it("2").release == digest_of("2")
    assert len(Ledger.of(site.environment).promotions("toy", "local")) == 2
    assert sorted(site.running) == ["router-toy", f"toy-{digest_of('2')[7:19]}"]
    assert not site.stack.preview().changed


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
