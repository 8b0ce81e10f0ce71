"""The environments that come with the project, as tests bring them up: in simulated AWS's one account, everything pinned."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from benchmarks.infra.environments import pin
from mlgate.platform_files import KEY
from mlgate.platform_state import state_key_alias
from mlgate_testkit.engine import Simulated
from tests.testkit.aws.cloud import by_hand

PROJECT = Path(__file__).resolve().parents[2]
ENVIRONMENTS = ("dev", "staging", "prod")
ACCOUNT = "123456789012"  # moto's own, which is simulated AWS's


def values(name: str, project: Path = PROJECT, **cluster: Any) -> dict[str, Any]:
    """What the stack's file says, in the account of simulated AWS; `cluster` lies over what it says of the cluster."""
    content = yaml.safe_load((project / "stacks" / f"Pulumi.{name}.yaml").read_text(encoding="utf-8"))
    platform: dict[str, Any] = content["config"][KEY]
    platform["account"] = ACCOUNT
    platform["cluster"] |= cluster
    if name == "prod":
        pin(platform)
    return platform


def prepare(aws: Simulated, name: str) -> None:
    """The key of its state is there, as `mlgate bootstrap` makes it."""
    kms = by_hand(aws.endpoint(), "kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName=state_key_alias(name), TargetKeyId=key)
