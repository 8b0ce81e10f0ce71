"""One program, recorded without an engine and brought up by the engine on simulated AWS: the same graph."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlgate_testkit.provider.values import UNKNOWN, Secret
from mlgate_testkit.record import Graph, Resource, record

PROGRAMS = Path(__file__).parents[1]
ZONES = {"names": ["eu-central-1a", "eu-central-1b", "eu-central-1c"]}


def facts(resource: Resource) -> dict[str, Any]:
    """What recording and state both hold about a resource, apart from its inputs. The engine keeps no aliases once it has used them."""
    return {
        "path": resource.path,
        "custom": resource.custom,
        "protect": resource.protect,
        "retained": resource.retain_on_delete,
        "parent": str(resource.parent),
        "depends on": sorted(map(str, resource.depends_on)),
        "from": {key: sorted(map(str, found)) for key, found in resource.property_dependencies.items()},
        "provider": str(resource.provider),
        "deleted with": str(resource.deleted_with),
        "timeouts": sorted(resource.custom_timeouts),
    }


def agrees(recorded: Any, deployed: Any) -> bool:
    """Whether what was deployed is what was recorded, which marks what only the cloud knows, with what the provider fills in beside it."""
    if isinstance(recorded, dict) and isinstance(deployed, dict):
        return all(agrees(value, deployed.get(key)) for key, value in recorded.items())
    if isinstance(recorded, list) and isinstance(deployed, list):
        return len(recorded) == len(deployed) and all(map(agrees, recorded, deployed))
    if isinstance(recorded, Secret) and isinstance(deployed, Secret):
        return deployed.value is UNKNOWN or agrees(recorded.value, deployed.value)
    if isinstance(recorded, str) and "<" in recorded:
        return isinstance(deployed, str) and "<" not in deployed
    if hasattr(recorded, "path") and hasattr(deployed, "path"):  # a file, of which the engine adds the hash
        return bool(recorded.path == deployed.path)
    return bool(recorded == deployed)


def require_same(recorded: Graph, deployed: Graph) -> None:
    managed = [resource for resource in deployed.resources if "::default" not in resource.urn]
    assert sorted(map(str, recorded.resources)) == sorted(map(str, managed))
    for one in recorded.resources:
        other = deployed.find(one.urn)
        assert other
        assert facts(one) == facts(other)
        for key, value in one.inputs.items():
            assert agrees(value, other.inputs.get(key)), f"{one}: {key} was recorded as {value!r} and deployed as {other.inputs.get(key)!r}"
    assert recorded.outputs.keys() == deployed.outputs.keys()


@pytest.mark.engine
@pytest.mark.parametrize(
    ("program", "config"),
    [
        ("record/programs/static_site", {}),
        ("record/programs/cluster", {"nodes": "2", "token": "x"}),
        ("story/platform", {"keys": "2"}),
    ],
)
def test_a_program_has_the_same_graph_recorded_and_deployed(stack: Any, simulated_aws: Any, program: str, config: dict[str, str]) -> None:
    folder = PROGRAMS / program
    invokes = {"aws:index/getAvailabilityZones:getAvailabilityZones": ZONES}
    recorded = record(folder, stack="check", config={**config, "aws:region": "eu-central-1"}, invokes=invokes)
    deployed = stack("check", program=folder, config={**config, "aws:region": "eu-central-1"})
    deployed.up()
    require_same(recorded, Graph.from_state(deployed.export()))
