"""The connections to one arm: keep-alive, the warmest first, a new one whenever none is idle, so that no request waits for another."""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Callable
from functools import partial
from time import monotonic_ns

from mlgate_loadtests.connection import Connection, Exchange, describe
from mlgate_loadtests.target import Target


class Pool:
    """At most `cap` connections; beyond it requests wait in order, and are late by that.

    `sent_ns` of an exchange is the instant it was written or, where a connection had to be opened for it, the instant of opening: what
    connecting takes is the endpoint's, not the generator's.
    """

    def __init__(self, target: Target, *, cap: int, timeout_ns: int, finished: Callable[[Exchange], None]) -> None:
        self._target = target
        self._cap = cap
        self._timeout_ns = timeout_ns
        self._finished = finished
        self._idle: list[Connection] = []
        self._waiting: deque[Exchange] = deque()
        self._open = 0
        self._dials: set[asyncio.Task[None]] = set()
        self._addresses: list[str] = []
        self._unresolved = ""

    async def resolve(self) -> None:
        """Look the host up once, before the run: a resolver's answer is no part of a prediction. A failure shows in every row."""
        try:
            found = await asyncio.get_running_loop().getaddrinfo(self._target.host, self._target.port, type=socket.SOCK_STREAM)
        except OSError as error:
            self._unresolved = f"{self._target.host}: {describe(error)}"
        else:
            self._addresses = list(dict.fromkeys(str(address[0]) for *_, address in found))

    def send(self, exchange: Exchange) -> None:
        """Send now: on an idle connection, or on the first that opens or becomes idle."""
        while self._idle:
            connection = self._idle.pop()
            if connection.usable():
                exchange.sent_ns = monotonic_ns()
                connection.send(exchange)
                return
            connection.abort()
        self._waiting.append(exchange)
        self._dial()

    def expire(self, exchange: Exchange) -> None:
        """End an exchange whose time is up."""
        seconds = self._timeout_ns / 1e9
        if exchange.connection is not None:
            exchange.connection.abort()
            self.failed(exchange, f"timeout: no whole answer within {seconds:g} s")
        else:
            self._waiting.remove(exchange)
            self.failed(exchange, f"timeout: no connection within {seconds:g} s")

    def close(self) -> None:
        """Drop every connection that is idle or being opened."""
        for task in self._dials:
            task.cancel()
        for connection in self._idle:
            connection.abort()

    def _dial(self) -> None:
        """Open a connection if those being opened do not yet suffice for those waiting."""
        if self._open < self._cap and len(self._dials) < len(self._waiting):
            self._open += 1
            now_ns = monotonic_ns()
            for exchange in self._waiting:
                if not exchange.sent_ns:
                    exchange.sent_ns = now_ns
                    break
            task = asyncio.get_running_loop().create_task(self._connect())
            self._dials.add(task)
            task.add_done_callback(self._dialled)

    async def _connect(self) -> None:
        """Open a connection at the first address that takes one, and use it for whoever waits longest."""
        error = self._unresolved
        for address in self._addresses:
            try:
                async with asyncio.timeout(self._timeout_ns / 1e9):
                    _, connection = await asyncio.get_running_loop().create_connection(
                        partial(Connection, self),
                        address,
                        self._target.port,
                        ssl=self._target.tls,
                        server_hostname=self._target.host if self._target.tls else None,
                    )
            except TimeoutError:
                return self._unconnected(f"timeout: no connection within {self._timeout_ns / 1e9:g} s")
            except (OSError, ValueError) as caught:
                error = describe(caught)
            else:
                return self._ready(connection)
        return self._unconnected(f"connection: {error}")

    def _dialled(self, task: asyncio.Task[None]) -> None:
        self._dials.discard(task)
        self._dial()

    def _unconnected(self, error: str) -> None:
        self._open -= 1
        if self._waiting:
            self.failed(self._waiting.popleft(), error)

    def _ready(self, connection: Connection) -> None:
        if not connection.open:
            if self._waiting:  # without this a server that accepts and hangs up would be dialled for ever
                self.failed(self._waiting.popleft(), "connection: closed as soon as it was open")
        elif self._waiting:
            exchange = self._waiting.popleft()
            exchange.sent_ns = exchange.sent_ns or monotonic_ns()
            connection.send(exchange)
        else:
            self._idle.append(connection)

    # what connections tell

    def answered(self, connection: Connection, exchange: Exchange) -> None:
        self._finished(exchange)
        if connection.open:
            self._ready(connection)

    def failed(self, exchange: Exchange, error: str) -> None:
        exchange.error = error
        self._finished(exchange)

    def closed(self, connection: Connection) -> None:
        self._open -= 1
        if connection in self._idle:
            self._idle.remove(connection)
        self._dial()
