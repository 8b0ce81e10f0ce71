"""What the parts with an engine share: simulated AWS, the stand-in on a control plane that knows Karpenter's objects, and stacks."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import boto3  # type: ignore[import-untyped]

from benchmarks.infra.environments import REGION, prod
from benchmarks.provenance import PROJECT
from mlgate.platform_state import state_key_alias
from mlgate_testkit.cluster import Cluster
from mlgate_testkit.engine import Engine, Simulated, Stack, Stacks, no_clouds

_DEFINITIONS = PROJECT / "tests" / "components" / "aws" / "gpu"


class Stand:
    """Everything under `folder`. What it starts ends with `held`."""

    def __init__(self, folder: Path, held: ExitStack) -> None:
        self._folder = folder
        self._engine = held.enter_context(closing(Engine(folder / "home")))
        self.cluster = held.enter_context(Cluster())
        for path in sorted(_DEFINITIONS.glob("karpenter-provider-aws-*/*.yaml")):
            self.cluster.apply(path.read_text(encoding="utf-8"))
        clouds = no_clouds(folder)
        self.aws = held.enter_context(closing(Simulated("aws", "mlgate_testkit.engine.packages:aws", clouds)))
        self.kubernetes = held.enter_context(closing(Simulated("kubernetes", "mlgate_testkit.engine.packages:kubernetes", clouds)))
        self.kubernetes.use(kubeconfig=str(self.cluster.kubeconfig), throwaway=True)

    def folder_of(self, purpose: str) -> Path:
        """A new folder, each time."""
        return Path(tempfile.mkdtemp(prefix=f"{purpose}-", dir=self._folder))

    def kubeconfig(self) -> str:
        """How the control plane is reached."""
        return self.cluster.kubeconfig.read_text(encoding="utf-8")

    def client(self, service: str) -> Any:
        """One of simulated AWS, as somebody has who looks at it by hand."""
        place: dict[str, Any] = {"region_name": REGION, "endpoint_url": self.aws.endpoint()}
        return boto3.client(service, aws_access_key_id="bench", aws_secret_access_key="bench", **place)  # noqa: S106 - moto accepts any

    def make_state_key(self, environment: str) -> str:
        """As `mlgate bootstrap` does. The key's ARN."""
        kms = self.client("kms")
        key = kms.create_key()["KeyMetadata"]
        kms.create_alias(AliasName=state_key_alias(environment), TargetKeyId=key["KeyId"])
        return str(key["Arn"])

    def stack(self, name: str, program: Path, config: Mapping[str, Any] | None = None, *, reached: bool = False) -> Stack:
        """A stack that holds nothing yet. `reached`: it is told how the control plane is reached."""
        secrets = {"mlgate:kubeconfig": self.kubeconfig()} if reached else {}
        attached = [self.aws, self.kubernetes]
        return Stacks(self._engine, self.folder_of("stacks"), attached)(name, program=program, config=config, secrets=secrets)

    def prod(self, services: int) -> Stack:
        """The project's own prod, with that number of services."""
        return self.stack("prod", PROJECT, {"mlgate:platform": prod(services)}, reached=True)

    def reset(self) -> None:
        """Nothing is there any more, neither in simulated AWS nor on the control plane."""
        self.aws.reset()
        self.kubernetes.reset()


@contextmanager
def open_stand() -> Iterator[Stand]:
    """One whose processes and files are gone afterwards."""
    with ExitStack() as held:
        folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="mlgate-bench-")))
        yield Stand(folder, held)
