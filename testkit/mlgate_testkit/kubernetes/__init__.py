"""The stand-in for Pulumi's Kubernetes provider: everything a program declares is sent to a real API server; Helm releases are simulated.

Run it with `ProviderProcess("kubernetes", "mlgate_testkit.kubernetes:KubernetesStandIn")`. docs/testkit-kubernetes.md has what it does like
the real provider, with sources, and what it does not.
"""

from mlgate_testkit.kubernetes.package import KubernetesStandIn

__all__ = ["KubernetesStandIn"]
