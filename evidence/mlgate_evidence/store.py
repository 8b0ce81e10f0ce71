"""Where the evidence of attempts lies: a folder each, which counts from the moment its signed statement is in it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from filelock import FileLock

from mlgate.environment import Environment
from mlgate.errors import EvidenceError
from mlgate_evidence.statement import Evidence, read_evidence
from mlgate_evidence.trust import Trust

EVIDENCE_FILE = "evidence.json"
_ATTEMPT = re.compile(r"[0-9A-Za-z][0-9A-Za-z.-]*")


class EvidenceStore(Protocol):
    """The evidence of attempts, each written once. Raises EvidenceError for what is not there or cannot be written."""

    def put(self, attempt: str, files: Mapping[str, bytes]) -> None:
        """Keep `files` (by name; `evidence.json` among them) as the evidence of `attempt`: all of them or none."""

    def read(self, attempt: str, name: str) -> bytes:
        """One file of an attempt."""

    def attempts(self) -> list[str]:
        """The ids of all attempts that have evidence."""


class DirectoryStore:
    """A folder per attempt under `root`.

    A gate may work in that folder before it has a verdict (its rows are there when it is killed and goes on): what makes it evidence is
    `evidence.json`, which is written last, whole, and once. What it was signed with is not written again; a report may be, from all that.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    @classmethod
    def of(cls, environment: Environment) -> DirectoryStore:
        """The store of an environment."""
        return cls(environment.evidence)

    def folder(self, attempt: str) -> Path:
        """The folder of an attempt, whether it is there or not. Raises EvidenceError for an id that is no plain name."""
        if not _ATTEMPT.fullmatch(attempt):
            raise EvidenceError(f"{attempt!r} is not the id of an attempt", where=str(self.root), remedy="mlgate status lists them")
        return self.root / attempt

    def put(self, attempt: str, files: Mapping[str, bytes]) -> None:
        """As `EvidenceStore.put`. The same evidence again changes nothing; other evidence for the attempt is refused."""
        folder = self.folder(attempt)
        contents = dict(files)
        evidence = contents.pop(EVIDENCE_FILE)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with FileLock(self.root / ".lock"):
                if (folder / EVIDENCE_FILE).exists():
                    if (folder / EVIDENCE_FILE).read_bytes() == evidence:
                        return
                    raise EvidenceError(
                        f"attempt {attempt} has evidence already, and evidence is written once",
                        where=str(folder / EVIDENCE_FILE),
                        remedy="begin another attempt: mlgate gate",
                    )
                for name, content in contents.items():
                    write_whole(folder / name, content)
                write_whole(folder / EVIDENCE_FILE, evidence)
        except OSError as error:
            raise EvidenceError(
                f"the evidence of attempt {attempt} cannot be kept: {error.strerror}",
                where=str(folder),
                remedy="make room or make it writable, then run the same command again",
            ) from error

    def read(self, attempt: str, name: str) -> bytes:
        """As `EvidenceStore.read`."""
        path = self.folder(attempt) / name
        try:
            return path.read_bytes()
        except FileNotFoundError:
            raise EvidenceError(
                "there is no such file", where=str(path), remedy="restore it, or gate the release again: mlgate gate"
            ) from None
        except OSError as error:
            raise EvidenceError(f"cannot be read: {error.strerror}", where=str(path), remedy="make it readable") from error

    def attempts(self) -> list[str]:
        """As `EvidenceStore.attempts`, sorted."""
        return sorted(path.parent.name for path in self.root.glob(f"*/{EVIDENCE_FILE}"))


def read_attempt(store: EvidenceStore, attempt: str, trust: Trust, stage: str, now_ns: int) -> Evidence:
    """The verified evidence of one attempt. Raises EvidenceError as `read_evidence` does, and for evidence of another attempt."""
    evidence = read_evidence(store.read(attempt, EVIDENCE_FILE), trust, stage, now_ns, where=f"{attempt}/{EVIDENCE_FILE}")
    if evidence.attempt != attempt:
        raise EvidenceError(
            f"this is the evidence of attempt {evidence.attempt}",
            where=f"{attempt}/{EVIDENCE_FILE}",
            remedy="restore the one of this attempt",
        )
    return evidence


def what_verifies(store: EvidenceStore, attempts: Iterable[str], trust: Trust, stage: str, now_ns: int) -> Iterator[Evidence]:
    """The evidence of these attempts. What cannot be verified is no evidence and is left out."""
    for attempt in attempts:
        with suppress(EvidenceError):
            yield read_attempt(store, attempt, trust, stage, now_ns)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that is there whole, on the disk, or not at all; one writer at a time."""
    temporary = path.with_name(f".{path.name}.partial")
    with temporary.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(path)
