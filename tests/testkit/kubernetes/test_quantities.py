"""Which amounts of a manifest are none."""

from __future__ import annotations

from typing import Any

import pytest

from mlgate_testkit.kubernetes.quantities import wrong_quantities

from .values import deployment, made

REFUSAL = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"


def of_cpu(amount: Any, refusal: str = REFUSAL) -> list[str]:
    return wrong_quantities(refusal, {"resources": {"limits": {"cpu": amount}}})


@pytest.mark.parametrize("amount", ["500m", "2", 2, 0.5, "1.", ".5", "-1", "+1", "2Gi", "1k", "1E", "1e3", "1E-3", "100n", " 2 ", None])
def test_an_amount_of_kubernetes_is_right(amount: Any) -> None:
    assert of_cpu(amount) == []


@pytest.mark.parametrize("amount", ["2 cores", "256MiB", "1GB!", "1g", "2K", "1ki", "500mm", "1e", "1.2.3", ".", "", "two", True, "²"])
def test_any_other_is_named_with_its_value_and_place(amount: Any) -> None:
    assert of_cpu(amount) == [f'resources.limits[cpu]: "{amount}"']


@pytest.mark.parametrize("refusal", ["unable to parse quantity's suffix", "unable to parse numeric part of quantity"])
def test_all_three_words_of_the_api_server_for_it_are_known(refusal: str) -> None:
    assert of_cpu("2K", refusal)


def test_the_refusal_of_something_else_names_no_amount() -> None:
    assert of_cpu("2 cores", 'spec.ports[0].port: Invalid value: "x"') == []


def test_all_wrong_amounts_of_a_pod_are_named_and_nothing_else() -> None:
    value = deployment()
    pod = value["spec"]["template"]["spec"]
    pod["containers"][0] |= {
        "env": [{"name": "LIMITS", "value": "many"}],
        "resources": {"requests": {"memory": "1GB", "cpu": "1"}, "limits": {"nvidia.com/gpu": "one"}, "claims": [{"name": "gpu"}]},
    }
    pod["volumes"] = [{"name": "scratch", "emptyDir": {"sizeLimit": "10 GB"}}]
    assert wrong_quantities(REFUSAL, value) == [
        'spec.template.spec.containers[0].resources.requests[memory]: "1GB"',
        'spec.template.spec.containers[0].resources.limits[nvidia.com/gpu]: "one"',
        'spec.template.spec.volumes[0].emptyDir.sizeLimit: "10 GB"',
    ]


@pytest.mark.parametrize(
    ("value", "named"),
    [
        (made("ResourceQuota", spec={"hard": {"requests.cpu": "x"}}), 'spec.hard[requests.cpu]: "x"'),
        (made("LimitRange", spec={"limits": [{"type": "Pod", "max": {"cpu": "x"}}]}), 'spec.limits[0].max[cpu]: "x"'),
        (made("PersistentVolume", spec={"capacity": {"storage": "x"}}), 'spec.capacity[storage]: "x"'),
        (made("PersistentVolumeClaim", spec={"resources": {"requests": {"storage": "x"}}}), 'spec.resources.requests[storage]: "x"'),
        (made("RuntimeClass", overhead={"podFixed": {"cpu": "x"}}), 'overhead.podFixed[cpu]: "x"'),
        (made("Pod", spec={"overhead": {"cpu": "x"}}), 'spec.overhead[cpu]: "x"'),
        (
            made("HorizontalPodAutoscaler", spec={"metrics": [{"pods": {"target": {"type": "AverageValue", "averageValue": "x"}}}]}),
            'spec.metrics[0].pods.target.averageValue: "x"',
        ),
        (
            made("HorizontalPodAutoscaler", spec={"metrics": [{"external": {"target": {"type": "Value", "value": "x"}}}]}),
            'spec.metrics[0].external.target.value: "x"',
        ),
    ],
)
def test_the_other_kinds_that_hold_amounts_are_known(value: dict[str, Any], named: str) -> None:
    assert wrong_quantities(REFUSAL, value) == [named]
