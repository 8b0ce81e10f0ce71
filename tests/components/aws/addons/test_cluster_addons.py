"""`ClusterAddons`, recorded: what is installed, from where, in which order and with which values."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlgate_components.aws.addons.arguments import ClusterAddonsArgs
from mlgate_components.aws.addons.plan import merged, planned
from mlgate_components.aws.addons.table import TABLE
from mlgate_testkit.record import record

from .installed import ADDON, DIGEST, LOOKED_UP, POD, QUEUE, RELEASE, RESOURCES, TAGS, USUAL, off, only, recorded, release

SERVICE = "kubernetes:core/v1:Service"


def test_each_is_an_addon_of_eks_where_there_is_one_and_else_a_chart_at_an_exact_version() -> None:
    graph = recorded()
    addons = {found.inputs["addonName"] for found in graph.all(ADDON)}
    charts = {found.inputs["name"]: found.inputs for found in graph.all(RELEASE)}
    assert addons == {"metrics-server", "cert-manager", "external-dns"}
    assert addons | charts.keys() == TABLE.keys()
    assert charts["karpenter"]["chart"] == "oci://public.ecr.aws/karpenter/karpenter"
    assert charts["prometheus-operator"]["chart"] == "oci://ghcr.io/prometheus-community/charts/kube-prometheus-stack"
    assert charts["keda"]["repositoryOpts"] == {"repo": "https://kedacore.github.io/charts"}
    assert {name: inputs["version"] for name, inputs in charts.items()} == {
        name: addon.chart.version for name, addon in TABLE.items() if addon.chart
    }
    assert graph.outputs["versions"] == {
        **{name: inputs["version"] for name, inputs in charts.items()},
        **{name: f"v1.0.0-eksbuild.{len(name)}" for name in addons},
    }


@pytest.mark.parametrize("name", sorted(TABLE))
def test_every_row_says_where_its_version_was_read_and_waits_for_rows_above_it(name: str) -> None:
    addon, above = TABLE[name], list(TABLE)[: list(TABLE).index(name)]
    assert bool(addon.eks) != bool(addon.chart)
    assert set(addon.after) <= set(above)
    assert not addon.chart or "2026" in addon.chart.source


@pytest.mark.parametrize("name", sorted(TABLE))
def test_each_can_be_off(name: str) -> None:
    assert set(planned("ml", {**USUAL, "addons": off(name)})) == TABLE.keys() - {name}  # type: ignore[typeddict-item]


def test_what_owns_nothing_outside_goes_with_a_cluster_that_may_go_and_controllers_are_taken_out_for_real() -> None:
    assert {found.deleted_with for found in recorded().all(RELEASE)} == {None}, "a protected cluster does not go"
    graph = recorded(deletion_protection=False)
    provider = graph.one("pulumi:providers:kubernetes")
    kept = {found.inputs["name"] for found in graph.all(RELEASE) if found.deleted_with is None}
    assert kept == {"karpenter", "aws-load-balancer-controller", "gateway"}
    assert {found.deleted_with for found in graph.all(RELEASE) if found.inputs["name"] not in kept} == {provider}
    assert {found.provider for found in graph.all(RELEASE)} == {provider}
    assert all(found.deleted_with is None for found in graph.all(ADDON)), "external-dns owns records"


def test_each_comes_after_what_it_needs() -> None:
    graph = recorded()
    gateway, balancer = (graph.one(RELEASE, f"ml-{name}") for name in ("gateway", "aws-load-balancer-controller"))
    assert gateway.needs(balancer), "so that its load balancers go while somebody deletes them"
    assert graph.one(ADDON, "ml-external-dns").needs(gateway)
    assert all(addon.needs(graph.one("pulumi:providers:kubernetes")) for addon in graph.all(ADDON)), "that is there once nodes are"
    for name in ("karpenter", "keda", "dcgm-exporter"):
        assert graph.one(RELEASE, f"ml-{name}").needs(graph.one(RELEASE, "ml-prometheus-operator"))
    for name in ("karpenter", "aws-load-balancer-controller"):
        assert graph.one(RELEASE, f"ml-{name}").needs(graph.one(POD, f"ml-{name}"))


def ways_in() -> None:
    import pulumi
    import pulumi_kubernetes as kubernetes

    from mlgate_components.aws.addons.cluster_addons import ClusterAddons

    provider = kubernetes.Provider("ml", kubeconfig="{}")
    addons = ClusterAddons("ml", ClusterAddonsArgs(**USUAL), pulumi.ResourceOptions(providers=[provider]))

    def behind(controller: str) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(provider=provider, depends_on=[addons.controllers[controller]])

    balanced = {"type": "LoadBalancer", "load_balancer_class": "service.k8s.aws/nlb", "ports": [{"port": 443}]}
    kubernetes.core.v1.Service("digits", spec=balanced, opts=behind("aws-load-balancer-controller"))
    kubernetes.core.v1.Service("not-behind", spec=balanced, opts=pulumi.ResourceOptions(provider=provider))
    kubernetes.apiextensions.CustomResource(
        "way-in",
        api_version="gateway.networking.k8s.io/v1",
        kind="Gateway",
        spec={"gatewayClassName": "envoy", "listeners": [{"name": "https", "port": 443, "protocol": "HTTPS"}]},
        opts=behind("gateway"),
    )


def test_load_balancers_that_depend_on_their_controller_go_before_it_and_before_its_role() -> None:
    graph = record(ways_in, invokes=LOOKED_UP, resources=RESOURCES)
    controller, gateway = (graph.one(RELEASE, f"ml-{name}") for name in ("aws-load-balancer-controller", "gateway"))
    role = graph.one(POD, "ml-aws-load-balancer-controller")
    service, way_in = graph.one(SERVICE, "digits"), graph.one("kubernetes:gateway.networking.k8s.io/v1:Gateway")
    assert [service.needs(each) for each in (controller, role, gateway)] == [True, True, False]
    assert all(way_in.needs(each) for each in (gateway, controller, role)), "its Service has a load balancer of the other's"
    assert not graph.one(SERVICE, "not-behind").needs(controller), "the provider does not order them: a program has to say it"


def test_load_balancers_have_the_tags_of_what_is_made_here_so_that_they_are_billed_as_it_is() -> None:
    said = {**TAGS, "cost_center": "4711", "more": {"team-mail": "a@b.c", "list": "a,b", "a=b": "c"}}
    values = release(recorded(tags=said), "aws-load-balancer-controller")["values"]
    assert values["defaultTags"] == {**TAGS, "cost-center": "4711", "managed-by": "mlgate", "team-mail": "a@b.c"}


def test_the_load_balancer_controller_is_told_what_it_cannot_ask_and_stands_in_nobodys_way() -> None:
    values = release(recorded(), "aws-load-balancer-controller")["values"]
    told = {"clusterName": "ml", "vpcId": "vpc-1", "region": "eu-central-1"}
    assert {key: values[key] for key in told} == told
    assert values["enableServiceMutatorWebhook"] is False, "else no Service of anybody is made while it is not ready"


def test_gpus_are_watched_on_the_nodes_that_have_some() -> None:
    values = release(recorded(), "dcgm-exporter")["values"]
    (term,) = values["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    assert term["matchExpressions"] == [{"key": "mlgate/accelerator", "operator": "Exists"}]
    assert [each["key"] for each in values["tolerations"]] == ["nvidia.com/gpu"]


def test_a_device_plugin_goes_to_no_node_but_those_whose_image_has_none() -> None:
    """Its chart's own affinity lets it onto whatever node discovery finds an NVIDIA GPU in, too."""
    values = release(recorded(), "nvidia-device-plugin")["values"]
    (term,) = values["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    (wanted,) = term["matchExpressions"]
    assert (wanted["key"], wanted["operator"], wanted["values"]) == ("nvidia.com/gpu.present", "In", ["true"])


def test_karpenter_has_its_definitions_from_their_own_chart_and_hears_of_interruptions() -> None:
    graph = recorded()
    assert graph.one(RELEASE, "ml-karpenter").needs(graph.one(RELEASE, "ml-karpenter-crd"))
    assert release(graph, "karpenter")["skipCrds"] is True
    queue = graph.one(QUEUE).outputs["name"]
    settings = release(graph, "karpenter")["values"]["settings"]
    assert settings == {"clusterName": "ml", "interruptionQueue": queue, "eksControlPlane": True}
    assert graph.outputs["queue"] == queue
    assert recorded(addons=off("karpenter")).outputs["queue"] == ""


def test_who_is_watched_is_watched_only_where_the_operator_is() -> None:
    with_it, without = recorded(), recorded(addons=off("prometheus-operator"))
    assert release(with_it, "dcgm-exporter")["values"]["serviceMonitor"] == {"enabled": True}
    assert release(without, "dcgm-exporter")["values"]["serviceMonitor"] == {"enabled": False}
    assert "serviceMonitor" not in release(without, "karpenter")["values"]


def test_a_chart_is_taken_by_its_digest_and_values_of_ones_own_lie_over_the_tables() -> None:
    said = {"karpenter": {"digest": DIGEST, "values": {"replicas": 3, "settings": {"batchMaxDuration": "5s"}}}}
    inputs = release(recorded(addons=said), "karpenter")
    assert (inputs["chart"], inputs["version"]) == (f"oci://public.ecr.aws/karpenter/karpenter@{DIGEST}", "1.15.1")
    assert inputs["values"]["replicas"] == 3
    assert inputs["values"]["settings"]["batchMaxDuration"] == "5s"
    assert inputs["values"]["settings"]["clusterName"] == "ml"


TREES = st.recursive(
    st.integers() | st.text(max_size=2), lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3), max_leaves=8
)
VALUES = st.dictionaries(st.sampled_from("abc"), TREES, max_size=3)


@given(below=VALUES, above=VALUES)
def test_values_that_lie_over_others_win_and_take_nothing_else_away(below: dict[str, Any], above: dict[str, Any]) -> None:
    both = merged(below, above)
    assert merged(both, above) == both
    assert set(both) == set(below) | set(above)
    assert all(both[key] == value for key, value in above.items() if not isinstance(value, dict))
    assert all(both[key] == value for key, value in below.items() if key not in above)


def test_everything_has_all_tags_and_stands_in_the_component() -> None:
    graph = recorded(addons=only("karpenter", "karpenter-crd", "external-dns"))
    tagged = [found.inputs["tags"] for found in graph.resources if "tags" in found.inputs]
    assert len(tagged) > 8
    assert all({**TAGS, "managed-by": "mlgate"}.items() <= tags.items() for tags in tagged)
    component = graph.one("mlgate:index:ClusterAddons")
    outside = {"pulumi:providers:kubernetes", "mlgate:index:ClusterAddons"}
    assert all(found in component.descendants for found in graph.resources if found.type not in outside)
