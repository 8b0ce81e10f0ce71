"""EKS access entries, their policies and identity providers."""

from __future__ import annotations

import pytest

from mlgate_testkit.provider.provider import ProviderError

from .cloud import Cloud
from .samples_compute import CLUSTER, cluster, cluster_arguments, entry, principal, role

ENTRY = "aws:eks/accessEntry:AccessEntry"
POLICY = "aws:eks/accessPolicyAssociation:AccessPolicyAssociation"
PROVIDER = "aws:eks/identityProviderConfig:IdentityProviderConfig"
VIEW = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"
CREATOR = "arn:aws:iam::123456789012:user/moto"


def test_an_entry_needs_the_mode_a_principal_and_groups_of_ones_own(cloud: Cloud) -> None:
    found = principal(cloud)
    cloud.up(CLUSTER, "old", name="old", roleArn=found["principalArn"], vpcConfig=cloud.imported(CLUSTER, "models").inputs["vpcConfig"])  # type: ignore[union-attr]
    with pytest.raises(ProviderError, match=r"authentication mode must be set to one of \[API, API_AND_CONFIG_MAP\]"):
        cloud.up(ENTRY, **{**found, "clusterName": "old"})
    with pytest.raises(ProviderError, match="The specified principalArn is invalid: invalid principal"):
        cloud.up(ENTRY, clusterName="models", principalArn="arn:aws:iam::123456789012:role/nobody")
    with pytest.raises(ProviderError, match="group name system:masters is invalid, it cannot start with system:"):
        cloud.up(ENTRY, **found, kubernetesGroups=["system:masters"])
    made = cloud.up(ENTRY, **found)
    assert made.outputs["userName"] == "arn:aws:sts::123456789012:assumed-role/platform/{{SessionName}}"
    with pytest.raises(ProviderError, match="already in use on this cluster"):
        cloud.up(ENTRY, "again", **found)
    node = cloud.up(ENTRY, "node", clusterName="models", principalArn=role(cloud, "node", "ec2.amazonaws.com"), type="EC2_LINUX")
    assert node.outputs["kubernetesGroups"] == ["system:nodes"]


def test_the_creator_of_a_cluster_has_an_entry_already(cloud: Cloud) -> None:
    arguments = cluster_arguments(cloud)
    cloud.up(CLUSTER, **arguments, name="models", accessConfig={"authenticationMode": "API"})
    assert cloud.boto("eks").list_access_entries(clusterName="models")["accessEntries"] == [CREATOR]
    with pytest.raises(ProviderError, match="already in use on this cluster"):
        cloud.up(ENTRY, clusterName="models", principalArn=CREATOR)
    without = {"authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": False}
    cloud.up(CLUSTER, "closed", **arguments, name="closed", accessConfig=without)
    assert cloud.boto("eks").list_access_entries(clusterName="closed")["accessEntries"] == []


def test_a_policy_is_one_of_eks_and_scoped(cloud: Cloud) -> None:
    found = entry(cloud)
    everywhere = {"accessScope": {"type": "cluster"}}
    (failure,) = cloud.check(POLICY, **found, policyArn="arn:aws:iam::aws:policy/AdministratorAccess", **everywhere)
    assert "no ARN of an access policy" in failure.reason
    with pytest.raises(ProviderError, match="AmazonEKSRootPolicy does not exist; access policies are AmazonEKSAdminPolicy"):
        cloud.up(POLICY, **found, policyArn=VIEW.replace("View", "Root"), **everywhere)
    with pytest.raises(ProviderError, match="accessScope needs namespaces with type namespace"):
        cloud.up(POLICY, **found, policyArn=VIEW, accessScope={"type": "namespace"})
    made = cloud.up(POLICY, **found, policyArn=VIEW, **everywhere)
    cloud.boto("eks").disassociate_access_policy(clusterName="models", principalArn=found["principalArn"], policyArn=VIEW)
    assert cloud.refresh(POLICY, made) is None


def test_nodes_that_are_given_no_groups_have_those_of_eks_and_do_not_differ(cloud: Cloud) -> None:
    state = cloud.up(ENTRY, **principal(cloud), type="EC2_LINUX", kubernetesGroups=[])
    found = cloud.boto("eks").describe_access_entry(clusterName="models", principalArn=state.inputs["principalArn"])["accessEntry"]
    assert found["kubernetesGroups"] == ["system:nodes"]
    assert cloud.refresh(ENTRY, state) == state


def test_a_scope_without_namespaces_is_the_same_with_an_empty_list_of_them(cloud: Cloud) -> None:
    state = cloud.up(POLICY, **entry(cloud), policyArn=VIEW, accessScope={"type": "cluster", "namespaces": []})
    seen = cloud.refresh(POLICY, state)
    assert seen is not None
    assert seen.inputs == state.inputs


def test_a_policy_goes_with_its_entry(cloud: Cloud) -> None:
    found = entry(cloud)
    made = cloud.up(POLICY, **found, policyArn=VIEW, accessScope={"type": "cluster"})
    cloud.boto("eks").delete_access_entry(clusterName="models", principalArn=found["principalArn"])
    assert cloud.refresh(POLICY, made) is None
    cloud.delete(POLICY, made)


def test_a_cluster_has_one_identity_provider(cloud: Cloud) -> None:
    found = cluster(cloud)
    oidc = {"identityProviderConfigName": "sso", "issuerUrl": "https://sso.example.com", "clientId": "kubernetes"}
    cloud.up(PROVIDER, **found, oidc=oidc)
    with pytest.raises(ProviderError, match="already has an identity provider config"):
        cloud.up(PROVIDER, "second", **found, oidc={**oidc, "identityProviderConfigName": "other"})
    (failure,) = cloud.check(PROVIDER, **found, oidc={**oidc, "issuerUrl": "http://sso.example.com"})
    assert "must begin with https://" in failure.reason
