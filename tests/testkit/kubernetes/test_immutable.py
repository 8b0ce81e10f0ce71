"""Which changes need a new object."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlgate_testkit.kubernetes.immutable import Mutability, replacing
from mlgate_testkit.kubernetes.kinds import ObjectKind

DEFAULT = Mutability(config_maps=False, secrets=False)
MUTABLE = Mutability(config_maps=True, secrets=True)


@pytest.mark.parametrize(
    ("group", "kind", "path", "new_one"),
    [
        ("apps", "Deployment", "metadata.name", True),
        ("apps", "Deployment", "metadata.namespace", True),
        ("apps", "Deployment", "metadata", True),
        ("apps", "Deployment", "metadata.labels.tier", False),
        ("apps", "Deployment", "metadata.nameless", False),
        ("apps", "Deployment", "spec.selector.matchLabels.app", True),
        ("apps", "Deployment", 'spec.selector.matchLabels["app.kubernetes.io/name"]', True),
        ("apps", "Deployment", "spec.template.spec.containers[0].image", False),
        ("apps", "Deployment", "spec.replicas", False),
        ("apps", "StatefulSet", "spec.volumeClaimTemplates[0].spec.storageClassName", True),
        ("apps", "StatefulSet", "spec.template.spec.containers[0].image", False),
        ("batch", "Job", "spec.template.spec.containers[0].image", True),
        ("batch", "CronJob", "spec.jobTemplate.spec.template.spec.containers[0].image", False),
        ("", "Pod", "spec.containers[1].env[0].value", True),
        ("", "Pod", "spec.initContainers[0].image", True),
        ("", "Pod", "spec.activeDeadlineSeconds", False),
        ("", "Service", "spec.clusterIP", True),
        ("", "Service", "spec.ports[0].port", False),
        ("", "PersistentVolumeClaim", "spec.resources.requests.storage", False),
        ("", "PersistentVolumeClaim", "spec.accessModes[0]", True),
        ("rbac.authorization.k8s.io", "RoleBinding", "roleRef.name", True),
        ("rbac.authorization.k8s.io", "RoleBinding", "subjects[0].name", False),
        ("storage.k8s.io", "StorageClass", "parameters.type", True),
        ("example.com", "Widget", "spec.selector", False),
    ],
)
def test_each_change_is_in_place_or_needs_a_new_object_as_with_the_real_provider(group: str, kind: str, path: str, new_one: bool) -> None:
    fixed = DEFAULT.fixed(ObjectKind(group, "v1", kind), {})
    assert replacing([path], fixed) == ({path} if new_one else frozenset())


@pytest.mark.parametrize("kind", ["ConfigMap", "Secret"])
@pytest.mark.parametrize(
    ("mutability", "news", "new_one"), [(DEFAULT, {}, True), (MUTABLE, {}, False), (MUTABLE, {"immutable": True}, True)]
)
def test_content_is_replaced_unless_the_provider_may_change_it_in_place(
    kind: str, mutability: Mutability, news: dict[str, Any], new_one: bool
) -> None:
    assert bool(replacing(["data.a"], mutability.fixed(ObjectKind("", "v1", kind), news))) == new_one


def test_the_type_of_a_secret_is_never_changed_in_place() -> None:
    assert replacing(["type"], MUTABLE.fixed(ObjectKind("", "v1", "Secret"), {})) == {"type"}


@given(st.lists(st.sampled_from(["spec.replicas", "spec.paused", "spec.selector.a", "metadata.name", "metadata.labels.a"])))
def test_what_needs_a_new_object_is_always_part_of_what_changed(changed: list[str]) -> None:
    found = replacing(changed, DEFAULT.fixed(ObjectKind("apps", "v1", "Deployment"), {}))
    assert found == {path for path in changed if path in {"spec.selector.a", "metadata.name"}}
