"""What a run lacks, a provider above all, is told with what to do about it."""

from __future__ import annotations

import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import grpc
import pytest

from mlgate import StackError
from mlgate_testkit.engine import UpdateError
from mlgate_testkit.engine.errors import remedy_for

from .programs import simulated_boxes


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
    assert "config={'aws:region': 'eu-central-1'}" in failure.value.remedy


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


def test_a_plugin_with_a_longer_name_is_named_whole():
    assert "pulumi-resource-aws-native on PATH" in remedy_for("no resource plugin 'pulumi-resource-aws-native' found", otherwise="")
