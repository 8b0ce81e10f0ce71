"""The pack as the engine asks it: in its own environment, over its own protocol, with no engine."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto import analyzer_pb2 as said
from pulumi.runtime.proto.analyzer_pb2_grpc import AnalyzerStub

POLICY = "aws:iam/rolePolicy:RolePolicy"
ALL_OF_S3 = json.dumps({"Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]})
ALLOWS_ALL = "statement 1 allows s3:*"
REGION = {"region": "eu-central-1"}

Serve = Callable[..., AbstractContextManager[AnalyzerStub]]


@contextmanager
def serving(pack: str, folder: Path) -> Iterator[AnalyzerStub]:
    """The pack, started in a folder and ended afterwards."""
    with subprocess.Popen([sys.executable, pack], cwd=folder, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            with grpc.insecure_channel(f"127.0.0.1:{process.stdout.readline().strip()}") as channel:
                yield AnalyzerStub(channel)
        finally:
            process.kill()


def struct(values: Mapping[str, Any]) -> Struct:
    made = Struct()
    made.update(values)
    return made


def parts(
    type: str,  # noqa: A002
    properties: Mapping[str, Any] | None = None,
    *,
    name: str = "it",
    provider: Mapping[str, Any] | None = None,
    protect: bool = False,
) -> dict[str, Any]:
    """What both kinds of request say of a resource."""
    by = {"provider": said.AnalyzerProviderResource(type="pulumi:providers:aws", properties=struct(provider))} if provider else {}
    urn = f"urn:pulumi:prod::p::{type}::{name}"
    options = said.AnalyzerResourceOptions(protect=protect)
    return {"type": type, "name": name, "urn": urn, "properties": struct(properties or {}), "options": options, **by}


def asked(*args: Any, **more: Any) -> Any:
    """A resource before it is made, of these `parts`."""
    return said.AnalyzeRequest(**parts(*args, **more))


def made(*args: Any, made_from: Mapping[str, Sequence[str]] | None = None, **more: Any) -> Any:
    """A resource when the program has ended, of these `parts`."""
    of = {key: said.AnalyzerPropertyDependencies(urns=urns) for key, urns in (made_from or {}).items()}
    return said.AnalyzerResource(**parts(*args, **more), propertyDependencies=of)


def before(pack: AnalyzerStub, request: Any) -> list[Any]:
    """What is said of a resource before it is made."""
    return list(pack.Analyze(request).diagnostics)


def after(pack: AnalyzerStub, *resources: Any) -> list[Any]:
    """What is said when the program has ended, but for the bill."""
    return [each for each in pack.AnalyzeStack(said.AnalyzeStackRequest(resources=resources)).diagnostics if each.policyName != "bill"]
