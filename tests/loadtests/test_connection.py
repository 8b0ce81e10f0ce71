"""Reading answers, however the network cuts them, and whatever bytes come instead of one."""

from __future__ import annotations

import socket
from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from mlgate_loadtests.connection import Connection, Exchange

ANSWERS = [
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Mlgate-Release: sha256:ab\r\nContent-Length: 5\r\n\r\n12345",
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\n123\r\n2\r\n45\r\n0\r\ntrailer: x\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n12345",
]


class Wire:
    """A transport that records, and an owner that counts how the exchange ended."""

    def __init__(self) -> None:
        self.pair = socket.socketpair()
        self.aborted = False
        self.ends: list[str | None] = []
        self.connection = Connection(self)
        self.connection.connection_made(self)
        self.exchange = Exchange(0, b"request", 0)
        self.connection.send(self.exchange)

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        for end in self.pair:
            end.close()

    def get_extra_info(self, _: str) -> socket.socket:
        return self.pair[0]

    def write(self, _: bytes) -> None: ...

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return self.aborted

    def abort(self) -> None:
        self.aborted = True

    def answered(self, _: Connection, exchange: Exchange) -> None:
        self.ends.append(None)

    def failed(self, exchange: Exchange, error: str) -> None:
        exchange.error = error
        self.ends.append(error)

    def closed(self, _: Connection) -> None: ...


@given(st.sampled_from(ANSWERS), st.lists(st.integers(0, 120), max_size=12))
def test_an_answer_means_the_same_however_it_is_cut(answer, cuts):
    edges = sorted({0, len(answer), *(min(cut, len(answer)) for cut in cuts)})
    with Wire() as wire:
        for start, end in pairwise(edges):
            assert wire.ends == []
            wire.connection.data_received(answer[start:end])
        assert wire.ends == [None]
        assert (wire.exchange.status, bytes(wire.exchange.body)) == (200, b"12345")
        assert wire.connection.open


@given(st.lists(st.binary(max_size=60) | st.sampled_from([*ANSWERS, *(answer[:50] for answer in ANSWERS)]), max_size=6), st.booleans())
@example([ANSWERS[0], b"unasked"], True)
@example([b"HTTP/1.1 200 OK\r\n\r\nno length"], True)
@example([b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\nrest"], False)
@example([b"HTTP/1.1 200 OK\r\nx: \xff\xfe\r\ncontent-length: 0\r\n\r\n"], False)
def test_whatever_bytes_come_an_exchange_ends_exactly_once(chunks, clean):
    with Wire() as wire:
        for chunk in chunks:
            if wire.connection.open:
                wire.connection.data_received(chunk)
        wire.connection.connection_lost(None if clean else ConnectionResetError(104, "Connection reset by peer"))
        assert len(wire.ends) == 1
        exchange = wire.exchange
        assert exchange.finished
        assert (exchange.error is None) == (exchange.status >= 200) == (exchange.done_ns > 0)
        assert exchange.error is None or exchange.error.split(":")[0] in {"connection", "schema"}
