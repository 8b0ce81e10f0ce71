"""What figures belong to: the code, the machine and the packages that they were measured with, so that old ones are not read as new."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Self

PROJECT = Path(__file__).resolve().parents[1]
RESULTS = PROJECT / "benchmarks" / "results"
UNKNOWN = "unknown"
DIRTY = "-dirty"
# Results change with every run: what was measured is the rest.
_MEASURED = (".", ":(exclude)benchmarks/results")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where figures come from. `commit`: for people, "-dirty" where files differ from it. `code`: a digest of every file, results left out.

    Where there is no git, both are "unknown", which is like nothing else.
    """

    commit: str
    code: str
    machine: Mapping[str, Any]
    versions: Mapping[str, str]

    @classmethod
    def now(cls, packages: Iterable[str]) -> Self:
        """That of what is measured now; `packages` are the distributions whose versions matter."""
        return cls(commit(), code(), machine(), {package: _version(package) for package in packages})

    @classmethod
    def of(cls, written: Mapping[str, Any]) -> Self:
        """As `to_dict` gave it, among whatever else is there."""
        return cls(written["commit"], written["code"], written["machine"], written["versions"])

    def to_dict(self) -> dict[str, Any]:
        """As results hold it."""
        return asdict(self)

    @property
    def fingerprint(self) -> str:
        """Equal only where all of it is, but for the text of `commit`. Empty where the code is unknown."""
        if self.code == UNKNOWN:
            return ""
        return hashlib.sha256(json.dumps([self.code, self.machine, self.versions], sort_keys=True).encode()).hexdigest()[:16]

    def differences(self, now: Origin) -> list[str]:
        """In words, how this differs from `now`; empty where figures of both may stand beside each other."""
        other = f"commit {self.commit}, now {now.commit}{' with other changes' if self.commit == now.commit else ''}"
        return [
            *([other] if self.code != now.code or self.code == UNKNOWN else []),
            *_changed(self.machine, now.machine),
            *_changed(self.versions, now.versions),
        ]


def commit() -> str:
    """The commit that is checked out."""
    described = _git("describe", "--always", "--abbrev=12")
    if described is None:
        return UNKNOWN
    return described.strip() + (DIRTY if _git("status", "--porcelain", "--", *_MEASURED) else "")


def code() -> str:
    """The digest of the project's files as they are now: two commits that differ in results alone have the same."""
    names = files()
    if not names:
        return UNKNOWN
    digest = hashlib.sha256()
    for name in names:
        digest.update(f"{name}\0{hashlib.sha256((PROJECT / name).read_bytes()).hexdigest()}\n".encode())
    return f"sha256:{digest.hexdigest()}"


def files() -> list[str]:
    """Every file of the project that git knows or would add, results left out; none where there is no git."""
    listed = _git("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *_MEASURED) or ""
    return sorted(name for name in set(listed.split("\0")) if (PROJECT / name).is_file())


def machine() -> dict[str, Any]:
    """What the figures are measured on: no name, no address."""
    model = ""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        model = next((line.split(":", 1)[1].strip() for line in cpuinfo.read_text().splitlines() if line.startswith("model name")), "")
    return {
        "system": platform.system(),
        "architecture": platform.machine(),
        "processor": model or platform.processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "python": platform.python_version(),
        **gpus(),
    }


def gpus() -> dict[str, list[str]]:
    """Names and drivers of the NVIDIA GPUs, under `gpus`; nothing at all where there is none, as on most machines."""
    try:
        command = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return {}
    return {"gpus": said.splitlines()}


def load() -> float:
    """How many processes wanted a processor in the last minute: whether others were at work."""
    return round(os.getloadavg()[0], 2)


def _changed(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    for name in dict.fromkeys((*before, *now)):
        if before.get(name) != now.get(name):
            yield f"{name} {before.get(name, UNKNOWN)}, now {now.get(name, UNKNOWN)}"


def _git(*arguments: str) -> str | None:
    """What git says about the project; None where there is no git, or no repository."""
    try:
        done = subprocess.run(["git", "--no-optional-locks", "-C", str(PROJECT), *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return done.stdout if done.returncode == 0 else None


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"
