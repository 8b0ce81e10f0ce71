"""`Environment`: a stage a release passes through, as frozen typed values.

`local` is an environment like any other, with embedded parts: directories for storage and evidence, a process for the endpoint, a file
for Pulumi's state. All of them lie under one folder, so that `rm -r` of it leaves nothing.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mlgate.digests import short

HOME_VARIABLE = "MLGATE_HOME"
CACHE_VARIABLE = "MLGATE_CACHE"
PROJECT_FILE = "Pulumi.yaml"
_SEVEN_DAYS_NS = 7 * 86400 * 10**9


@dataclass(frozen=True, slots=True)
class Environment:
    """Where a stage keeps what it has, and its rules.

    `evidence_for_ns`: how old a signed PASS may be when it is promoted. `home`: the folder of everything the environment owns.
    """

    name: str
    home: Path
    evidence_for_ns: int = _SEVEN_DAYS_NS

    @property
    def evidence(self) -> Path:
        """One folder per attempt: plan, observations, signed statement, report."""
        return self.home / "evidence"

    @property
    def ledger(self) -> Path:
        """The append-only record of attempts, promotions and routes."""
        return self.home / "ledger.jsonl"

    @property
    def signing_key(self) -> Path:
        """The private key of this environment's gate (PEM, mode 0600)."""
        return self.home / "keys" / "signing.pem"

    @property
    def trust(self) -> Path:
        """Which public keys may sign for which environment."""
        return self.home / "trust.yaml"

    @property
    def releases(self) -> Path:
        """The model store: one folder per release digest."""
        return self.home / "releases"

    def release_folder(self, release: str) -> Path:
        """Where the model store keeps the release with that digest, if it does."""
        return self.releases / short(release)

    def declaration_file(self, release: str, configuration: str) -> Path:
        """The declaration by which the release is served in that configuration (digests), kept beside it.

        One for each configuration: who tries a release in another one must not change how it was promoted.
        """
        return self.release_folder(release) / f"service-{short(configuration)}.yaml"

    @property
    def processes(self) -> Path:
        """The Supervisor's registry and each process's own directories."""
        return self.home / "processes"

    @property
    def routers(self) -> Path:
        """One folder per service: its proxy's files."""
        return self.home / "routers"

    @property
    def state(self) -> Path:
        """Pulumi's file state and its own home."""
        return self.home / "pulumi"


def local(project: Path | None = None) -> Environment:
    """The environment of this machine: under `$MLGATE_HOME`, else `.mlgate/` of the project's folder.

    The default is the project around the current directory, so that every folder inside it means the same environment; outside of any, the
    current directory.
    """
    declared = os.environ.get(HOME_VARIABLE)
    home = Path(declared).expanduser() if declared else (project or project_folder(Path.cwd()) or Path.cwd()) / ".mlgate"
    return Environment(name="local", home=home.resolve() / "local")


def project_folder(start: Path) -> Path | None:
    """The folder of the project around `start`: the nearest above it with a `Pulumi.yaml`; None where there is none."""
    begin = start.resolve()
    return next((folder for folder in (begin, *begin.parents) if (folder / PROJECT_FILE).is_file()), None)


def cache_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """What is a user's and no environment's, built tools and locks: `$MLGATE_CACHE`, else the cache folder as the system has it."""
    if declared := environ.get(CACHE_VARIABLE):
        return Path(declared).expanduser().absolute()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "mlgate"
    # The XDG specification says that a relative path is to be ignored.
    base = Path(environ.get("XDG_CACHE_HOME", ""))
    return (base if base.is_absolute() else Path.home() / ".cache") / "mlgate"
