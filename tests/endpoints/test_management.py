"""Management calls against a real TorchServe: what torchserve-client breaks, shown beside our call that does it."""

import json
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from typing import Any

import pytest
from torchserve_client.grpc import ManagementClient as GrpcManagementClient
from torchserve_client.rest import InferenceClient, ManagementClient

from mlgate import EndpointError, Service
from mlgate_serving.management import Management
from mlgate_serving.pack import pack
from mlgate_serving.ports import free_ports
from mlgate_serving.runtime import Place, runtime_for
from mlgate_serving.supervisor import ProcessSpec, Supervisor

pytestmark = pytest.mark.serve

# What the handler of each version answers, so that it shows which one did.
VERSIONED = """\
import torch
from mlgate_serving.handler import SafeHandler


class Handler(SafeHandler):
    def infer(self, inputs):
        return torch.full((len(inputs["image"]), 10), {version}.0)
"""
CASE = {"image": [[1.0] * 8] * 8}


@dataclass(frozen=True)
class Server:
    """A TorchServe with its model API on, version 1 loaded with one worker, and version 2 in its model store."""

    management: Management
    host: str
    inference_port: int
    management_port: int
    store: Path
    archive_2: str

    @property
    def theirs(self) -> ManagementClient:
        """torchserve-client as it comes."""
        return ManagementClient(self.host, self.management_port)

    def wait(self, workers: int, version: str = "1") -> int:
        """The number of READY workers once it is `workers`, or after some seconds."""
        until = time.monotonic() + 60
        while (found := self.management.versions("digits")[version].ready) != workers and time.monotonic() < until:
            time.sleep(0.1)
        return found


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, make_model: Callable[..., Path], service: Service) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("management")
    releases = {}
    for version in ("1", "2"):
        folder = make_model(handler_py=VERSIONED.format(version=version))
        releases[version] = pack(folder, service=service, version=version, output=home / version)
    shutil.copy(home / "2" / releases["2"].archive, home / "1")
    folder = home / "server"
    (folder / "tmp").mkdir(parents=True)
    ports = free_ports(5)
    place = Place("127.0.0.1", *ports, folder=folder, temporary=folder / "tmp", archive=home / "1" / releases["1"].archive)  # type: ignore[misc]
    rendered = runtime_for(service.serving).render(releases["1"], service.serving, place)
    for name, content in rendered.files.items():
        (folder / name).write_text(content.replace("enable_model_api=false", "enable_model_api=true"))
    environment = {key: value for key, value in rendered.environment.items() if key != "MLGATE_RELEASE"}  # there are two
    supervisor = Supervisor(home / "registry")
    supervisor.start(ProcessSpec("management", rendered.command, environment, folder, ports, {}))
    host = "http://127.0.0.1"
    management = Management(f"{host}:{ports[1]}", f"{host}:{ports[0]}")
    server = Server(management, host, ports[0], ports[1], home / "1", releases["2"].archive)
    try:
        until = time.monotonic() + 120
        while not ready(management):
            assert time.monotonic() < until, supervisor.log_tail("management")
            time.sleep(0.1)
        yield server
    finally:
        supervisor.stop("management", grace_s=0)


def ready(management: Management) -> bool:
    try:
        return management.describe("digits").ready == 1
    except EndpointError:
        return False


def test_scaling_that_torchserve_client_loses_is_done(server: Server) -> None:
    assert server.wait(1) == 1
    server.theirs.scale_workers("digits", min_worker=2, synchronous=True)  # answers 202 and sends its numbers where nobody reads them
    assert len(server.management.describe("digits").workers) == 1
    server.management.scale("digits", 2)
    assert server.wait(2) == 2
    server.management.scale("digits", 1)
    assert server.wait(1) == 1


def test_predictions_that_torchserve_client_can_only_send_as_files_go_as_json(server: Server) -> None:
    theirs = InferenceClient(server.host, server.inference_port)
    assert list(signature(theirs.prediction).parameters) == ["model_name", "data", "version"]
    with pytest.raises(Exception, match="400"):  # the very row that is answered below, as a file: it has no JSON body
        theirs.prediction("digits", [("image", json.dumps(CASE["image"]).encode())])
    assert server.management.predict("digits", CASE) == {"probabilities": [1.0] * 10}


def test_versions_are_registered_seen_chosen_and_removed(server: Server) -> None:
    management = server.management
    management.register(server.archive_2, model="digits", workers=1)
    assert {version: state.ready for version, state in management.versions("digits").items()} == {"1": 1, "2": 1}
    assert management.predict("digits", CASE, "2") == {"probabilities": [2.0] * 10}
    assert management.predict("digits", CASE)["probabilities"][0] == 1.0
    management.set_default("digits", "2")
    assert management.predict("digits", CASE)["probabilities"][0] == 2.0
    assert management.describe("digits").version == "2"
    assert management.describe("digits", "1").version == "1"
    assert management.models() == {"digits": server.archive_2}
    management.set_default("digits", "1")
    management.unregister("digits", "2")
    assert set(management.versions("digits")) == {"1"}


def test_archives_come_from_the_model_store_and_from_nowhere_else(server: Server) -> None:
    for foreign in ("file:///etc/hostname", f"file://{server.store.parent}/2/{server.archive_2}", f"file://{server.store}-2/x.mar"):
        with pytest.raises(EndpointError, match="does not match any allowed URL"):
            server.management.register(foreign, model="foreign", workers=0)
    with pytest.raises(EndpointError, match="already exists"):  # allowed, and TorchServe then wants to copy it to where it is
        server.management.register(f"file://{server.store}/{server.archive_2}", model="own", workers=0)


def test_torchserve_client_s_grpc_description_forgets_the_version(monkeypatch: pytest.MonkeyPatch) -> None:
    client, sent = GrpcManagementClient("http://127.0.0.1", 1), []
    monkeypatch.setattr(client, "stub", type("Stub", (), {"DescribeModel": staticmethod(sent.append)}))
    client.describe_model("digits", model_version="2")
    assert (sent[0].model_name, sent[0].model_version) == ("digits", "")


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda management: management.describe("letters"), "404: Model not found: letters"),
        (lambda management: management.predict("digits", CASE, "9"), "404: Model version: 9 does not exist"),
        (lambda management: management.predict("digits", {"image": []}), "400: image: expected shape"),
        (lambda management: management.register("none.mar", model="digits", workers=1), "404"),
        (lambda management: management.set_default("digits", "9"), "9 does not exist"),
    ],
)
def test_a_refused_call_says_what_the_server_said(server: Server, call: Callable[[Management], Any], said: str) -> None:
    with pytest.raises(EndpointError, match=said) as caught:
        call(server.management)
    assert server.host in caught.value.where


def test_a_server_that_is_not_there_or_does_not_answer_is_an_error_and_not_a_wait_for_ever(server: Server) -> None:
    (port,) = free_ports(1)
    with pytest.raises(EndpointError, match="got no answer"):
        Management(f"{server.host}:{port}", server.host).describe("digits")
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with pytest.raises(EndpointError, match="timed out"):
            Management(f"{server.host}:{silent.getsockname()[1]}", server.host, timeout_s=0.2).describe("digits")
