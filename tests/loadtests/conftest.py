"""A loopback endpoint whose every answer a test decides, byte by byte."""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlgate.interface import Interface
from mlgate_loadtests.job import Expectation, Job, Prepared
from mlgate_serving.clients import client_for

RIGHT = Expectation(label=1.0)
Answer = Callable[["Call"], Awaitable[None]]


class Call:
    """One request as the server saw it, and the means to answer it."""

    def __init__(self, number: int, method: str, path: str, headers: dict[str, str], body: bytes, writer: asyncio.StreamWriter) -> None:
        self.number = number
        self.method, self.path, self.headers, self.body = method, path, headers, body
        self.writer = writer

    @property
    def case(self) -> int:
        """Which of `make_job`'s eight cases this is: requests on several connections may overtake one another."""
        return int(json.loads(self.body)["x"][0] * 8)

    def send(self, status: int, document: Any, **headers: str) -> None:
        body = json.dumps(document).encode()
        lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        self.writer.write(f"HTTP/1.1 {status} X\r\n{lines}content-length: {len(body)}\r\n\r\n".encode() + body)

    def send_raw(self, content: bytes) -> None:
        self.writer.write(content)

    def hang_up(self) -> None:
        self.writer.transport.abort()


async def well(call: Call) -> None:
    """Class 1 of 3."""
    call.send(200, {"scores": [0.1, 0.7, 0.2]}, x_mlgate_release="sha256:" + "a" * 64)


class Loopback:
    """A server on a free port of 127.0.0.1. `answer` may be exchanged while it runs; `calls` are all requests so far."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.answer: Answer = well
        self.before_body: bytes | None = None  # sent as soon as the head is there; the body is then left unread
        self.calls: list[Call] = []
        self.connections = 0
        self._tls = tls
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = self._do(asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=tls, backlog=2048))
        self.port: int = self._server.sockets[0].getsockname()[1]

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def _do(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                method, path, _ = head[0].split(" ")
                headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in head[1:] if line)}
                if self.before_body is not None:
                    writer.write(self.before_body)
                    await asyncio.Event().wait()
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                call = Call(len(self.calls), method, path, headers, body, writer)
                self.calls.append(call)
                await self.answer(call)
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    def call_soon(self, work: Callable[[], object]) -> None:
        """Do something on the server's own loop."""
        self._loop.call_soon_threadsafe(work)

    def call_later(self, seconds: float, work: Callable[[], object]) -> None:
        self._loop.call_soon_threadsafe(self._loop.call_later, seconds, work)

    def drop_connections(self) -> None:
        """Close every connection, as a server does with idle ones."""

        async def drop() -> None:
            for writer in list(self._writers):
                writer.close()

        self._do(drop())

    def close(self) -> None:
        async def end() -> None:
            self._server.close()
            for writer in list(self._writers):
                writer.transport.abort()
            await asyncio.sleep(0)
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)

        self._do(end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@pytest.fixture
def endpoint() -> Iterator[Loopback]:
    server = Loopback()
    yield server
    server.close()


@pytest.fixture(scope="session")
def loopback() -> type[Loopback]:
    return Loopback


@pytest.fixture
def interface() -> Interface:
    return Interface.model_validate(
        {
            "protocol": "torchserve",
            "input": {"x": {"dtype": "float32", "shape": [-1, 2], "at_least": 0.0, "at_most": 1.0}},
            "output": {"field": "scores", "shape": [-1, 3], "answer": "argmax"},
        }
    )


MakeJob = Callable[..., Job]


@pytest.fixture
def make_job(tmp_path: Path, interface: Interface, endpoint: Loopback) -> MakeJob:
    """A job of `count` requests `gap_ms` apart, alternating over the arms, against `endpoint` unless told otherwise."""

    def make(
        count: int,
        gap_ms: float = 5,
        *,
        run: int = 0,
        targets: dict[str, str] | None = None,
        timeout_s: float = 2,
        interface: Interface = interface,
        expectation: Expectation = RIGHT,
    ) -> Job:
        places = targets or {"candidate": endpoint.url}
        client = client_for(interface, "toy")
        arms = list(places)
        requests = [
            Prepared(
                client.encode({"x": np.array([index / 8, 0.5], np.float32)}), f"case-{index}", arms[index % len(arms)], "load", expectation
            )
            for index in range(8)
        ]
        return Job(
            folder=tmp_path / "attempt",
            run=run,
            targets=places,
            interface=interface,
            model="toy",
            requests=requests,
            arrivals_ns=(np.arange(count) * gap_ms * 1e6).astype(np.int64),
            picks=(np.arange(count) % 8).astype(np.int32),
            blocks=(np.arange(count) // 4).astype(np.int32),
            timeout_ns=int(timeout_s * 1e9),
        )

    return make
