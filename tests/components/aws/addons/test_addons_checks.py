"""What `ClusterAddons` refuses before anything is made, and what it asks of whoever pins."""

from __future__ import annotations

from typing import Any

import pytest

from mlgate_components.arguments import ArgumentsError
from mlgate_components.aws.addons.table import TABLE
from mlgate_testkit.record import record

from .installed import DIGEST, LOOKED_UP, RESOURCES, USUAL, program, recorded, release


@pytest.mark.parametrize(
    ("args", "path", "said"),
    [
        ({"addons": {"kedaa": {}}}, "addons.kedaa", "did you mean keda?"),
        ({"addons": {"keda": {"vesion": "2.20.2"}}}, "addons.keda.vesion", "did you mean version?"),
        ({"addons": {"keda": {"version": "latest"}}}, "addons.keda.version", "an exact version"),
        ({"addons": {"keda": {"version": "^2.20"}}}, "addons.keda.version", "an exact version"),
        ({"addons": {"cert-manager": {"version": "1.18.2"}}}, "addons.cert-manager.version", "a version of EKS's"),
        ({"addons": {"cert-manager": {"digest": DIGEST}}}, "addons.cert-manager.digest", "EKS installs this one by its version"),
        ({"addons": {"keda": {"digest": DIGEST}}}, "addons.keda.digest", "give a mirror"),
        ({"addons": {"karpenter": {"digest": "sha256:1"}}}, "addons.karpenter.digest", "64 hex digits"),
        ({"addons": {"karpenter": {"version": "1.16.0"}}}, "addons.karpenter-crd.version", "1.16.0, as karpenter"),
        ({"mirror": "https://registry.example"}, "mirror", "a registry and a folder"),
        ({"dns_zone_ids": []}, "dns_zone_ids", "addons.external-dns.on = False"),
        ({"dns_zone_ids": ["example.org"]}, "dns_zone_ids[0]", "the id of a hosted zone"),
        ({"cluster": {"cluster_name": "ml"}}, "cluster.cluster_arn", "give it"),
    ],
)
def test_what_cannot_be_is_refused_by_its_path_before_anything_is_made(args: dict[str, Any], path: str, said: str) -> None:
    with pytest.raises(ArgumentsError) as refused:
        recorded(**args)
    assert (path, True) in [(problem.where, said in problem.expected) for problem in refused.value.problems]


def test_without_a_provider_nothing_goes_to_whatever_cluster_is_at_hand() -> None:
    with pytest.raises(ArgumentsError, match="has no Kubernetes provider"):
        record(program(USUAL, provided=False), invokes=LOOKED_UP, resources=RESOURCES)


def test_whoever_pins_is_told_of_each_addon_without_version_and_each_chart_of_a_registry_without_digest() -> None:
    with pytest.raises(ArgumentsError) as refused:
        recorded(pinned=True)
    missing = {problem.where for problem in refused.value.problems}
    eks = {f"addons.{name}.version" for name in ("metrics-server", "cert-manager", "external-dns")}
    assert missing == eks | {f"addons.{name}.digest" for name in ("prometheus-operator", "karpenter", "karpenter-crd")}
    with pytest.raises(ArgumentsError) as refused:
        recorded(pinned=True, mirror="registry.example/mirror")
    charts = {f"addons.{name}.digest" for name, addon in TABLE.items() if addon.chart}
    assert {problem.where for problem in refused.value.problems} == eks | charts, "of a mirror every chart can be had by its digest"


def test_a_chart_whose_digest_is_known_is_taken_by_it_but_from_no_mirror_and_in_no_other_version() -> None:
    digest = TABLE["gateway"].chart.digest  # type: ignore[union-attr]
    assert release(recorded(), "gateway")["chart"] == f"oci://docker.io/envoyproxy/gateway-helm@{digest}"
    assert "@" not in release(recorded(addons={"gateway": {"version": "v1.9.2"}}), "gateway")["chart"]
    assert "@" not in release(recorded(mirror="registry.example/m"), "gateway")["chart"]


def test_what_is_pinned_is_taken_with_nothing_looked_up() -> None:
    eks = {name: {"version": "v1.2.3-eksbuild.4"} for name in ("metrics-server", "cert-manager", "external-dns")}
    charts = {name: {"digest": DIGEST} for name in ("prometheus-operator", "karpenter", "karpenter-crd", "gateway")}
    graph = record(program({**USUAL, "pinned": True, "addons": {**eks, **charts}}), resources=RESOURCES)
    assert graph.outputs["versions"]["cert-manager"] == "v1.2.3-eksbuild.4"
    assert all(DIGEST in release(graph, name)["chart"] for name in charts)
