"""EKS add-ons and pod identity associations."""

from __future__ import annotations

import pytest

from mlgate_testkit.provider.provider import Kind, ProviderError

from .cloud import Cloud
from .samples_compute import CLUSTER, cluster, pods

ADDON = "aws:eks/addon:Addon"
POD = "aws:eks/podIdentityAssociation:PodIdentityAssociation"


def test_an_addon_and_its_version_must_be_offered_for_the_cluster(cloud: Cloud) -> None:
    found = cluster(cloud)
    with pytest.raises(ProviderError, match=r"Addon vpc-cnii specified is not supported in 1.33 kubernetes version"):
        cloud.up(ADDON, **found, addonName="vpc-cnii")
    with pytest.raises(
        ProviderError, match=r"Addon version specified is not supported: kube-proxy v1.34.0-eksbuild.2; for Kubernetes 1.33: v1.33"
    ):
        cloud.up(ADDON, **found, addonName="kube-proxy", addonVersion="v1.34.0-eksbuild.2")
    made = cloud.up(ADDON, **found, addonName="kube-proxy")
    assert made.outputs["addonVersion"] == "v1.33.3-eksbuild.2"
    with pytest.raises(ProviderError, match="ResourceInUseException: Addon already exists"):
        cloud.up(ADDON, "again", **found, addonName="kube-proxy")
    with pytest.raises(ProviderError, match="ConfigurationValue is not in valid JSON"):
        cloud.up(ADDON, "coredns", **found, addonName="coredns", configurationValues='{"replicaCount": ')


def test_an_addon_changed_by_hand_is_seen(cloud: Cloud) -> None:
    arguments = {**cluster(cloud), "addonName": "vpc-cni", "addonVersion": "v1.20.4-eksbuild.1"}
    made = cloud.up(ADDON, **arguments)
    cloud.boto("eks").update_addon(clusterName="models", addonName="vpc-cni", addonVersion="v1.19.6-eksbuild.7")
    drifted = cloud.refresh(ADDON, made)
    assert drifted
    assert cloud.diff(ADDON, drifted, **arguments).changed == {"addonVersion": Kind.UPDATE}
    cloud.boto("eks").delete_addon(clusterName="models", addonName="vpc-cni")
    assert cloud.refresh(ADDON, made) is None


def test_the_pod_identities_of_an_addon_go_with_it(cloud: Cloud) -> None:
    found = pods(cloud)
    identity = [{"roleArn": found["roleArn"], "serviceAccount": "ebs-csi-controller-sa"}]
    made = cloud.up(ADDON, clusterName="models", addonName="aws-ebs-csi-driver", podIdentityAssociations=identity)
    assert cloud.refresh(ADDON, made).inputs == made.inputs  # type: ignore[union-attr]
    assert len(cloud.boto("eks").list_pod_identity_associations(clusterName="models")["associations"]) == 1
    cloud.delete(ADDON, made)
    assert cloud.boto("eks").list_pod_identity_associations(clusterName="models")["associations"] == []


def test_a_service_account_has_one_association(cloud: Cloud) -> None:
    arguments = {**pods(cloud), "namespace": "serving", "serviceAccount": "loader"}
    made = cloud.up(POD, **arguments)
    with pytest.raises(ProviderError, match=f"Association already exists: {made.id}"):
        cloud.up(POD, "again", **arguments)
    with pytest.raises(ProviderError, match="Role provided in the request does not exist"):
        cloud.up(POD, "other", **{**arguments, "serviceAccount": "x", "roleArn": "arn:aws:iam::123456789012:role/nobody"})


def test_everything_of_a_cluster_goes_with_it(cloud: Cloud) -> None:
    arguments = {**pods(cloud), "namespace": "serving", "serviceAccount": "loader"}
    made, addon = cloud.up(POD, **arguments), cloud.up(ADDON, clusterName="models", addonName="vpc-cni")
    found = cloud.imported(CLUSTER, "models")
    assert found
    cloud.delete(CLUSTER, found)
    assert cloud.refresh(POD, made) is cloud.refresh(ADDON, addon) is None
