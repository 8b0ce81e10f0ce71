"""Disks that the cluster's driver makes for volume claims: of the platform like all else, so billed, found and deleted with it."""

from __future__ import annotations

import json

from mlgate_components.aws.cluster.arguments import ClusterArgs
from mlgate_testkit.record import record

from .clusters import ADDON, CALLER, TAGS, USUAL, recorded

CLAIM = "kubernetes:core/v1:PersistentVolumeClaim"


def test_they_have_the_tags_of_what_is_made_here() -> None:
    graph = recorded(tags={**TAGS, "cost_center": "4711"})
    (driver,) = [addon for addon in graph.all(ADDON) if addon.inputs["addonName"] == "aws-ebs-csi-driver"]
    tags = {**TAGS, "cost-center": "4711", "managed-by": "mlgate"}
    assert json.loads(driver.inputs["configurationValues"]) == {"controller": {"extraVolumeTags": tags}}


def claims() -> None:
    import pulumi
    import pulumi_kubernetes as kubernetes

    from mlgate_components.aws.cluster.cluster import Cluster

    cluster = Cluster("ml", ClusterArgs(**USUAL))
    after = pulumi.ResourceOptions(depends_on=[cluster.storage_class])
    theirs = kubernetes.Provider("their-own", kubeconfig="{}")  # which waits for nothing in the cluster
    spec = {"access_modes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Gi"}}}
    for name, provider in (("by-ours", cluster.kubernetes), ("by-theirs", theirs)):
        opts = pulumi.ResourceOptions.merge(after, pulumi.ResourceOptions(provider=provider))
        kubernetes.core.v1.PersistentVolumeClaim(name, spec=spec, opts=opts)


def test_a_claim_that_depends_on_the_storage_class_goes_before_the_driver_that_deletes_its_disk() -> None:
    graph = record(claims, invokes=CALLER)
    (driver,) = [addon for addon in graph.all(ADDON) if addon.inputs["addonName"] == "aws-ebs-csi-driver"]
    needed = [driver, graph.one("aws:eks/podIdentityAssociation:PodIdentityAssociation", "ml-aws-ebs-csi-driver")]
    assert [claim.name for claim in graph.all(CLAIM)] == ["by-ours", "by-theirs"]
    assert all(claim.needs(each) for claim in graph.all(CLAIM) for each in needed)
