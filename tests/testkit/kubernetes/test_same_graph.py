"""One program, recorded without an engine and brought up through the stand-in: what was recorded is what lies on the control plane."""

from __future__ import annotations

import re
from base64 import b64decode
from typing import Any

import pytest

from mlgate_testkit.cluster import Cluster
from mlgate_testkit.engine import Stacks
from mlgate_testkit.provider.process import ProviderProcess
from mlgate_testkit.provider.values import plain
from mlgate_testkit.record import record

from . import programs

pytestmark = [pytest.mark.cluster, pytest.mark.engine]

Objects = dict[tuple[str, str], dict[str, Any]]
PROMISE = re.compile(r"<(?P<path>\S+) of (?P<kind>\S+) (?P<name>\S+)>")


def kept(promise: str, lying: Objects) -> Any:
    """What a value that only the cloud knows has become: "<metadata.name of ConfigMap settings>"."""
    said = PROMISE.fullmatch(promise)
    assert said
    value: Any = lying[said["kind"], said["name"]]
    for key in said["path"].split("."):
        value = value[key]
    return value


def differences(recorded: Any, lies: Any, lying: Objects, at: str = "") -> list[str]:
    """Where what lies on the control plane is not what was recorded; what the API server adds is no difference."""
    if isinstance(recorded, dict) and isinstance(lies, dict):
        return [found for key, value in recorded.items() for found in differences(value, lies.get(key), lying, f"{at}.{key}")]
    if isinstance(recorded, list) and isinstance(lies, list) and len(recorded) == len(lies):
        pairs = enumerate(zip(recorded, lies, strict=True))
        return [found for index, pair in pairs for found in differences(*pair, lying, f"{at}[{index}]")]
    wanted = kept(recorded, lying) if isinstance(recorded, str) and PROMISE.fullmatch(recorded) else recorded
    return [] if wanted == lies else [f"{at}: recorded {wanted!r}, lies there {lies!r}"]


def test_what_is_recorded_is_what_lies_on_the_control_plane(
    stand_in: ProviderProcess, cluster: Cluster, namespace: str, stack: Stacks
) -> None:
    config = {"namespace": namespace, "greeting": "good morning", "image": "shop:7"}
    graph = record(programs.shop, stack="dev", config=config)
    shop = stack("dev", program=programs.shop, config=config, providers={"kubernetes": stand_in.port})
    shop.up()

    held = [each for each in shop.export()["deployment"]["resources"] if each["type"].startswith("kubernetes:")]
    ids = {(each["type"], each["urn"].rsplit("::", 1)[-1]): each["id"] for each in held}
    assert set(ids) == {(each.type, each.name) for each in graph.resources}
    lying: Objects = {}
    for (type_, name), identity in ids.items():
        kind = type_.rsplit(":", 1)[-1]
        found = cluster.objects.find(kind, identity.rsplit("/", 1)[-1], namespace)
        assert found, f"{type_} {name} does not lie on the control plane"
        lying[kind, name] = found

    for one in graph.resources:
        there = lying[one.type.rsplit(":", 1)[-1], one.name]
        wanted = plain(one.inputs)
        if texts := wanted.pop("stringData", None):
            assert {key: b64decode(value).decode() for key, value in there["data"].items()} == texts
        assert differences(wanted, there, lying) == []

    ours = {
        (kind, each["metadata"]["name"])
        for kind in ("ConfigMap", "Deployment", "Secret", "Service")
        for each in cluster.objects.list(kind, namespace)
        if any(entry["manager"].startswith("pulumi-kubernetes") for entry in each["metadata"]["managedFields"])
    }
    assert ours == {(kind, each["metadata"]["name"]) for (kind, _), each in lying.items()}, "nothing lies there that was not recorded"
