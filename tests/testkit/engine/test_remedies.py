"""What a run lacks, a provider above all, is told with what to do about it."""

from __future__ import annotations

import os
import socket
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import grpc
import pytest

from mlgate import StackError
from mlgate_serving.identity import is_running
from mlgate_testkit.engine import UpdateError
from mlgate_testkit.engine.errors import remedy_for

from .programs import simulated_boxes

pytest_plugins = ["pytester"]


@pytest.fixture
def silent_server():
    """A web server, which is no provider."""

    class Quiet(BaseHTTPRequestHandler):
        def log_message(self, *_arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


@pytest.mark.engine
def test_a_provider_port_that_another_program_took_is_told(stack, silent_server):
    dev = stack("dev", program=simulated_boxes, config={"names": '["a"]'}, providers={"box": silent_server})
    with pytest.raises(UpdateError, match="did not begin responding") as failure:
        dev.up()
    assert "what listens there is no provider, or one of another protocol" in str(failure.value)


@pytest.mark.engine
def test_a_provider_of_another_protocol_is_told(stack):
    class Future(grpc.GenericRpcHandler):
        def service(self, _details):
            return None  # every method of today's protocol is unknown to it

    server = grpc.server(ThreadPoolExecutor(4), handlers=[Future()])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        dev = stack("dev", program=simulated_boxes, config={"names": '["a"]'}, providers={"box": port})
        with pytest.raises(UpdateError, match="what listens there is no provider, or one of another protocol"):
            dev.up()
    finally:
        server.stop(grace=0).wait()


@pytest.mark.engine
def test_a_provider_port_where_nobody_listens_is_told_at_once(stack):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        dev = stack("dev", program=simulated_boxes, config={"names": '["a"]'}, providers={"box": port})
        with pytest.raises(StackError, match=f"provider box: nothing listens on port {port}"):
            dev.up()


def one_queue() -> None:
    import pulumi_aws as aws

    aws.sqs.Queue("q")


def one_map() -> None:
    import pulumi_kubernetes as kubernetes

    kubernetes.core.v1.ConfigMap("m", data={})


@pytest.mark.engine
@pytest.mark.parametrize(
    ("program", "package", "remedy"),
    [
        (one_queue, "aws", "ask for the fixture simulated_aws, or give stack(..., providers={'aws': PORT})"),
        (one_map, "kubernetes", "ask for the fixture kubernetes_standin, or give stack(..., providers={'kubernetes': PORT})"),
        (simulated_boxes, "box", "put the plugin pulumi-resource-box on PATH, or give stack(..., providers={'box': PORT})"),
    ],
)
def test_a_program_whose_provider_no_fixture_attaches_is_told_how_to_get_one(stack, program, package, remedy):
    dev = stack("dev", program=program, config={"names": '["a"]', "aws:region": "eu-central-1"})
    with pytest.raises(UpdateError, match=f"no resource plugin 'pulumi-resource-{package}'") as failure:
        dev.up()
    assert remedy in failure.value.remedy
    assert ("`record` needs no provider" in failure.value.remedy) == (package == "box")


@pytest.mark.engine
def test_a_stack_that_names_no_region_fails_as_with_a_real_account(stack, simulated_aws, monkeypatch):
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    dev = stack("dev", program=one_queue)
    with pytest.raises(UpdateError, match="no region is configured") as failure:
        dev.up()
    assert "config={'aws:region': 'eu-central-1'}); your AWS_REGION does not reach a test" in failure.value.remedy
    assert "AWS_REGION" not in failure.value.problem


# A provider as the engine starts it: it says its port, and keeps its boxes as files beside itself, each named by its id.
PLUGIN = """#!{python}
import os, sys, threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
sys.path.insert(0, {clouds!r})
import grpc
from clouds import Cloud
from mlgate_testkit.provider.faults import Faults
from mlgate_testkit.provider.servicer import Servicer
from pulumi.runtime.proto import provider_pb2_grpc

class Files(Cloud):
    def create(self, resource, inputs, run):
        made = super().create(resource, inputs, run)
        if not run.preview:
            (Path({boxes!r}) / made[0]).write_text(str(os.getpid()))
        return made

    def delete(self, resource, old, run):
        (Path({boxes!r}) / old.id).unlink()

server = grpc.server(ThreadPoolExecutor(8))
provider_pb2_grpc.add_ResourceProviderServicer_to_server(Servicer(Files(), Faults()), server)
print(server.add_insecure_port("127.0.0.1:0"), flush=True)
server.start()
threading.Event().wait()
"""
ITS_TESTS = """
from pathlib import Path
from tests.testkit.engine.programs import simulated_boxes

BOXES = Path({boxes!r})

def test_it(stack):
    dev = stack("dev", program=simulated_boxes, config={{"names": '["a"]'}})
    assert [step.name for step in dev.up().created("box:index:Box")] == ["a"]
    assert dev.preview().nothing()
    (box,) = BOXES.iterdir()
    (BOXES.parent / "pid").write_text(box.read_text())

def test_next():
    assert list(BOXES.iterdir()) == []
"""


@pytest.mark.engine
@pytest.mark.usefixtures("_cache")
def test_a_plugin_on_path_serves_a_program_and_nothing_of_it_stays(run, tmp_path, monkeypatch):
    boxes = tmp_path / "boxes"
    boxes.mkdir()
    plugin = tmp_path / "pulumi-resource-box"
    plugin.write_text(PLUGIN.format(python=sys.executable, clouds=str(Path(__file__).parent), boxes=str(boxes)))
    plugin.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))
    run(ITS_TESTS.format(boxes=str(boxes)), "-p", "no:xdist").assert_outcomes(passed=2)
    assert not is_running(int((tmp_path / "pid").read_text()))


def of_a_size() -> None:
    import pulumi

    pulumi.Config("shop").require("size")
    pulumi.export("token", pulumi.Config().require_secret("token"))


@pytest.mark.engine
def test_configuration_that_is_missing_is_asked_of_the_test_and_not_of_the_command_line(stack):
    dev = stack("dev", program=of_a_size)
    with pytest.raises(UpdateError, match="Missing required configuration variable 'shop:size'") as failure:
        dev.preview()
    assert "stack(..., config={'shop:size': ...})" in failure.value.remedy
    dev.change(config={"shop:size": "3"})
    with pytest.raises(UpdateError, match="Missing required configuration variable 'program:token'") as failure:
        dev.preview()
    assert "stack(..., secrets={'program:token': ...})" in failure.value.remedy
    dev.change(secrets={"program:token": "x"})
    dev.preview()


@pytest.mark.engine
def test_a_misspelt_argument_is_told_who_names_the_nearest(stack):
    def program():
        import pulumi_aws as aws

        aws.s3.BucketPublicAccessBlock("logs", bucket="logs", block_public_acl=True)

    with pytest.raises(UpdateError, match="unexpected keyword argument 'block_public_acl'") as failure:
        stack("dev", program=program).preview()
    assert "`record(...)` of the same program names the resource" in failure.value.remedy


def test_a_refused_notification_is_told_what_its_target_must_allow():
    told = remedy_for("api error InvalidArgument: Unable to validate the following destination configurations (arn:...)", otherwise="")
    assert "allow the Service s3.amazonaws.com sqs:SendMessage" in told
    assert "depends_on" in told


def test_a_plugin_with_a_longer_name_is_named_whole():
    assert "pulumi-resource-aws-native on PATH" in remedy_for("no resource plugin 'pulumi-resource-aws-native' found", otherwise="")


@pytest.mark.engine
@pytest.mark.cluster
def test_what_is_put_on_a_simulated_eks_cluster_is_told_where_an_api_server_is(stack, kubernetes_standin):
    def program():
        import json

        import pulumi
        import pulumi_kubernetes as kubernetes

        kubeconfig = {
            "clusters": [{"name": "eks", "cluster": {"server": "https://AB12.gr7.eu-central-1.eks.amazonaws.com"}}],
            "contexts": [{"name": "eks", "context": {"cluster": "eks", "user": "eks"}}],
            "users": [{"name": "eks", "user": {}}],
            "current-context": "eks",
        }
        provider = kubernetes.Provider("eks", kubeconfig=json.dumps(kubeconfig))
        kubernetes.core.v1.ConfigMap("m", data={}, opts=pulumi.ResourceOptions(provider=provider))

    with pytest.raises(UpdateError, match="does not answer") as failure:
        stack("dev", program=program).up()
    assert "give it that of `kubernetes_cluster`" in failure.value.remedy
