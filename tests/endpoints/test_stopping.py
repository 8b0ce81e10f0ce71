"""Stopping an endpoint, on a server that only pretends: what is in flight is answered, and nothing but the logs stays."""

import shutil
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from mlgate import EndpointError
from mlgate_serving.drain import drain
from mlgate_serving.endpoint import stop_endpoint
from mlgate_serving.identity import is_running
from mlgate_serving.management import ModelState
from mlgate_serving.supervisor import Supervisor
from tests.endpoints.servers import Start, listens

pytestmark = pytest.mark.usefixtures("nothing_stays")


def test_stopping_leaves_no_process_port_or_file_but_the_logs(start: Start, supervisor: Supervisor, tmp_path: Path) -> None:
    endpoint = start()
    stop_endpoint(supervisor, endpoint.name)
    assert not is_running(endpoint.pid)
    assert not listens(endpoint.url)
    assert supervisor.get(endpoint.name) is None
    left = {
        path.relative_to(tmp_path / "processes" / endpoint.name).parts[0] for path in (tmp_path / "processes" / endpoint.name).iterdir()
    }
    assert left == {"logs"}
    stop_endpoint(supervisor, endpoint.name)


def test_stopping_what_has_lost_its_folder_is_no_error(start: Start, supervisor: Supervisor, tmp_path: Path) -> None:
    endpoint = start()
    shutil.rmtree(tmp_path / "processes" / endpoint.name)
    stop_endpoint(supervisor, endpoint.name)
    assert not is_running(endpoint.pid)
    assert not supervisor.list()


def test_stopping_waits_for_requests_that_are_queued_or_in_a_worker(start: Start, supervisor: Supervisor, tmp_path: Path) -> None:
    endpoint = start()
    own = tmp_path / "processes" / endpoint.name
    pending, mark = own / "pending", own / "tmp" / str(endpoint.pid)
    pending.write_text("1")
    mark.write_bytes(b"\1")
    stopping = threading.Thread(target=stop_endpoint, args=(supervisor, endpoint.name))
    stopping.start()
    for held, release in ((pending, lambda: pending.write_text("0")), (mark, lambda: mark.write_bytes(b"\0"))):
        time.sleep(0.3)
        assert is_running(endpoint.pid), held
        release()
    stopping.join(20)
    assert not stopping.is_alive()
    assert not is_running(endpoint.pid)


def test_the_mark_of_a_killed_worker_holds_nobody_up(start: Start, supervisor: Supervisor, tmp_path: Path) -> None:
    endpoint, other = start(), psutil.Popen(["true"])
    other.wait()
    (tmp_path / "processes" / endpoint.name / "tmp" / str(other.pid)).write_bytes(b"\1")
    stop_endpoint(supervisor, endpoint.name)
    assert not is_running(endpoint.pid)


@dataclass
class Queue:
    """Stands in for the management of a server with so many requests waiting; with None nobody can tell."""

    waiting: int | None
    asked: int = 0

    def describe(self, model: str) -> ModelState:
        self.asked += 1
        if self.waiting is None:
            raise EndpointError("got no answer")
        assert self.asked < 500, "asks for ever"
        return ModelState(model, "1", (), self.waiting)


@pytest.mark.parametrize(("waiting", "drained"), [(0, True), (1, False), (None, False)])
def test_a_drain_ends_after_its_limit_or_when_nobody_can_tell(tmp_path: Path, waiting: int | None, drained: bool) -> None:
    assert drain(Queue(waiting), "digits", tmp_path, limit_s=0.2) is drained  # type: ignore[arg-type]


def test_whoever_interrupts_the_drain_ends_the_server_at_once(
    start: Start, supervisor: Supervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    endpoint = start()
    monkeypatch.setattr("mlgate_serving.endpoint.drain", interrupt)
    with pytest.raises(KeyboardInterrupt):
        stop_endpoint(supervisor, endpoint.name)
    assert not is_running(endpoint.pid)
    assert not supervisor.list()
    assert [path.name for path in (tmp_path / "processes" / endpoint.name).iterdir()] == ["logs"]
