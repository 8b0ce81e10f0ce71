"""Whether an API server is reached from here, asked in a preview and before the first object."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pulumi
import pytest

from mlgate_components.arguments import ArgumentsError
from mlgate_components.aws.cluster import reach as cluster_reach
from mlgate_components.aws.cluster.reach import Reach, unreached
from mlgate_testkit.record import Graph, record

from .clusters import CALLER, CLUSTER, USUAL, asked, program, recorded

NOBODY = "https://127.0.0.1:1"
"""Where nobody listens."""
PUBLIC = {"vpcConfig": {"endpointPublicAccess": True, "publicAccessCidrs": ["198.51.100.0/24"]}}
PRIVATE = {"vpcConfig": {"endpointPublicAccess": False}}
ELSEWHERE = {"vpcConfig": {"endpointPublicAccess": True, "publicAccessCidrs": ["203.0.113.0/24"]}}


class Known:
    """An Output that needs no engine."""

    async def future(self) -> str:
        return NOBODY


def previewed(reach: Reach, endpoint: str = NOBODY, *, preview: bool = True) -> Graph:
    """A preview of a program whose cluster is there already."""
    return record(lambda: pulumi.export("endpoint", reach.in_previews(pulumi.Output.from_input(endpoint))), preview=preview)


def require_told(refused: pytest.ExceptionInfo[ArgumentsError]) -> None:
    (problem,) = refused.value.problems
    assert problem.where == "kubeconfig"
    assert problem.found.startswith(f"is not given, and {NOBODY} is not reached: ")
    assert "come by a tunnel" in problem.expected


def test_a_preview_ends_where_the_cluster_is_there_and_not_reached() -> None:
    with pytest.raises(ArgumentsError) as refused:
        previewed(Reach("ml", private=True))
    require_told(refused)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        there = "https://{}:{}".format(*listening.getsockname())
        assert previewed(Reach("ml", private=True), there).outputs == {"endpoint": there}


def test_a_preview_of_a_cluster_that_is_still_to_be_made_asks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asyncio, "open_connection", lambda *_address: pytest.fail("was asked"))
    assert record(program(USUAL), invokes=CALLER, preview=True).one(CLUSTER)
    assert previewed(Reach("ml", private=True), preview=False).outputs == {"endpoint": NOBODY}, "an update asks later"


@pytest.mark.parametrize(("before", "after"), [(PRIVATE, PUBLIC), (PUBLIC, PRIVATE), (PUBLIC, ELSEWHERE)])
def test_a_preview_asks_nobody_where_this_very_update_opens_the_endpoint_or_shuts_it(before: dict[str, Any], after: dict[str, Any]) -> None:
    reach = Reach("ml", private=False)
    asked(reach.on_cluster, "before_update", old_inputs=before, new_inputs=after)
    assert previewed(reach).outputs == {"endpoint": NOBODY}
    asked(reach.on_cluster, "before_update", old_inputs={**after, "version": "1.33"}, new_inputs={**after, "version": "1.34"})
    with pytest.raises(ArgumentsError) as refused:
        previewed(reach)
    require_told(refused)


def test_an_update_ends_before_the_first_object(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(*_address: object) -> None:
        raise ConnectionRefusedError("refused")

    def binding() -> pulumi.ResourceHookBinding:
        return Reach("ml", private=True).on_first_object(Known())  # type: ignore[arg-type]

    monkeypatch.setattr(asyncio, "open_connection", refuse)
    with pytest.raises(ArgumentsError) as refused:
        asyncio.run(asked(binding, "before_create", in_previews=False))
    require_told(refused)


def test_an_api_server_that_is_not_reached_is_told_with_the_reason_and_one_that_is_passes() -> None:
    async def ask() -> tuple[str, str]:
        listening = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]
        there = await unreached(f"https://127.0.0.1:{port}")
        listening.close()
        await listening.wait_closed()
        return there, await unreached(f"https://127.0.0.1:{port}")

    there, gone = asyncio.run(ask())
    assert there == ""
    assert "refused" in gone or "Connect call failed" in gone


def test_an_api_server_that_does_not_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_reach, "_PATIENCE_S", 0.01)
    monkeypatch.setattr(asyncio, "open_connection", lambda *_address: asyncio.sleep(60))
    assert asyncio.run(unreached("https://cluster.invalid")) == "no answer within 0.01 s"


def test_behind_a_proxy_nobody_here_can_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    assert asyncio.run(unreached("https://cluster.invalid")) == ""


def test_that_an_endpoint_will_be_private_is_told_before_anything_is_made_unless_there_is_a_way(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr("pulumi.log.warn", told.append)
    asked(Reach("ml", private=True).on_cluster, "before_create")
    (said,) = told
    assert said.startswith("Cluster 'ml': kubeconfig: is not given, and the endpoint will be private")
    assert said.endswith("name yourself in public_from (docs/platform-cluster.md)")
    assert recorded().one(CLUSTER).hooks["before_create"] == ("Cluster-ml-private",)
    for way in ({"kubeconfig": "through: a tunnel"}, {"public_from": ["198.51.100.0/24"]}):
        assert "before_create" not in recorded(**way).one(CLUSTER).hooks


def test_nobody_is_asked_where_a_way_is_given() -> None:
    storage = "kubernetes:storage.k8s.io/v1:StorageClass"
    by_endpoint, by_tunnel = recorded(), recorded(kubeconfig="through: a tunnel")
    assert by_endpoint.one(storage).hooks == {"before_create": ("Cluster-ml-reached",)}
    assert by_endpoint.one(CLUSTER).hooks["before_update"] == ("Cluster-ml-version", "Cluster-ml-opened")
    assert not by_tunnel.one(storage).hooks
    assert by_tunnel.one(CLUSTER).hooks == {"before_update": ("Cluster-ml-version",)}
