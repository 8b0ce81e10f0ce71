"""The steady caller of the stable URL on a server of ours: each call counts, answered or failed, whatever the server does."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mlgate import Environment, Service
from mlgate_cli.watch import Watch

SERVICE = Path(__file__).parents[2] / "examples" / "digits" / "service.yaml"
CUT = 0  # instead of a status


@dataclass
class Server:
    """Answers with `next`, and remembers what it did and was sent."""

    url: str = ""
    next: int = 200
    done: list[int] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    def did(self, status: int, times: int) -> None:
        """Answers so until it did it as often."""
        self.next = status
        wanted, until = self.done.count(status) + times, time.monotonic() + 60
        while self.done.count(status) < wanted:
            assert time.monotonic() < until, f"nobody called: {self.done}"
            time.sleep(0.01)


@pytest.fixture
def server() -> Iterator[Server]:
    behaviour = Server()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"  # keeps its connections, as the proxy does

        def do_POST(self) -> None:
            behaviour.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            status = behaviour.next
            behaviour.done.append(status)
            if status == CUT:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            self.send_response(status)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        behaviour.url = f"http://127.0.0.1:{listening.server_port}"
        thread = threading.Thread(target=listening.serve_forever, args=(0.05,))
        thread.start()
        yield behaviour
        listening.shutdown()
        thread.join()


@pytest.fixture
def watch(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watch]:
    """One that has not begun, of a service whose URL is the server's."""
    monkeypatch.setattr("mlgate_delivery.arms.service_url", lambda *_: server.url)
    made = Watch(Environment(name="local", home=tmp_path / "local"), Service.read(SERVICE))
    yield made
    made.stop()


def test_what_is_answered_with_200_counts_as_answered_and_all_else_as_failed(server: Server, watch: Watch) -> None:
    watch.start()
    server.did(200, 3)
    server.did(503, 2)
    server.did(CUT, 2)
    server.did(200, 2)  # it goes on calling after each
    watch.stop()
    assert (watch.answered, watch.failed) == (server.done.count(200), len(server.done) - server.done.count(200))
    assert watch.answered >= 5
    assert watch.failed >= 4


def test_what_it_sends_is_a_case_that_keeps_the_interface(server: Server, watch: Watch) -> None:
    watch.start()
    server.did(200, 1)
    watch.stop()
    (image,) = json.loads(server.bodies[0]).values()
    assert len(image) == len(image[0]) == 8


def test_a_url_where_nobody_listens_is_a_failed_call_after_the_other(server: Server, watch: Watch) -> None:
    with socket.socket() as taken:  # bound, and listening to nobody
        taken.bind(("127.0.0.1", 0))
        server.url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        watch.start()
        assert once(lambda: watch.failed >= 3)
        watch.stop()
    assert watch.answered == 0


def test_an_error_that_nobody_thought_of_is_a_failed_call_and_not_the_end_of_calling(
    server: Server, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = http.client.HTTPConnection.getresponse
    raised: list[Exception] = []

    def raise_twice(connection: http.client.HTTPConnection) -> http.client.HTTPResponse:
        if len(raised) < 2:
            raised.append(ValueError("of a kind that no call raises"))
            raise raised[-1]
        return read(connection)

    monkeypatch.setattr(http.client.HTTPConnection, "getresponse", raise_twice)
    watch.start()
    server.did(200, 4)
    watch.stop()
    assert (watch.answered, watch.failed) == (len(server.done) - 2, 2)


def test_beginning_twice_is_beginning_once_and_stopping_ends_it(server: Server, watch: Watch) -> None:
    watch.start()
    watch.start()
    server.did(200, 2)
    watch.stop()
    calls = len(server.done)
    assert watch.answered == calls
    time.sleep(0.3)
    assert len(server.done) == calls


def test_one_that_never_began_has_counted_nothing(watch: Watch) -> None:
    watch.stop()
    assert (watch.answered, watch.failed) == (0, 0)


def once(condition: Callable[[], bool]) -> bool:
    """Whether `condition` comes true at all."""
    until = time.monotonic() + 60
    while not (holds := condition()) and time.monotonic() < until:
        time.sleep(0.01)
    return holds
