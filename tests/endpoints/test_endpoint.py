"""The life of an endpoint, on a server that only pretends: found, replaced, repaired, and never there twice."""

import socket
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from mlgate import Release, Service
from mlgate.digests import short
from mlgate_serving.endpoint import endpoint_name, find_endpoint, stop_endpoint
from mlgate_serving.identity import is_running
from mlgate_serving.runtime import configuration_digest
from mlgate_serving.supervisor import Supervisor
from tests.endpoints.servers import Start, kill, listens

pytestmark = pytest.mark.usefixtures("nothing_stays")


def test_an_endpoint_says_where_it_is_and_what_it_serves(start: Start, packed: tuple[Release, Path], service: Service) -> None:
    said: list[str] = []
    endpoint = start(progress=said.append)
    assert endpoint.name == f"digits-{short(packed[0].digest)}" == endpoint_name("digits", packed[0].digest)
    assert endpoint.release == packed[0].digest
    assert endpoint.configuration == configuration_digest(service.name, service.serving)
    assert listens(endpoint.url)
    assert listens(endpoint.management_url)
    assert is_running(endpoint.pid)
    assert "starting torchserve with 1 worker" in said[0]
    assert f"at {endpoint.url}" in said[-1]


@pytest.mark.parametrize(("accelerator", "gpu", "told"), [("cpu", False, False), ("l4", True, False), ("l4", False, True)])
def test_an_endpoint_without_the_gpu_that_it_is_declared_for_says_so(
    accelerator: str, gpu: bool, told: bool, start: Start, read_service: Callable[..., Service], fake_runtime: Any
) -> None:
    fake_runtime.state["gpu"] = gpu
    said: list[str] = []
    serving = f"{{runtime: torchserve, batch: {{size: 8, delay: 1 ms}}, workers: 1, resources: {{accelerator: {accelerator}}}}}"
    start(read_service(serving=serving), progress=said.append)
    assert any(f"is declared for {accelerator}, and TorchServe sees no such GPU here" in line for line in said) == told


def test_starting_what_runs_finds_it(start: Start) -> None:
    assert start() == start()


def test_two_starts_at_once_give_one_server(start: Start, supervisor: Supervisor) -> None:
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: start(), range(2))
    assert first == second
    assert len(supervisor.list()) == 1


def test_a_changed_declaration_replaces_the_server_at_the_same_address(start: Start, read_service: Callable[..., Service]) -> None:
    before = start()
    after = start(read_service(serving="{runtime: torchserve, workers: 2}"))
    assert (after.name, after.url) == (before.name, before.url)
    assert after.pid != before.pid
    assert after.configuration != before.configuration
    assert not is_running(before.pid)


def test_a_changed_declaration_waits_for_requests_in_flight(start: Start, read_service: Callable[..., Service], tmp_path: Path) -> None:
    before = start()
    pending = tmp_path / "processes" / before.name / "pending"
    pending.write_text("1")
    with ThreadPoolExecutor(1) as pool:
        replacing = pool.submit(start, read_service(serving="{runtime: torchserve, workers: 2}"))
        time.sleep(0.3)
        still_running = is_running(before.pid)
        pending.write_text("0")
        after = replacing.result(60)
    assert still_running
    assert after.pid != before.pid
    assert not is_running(before.pid)


def test_a_dead_server_is_started_again_at_the_same_address(start: Start) -> None:
    before = start()
    kill(before.pid)
    after = start()
    assert after.url == before.url
    assert after.pid != before.pid


def test_a_dead_server_whose_port_was_taken_meanwhile_comes_up_elsewhere(start: Start) -> None:
    before = start()
    kill(before.pid)
    with closing(socket.socket()) as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", int(before.url.rsplit(":", 1)[1])))
        other.listen()
        after = start()
    assert after.url != before.url


def test_a_dead_server_whose_port_belongs_to_somebody_comes_up_elsewhere(start: Start) -> None:
    before = start()
    kill(before.pid)
    after = start(but={int(before.url.rsplit(":", 1)[1])})
    assert after.url != before.url


def test_what_is_dead_or_was_never_started_is_not_found(start: Start, supervisor: Supervisor, packed: tuple[Release, Path]) -> None:
    assert find_endpoint(supervisor, "digits", packed[0].digest) is None
    endpoint = start()
    assert find_endpoint(supervisor, "digits", packed[0].digest) == endpoint
    kill(endpoint.pid)
    assert find_endpoint(supervisor, "digits", packed[0].digest) is None


@pytest.mark.parametrize("entry", ["right", "damaged", "lost"])
def test_a_folder_too_deep_for_a_socket_gets_a_short_link_that_goes_with_the_endpoint(
    start: Start, tmp_path: Path, fake_runtime: Any, monkeypatch: pytest.MonkeyPatch, entry: str
) -> None:
    places: list[Any] = []
    render = fake_runtime.render
    monkeypatch.setattr(fake_runtime, "render", lambda release, serving, place: (places.append(place), render(release, serving, place))[1])
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    supervisor = Supervisor(deep)
    endpoint = start(supervisor=supervisor)
    (place,) = places
    assert place.temporary.parent == Path(tempfile.gettempdir())
    assert place.temporary.resolve() == (deep / endpoint.name / "tmp").resolve()
    if entry == "damaged":
        (deep / f"{endpoint.name}.json").write_text("{")
    elif entry == "lost":
        (deep / f"{endpoint.name}.json").unlink()
    assert supervisor.names() == [endpoint.name]
    stop_endpoint(supervisor, endpoint.name)
    assert not place.temporary.is_symlink()
    assert [path.name for path in (deep / endpoint.name).iterdir()] == ["logs"]
    assert not is_running(endpoint.pid)
    assert supervisor.names() == []


def test_the_logs_of_the_server_before_are_kept_beside_the_new_ones(start: Start, fake_runtime: Any, tmp_path: Path) -> None:
    fake_runtime.state = {"log": "said by the first\n"}
    kill(start().pid)
    fake_runtime.state = {"log": "said by the second\n"}
    own = tmp_path / "processes" / start().name
    assert (own / "logs.previous" / "torchserve.log").read_text() == "said by the first\n"
    assert (own / "logs" / "torchserve.log").read_text() == "said by the second\n"
