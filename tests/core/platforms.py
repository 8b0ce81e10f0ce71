"""An environment to vary in tests, and how it is written."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import yaml

from mlgate.platform_files import KEY

USUAL: dict[str, Any] = {
    "level": "dev",
    "account": "111122223333",
    "region": "eu-central-1",
    "owner": "ml-platform",
    "network": {"cidr": "10.10.0.0/16", "zones": ["eu-central-1a", "eu-central-1b"], "nat": "single"},
    "cluster": {
        "version": "1.35",
        "system_instance_types": ["m7i.large"],
        "admins": {"platform": "arn:aws:iam::111122223333:role/platform-engineers"},
    },
    "retention": {"evidence_days": 30, "evidence_lock": "governance", "models_days": 30, "logs_days": 30, "audit_days": 90},
    "who": {
        "ci": {"pipelines": [{"repository": "acme/ml", "environment": "dev"}]},
        "gate": {"pipelines": [{"repository": "acme/ml", "environment": "dev-gate"}]},
        "deployer": {"principals": ["arn:aws:iam::111122223333:role/platform-engineers"]},
    },
    "budget": {"monthly_usd": 3000, "notify": ["ml@example.com"]},
    "pins": {"gpu_ami": {"version": "1.46.0"}},
    "pools": {"l4": {"accelerator": "l4", "replicas": 4, "capacity": [{"buy": "spot"}]}},
}
LEAVE_OUT = object()


def varied(changes: dict[str, Any], of: dict[str, Any] = USUAL) -> dict[str, Any]:
    """A copy of the values in which those at the dotted paths are others, or left out."""
    values = copy.deepcopy(of)
    for path, value in changes.items():
        *way, last = path.split(".")
        at = values
        for step in way:
            at = at.setdefault(step, {})
        if value is LEAVE_OUT:
            del at[last]
        else:
            at[last] = value
    return values


def write(folder: Path, name: str, values: dict[str, Any]) -> Path:
    """The stack file of the environment."""
    path = folder / f"Pulumi.{name}.yaml"
    path.write_text(
        yaml.safe_dump({"secretsprovider": "awskms://alias/x", "encryptedkey": "x", "config": {KEY: values}}, sort_keys=False),
        encoding="utf-8",
    )
    return path
