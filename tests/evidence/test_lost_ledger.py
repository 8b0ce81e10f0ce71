"""A ledger that was lost, cut back or written anew is found out by the signed evidence beside it."""

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from mlgate.digests import canonical_json, digest_bytes, digest_json
from mlgate.environment import Environment
from mlgate.errors import LedgerError
from mlgate.verdict import Verdict
from mlgate_evidence import traffic
from mlgate_evidence.ledger import Ledger
from mlgate_evidence.ledger_store import GENESIS, LedgerFile
from mlgate_evidence.trust import ensure_local_trust

RELEASE, CONFIGURATION, OTHER = (digest_json(name) for name in ("release", "configuration", "other"))


def lose(ledger: Path) -> None:
    for suffix in (".jsonl", ".head"):
        ledger.with_suffix(suffix).unlink()


def test_a_ledger_begun_anew_gives_no_alpha_a_second_time(desk: Any) -> None:
    desk.gate(RELEASE, CONFIGURATION, Verdict.FAIL)
    lose(desk.environment.ledger)
    desk.clock.now_ns += 10**9
    again = desk.gate(RELEASE, CONFIGURATION)
    assert again.route == 1
    with pytest.raises(LedgerError, match="lines were lost, or the ledger was begun anew") as caught:
        desk.require("fresh")
    assert "restore the ledger" in caught.value.remedy


def test_a_ledger_cut_back_is_found_out_by_the_evidence_that_is_left(desk: Any) -> None:
    desk.gate(RELEASE, CONFIGURATION)
    files = [desk.environment.ledger.with_suffix(suffix) for suffix in (".jsonl", ".head")]
    kept = [file.read_bytes() for file in files]
    desk.gate(RELEASE, CONFIGURATION, Verdict.FAIL)
    for file, content in zip(files, kept, strict=True):
        file.write_bytes(content)
    with pytest.raises(LedgerError, match="line 3 of the ledger"):
        desk.require("fresh")


def test_a_ledger_written_anew_with_another_past_is_found_out_by_the_evidence_of_any_release(desk: Any) -> None:
    """All its attempts are known by name, and the chain holds: only what was signed knows that a line is not the one it was."""
    desk.gate(OTHER, CONFIGURATION)
    lines = [json.loads(line) for line in desk.environment.ledger.read_bytes().splitlines()]
    lines[0]["plan"] |= {"alpha": 0.9}
    lose(desk.environment.ledger)
    store, head = LedgerFile(desk.environment.ledger), GENESIS
    for line in lines:
        content = canonical_json(line | {"prev": head})
        assert store.append(head, content)
        head = digest_bytes(content)
    desk.gate(RELEASE, CONFIGURATION)
    assert desk.ledger.stable("digits", "local") is None
    with pytest.raises(LedgerError, match="signed that it is line 1 of the ledger"):
        desk.require("fresh")


class TestLostLedger:
    """Nothing stable, no alpha spent: that is what a ledger says that was lost. The evidence beside it knows better."""

    @pytest.fixture(autouse=True)
    def lost(self, desk: Any) -> None:
        desk.promote(desk.gate(OTHER, CONFIGURATION))
        lose(desk.environment.ledger)

    def test_nothing_is_asked_of_it_and_nothing_added(self, desk: Any) -> None:
        ledger = Ledger.of(desk.environment, desk.clock)
        for ask in (
            lambda: ledger.stable("digits", "local"),
            lambda: ledger.begin_attempt(service="digits", stage="local", release=RELEASE, configuration=None, make_plan=lambda *_: {}),
            lambda: desk.require("fresh"),
            lambda: traffic.require_former(desk.environment, service="digits", clock=desk.clock),
        ):
            with pytest.raises(LedgerError, match="lines were lost, or the ledger was begun anew") as caught:
                ask()
            assert caught.value.where == str(desk.environment.ledger)
        assert not desk.environment.ledger.exists()

    def test_one_begun_anew_by_another_release_is_found_out(self, desk: Any) -> None:
        desk.clock.now_ns += 10**9
        desk.gate(RELEASE, CONFIGURATION)
        with pytest.raises(LedgerError, match="begun anew"):
            desk.require("fresh")

    def test_evidence_that_nobody_trusted_here_signed_says_nothing(self, desk: Any, tmp_path: Path) -> None:
        desk.environment.trust.unlink()
        assert Ledger.of(desk.environment, desk.clock).stable("digits", "local") is None
        desk.environment.signing_key.unlink()
        ensure_local_trust(desk.environment)
        assert Ledger.of(desk.environment, desk.clock).stable("digits", "local") is None

    def test_an_attempt_that_began_after_the_ledger_was_read_is_not_missed_in_it(
        self, desk: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        other = dataclasses.replace(desk, environment=Environment("local", tmp_path / "other"))
        ensure_local_trust(other.environment)
        read = LedgerFile.read

        def overtaken(store: LedgerFile) -> Any:
            monkeypatch.undo()
            found = read(store)
            other.gate(RELEASE, CONFIGURATION)
            return found

        monkeypatch.setattr(LedgerFile, "read", overtaken)
        assert Ledger.of(other.environment, desk.clock).stable("digits", "local") is None
        assert Ledger.of(other.environment, desk.clock).history().attempts("digits", "local", RELEASE)

    def test_an_environment_that_was_begun_anew_as_a_whole_is_a_new_one(self, desk: Any) -> None:
        shutil.rmtree(desk.environment.home)
        ensure_local_trust(desk.environment)
        assert Ledger.of(desk.environment, desk.clock).stable("digits", "local") is None
