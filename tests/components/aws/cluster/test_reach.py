"""Whether an API server is reached from here, asked before the first object."""

from __future__ import annotations

import asyncio

import pytest

from mlgate_components.arguments import ArgumentsError
from mlgate_components.aws.cluster import reach as cluster_reach
from mlgate_components.aws.cluster.reach import asked_before_the_first_object, told_before_it_is_made, unreached

from .clusters import asked, recorded


class Known:
    """An Output that needs no engine."""

    def __init__(self, value: str | None) -> None:
        self._value = value

    async def future(self) -> str | None:
        return self._value


def reach(address: str | None) -> None:
    asyncio.run(asked(lambda: asked_before_the_first_object("ml", Known(address)), "before_create"))  # type: ignore[arg-type]


def test_nobody_is_asked_to_reach_an_endpoint_that_is_not_there_yet() -> None:
    reach(None)
    with pytest.raises(ArgumentsError) as refused:
        reach("https://127.0.0.1:1")
    (problem,) = refused.value.problems
    assert problem.where == "kubeconfig"
    assert "https://127.0.0.1:1 is not reached" in problem.found
    assert "come by a tunnel" in problem.expected


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
    asked(lambda: told_before_it_is_made("ml"), "before_create")
    (said,) = told
    assert said.startswith("Cluster 'ml': kubeconfig: is not given, and the endpoint will be private")
    assert said.endswith("name yourself in public_from (docs/platform-cluster.md)")
    cluster = "aws:eks/cluster:Cluster"
    assert recorded().one(cluster).hooks["before_create"] == ("Cluster-ml-private",)
    for way in ({"kubeconfig": "through: a tunnel"}, {"public_from": ["198.51.100.0/24"]}):
        assert "before_create" not in recorded(**way).one(cluster).hooks


def test_it_is_asked_before_the_first_object_unless_a_way_is_given() -> None:
    storage = "kubernetes:storage.k8s.io/v1:StorageClass"
    assert recorded().one(storage).hooks == {"before_create": ("Cluster-ml-reached",)}
    assert not recorded(kubeconfig="through: a tunnel").one(storage).hooks
