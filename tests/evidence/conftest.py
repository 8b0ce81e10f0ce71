"""An environment with a key, a clock that stands still, and a gate that asks no endpoint: it only says what it was told to say."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pytest

from mlgate.digests import digest_bytes, digest_json
from mlgate.environment import Environment
from mlgate.errors import RefusedError
from mlgate.service import Service
from mlgate.verdict import Verdict
from mlgate_evidence import traffic
from mlgate_evidence.history import Attempt
from mlgate_evidence.ledger import Ledger
from mlgate_evidence.ledger_store import GENESIS, LedgerFile
from mlgate_evidence.signer import KeyFileSigner
from mlgate_evidence.statement import build_statement, sign_statement
from mlgate_evidence.store import DirectoryStore
from mlgate_evidence.subject import subject_digests
from mlgate_evidence.trust import Trust, ensure_local_trust

RELEASE, CONFIGURATION = digest_json("release"), digest_json("configuration")
NOW_NS = 1_795_555_859_000_000_000  # 2026-11-24 21:30:59 UTC


def declare(name: str = "digits", **changed: Any) -> Service:
    """A declaration with no bar and no objective but those in `changed`."""
    interface = {
        "protocol": "torchserve",
        "input": {"image": {"dtype": "float32", "shape": [-1, 8]}},
        "output": {"field": "probabilities", "shape": [-1, 10], "answer": "argmax"},
    }
    metadata = {"name": name, "owner": "vision"}
    declared = {"apiVersion": "mlgate/v1", "kind": "Service", "metadata": metadata, "interface": interface}
    return Service.model_validate_json(json.dumps(declared | changed))


@dataclass
class Clock:
    """Time that moves when it is told to."""

    now_ns: int = NOW_NS

    def __call__(self) -> int:
        return self.now_ns


@dataclass
class Desk:
    """Everything about one environment, what is declared there, and shortcuts through the life of a release."""

    environment: Environment
    trust: Trust
    clock: Clock = field(default_factory=Clock)
    declared: Service = field(default_factory=declare)

    def declare(self, **changed: Any) -> None:
        self.declared = declare(**changed)

    @property
    def ledger(self) -> Ledger:
        return Ledger(LedgerFile(self.environment.ledger), self.clock)

    @property
    def signer(self) -> KeyFileSigner:
        return KeyFileSigner(self.environment.signing_key)

    @property
    def store(self) -> DirectoryStore:
        return DirectoryStore.of(self.environment)

    def begin(
        self,
        release: str | None,
        configuration: str | None,
        url: str = "http://127.0.0.1:8080",
        service: str = "digits",
        stable: Attempt | None = None,
    ) -> Attempt:
        compared = stable and {"release": stable.release, "configuration": stable.configuration, "url": "http://127.0.0.1:8081"}

        def make_plan(route: int, share: float, attempt_id: str) -> dict[str, Any]:
            return {
                "service": service,
                "declaration": self.declared.model_dump(mode="json"),
                "stable": compared,
                "stage": self.environment.name,
                "attempt": attempt_id,
                "route": route,
                "alpha": 0.01 * share,
                "subject": {"release": release, "configuration": configuration, "url": url},
            }

        return self.ledger.begin_attempt(
            service=service, stage=self.environment.name, release=release, configuration=configuration, url=url, make_plan=make_plan
        )

    def predicate(self, attempt: Attempt, verdict: Verdict = Verdict.PASS) -> dict[str, Any]:
        return {
            "plan": attempt.plan,
            "plan_digest": attempt.plan_digest,
            "ledger": asdict(attempt.ledger),
            "result": {"verdict": verdict, "findings": [{"name": "accuracy", "verdict": verdict}]},
            "observations": {"digest": digest_bytes(b"rows"), "rows": 2**60 + 1},
        }

    def sign(self, attempt: Attempt, verdict: Verdict = Verdict.PASS, signer: KeyFileSigner | None = None) -> bytes:
        subjects = subject_digests(attempt.release, attempt.configuration, attempt.plan["subject"]["url"])
        statement = build_statement(subjects, self.predicate(attempt, verdict))
        return sign_statement(statement, signer or self.signer, clock=self.clock)

    def gate(
        self,
        release: str,
        configuration: str,
        verdict: Verdict = Verdict.PASS,
        service: str = "digits",
        stable: Attempt | None = None,
    ) -> Attempt:
        attempt = self.begin(release, configuration, service=service, stable=stable)
        content = self.sign(attempt, verdict)
        self.store.put(attempt.id, {"plan.json": b"{}", "evidence.json": content})
        self.ledger.record_verdict(attempt.id, verdict, digest_bytes(content))
        return attempt

    def promote(self, attempt: Attempt, by: str = "ada") -> None:
        given = self.ledger.history().verdict(attempt.id)
        assert given is not None
        assert given.evidence is not None
        assert attempt.release is not None
        assert attempt.configuration is not None
        self.ledger.record_promotion(
            service=attempt.service,
            stage=attempt.stage,
            release=attempt.release,
            configuration=attempt.configuration,
            evidence_digest=given.evidence,
            attempt=attempt.id,
            by=by,
        )

    def roll_back(self, attempt: Attempt, reason: str = "complaints since noon") -> None:
        assert attempt.release is not None
        assert attempt.configuration is not None
        self.ledger.record_rollback(
            service=attempt.service,
            stage=attempt.stage,
            release=attempt.release,
            configuration=attempt.configuration,
            by="ada",
            reason=reason,
        )

    def require(self, what: str = "traffic", release: str = RELEASE, configuration: str = CONFIGURATION, service: str = "digits") -> Any:
        """Asks whether a release may take `traffic`, or whether its evidence is `fresh` enough to promote it."""
        of = {"release": release, "configuration": configuration, "clock": self.clock}
        if what == "traffic":
            return traffic.require_traffic(self.environment, service=service, **of)
        declared = self.declared.model_copy(update={"metadata": self.declared.metadata.model_copy(update={"name": service})})
        return traffic.require_fresh(self.environment, declared, **of)

    def refused(self, what: str, problem: str, *, exit_code: int = 1, remedy: str = "mlgate gate", **about: str) -> RefusedError:
        """What `require` is refused with."""
        with pytest.raises(RefusedError, match=problem) as caught:
            self.require(what, **about)
        assert caught.value.exit_code == exit_code
        assert remedy in caught.value.remedy
        assert caught.value.where
        return caught.value


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A fresh local environment."""
    environment = Environment(name="local", home=tmp_path / "local")
    return Desk(environment, ensure_local_trust(environment))


class MemoryStore:
    """A ledger of this process only: all that the seam asks for."""

    where = "memory"

    def __init__(self) -> None:
        self.lines: list[bytes] = []

    def read(self) -> tuple[list[bytes], str]:
        return list(self.lines), digest_bytes(self.lines[-1]) if self.lines else GENESIS

    def append(self, expected_head: str, line: bytes) -> bool:
        if self.read()[1] != expected_head:
            return False
        self.lines.append(line)
        return True


@pytest.fixture(scope="session")
def memory_store() -> type[MemoryStore]:
    return MemoryStore


@pytest.fixture
def digest() -> Callable[[Any], str]:
    """A digest for a name: digest("release 1")."""
    return digest_json
