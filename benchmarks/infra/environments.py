"""The environment prod that comes with the project, in simulated AWS's one account, everything pinned, with as many services as asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from benchmarks.provenance import PROJECT
from mlgate.platform_files import KEY
from mlgate_components.aws.cluster.arguments import ADDONS
from mlgate_testkit.aws.apis.eks_versions import addon_versions

ACCOUNT = "123456789012"  # moto's own, which is simulated AWS's
REGION = "eu-central-1"
STATE_KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/state"
"""Where no engine looks it up."""
_NO_DIGEST = {"digest": f"sha256:{0:064x}"}
_CHARTS = ("prometheus-operator", "karpenter-crd", "karpenter")
_OTHERS = ("metrics-server", "cert-manager")  # EKS has them, and a cluster need not

LOOKED_UP: Mapping[str, Mapping[str, Any]] = {
    "aws:index/getCallerIdentity:getCallerIdentity": {"arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/deployer/ci", "accountId": ACCOUNT},
    "aws:kms/getAlias:getAlias": {"targetKeyArn": STATE_KEY},
    "aws:servicequotas/getServiceQuota:getServiceQuota": {"value": 10_000.0},
}
"""What a recording answers where the program asks AWS."""


def pin(platform: dict[str, Any]) -> None:
    """What prod asks of whoever brings it up: versions that simulated EKS offers, and digests of charts that are nobody's."""
    newest = {name: addon_versions(name, platform["cluster"]["version"])[0] for name in (*ADDONS, *_OTHERS)}
    platform["pins"]["eks_addons"] = {name: newest[name] for name in ADDONS}
    platform["pins"]["addons"] = {name: {"version": newest[name]} for name in _OTHERS} | dict.fromkeys(_CHARTS, _NO_DIGEST)


def prod(services: int) -> dict[str, Any]:
    """The values of prod with that number of services: an identity, a prefix of the models' storage and a repository for each."""
    content = yaml.safe_load((PROJECT / "stacks" / "Pulumi.prod.yaml").read_text(encoding="utf-8"))
    platform: dict[str, Any] = content["config"][KEY]
    platform["account"] = ACCOUNT
    pin(platform)
    names = [f"service-{number}" for number in range(services)]
    platform["services"] = {name: {"namespace": name, "service_account": name} for name in names}
    return platform
