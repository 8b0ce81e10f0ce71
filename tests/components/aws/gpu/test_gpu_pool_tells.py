"""What a pool tells beside its resources: its catalogue, why each other machine does not fit, and what a preview says."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import pulumi
import pytest

from mlgate.accelerators import instance_types, sources
from mlgate_components.aws.gpu.arguments import Accelerator
from mlgate_testkit.record import Graph, record

from .pools import FLOOR, IMAGE, USUAL


def program(args: dict[str, Any]) -> Callable[[], None]:
    def pool() -> None:
        import pulumi_kubernetes as kubernetes

        from mlgate_components.aws import GpuNodePool

        provider = kubernetes.Provider("ml", kubeconfig="{}")
        made = GpuNodePool("gpu", {**USUAL, **args}, pulumi.ResourceOptions(providers=[provider]))  # type: ignore[typeddict-item]
        for output in ("instance_types", "rejected", "catalogue", "said"):
            pulumi.export(output, getattr(made, output))

    return pool


def recorded(**args: Any) -> Graph:
    return record(program(args), invokes={IMAGE: {"value": "ami-9"}})


def test_every_machine_of_the_catalogue_is_taken_or_rejected_with_the_reason_and_its_day_is_told() -> None:
    outputs = recorded().outputs
    taken, rejected = set(outputs["instance_types"]), outputs["rejected"]
    assert taken | set(rejected) == {kind.name for kind in instance_types()}
    assert not taken & set(rejected)
    assert rejected["g6f.large"] == "has 0.125 of an l4, no whole one"
    assert rejected["g5g.xlarge"] == "has t4g"
    assert all(rejected.values())
    assert outputs["catalogue"] == sources().written
    assert datetime.date.fromisoformat(outputs["catalogue"])


def test_the_accelerators_are_these_and_the_catalogue_has_machines_with_each() -> None:
    named = ["t4", "a10g", "l4", "l40s", "a100-40g", "a100-80g", "h100", "h200", "b200"]
    assert [each.value for each in Accelerator] == named
    assert all(instance_types(name) for name in named)


@pytest.mark.parametrize(
    ("args", "lines"),
    [
        ({"floor": FLOOR}, ["on-demand floor: 4 replicas = ceil(100/s / 30/s a replica); ", "floor: 4 x g6.xlarge, on-demand, always, "]),
        ({"share": {"time_slices": 4}, "capacity": [{"buy": "spot"}]}, ["shared: 2 x g6.xlarge, spot, always, "]),
        ({"capacity": [{"buy": "on-demand"}, {"buy": "spot"}]}, ["on-demand, spot is not Karpenter's own order: "]),
    ],
    ids=["floor", "time slices", "order"],
)
def test_a_preview_says_what_is_of_fixed_size_and_which_order_is_not_karpenters(
    args: dict[str, Any], lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(pulumi.log, "info", lambda line, resource: told.append(line) if resource._name == "gpu" else None)
    outputs = recorded(**args).outputs
    assert told == outputs["said"]
    assert all(any(line.startswith(each) for line in told) for each in lines)
    assert all("Karpenter does not scale it" in line for line in told if ", always, " in line)
