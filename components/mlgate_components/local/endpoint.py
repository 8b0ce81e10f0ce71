"""`TorchServeEndpoint`: one service on this machine, its stable release and a candidate side by side behind one URL.

A candidate may be deployed to be measured. What only evidence opens is traffic, and it is checked here, where traffic is decided, in the
preview already: nothing is changed when it refuses.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pulumi

from mlgate.digests import short
from mlgate.environment import Environment
from mlgate_components.local.arms import ServedRelease, read_arms, require_allowed
from mlgate_components.local.config import ServiceConfig
from mlgate_components.local.resources import EndpointProcess, StableUrl, StoredRelease

TYPE = "mlgate:local:TorchServeEndpoint"


@dataclass(frozen=True, kw_only=True)
class TorchServeEndpointArgs:
    """`environment`: where it runs. `project`: the folder that paths in `config` start from. `config`: what the stack says about it."""

    environment: Environment
    project: Path
    config: ServiceConfig


class TorchServeEndpoint(pulumi.ComponentResource):
    """The endpoints of a service and its one URL.

    Outputs: `url` (the service's), `stable_url` and `candidate_url` (each arm's own, where there is such an arm), `stable` and `candidate`
    (release digests or None).

    Raises MlgateError before anything is registered: UsageError, DeclarationError and EvidenceError for configuration and files that are
    wrong, LedgerError and RefusedError for traffic that the ledger or the evidence does not allow.
    """

    url: pulumi.Output[str]
    stable_url: pulumi.Output[str] | None
    candidate_url: pulumi.Output[str] | None

    def __init__(self, name: str, args: TorchServeEndpointArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        arms = read_arms(args.environment, args.project, name, args.config)
        require_allowed(args.environment, name, arms)
        super().__init__(TYPE, name, None, opts)
        self._child = pulumi.ResourceOptions(parent=self)
        self._place = {"home": str(args.environment.home), "stage": args.environment.name, "service": name}
        self.stable = arms.stable.release.digest if arms.stable else None
        self.candidate = arms.candidate.release.digest if arms.candidate else None
        self.stable_url = self._create_endpoint(arms.stable) if arms.stable else None
        self.candidate_url = self._create_endpoint(arms.candidate) if arms.candidate else None
        self.url = self._create_url(args.config)
        self.register_outputs(
            {
                "url": self.url,
                "stable": self.stable,
                "stable_url": self.stable_url,
                "candidate": self.candidate,
                "candidate_url": self.candidate_url,
            }
        )

    def _create_endpoint(self, arm: ServedRelease) -> pulumi.Output[str]:
        digest = arm.release.digest
        name = f"{arm.release.service}-{short(digest)}"
        declared = {
            "declaration": str(arm.declaration),
            "declaration_digest": arm.declared.digest,
            "configuration": arm.configuration,
        }
        source = {"source": str(arm.source)} if arm.source else {}
        stored = StoredRelease(name, {**self._place, "release": digest, **source, **declared}, self._child)
        served = {"release": digest, "configuration": arm.configuration, "folder": stored.folder}
        return EndpointProcess(name, {**self._place, **served}, self._child).url

    def _create_url(self, config: ServiceConfig) -> pulumi.Output[str]:
        traffic = {
            "port": config.port,
            "stable": self.stable,
            "stable_url": self.stable_url,
            "candidate": self.candidate,
            "candidate_url": self.candidate_url,
            "weight": config.weight,
        }
        return StableUrl(self._place["service"], {**self._place, **traffic}, self._child).url
