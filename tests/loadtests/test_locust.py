"""Locust as a user runs it: headless, where its exit status tells whether the endpoint answered on schema, and with its page."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from mlgate_serving.ports import free_ports

LOCUSTFILE = Path(__file__).parents[2] / "loadtests" / "locustfile.py"


@pytest.fixture
def service_file(tmp_path, interface):
    declaration = {
        "apiVersion": "mlgate/v1",
        "kind": "Service",
        "metadata": {"name": "toy", "owner": "tests"},
        "interface": interface.model_dump(mode="json", exclude_none=True),
        "quality": [{"name": "accuracy", "metric": "accuracy", "at_least": 0.5, "data": "cases.parquet"}],
    }
    path = tmp_path / "service.yaml"
    path.write_text(yaml.safe_dump(declaration))
    inputs = (np.arange(8).reshape(4, 2) / 8).tolist()
    pq.write_table(pa.table({"case_id": ["a", "b", "c", "d"], "x": inputs, "label": [1, 1, 1, 1]}), tmp_path / "cases.parquet")
    return path


@pytest.fixture
def guarded(service_file):
    """The same service behind a token."""
    document = yaml.safe_load(service_file.read_text())
    document["interface"]["auth"] = {"bearer": "TOY_TOKEN"}
    service_file.write_text(yaml.safe_dump(document))
    return service_file


def locust(service_file: Path, host: str, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "locust", "-f", LOCUSTFILE, "--headless", "--json", "-u", "2", "-r", "2", "-t", "1s", "--host", host]
    return subprocess.run(
        command,
        env={**os.environ, "MLGATE_SERVICE": str(service_file), **environ},
        cwd=service_file.parent,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_healthy_endpoint_gets_every_case_with_the_token_and_the_run_leaves_with_0(guarded, endpoint):
    run = locust(guarded, endpoint.url, TOY_TOKEN="sesame")  # noqa: S106
    assert run.returncode == 0, run.stderr
    (stats,) = json.loads(run.stdout)
    assert stats["name"] == "toy"
    assert stats["num_failures"] == 0
    assert {json.loads(call.body)["x"][0] for call in endpoint.calls} == {0.0, 0.25, 0.5, 0.75}
    assert {call.headers["authorization"] for call in endpoint.calls} == {"Bearer sesame"}


def test_an_answer_off_the_schema_fails_the_run(service_file, endpoint):
    async def short(call):
        call.send(200, {"scores": [0.1, 0.9]})

    endpoint.answer = short
    run = locust(service_file, endpoint.url)
    assert run.returncode == 1
    assert "schema: scores has shape [2], declared is [3]" in run.stderr


def test_wrong_answers_are_no_failures_and_have_a_line_of_their_own(service_file, endpoint):
    async def right_half_of_the_time(call):
        call.send(200, {"scores": [0.1, 0.7, 0.2] if json.loads(call.body)["x"][0] < 0.5 else [0.7, 0.1, 0.2]})

    endpoint.answer = right_half_of_the_time
    run = locust(service_file, endpoint.url)
    assert run.returncode == 0, run.stderr
    requests = {stats["name"]: stats["num_requests"] for stats in json.loads(run.stdout)}
    wrongly = sum(json.loads(call.body)["x"][0] >= 0.5 for call in endpoint.calls)
    assert requests.keys() == {"toy", "toy, not as labelled"}
    in_flight_at_the_end = range(3)  # of two users
    assert wrongly - requests["toy, not as labelled"] in in_flight_at_the_end
    assert len(endpoint.calls) - wrongly - requests["toy"] in in_flight_at_the_end


def test_refused_connections_fail_the_run(service_file):
    run = locust(service_file, "http://127.0.0.1:1")
    assert run.returncode == 1
    assert "connection: " in run.stderr


def test_a_run_without_a_request_is_no_success(service_file, endpoint):
    async def never(call):
        pass

    endpoint.answer = never
    run = locust(service_file, endpoint.url)
    assert run.returncode == 1
    assert "no request was made" in run.stderr


def test_a_wrong_declaration_ends_the_run_with_its_problems(guarded):
    guarded.with_name("cases.parquet").unlink()
    run = locust(guarded, "http://127.0.0.1:1")
    assert run.returncode == 2
    assert "there is no such file" in run.stderr
    assert "Traceback" not in run.stderr


def test_a_locustfile_may_name_its_declaration(service_file, endpoint, tmp_path):
    own = tmp_path / "elsewhere" / "locustfile.py"
    own.parent.mkdir()
    own.write_text(
        "from mlgate_loadtests.locust import ServiceUser\n\n\n"
        f"class Mine(ServiceUser):\n    service_file = {str(service_file)!r}\n    host = {endpoint.url!r}\n"
    )
    command = [sys.executable, "-m", "locust", "-f", own, "--headless", "--json", "-u", "2", "-r", "2", "-t", "1s"]
    run = subprocess.run(command, cwd=own.parent, env=unset(), capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stderr
    assert [stats["name"] for stats in json.loads(run.stdout)] == ["toy"]


def unset() -> dict[str, str]:
    """The environment, in which no declaration is named."""
    return {name: value for name, value in os.environ.items() if name != "MLGATE_SERVICE"}


@contextmanager
def locust_with_its_page(folder: Path, host: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Locust started in `folder` for three seconds of load, and the port of its page, which stays until it is ended."""
    (port,) = free_ports(1)
    page = ["--web-host", "127.0.0.1", "--web-port", str(port), "--autostart", "-t", "3s"]
    command = [sys.executable, "-m", "locust", "-f", LOCUSTFILE, "-u", "2", "-r", "2", "--host", host, *page]
    with subprocess.Popen(command, cwd=folder, env=unset(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process, port
        finally:
            process.kill()


def get(port: int, path: str) -> tuple[int, str, str]:
    """Status, type and body of the answer; status 0 where nobody listens yet."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.headers["content-type"], answer.read().decode()
        except OSError:
            return 0, "", ""


def eventually(process: subprocess.Popen[str], ask: Any) -> Any:
    """What `ask` gives as soon as that is something, while Locust runs; at most for a minute."""
    until = time.monotonic() + 60
    while not (got := ask()):
        assert process.poll() is None, process.stderr and process.stderr.read()
        assert time.monotonic() < until
        time.sleep(0.1)
    return got


def test_the_page_is_there_and_names_the_service_that_lies_in_the_folder(service_file, endpoint):
    def requests_by_name(port: int) -> dict[str, int]:
        stats = json.loads(get(port, "/stats/requests")[2])["stats"]
        return {line["name"]: line["num_requests"] for line in stats if line["num_requests"] and line["name"] != "Aggregated"}

    with locust_with_its_page(service_file.parent, endpoint.url) as (process, port):
        eventually(process, lambda: get(port, "/")[0])
        status, kind, page = get(port, "/")
        assert status == 200
        assert kind.startswith("text/html")
        assert "<title>Locust" in page
        assert eventually(process, lambda: requests_by_name(port)).keys() == {"toy"}
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0, process.stderr and process.stderr.read()
    assert {json.loads(call.body)["x"][0] for call in endpoint.calls} <= {0.0, 0.25, 0.5, 0.75}
