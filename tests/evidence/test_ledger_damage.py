"""Which alterations of a ledger its chain of digests finds, and how they are named."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from mlgate.digests import digest_json
from mlgate.errors import LedgerError
from mlgate_evidence.ledger import Ledger
from mlgate_evidence.ledger_store import GENESIS

Digest = Callable[[Any], str]
Refused = Callable[[list[bytes]], LedgerError]


@pytest.fixture
def lines(desk: Any, digest: Digest) -> list[bytes]:
    for number in range(3):
        desk.gate(digest(number), digest("configuration"))
    return desk.environment.ledger.read_bytes().splitlines()


@pytest.fixture
def refused(memory_store: Any) -> Refused:
    """Reads lines from a store without a head file, so that only the chain can tell; gives the error."""

    def read(lines: list[bytes]) -> LedgerError:
        store = memory_store()
        store.lines = lines
        with pytest.raises(LedgerError) as caught:
            Ledger(store).history()
        with pytest.raises(LedgerError):
            Ledger(store).begin_attempt(service="digits", stage="local", release=GENESIS, configuration=None, make_plan=lambda *_: {})
        assert store.lines is lines
        assert caught.value.remedy
        return caught.value

    return read


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
def test_an_altered_line_is_named(refused: Refused, lines: list[bytes], number: int) -> None:
    lines[number - 1] = lines[number - 1].replace(b'"at_ns":1', b'"at_ns":2')
    error = refused(lines)
    assert error.where == f"memory:{number}"
    assert "was altered" in error.problem


@pytest.mark.parametrize("number", [1, 2, 5])
def test_a_line_taken_out_is_named(refused: Refused, lines: list[bytes], number: int) -> None:
    del lines[number - 1]
    error = refused(lines)
    assert error.where == f"memory:{number}"
    assert "missing or out of order" in error.problem


def test_two_lines_exchanged_are_named(refused: Refused, lines: list[bytes]) -> None:
    lines[2], lines[3] = lines[3], lines[2]
    assert "missing or out of order" in refused(lines).problem


def test_a_line_put_in_is_named(refused: Refused, lines: list[bytes]) -> None:
    assert "missing or out of order" in refused([*lines[:2], lines[1], *lines[2:]]).problem


def test_a_ledger_that_begins_in_the_middle_of_another_is_refused(refused: Refused, lines: list[bytes]) -> None:
    first = json.loads(lines[0]) | {"prev": digest_json("another ledger")}
    assert refused([json.dumps(first).encode()]).where == "memory:1"


@pytest.mark.parametrize("line", [b"", b"{", b"[]", b'"text"', b"\xff", b"{}"])
def test_what_is_no_entry_is_named(refused: Refused, lines: list[bytes], line: bytes) -> None:
    error = refused([*lines, line])
    assert error.where == "memory:7"
    assert "not an entry" in error.problem


def test_an_entry_with_a_wrong_field_is_named_with_it(refused: Refused, lines: list[bytes]) -> None:
    lines[0] = lines[0].replace(b'"route":1', b'"route":0')
    assert "attempt.route" in refused(lines).problem


def test_an_entry_of_a_later_version_asks_for_that_version(refused: Refused, lines: list[bytes]) -> None:
    entry = json.loads(lines[-1]) | {"seq": 7, "prev": GENESIS, "kind": "override"}
    error = refused([*lines, json.dumps(entry).encode()])
    assert "newer mlgate" in error.problem
    assert "at least as new" in error.remedy


def test_every_altered_byte_is_found(refused: Refused, lines: list[bytes]) -> None:
    """Every seventh byte of the two lines in the middle; what follows them is what tells."""
    whole = b"".join(line + b"\n" for line in lines)
    start = len(lines[0]) + 1
    for at in range(start, start + len(lines[1]) + len(lines[2]) + 2, 7):
        altered = bytearray(whole)
        altered[at] ^= 1
        refused(bytes(altered).splitlines())
