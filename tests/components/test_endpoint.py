"""The component on a recording monitor: what it registers, under whom, and what it refuses before it registers anything."""

import asyncio

import pulumi
import pytest
from pulumi.runtime import mocks, settings

from mlgate import LedgerError, Release
from mlgate_components.local.config import ServiceConfig
from mlgate_components.local.endpoint import TorchServeEndpoint, TorchServeEndpointArgs

OURS = "pulumi-python:dynamic/mlgate:"


class Answers(mocks.Mocks):
    """Gives every resource the outputs that its provider would."""

    def new_resource(self, args):
        return args.name, {**args.inputs, "url": f"http://{args.name}", "folder": f"/store/{args.name}"}

    def call(self, args):
        return {}


class Recorder(mocks.MockMonitor):
    """Keeps every request, since plain mocks show no parent."""

    def __init__(self):
        super().__init__(Answers())
        self.requests = []

    def RegisterResource(self, request):  # noqa: N802 (gRPC's spelling)
        self.requests.append(request)
        loop = asyncio.new_event_loop()  # the mock would make one for each thread that calls it, and close none
        asyncio.set_event_loop(loop)
        try:
            return super().RegisterResource(request)
        finally:
            asyncio.set_event_loop(None)
            loop.close()


@pytest.fixture
def register(environment, tmp_path):
    """Runs a program with one service; gives the component, its outputs resolved, and the requests."""

    recorder = Recorder()

    def run(**config):
        mocks.set_mocks(Answers(), project="mlgate", stack="local", preview=False, monitor=recorder)
        found = {}

        def program():
            args = TorchServeEndpointArgs(
                environment=environment, project=tmp_path, config=ServiceConfig(declaration="service.yaml", **config)
            )
            found["endpoint"] = TorchServeEndpoint("toy", args)
            urls = {name: getattr(found["endpoint"], name) for name in ("url", "stable_url", "candidate_url")}
            return pulumi.Output.all(**urls).apply(found.update)

        pulumi.runtime.test(program)()
        return found, [request for request in recorder.requests if request.type != "pulumi:pulumi:Stack"]

    yield run
    settings.reset_options()


def test_a_candidate_alone_gets_store_endpoint_and_url_under_the_component(register, packed):
    folder = packed("1")
    found, requests = register(candidate=str(folder))
    name = f"toy-{Release.read(folder).digest[7:19]}"
    assert {(request.type, request.name) for request in requests} == {
        ("mlgate:local:TorchServeEndpoint", "toy"),
        (OURS + "StoredRelease", name),
        (OURS + "EndpointProcess", name),
        (OURS + "StableUrl", "toy"),
    }
    component = next(request for request in requests if request.type == "mlgate:local:TorchServeEndpoint")
    parents = {request.parent for request in requests if request is not component}
    (parent,) = parents
    assert parent.endswith(f"{component.type}::toy")
    assert (found["url"], found["candidate_url"], found["stable_url"]) == ("http://toy", f"http://{name}", None)


def test_both_digests_stand_in_the_urls_inputs_so_that_a_preview_shows_them(register, packed, promoted):
    stable, candidate = promoted(packed("1")), Release.read(packed("2")).digest
    _, requests = register(stable=stable, candidate=str(packed("2")))
    url = next(request for request in requests if request.type == OURS + "StableUrl").object
    assert (url["stable"], url["candidate"], url["weight"]) == (stable, candidate, 0)
    assert url["stable_url"] == f"http://toy-{stable[7:19]}"
    assert len(requests) == 6


def test_what_is_refused_registers_nothing(register, packed, promoted):
    promoted(packed("1"))
    with pytest.raises(LedgerError):
        register(candidate=str(packed("2")))
