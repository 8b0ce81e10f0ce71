"""The provider `mlgate`: its schema, and what it makes of values that come over the wire."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import grpc
import pulumi
import pytest
import yaml
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from mlgate_components.provider import SCHEMA, Provider, hosted, schema
from mlgate_testkit.record import record
from tests.components.aws.storage.stores import ANSWERS

KINDS = ("properties", "inputProperties")
PLUGIN = SCHEMA.parent / "plugin"
TAGS = {"environment": "dev", "owner": "vision"}
CLUSTER = dict.fromkeys(("clusterName", "endpoint", "certificateAuthority", "securityGroupId", "nodeRoleName", "nodeRoleArn"), "x")
POOL: dict[str, Any] = {
    "accelerator": "l4",
    "replicas": 8.0,
    "cluster": {**CLUSTER, "version": "1.35"},
    "network": {"zones": ["eu-central-1a"], "privateSubnetIds": ["subnet-1"]},
    "capacity": [{"buy": "spot"}],
    "ami": {"family": "bottlerocket", "version": "1.46.0"},
    "tags": TAGS,
}


@pytest.fixture(scope="module")
def provider() -> Provider:
    return Provider()


def described() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(SCHEMA.read_text(encoding="utf-8"))
    return found


def test_the_committed_schema_is_that_of_the_components():
    assert schema() == SCHEMA.read_text(encoding="utf-8"), "if the change is wanted: make docs, and see what changed for other languages"


def test_every_component_is_hosted_by_its_own_type():
    types = {importlib.import_module(each.__module__).TYPE for each in hosted()}
    assert types == set(described()["resources"])
    assert {"mlgate:index:GpuNodePool", "mlgate:index:Network", "mlgate:index:EvidenceStorage"} <= types


def test_everything_is_described():
    found = described()
    parts = {**found["types"], **found["resources"]}
    assert [name for name, part in parts.items() if not part.get("description")] == []
    properties = [(f"{name}.{key}", of) for name, part in parts.items() for kind in KINDS for key, of in part.get(kind, {}).items()]
    assert [name for name, of in properties if not of.get("description")] == []


def test_no_nested_type_gets_a_second_suffix_in_go():
    assert [name for name in described()["types"] if name.endswith("Args")] == []


def test_it_needs_no_other_package_so_that_an_sdk_needs_none():
    assert not described().get("dependencies")
    assert "/schema.json#" not in SCHEMA.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("component", "given", "made"),
    [
        ("GpuNodePool", {"replicas": 8.0}, {"replicas": 8}),
        ("GpuNodePool", {"floor": {"ratePerS": 40.0}}, {"floor": {"rate_per_s": 40.0}}),
        ("GpuNodePool", {"disruption": {"idleS": 5.0, "movePods": True}}, {"disruption": {"idle_s": 5, "move_pods": True}}),
        ("GpuNodePool", {"capacity": [{"buy": "spot"}]}, {"capacity": [{"buy": "spot"}]}),
        ("GpuNodePool", {"labels": {"my_team": "a"}, "zones": None}, {"labels": {"my_team": "a"}}),
        ("GpuNodePool", {"replica": 8.0}, {"replica": 8.0}),
        (
            "ClusterAddons",
            {"addons": {"keda": {"values": {"replicaCount": 2.0, "share": 0.5, "list": [1.0]}}}},
            {"addons": {"keda": {"values": {"replicaCount": 2, "share": 0.5, "list": [1]}}}},
        ),
    ],
    ids=["whole number", "number", "nested", "choice in a list", "keys of one's own", "unknown", "values of a chart"],
)
def test_arguments_come_by_their_python_names_and_kinds(provider, component, given, made):
    found = provider.map_inputs(given, provider._component_defs[component])
    assert found == made
    assert repr(found) == repr(made), "2 == 2.0, and a component is strict"


def constructed(inputs: Mapping[str, Any], component: str) -> Callable[[], None]:
    def program() -> None:
        made = Provider().construct("vision", f"mlgate:index:{component}", dict(inputs))
        for name, value in made.state.items():
            pulumi.export(name, value)

    return program


def test_a_component_is_made_and_its_outputs_come_by_their_names_in_the_schema():
    graph = record(constructed({"description": "messages", "tags": TAGS, "deletionDays": 30.0}, "Key"), invokes=ANSWERS)
    assert graph.one("aws:kms/key:Key").inputs["deletionWindowInDays"] == 30
    assert set(graph.outputs) == {"keyArn"}


def test_what_is_given_later_comes_by_its_python_names_too():
    later = {"environment": "dev", "owner": "vision", "costCenter": "7"}

    def program() -> None:
        provider = Provider()
        tags = provider.map_inputs({"tags": pulumi.Output.from_input(later)}, provider._component_defs["Key"])["tags"]
        pulumi.export("tags", tags)

    assert record(program).outputs["tags"] == {"environment": "dev", "owner": "vision", "cost_center": "7"}


def test_wrong_arguments_are_told_all_at_once_by_the_names_of_the_schema(provider):
    wrong = {**POOL, "imageDiskGib": "big", "leastZone": 2.0, "labels": {"my_team": 1.0}, "capacity": [{"buy": "spot", "reservation": []}]}
    del wrong["replicas"]
    with pytest.raises(pulumi.InputPropertiesError) as refused:
        provider.construct("gpu", "mlgate:index:GpuNodePool", wrong)
    told = {each["property_path"]: each["reason"] for each in refused.value.errors or ()}
    assert set(told) == {"imageDiskGib", "leastZone", "replicas", "labels.my_team", "capacity[0].reservation"}
    assert told["leastZone"] == "is no argument: did you mean leastZones?"


def test_the_manifest_and_the_launcher_start_the_same_program():
    assert yaml.safe_load((PLUGIN / "PulumiPlugin.yaml").read_text())["runtime"] == "python"
    assert os.access(PLUGIN / "pulumi-resource-mlgate", os.X_OK)
    assert {path.name for path in PLUGIN.iterdir() if path.is_file()} == {"PulumiPlugin.yaml", "__main__.py", "pulumi-resource-mlgate"}


@pytest.mark.parametrize("command", [[str(PLUGIN / "pulumi-resource-mlgate")], [sys.executable, str(PLUGIN)]], ids=["launcher", "host"])
def test_it_tells_the_engine_its_port_and_then_its_schema(command):
    path = os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]])
    with subprocess.Popen([*command, "127.0.0.1:1"], env={**os.environ, "PATH": path}, stdout=subprocess.PIPE, text=True) as started:
        try:
            assert started.stdout
            with grpc.insecure_channel(f"127.0.0.1:{int(started.stdout.readline())}", _GRPC_CHANNEL_OPTIONS) as channel:
                answer = provider_pb2_grpc.ResourceProviderStub(channel).GetSchema(provider_pb2.GetSchemaRequest(), timeout=30)
        finally:
            started.kill()
    assert json.loads(answer.schema) == described()


@pytest.mark.engine
def test_the_engines_own_command_reads_the_schema_from_the_launcher(stack):
    def nothing() -> None:
        """No resource."""

    dev = stack("dev", program=nothing)
    found = json.loads(dev.engine.ask(dev.site, "package", "get-schema", str(PLUGIN / "pulumi-resource-mlgate")))
    assert found["resources"].keys() == described()["resources"].keys()
    assert found["language"]["go"] == described()["language"]["go"]
    assert not (PLUGIN / "pyvenv.cfg").exists()


def test_a_launcher_outside_of_the_environment_says_what_to_do(tmp_path: Path):
    python = tmp_path / "python3"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "$@"\n')
    python.chmod(0o755)
    path = os.pathsep.join([str(tmp_path), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "PYTHONPATH": ""}
    command = [str(PLUGIN / "pulumi-resource-mlgate"), "127.0.0.1:1"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert "No module named 'mlgate_components'" in done.stderr
    assert "activate the environment in which mlgate[aws] is installed" in done.stderr
