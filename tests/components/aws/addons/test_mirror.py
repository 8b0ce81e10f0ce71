"""`ClusterAddons` with a mirror: every chart and every image comes from it, those of the charts themselves and those of controllers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from mlgate_components.aws.addons.table import TABLE

from .installed import recorded, release
from .read_charts import FILE

MIRROR = "registry.example/mirror"
PROXY = "docker.io/envoyproxy/envoy"  # whose registry the chart changes, and whose tag it adds
CHARTS = {name: addon.chart for name, addon in TABLE.items() if addon.chart}


def at(values: Mapping[str, Any], path: str) -> Any:
    first, _, rest = path.partition(".")
    return at(values[first], rest) if rest else values[first]


def test_a_mirror_is_where_every_chart_and_every_image_of_a_chart_comes_from() -> None:
    graph = recorded(mirror=MIRROR)
    for name, chart in CHARTS.items():
        inputs = release(graph, name)
        place = chart.place.split("://")[1]
        assert inputs["chart"] == f"oci://{MIRROR}/{place}/{chart.name}"
        assert "repositoryOpts" not in inputs
        for path, upstream in chart.images.items():
            assert at(inputs["values"], path) == f"{MIRROR}/{upstream}"
    assert "controller" not in release(recorded(), "karpenter")["values"]


def test_images_that_only_a_controller_starts_are_named_to_it_where_there_is_a_mirror() -> None:
    """As its own defaults they would come from upstream: proxies of Envoy Gateway, servers of the Prometheus operator."""
    mirrored, plain = recorded(mirror=MIRROR), recorded()
    proxies = {"global": {"imageRegistry": f"{MIRROR}/docker.io", "images": {"envoyProxy": {"image": PROXY}}}}
    assert release(mirrored, "gateway")["values"] == proxies
    operator = release(mirrored, "prometheus-operator")["values"]["prometheusOperator"]
    for server in ("prometheus", "alertmanager"):
        assert operator[f"{server}DefaultBaseImageRegistry"] == f"{MIRROR}/quay.io"
        assert operator[f"{server}DefaultBaseImage"] == f"prometheus/{server}"
    assert "global" not in release(plain, "gateway").get("values", {}), "the default is pinned by its digest"
    assert "prometheusOperator" not in release(plain, "prometheus-operator")["values"]


@pytest.mark.parametrize("name", CHARTS)
def test_every_image_that_the_chart_itself_names_is_in_the_table(name: str) -> None:
    """By what helm made of the charts, which no test can have: `read_charts`."""
    chart, known = CHARTS[name], json.loads(FILE.read_text(encoding="utf-8"))["charts"][name]
    assert (known["chart"], known["version"]) == (chart.name, chart.version), "it is another chart: see read_charts"
    values = release(recorded(mirror=MIRROR), name).get("values", {})
    for image, path in known["images"].items():
        assert path in chart.images, f"nothing says where {image} comes from"
        assert f"{MIRROR}/{image}/".startswith(f"{at(values, path)}/")
