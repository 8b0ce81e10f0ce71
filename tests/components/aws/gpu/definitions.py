"""The definitions of what Karpenter on AWS is asked for (`karpenter-provider-aws-1.15.1/`, Apache-2.0).

They are of the Go module github.com/aws/karpenter-provider-aws v1.15.1, pkg/apis/crds.
"""

from __future__ import annotations

from pathlib import Path

from mlgate_testkit.cluster import Cluster

_FOLDER = Path(__file__).with_name("karpenter-provider-aws-1.15.1")


def define(cluster: Cluster) -> None:
    """Has the cluster know node classes of AWS, and of node pools what its AWS provider takes."""
    for path in sorted(_FOLDER.glob("*.yaml")):
        cluster.apply(path.read_text(encoding="utf-8"))
