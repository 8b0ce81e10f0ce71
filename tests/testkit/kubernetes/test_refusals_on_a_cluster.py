"""What is refused or warned of, and in whose words."""

from __future__ import annotations

import re
from typing import Any

import pytest

from mlgate_testkit.cluster import Cluster
from mlgate_testkit.kubernetes import KubernetesStandIn
from mlgate_testkit.provider.provider import ProviderError
from mlgate_testkit.provider.values import UNKNOWN

from .values import Asked, annotated, deployment, made

pytestmark = pytest.mark.cluster


@pytest.mark.parametrize(
    ("inputs", "field"),
    [
        (made("ConfigMap", "a", dta={"x": "y"}), 'unknown field "dta"'),
        (deployment(replica=3), 'unknown field "spec.replica"; the nearest field there is: "spec.replicas"'),
        (made("Service", "s", spec={"port": [], "ports": [{"port": "x"}]}), "port"),
    ],
)
def test_a_misspelt_field_is_named_in_the_preview(asked: Asked, inputs: dict[str, Any], field: str) -> None:
    with pytest.raises(ProviderError, match=f"{inputs['kind']} .*{field}"):
        asked.preview(inputs)


def test_a_misspelt_field_is_named_in_an_update(asked: Asked) -> None:
    old = asked.create(annotated(deployment(), skipAwait="true"))
    for preview in (True, False):
        with pytest.raises(ProviderError, match=r'\.spec\.replica: field not declared in schema; the nearest .*: "spec\.replicas"'):
            asked.update(old, annotated(deployment(replica=2), skipAwait="true"), preview=preview)


@pytest.mark.parametrize("amount", ["2 cores", "256MiB", "2K", "1.2.3"])
def test_an_amount_that_is_none_is_named_in_a_preview_and_an_update(asked: Asked, amount: str) -> None:
    wrong = annotated(deployment(), skipAwait="true")
    wrong["spec"]["template"]["spec"]["containers"][0]["resources"] = {"limits": {"cpu": amount, "memory": "2Gi"}}
    place = re.escape(f'at spec.template.spec.containers[0].resources.limits[cpu]: "{amount}"') + "$"
    with pytest.raises(ProviderError, match=place):
        asked.preview(wrong)
    old = asked.create(annotated(deployment(), skipAwait="true"))
    with pytest.raises(ProviderError, match=place):
        asked.update(old, wrong)


def test_a_value_that_breaks_a_rule_is_told_in_the_servers_words(asked: Asked) -> None:
    with pytest.raises(ProviderError, match=r"spec.ports"):
        asked.preview(made("Service", "web", spec={"ports": [{"port": 99999}]}))


def test_a_kind_that_no_cluster_has_is_refused_with_the_nearest(asked: Asked) -> None:
    with pytest.raises(ProviderError, match=r"apps/v1 Deploymnt is not served.*nearest kind that is: apps/v1 Deployment"):
        asked.check(made("Deploymnt", "a", api="apps/v1"))
    with pytest.raises(ProviderError, match="policy/v1 PodDisruptionBudget"):
        asked.check(made("PodDisruptionBudget", "a", api="policy/v1beta1"))


def test_a_custom_kind_may_come_with_the_same_update_so_a_preview_only_warns(asked: Asked) -> None:
    planned = asked.preview(made("Widget", "w", api="example.com/v1", spec={"size": 1}))
    assert planned["spec"] == {"size": 1}
    assert planned["status"] is UNKNOWN
    assert "example.com/v1 Widget is not served" in asked.warnings[0]


@pytest.mark.parametrize(
    ("function", "arguments", "said"),
    [
        ("kubernetes:helm:template", {"jsonOpts": "{}"}, "kubernetes:helm:template is not in the stand-in"),
        ("kubernetes:kustomize:directory", {}, "kubernetes:kustomize:directory"),
        ("kubernetes:yaml:decode", {"text": "a: [\n"}, "no YAML.*line"),
        ("kubernetes:yaml:decode", {}, "takes `text`"),
    ],
)
def test_functions_that_cannot_be_answered_are_named(asked: Asked, function: str, arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(ProviderError, match=f"(?s){said}"):
        asked.provider.invoke(function, arguments, preview=False)


def test_warnings_of_the_server_reach_the_user_unless_suppressed(asked: Asked, cluster: Cluster, namespace: str) -> None:
    old = made("Endpoints", "old")  # deprecated since 1.33, and still served
    asked.create(old)
    assert any("deprecated" in warning for warning in asked.warnings)
    given = {"kubeconfig": str(cluster.kubeconfig), "namespace": namespace, "suppressDeprecationWarnings": "true"}
    quiet = Asked(KubernetesStandIn().configure(given))
    quiet.create(made("Endpoints", "older"))
    assert quiet.warnings == []


def test_a_list_is_not_an_object(asked: Asked) -> None:
    with pytest.raises(ProviderError, match="declare its members"):
        asked.check({**made("ConfigMapList"), "items": []})


def test_a_generated_name_is_refused_as_by_the_real_provider(asked: Asked) -> None:
    inputs = made("ConfigMap")
    inputs["metadata"]["generateName"] = "a-"
    assert [failure.property for failure in asked.check_all(inputs)[1]] == ["metadata.generateName"]
