"""Simulated AWS asked directly, the way the servicer asks it: no engine, no gRPC."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import boto3  # type: ignore[import-untyped]

from mlgate_testkit.provider.provider import Difference, Failure, Resource, Run, State

if TYPE_CHECKING:  # moto takes a second to load, and whoever wants `by_hand` alone has no use for it here
    from mlgate_testkit.aws import SimulatedAws
    from mlgate_testkit.aws.provider import AwsProvider

SEED = bytes(range(32))


@dataclass
class Cloud:
    """One provider configuration, with an engine's memory of states."""

    package: SimulatedAws
    config: dict[str, Any] = field(default_factory=lambda: {"region": "eu-central-1"})
    warnings: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        assert self.package.check_config(self.config) == []
        self.provider: AwsProvider = self.package.configure(self.config)

    def resource(self, token: str, name: str = "it") -> Resource:
        return Resource(f"urn:pulumi:dev::shop::{token}::{name}", token, name)

    def run(self, *, preview: bool = False) -> Run:
        return Run(preview, 0, threading.Event(), self.warnings.append)

    def check(self, token: str, name: str = "it", /, olds: dict[str, Any] | None = None, seed: bytes = SEED, **news: Any) -> list[Failure]:
        return self.provider.check(self.resource(token, name), olds or {}, news, seed)[1]

    def checked(
        self, token: str, name: str = "it", /, olds: dict[str, Any] | None = None, seed: bytes = SEED, **news: Any
    ) -> dict[str, Any]:
        inputs, failures = self.provider.check(self.resource(token, name), olds or {}, news, seed)
        assert failures == []
        return inputs

    def up(self, token: str, name: str = "it", /, **news: Any) -> State:
        """Check and create."""
        inputs = self.checked(token, name, **news)
        resource_id, outputs = self.provider.create(self.resource(token, name), inputs, self.run())
        return State(resource_id, inputs, outputs)

    def preview(self, token: str, name: str = "it", /, **news: Any) -> dict[str, Any]:
        return self.provider.create(self.resource(token, name), self.checked(token, name, **news), self.run(preview=True))[1]

    def change(self, token: str, old: State, name: str = "it", /, *, preview: bool = False, **news: Any) -> State:
        """Check, then update in place. It is an error if that needs a new resource."""
        inputs = self.checked(token, name, olds=old.inputs, **news)
        assert not self.provider.diff(self.resource(token, name), old, inputs).replace
        return State(old.id, inputs, self.provider.update(self.resource(token, name), old, inputs, self.run(preview=preview)))

    def diff(self, token: str, old: State, name: str = "it", /, **news: Any) -> Difference:
        return self.provider.diff(self.resource(token, name), old, self.checked(token, name, olds=old.inputs, **news))

    def refresh(self, token: str, known: State) -> State | None:
        return self.provider.read(self.resource(token), known.id, known)

    def imported(self, token: str, resource_id: str) -> State | None:
        return self.provider.read(self.resource(token), resource_id, None)

    def delete(self, token: str, old: State) -> None:
        self.provider.delete(self.resource(token), old, self.run())

    def invoke(self, token: str, **arguments: Any) -> dict[str, Any]:
        return self.provider.invoke(token, arguments, preview=False)

    def boto(self, service: str, region: str = "eu-central-1") -> Any:
        return by_hand(self.package.endpoint(), service, region)


def heads(paths: Iterable[str]) -> set[str]:
    """The arguments that paths lie in."""
    return {re.split(r"[.\[]", path)[0] for path in paths}


def by_hand(endpoint: str, service: str, region: str = "eu-central-1") -> Any:
    """A client as a user makes one to change things by hand."""
    return boto3.client(
        service,
        region_name=region,
        endpoint_url=endpoint,
        aws_access_key_id="by-hand",
        aws_secret_access_key="by-hand",  # noqa: S106 - moto accepts any
    )
