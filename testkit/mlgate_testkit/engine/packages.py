"""The simulated providers as their processes take them: each with a memory of what it made."""

from __future__ import annotations

from mlgate_testkit.engine.tracked import Tracked


def aws() -> Tracked:
    """Simulated AWS."""
    from mlgate_testkit.aws import SimulatedAws

    return Tracked(SimulatedAws())


def kubernetes() -> Tracked:
    """The Kubernetes stand-in."""
    from mlgate_testkit.kubernetes import KubernetesStandIn

    return Tracked(KubernetesStandIn())
