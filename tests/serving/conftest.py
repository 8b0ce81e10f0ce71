"""Small HTTP backends that can be killed, and load that counts every answer. Sockets of a backend live here, so its port stays its own
while it is dead: connections wait for the next process."""

import asyncio
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mlgate_serving.supervisor import Supervisor

from .processes import ours

# GET /: who answered. /slow?SECONDS: later. /first/KEY/STATUS: STATUS the first time KEY is asked for, 0 cuts the connection; 200 then.
# /always/STATUS. /seen: how many requests came. Bodies are read and dropped.
BACKEND = """
import asyncio, os, socket, sys
name, listener = sys.argv[1], socket.socket(fileno=int(sys.argv[2]))
asked, seen = set(), 0

async def serve(reader, writer):
    global seen
    try:
        while head := await reader.readuntil(b"\\r\\n\\r\\n"):
            lines = head.decode().lower().split("\\r\\n")
            length = [int(line.split(":")[1]) for line in lines if line.startswith("content-length:")]
            await reader.readexactly(length[0] if length else 0)
            path = lines[0].split()[1]
            status, body = 200, f"{name} {os.getpid()}"
            if path == "/seen":
                body = str(seen)
            else:
                seen += 1
            if path.startswith("/slow?"):
                await asyncio.sleep(float(path.split("?")[1]))
            elif path.startswith("/first/") and path not in asked:
                asked.add(path)
                status = int(path.rsplit("/", 1)[1])
            elif path.startswith("/always/"):
                status = int(path.rsplit("/", 1)[1])
            if status == 0:
                return writer.transport.abort()
            writer.write(f"HTTP/1.1 {status} x\\r\\ncontent-length: {len(body)}\\r\\n\\r\\n{body}".encode())
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()

async def main():
    asyncio.get_running_loop().add_reader(0, os._exit, 0)  # the test ended
    server = await asyncio.start_server(serve, sock=listener, backlog=512)
    print("ready", flush=True)
    await server.serve_forever()

asyncio.run(main())
"""


@dataclass
class Backend:
    """A server process named `name`, on a port that is its own for the whole test."""

    name: str
    url: str
    listener: socket.socket
    process: subprocess.Popen[bytes]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            assert stream
            stream.close()

    def restart(self) -> None:
        self.process = _run_backend(self.name, self.listener)

    def close(self) -> None:
        """Nobody listens there any more."""
        self.kill()
        self.listener.close()


def _run_backend(name: str, listener: socket.socket) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", BACKEND, name, str(listener.fileno())]
    process = subprocess.Popen(command, pass_fds=[listener.fileno()], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout
    assert process.stdout.readline() == b"ready\n"
    return process


@pytest.fixture
def backends() -> Iterator[Callable[[str], Backend]]:
    started: list[Backend] = []

    def start(name: str) -> Backend:
        listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        started.append(Backend(name, url, listener, _run_backend(name, listener)))
        return started[-1]

    yield start
    for backend in started:
        backend.close()


@dataclass(frozen=True)
class Answer:
    """`status` 0: no answer. `arm`, `attempts`: what the router's headers say."""

    status: int
    body: str
    arm: str = ""
    attempts: int = 0


@dataclass
class Load:
    """Answers of a load that runs until `stop`, at most `at_most` of them."""

    answers: list[Answer] = field(default_factory=list)

    @property
    def failed(self) -> list[Answer]:
        return [answer for answer in self.answers if answer.status != 200]

    def by(self, what: Callable[[Answer], str]) -> Counter[str]:
        return Counter(what(answer) for answer in self.answers)


async def exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str, body: bytes, headers: str) -> Answer:
    writer.write(f"POST {path} HTTP/1.1\r\nhost: test\r\n{headers}content-length: {len(body)}\r\n\r\n".encode() + body)
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    fields = dict(line.lower().split(": ", 1) for line in head[1:] if line)
    answer = (await reader.readexactly(int(fields["content-length"]))).decode()
    return Answer(int(head[0].split()[1]), answer, fields.get("x-mlgate-arm", ""), int(fields.get("x-envoy-attempt-count", 0)))


@pytest.fixture(scope="session")
def ask() -> Callable[..., Answer]:
    """One request on a connection of its own."""

    async def once(url: str, path: str, body: bytes, headers: str) -> Answer:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rsplit(":", 1)[1]))
        try:
            return await exchange(reader, writer, path, body, headers)
        finally:
            writer.close()
            await writer.wait_closed()

    def ask(url: str, path: str = "/", body: bytes = b"", headers: str = "") -> Answer:
        return asyncio.run(once(url, path, body, headers))

    return ask


async def _client(port: int, load: Load, stopped: threading.Event, at_most: int, pause_s: float) -> None:
    connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
    while not stopped.is_set() and len(load.answers) < at_most:
        try:
            connection = connection or await asyncio.open_connection("127.0.0.1", port)
            load.answers.append(await exchange(*connection, "/", b"x" * 100, ""))
        except (OSError, asyncio.IncompleteReadError) as error:
            load.answers.append(Answer(0, repr(error)))
            connection = None
        await asyncio.sleep(pause_s)
    if connection:
        connection[1].close()


@pytest.fixture(scope="session")
def load_on() -> Callable[..., AbstractContextManager[Load]]:
    """A context in which clients send requests without end; bounded in number, and paced, since the machine is shared."""

    @contextmanager
    def load_on(url: str, *, clients: int = 8, at_most: int = 20_000, pause_s: float = 0.004) -> Iterator[Load]:
        load, stopped, port = Load(), threading.Event(), int(url.rsplit(":", 1)[1])

        async def run() -> None:
            await asyncio.gather(*(_client(port, load, stopped, at_most, pause_s) for _ in range(clients)))

        thread = threading.Thread(target=asyncio.run, args=(run(),))
        thread.start()
        try:
            yield load
        finally:
            stopped.set()
            thread.join()

    return load_on


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    """A supervisor none of whose processes outlives the test."""
    supervisor = Supervisor(tmp_path / "registry")
    yield supervisor
    for running in supervisor.list():
        supervisor.stop(running.spec.name, grace_s=0)
    supervisor.reap()
    assert not ours(tmp_path)
