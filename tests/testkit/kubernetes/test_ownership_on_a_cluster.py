"""Whose object, and whose fields: what is taken over, what conflicts, what is given up."""

from __future__ import annotations

import pytest

from mlgate_testkit.cluster import Cluster
from mlgate_testkit.kubernetes import KubernetesStandIn
from mlgate_testkit.provider.provider import ProviderError

from .values import Asked, annotated, deployment, made

pytestmark = pytest.mark.cluster


def test_an_object_that_exists_already_is_not_taken_over(asked: Asked, cluster: Cluster, namespace: str) -> None:
    cluster.apply(made("ConfigMap", "there", data={"a": "theirs"}), namespace=namespace)
    with pytest.raises(ProviderError, match="exists on the cluster already; import it"):
        asked.create(made("ConfigMap", "there", data={"a": "ours"}))
    found = cluster.objects.find("ConfigMap", "there", namespace)
    assert found
    assert found["data"] == {"a": "theirs"}


def test_an_object_that_exists_already_is_taken_over_where_the_provider_says_so(cluster: Cluster, namespace: str) -> None:
    cluster.apply(made("ConfigMap", "there", data={"a": "theirs"}), namespace=namespace)
    given = {"kubeconfig": str(cluster.kubeconfig), "namespace": namespace, "upsertExistingObjects": "true", "enablePatchForce": "true"}
    old = Asked(KubernetesStandIn().configure(given)).create(made("ConfigMap", "there", data={"a": "ours"}))
    assert old.outputs["data"] == {"a": "ours"}


def test_a_field_of_another_owner_is_not_overwritten_and_both_are_named(asked: Asked, cluster: Cluster, namespace: str) -> None:
    old = asked.create(annotated(deployment(), skipAwait="true"))
    old = asked.update(old, annotated(deployment(image="web:2"), skipAwait="true"))
    manager = old.outputs["__fieldManager"]
    cluster.objects.patch("Deployment", "web", {"spec": {"replicas": 5}}, namespace)
    for preview in (True, False):
        with pytest.raises(ProviderError, match=rf"Deployment {namespace}/web: the field manager {manager} .*spec\.replicas belongs to"):
            asked.update(old, annotated(deployment(replicas=2), skipAwait="true"), preview=preview)
    forced = asked.update(old, annotated(deployment(replicas=2), skipAwait="true", patchForce="true"))
    assert forced.outputs["spec"]["replicas"] == 2


def test_a_field_that_the_program_ignores_is_left_to_whoever_scales_it(asked: Asked, cluster: Cluster, namespace: str) -> None:
    old = asked.create(annotated(deployment(), skipAwait="true"))
    old = asked.update(old, annotated(deployment(image="web:2"), skipAwait="true"))
    cluster.objects.patch("Deployment", "web", {"spec": {"replicas": 5}}, namespace)
    changed = annotated(deployment(image="web:3"), skipAwait="true")
    for preview in (True, False):
        new = asked.update(old, changed, preview=preview, ignored=("spec.replicas",))
        assert new.outputs["spec"]["replicas"] == 5
        assert new.outputs["spec"]["template"]["spec"]["containers"][0]["image"] == "web:3"


def test_the_first_update_does_not_conflict_with_the_create(asked: Asked) -> None:
    old = asked.create(annotated(deployment(), skipAwait="true"))
    changed = annotated(deployment(replicas=2), skipAwait="true")
    assert asked.update(old, changed, preview=True).outputs["spec"]["replicas"] == 2
    new = asked.update(old, changed)
    managers = {entry["manager"] for entry in new.outputs["metadata"]["managedFields"] if not entry.get("subresource")}
    assert managers == {new.outputs["__fieldManager"]}


def test_a_program_that_chooses_another_manager_leaves_nothing_to_the_old_one(asked: Asked) -> None:
    old = asked.create(annotated(deployment(), skipAwait="true"))
    old = asked.update(old, annotated(deployment(image="web:2"), skipAwait="true"))
    new = asked.update(old, annotated(deployment(image="web:2"), skipAwait="true", patchFieldManager="mine"))
    assert new.outputs["__fieldManager"] == "mine"
    refreshed = asked.refresh(new)
    assert refreshed
    owners = {entry["manager"] for entry in refreshed.outputs["metadata"]["managedFields"] if entry["operation"] == "Apply"}
    assert owners == {"mine"}


def test_a_field_that_the_program_gives_up_goes(asked: Asked) -> None:
    old = asked.create(made("ServiceAccount", "robot", automountServiceAccountToken=False))
    new = asked.update(old, made("ServiceAccount", "robot"))
    assert "automountServiceAccountToken" not in new.outputs


def test_a_patch_changes_some_fields_of_an_object_and_gives_them_up_again(asked: Asked, cluster: Cluster, namespace: str) -> None:
    cluster.apply(made("ConfigMap", "shared", data={"theirs": "1"}), namespace=namespace)
    ours = asked.create(made("ConfigMap", "shared", data={"ours": "2"}), suffix="Patch")
    assert ours.outputs["data"] == {"theirs": "1", "ours": "2"}
    ours = asked.update(ours, made("ConfigMap", "shared", data={"ours": "3"}), suffix="Patch")
    assert not asked.diff(ours, made("ConfigMap", "shared", data={"ours": "4"}), suffix="Patch").replace
    asked.delete(ours, suffix="Patch")
    found = cluster.objects.find("ConfigMap", "shared", namespace)
    assert found
    assert found["data"] == {"theirs": "1"}


def test_a_patch_needs_a_name_and_does_not_give_up_what_the_object_needs(asked: Asked) -> None:
    _, failures = asked.check_all(made("Deployment", api="apps/v1", spec={"replicas": 2}), suffix="Patch")
    assert [failure.property for failure in failures] == ["metadata.name"]
    whole = asked.create(annotated(deployment(), skipAwait="true"), suffix="Patch")
    with pytest.raises(ProviderError, match=r"spec.*which only this Patch resource sets; set retain_on_delete"):
        asked.delete(whole, suffix="Patch")
