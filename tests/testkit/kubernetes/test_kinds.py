"""Which kind a type token stands for."""

from __future__ import annotations

import importlib
import inspect

import pulumi
import pytest

from mlgate.errors import UsageError
from mlgate_testkit.kubernetes import KubernetesStandIn
from mlgate_testkit.kubernetes.kinds import BUILT_IN_GROUPS, ObjectKind, is_patch, nearest, of_inputs, of_token
from mlgate_testkit.provider.provider import ProviderError

APPS = ObjectKind("apps", "v1", "Deployment")


@pytest.mark.parametrize(
    ("token", "kind"),
    [
        ("kubernetes:apps/v1:Deployment", APPS),
        ("kubernetes:core/v1:Pod", ObjectKind("", "v1", "Pod")),
        ("kubernetes:gateway.networking.k8s.io/v1:HTTPRoute", ObjectKind("gateway.networking.k8s.io", "v1", "HTTPRoute")),
    ],
)
def test_a_token_names_group_version_and_kind(token: str, kind: ObjectKind) -> None:
    assert of_token(token) == kind


@pytest.mark.parametrize("token", ["kubernetes:index:Thing", "kubernetes", "kubernetes:apps/:Deployment", "kubernetes:yaml:ConfigFile"])
def test_a_token_that_names_no_kind_is_refused_with_what_is_known(token: str) -> None:
    with pytest.raises(ProviderError, match=r"kubernetes:<group>/<version>:<Kind>"):
        of_token(token)


def test_the_inputs_say_which_object_a_patch_is_about() -> None:
    inputs = {"apiVersion": "apps/v1", "kind": "Deployment"}
    assert of_inputs("kubernetes:apps/v1:DeploymentPatch", inputs) == APPS
    assert is_patch("kubernetes:apps/v1:DeploymentPatch", APPS)
    assert not is_patch("kubernetes:apps/v1:Deployment", APPS)


def test_a_kind_that_ends_in_patch_is_none_by_itself() -> None:
    assert not is_patch("kubernetes:example.com/v1:JetPatch", ObjectKind("example.com", "v1", "JetPatch"))


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (ObjectKind("apps", "v1", "Deploymnt"), APPS),
        (ObjectKind("apps", "v1beta1", "Deployment"), APPS),
        (ObjectKind("policy", "v1beta1", "PodDisruptionBudget"), ObjectKind("policy", "v1", "PodDisruptionBudget")),
        (ObjectKind("example.com", "v1", "Depolyment"), APPS),
        (ObjectKind("apps", "v1", "Xyzzy"), None),
    ],
)
def test_the_nearest_kind_is_the_same_one_elsewhere_or_the_likest_name(wanted: ObjectKind, found: ObjectKind | None) -> None:
    assert nearest(wanted, [APPS, ObjectKind("policy", "v1", "PodDisruptionBudget"), ObjectKind("", "v1", "Pod")]) == found


@pytest.mark.parametrize("module", ["apps.v1", "core.v1", "batch.v1", "networking.v1", "rbac.v1", "storage.v1", "policy.v1"])
def test_every_type_of_the_sdk_is_a_kind_of_a_built_in_group(module: str) -> None:
    found = importlib.import_module(f"pulumi_kubernetes.{module}")
    types = [each for _, each in inspect.getmembers(found, inspect.isclass) if issubclass(each, pulumi.CustomResource)]
    tokens = [each.pulumi_type for each in types]
    assert tokens
    assert {of_token(token).group for token in tokens} <= BUILT_IN_GROUPS
    assert {of_token(token).version for token in tokens} == {"v1"}


@pytest.mark.parametrize(
    ("operation", "token", "near"),
    [
        ("create", "kubernetes:apps/v1:Deploymnt", "kubernetes:apps/v1:Deployment"),
        ("create", "kubernetes:app/v1:Deployment", "kubernetes:apps/v1:Deployment"),
        ("update", "kubernetes:core/v1:ConfigMaps", "kubernetes:core/v1:ConfigMap"),
        ("delete", "Deployment", ""),
        ("invoke", "kubernetes:yaml:decod", "kubernetes:yaml:decode"),
    ],
)
def test_a_failure_of_what_no_cluster_can_have_is_refused_with_the_nearest(operation: str, token: str, near: str) -> None:
    with pytest.raises(UsageError, match=f"{token} is not in the stand-in, so no {operation} of it ever comes") as refused:
        KubernetesStandIn().require_known(operation, token)
    assert refused.value.remedy.startswith(f"order one that is: {near}")


@pytest.mark.parametrize(
    ("operation", "token"),
    [
        ("create", "kubernetes:apps/v1:Deployment"),
        ("create", "kubernetes:apps/v1:DeploymentPatch"),
        ("create", "kubernetes:helm.sh/v3:Release"),
        ("create", "kubernetes:example.com/v1:Widget"),
        ("invoke", "kubernetes:yaml:decode"),
    ],
)
def test_a_failure_of_what_some_cluster_has_can_be_ordered(operation: str, token: str) -> None:
    KubernetesStandIn().require_known(operation, token)
