"""What a gate is told about the servers of the arms."""

import os
import shutil
import signal
import time

import pytest

from mlgate import EndpointError
from mlgate_delivery.arms import arms_of, fallen
from mlgate_serving.endpoint import start_endpoint, stop_endpoint
from mlgate_serving.supervisor import Supervisor


@pytest.fixture
def start(environment, standin, packed, service, digest_of):
    """Starts the endpoint of release 1, as an update does."""
    supervisor = Supervisor(environment.processes)
    folder = environment.release_folder(digest_of("1"))
    shutil.copytree(packed("1"), folder)
    started = []

    def start_it():
        started.append(start_endpoint(supervisor, folder, service))
        return started[-1]

    yield start_it
    for endpoint in started:
        stop_endpoint(supervisor, endpoint.name)


@pytest.fixture
def candidate(environment, service, declare, digest_of):
    """The arm of release 1 as it is found now."""
    return lambda: arms_of(environment, service, declare(), digest_of("1"))[0]


def test_a_server_that_ended_by_itself_is_still_the_one_it_was_and_the_next_one_is_another(start, candidate):
    endpoint = start()
    server = candidate().server
    assert server.now() == server.name == candidate().server.name
    os.kill(endpoint.pid, signal.SIGKILL)
    assert server.now() == server.name
    with pytest.raises(EndpointError, match="does not run"):
        candidate()
    assert start().url == endpoint.url
    assert server.now() == candidate().server.name != server.name


def test_a_server_that_fell_is_named_with_no_environment_to_bring_up_since_a_demo_has_one_of_its_own(
    start, candidate, environment, service
):
    endpoint, arm = start(), candidate()
    assert fallen(environment, service, (arm, None)) == []
    os.kill(endpoint.pid, signal.SIGKILL)
    while not (sentences := fallen(environment, service, (arm, None))):
        time.sleep(0.01)
    (said,) = sentences
    assert said.startswith(f"the server of {endpoint.name} ended during the gate")
    assert "mlgate env local" not in said


def test_a_server_that_was_stopped_is_none_any_more(start, candidate, environment):
    endpoint = start()
    server = candidate().server
    stop_endpoint(Supervisor(environment.processes), endpoint.name)
    assert server.now() is None
