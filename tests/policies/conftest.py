"""Releases that are gated and promoted as the components' tests do it, and the pack that is served."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pulumi.runtime.proto import analyzer_pb2 as said
from pulumi.runtime.proto.analyzer_pb2_grpc import AnalyzerStub

from mlgate import Environment
from mlgate.environment import HOME_VARIABLE
from mlgate_tools.policies import ensure_policies

from ..components import conftest as components
from .serving import Serve, serving

environment, declare, packed, gated, promoted = (
    components.environment,
    components.declare,
    components.packed,
    components.gated,
    components.promoted,
)


@pytest.fixture
def at_home(environment: Environment, monkeypatch: pytest.MonkeyPatch) -> Environment:
    """The environment that a command in this process, and what it starts, means by local."""
    monkeypatch.setenv(HOME_VARIABLE, str(environment.home.parent))
    return environment


@pytest.fixture(scope="session")
def policy_pack() -> str:
    """The pack as `pulumi up --policy-pack` takes it, with the environment that it runs in."""
    return str(ensure_policies(lambda _line: None).path)


@pytest.fixture
def serve(policy_pack: str, tmp_path: Path) -> Serve:
    """Starts the pack in the folder of a program, with these files beside the project's `Pulumi.yaml`; `stack` is the one worked on."""

    @contextmanager
    def begin(stack: str = "prod", **files: str) -> Iterator[AnalyzerStub]:
        for name, text in {"Pulumi.yaml": "name: p\n", **files}.items():
            (tmp_path / name).write_text(text, encoding="utf-8")
        program = tmp_path / "program"
        program.mkdir(exist_ok=True)
        with serving(policy_pack, program) as pack:
            pack.ConfigureStack(said.AnalyzerStackConfigureRequest(stack=stack))
            yield pack

    return begin
