"""HTTP/1.1 on one keep-alive connection, one request at a time, with the instants that a latency is made of.

httptools on uvloop: 101,000 requests per second and core where aiohttp reaches 13,000 and httpx 350, so that what is measured is the
endpoint and not its client.
"""

from __future__ import annotations

import asyncio
import select
from time import monotonic_ns
from typing import Any, Protocol

import httptools

# An endless answer must not fill the machine's memory.
LARGEST_ANSWER_BYTES = 64 << 20
_NO_CONTENT = frozenset([204, 304])


class Exchange:
    """One request on its way and what came back. Instants are monotonic nanoseconds, 0 while they did not happen."""

    __slots__ = (
        "arrival",
        "body",
        "connection",
        "deadline_ns",
        "done_ns",
        "error",
        "first_byte_ns",
        "headers",
        "sent_ns",
        "status",
        "wire",
    )

    def __init__(self, arrival: int, wire: bytes, deadline_ns: int) -> None:
        self.arrival = arrival
        self.wire = wire
        self.deadline_ns = deadline_ns
        self.sent_ns = 0
        self.first_byte_ns = 0
        self.done_ns = 0
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = bytearray()
        self.error: str | None = None
        self.connection: Connection | None = None

    @property
    def finished(self) -> bool:
        return self.done_ns != 0 or self.error is not None


class Owner(Protocol):
    """Who is told what becomes of a connection and of its exchange."""

    def answered(self, connection: Connection, exchange: Exchange) -> None: ...
    def failed(self, exchange: Exchange, error: str) -> None: ...
    def closed(self, connection: Connection) -> None: ...


class Connection(asyncio.Protocol):
    """Owned by a pool. `send` is called only while no exchange is under way."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._exchange: Exchange | None = None
        self._until_eof = False
        self._complete = False
        self._reusable = False
        self._status = 0
        self._parser = httptools.HttpResponseParser(self)
        self._poller = select.poll()

    def send(self, exchange: Exchange) -> None:
        """Write the request. Whatever happens after this, it is not written a second time."""
        self._exchange = exchange
        self._complete = self._reusable = self._until_eof = False
        exchange.connection = self
        self._transport.write(exchange.wire)

    @property
    def open(self) -> bool:
        return not self._transport.is_closing()

    def usable(self) -> bool:
        """Whether an idle connection still is one: what can be read on it is the server's goodbye."""
        return self.open and not self._poller.poll(0)

    def abort(self) -> None:
        """Drop the connection at once; its exchange, if any, is the caller's to end."""
        self._exchange = None
        self._transport.abort()

    # asyncio.Protocol

    def connection_made(self, transport: Any) -> None:
        self._transport: asyncio.Transport = transport
        self._poller.register(transport.get_extra_info("socket").fileno(), select.POLLIN)

    def data_received(self, data: bytes) -> None:
        exchange = self._exchange
        if exchange is None:
            self._transport.abort()
            return
        if not exchange.first_byte_ns:
            exchange.first_byte_ns = monotonic_ns()
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            if not self._complete:
                self._fail(f"connection: the answer is not HTTP/1.1: {error}")
                return
            self._reusable = False
        if self._complete:
            self._finish()
        elif len(exchange.body) > LARGEST_ANSWER_BYTES:
            self._fail(f"schema: the answer is over {LARGEST_ANSWER_BYTES >> 20} MiB")

    def connection_lost(self, exc: Exception | None) -> None:
        exchange = self._exchange
        if exchange is not None:
            if exc is None and self._until_eof:
                exchange.done_ns = monotonic_ns()
                self._finish()
            else:
                self._fail(f"connection: {describe(exc)}" if exc else "connection: closed before the whole answer came")
        self._owner.closed(self)

    # httptools' callbacks. What follows a complete answer belongs to no request: it is dropped, and the connection with it.

    def on_message_begin(self) -> None:
        if self._complete or self._exchange is None:
            self._reusable = False
        else:
            self._exchange.headers = {}

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._exchange is not None and not self._complete:
            self._exchange.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        if self._exchange is not None and not self._complete:
            headers = self._exchange.headers
            self._status = self._parser.get_status_code()
            unsized = "content-length" not in headers and "chunked" not in headers.get("transfer-encoding", "").lower()
            self._until_eof = unsized and self._status >= 200 and self._status not in _NO_CONTENT

    def on_body(self, body: bytes) -> None:
        if self._exchange is not None and not self._complete:
            self._exchange.body += body

    def on_message_complete(self) -> None:
        # 1xx announces the answer and is none.
        if self._exchange is not None and self._status >= 200 and not self._complete:
            self._exchange.done_ns = monotonic_ns()
            self._reusable = self._parser.should_keep_alive()
            self._complete = True

    # how an exchange ends

    def _finish(self) -> None:
        exchange, self._exchange = self._exchange, None
        assert exchange is not None
        exchange.status = self._status
        exchange.connection = None
        # An answer that came before the whole request went out leaves the connection out of step.
        if not self._reusable or self._transport.get_write_buffer_size():
            self._transport.abort()
        self._owner.answered(self, exchange)

    def _fail(self, error: str) -> None:
        exchange, self._exchange = self._exchange, None
        assert exchange is not None
        exchange.connection = None
        self._transport.abort()
        self._owner.failed(exchange, error)


def describe(error: BaseException) -> str:
    """What an operating system or TLS error says, without its number."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
