"""Connections: every way an answer can come, go wrong or not come at all, byte by byte."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from functools import partial

import pytest
import uvloop

from mlgate.interface import Auth
from mlgate_loadtests import connection as connection_module
from mlgate_loadtests.connection import Exchange
from mlgate_loadtests.pool import Pool
from mlgate_loadtests.target import Target
from mlgate_serving.clients import Request

REQUEST = Request("POST", "/predictions/toy", (("content-type", "application/json"),), b'{"x": 1}')


def with_pool(
    url: str, work: Callable[[Pool, Callable[[], Exchange]], Awaitable[None]], *, cap: int = 8, timeout_s: float = 5
) -> list[Exchange]:
    """Run `work(pool, send)` on a pool to `url`; the exchanges in the order in which they ended."""
    target = Target.of(url, Auth())
    ended: list[Exchange] = []

    async def main() -> None:
        pool = Pool(target, cap=cap, timeout_ns=int(timeout_s * 1e9), finished=ended.append)
        await pool.resolve()
        numbers = iter(range(1_000_000))

        def send() -> Exchange:
            exchange = Exchange(next(numbers), target.wire(REQUEST), 0)
            pool.send(exchange)
            return exchange

        async with asyncio.timeout(20):
            await work(pool, send)
        pool.close()

    uvloop.run(main())
    return ended


async def until(condition: Callable[[], object]) -> None:
    while not condition():
        await asyncio.sleep(0.001)


async def one_after_another(_, send, count: int = 2) -> None:
    for _ in range(count):
        exchange = send()
        await until(lambda now=exchange: now.finished)


def ask_once(url: str) -> Exchange:
    (exchange,) = with_pool(url, partial(one_after_another, count=1))
    return exchange


def answers(raw: bytes, *, then: Callable[..., None] | None = None):
    async def answer(call):
        call.send_raw(raw)
        if then:
            await call.writer.drain()
            then(call)

    return answer


@pytest.mark.parametrize(
    ("raw", "status", "body"),
    [
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabcd", 200, b"abcd", id="sized"),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n", 200, b"abcd", id="chunked"),
        pytest.param(b"HTTP/1.1 204 No Content\r\n\r\n", 204, b"", id="no content"),
        pytest.param(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", 200, b"ok", id="1xx first"),
        pytest.param(
            b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n", 503, b"", id="early hints"
        ),
        pytest.param(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 3\r\n\r\nbad", 400, b"bad", id="refused"),
    ],
)
def test_whole_answers_are_read_and_their_connection_kept(endpoint, raw, status, body):
    endpoint.answer = answers(raw)
    for exchange in with_pool(endpoint.url, partial(one_after_another, count=3)):
        assert (exchange.status, bytes(exchange.body), exchange.error) == (status, body, None)
        assert "link" not in exchange.headers
        assert 0 < exchange.sent_ns <= exchange.first_byte_ns <= exchange.done_ns
    assert endpoint.connections == 1


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok", id="close"),
        pytest.param(b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok", id="HTTP/1.0"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 500 NO\r\ncontent-length: 1\r\n\r\nx", id="more than one answer"
        ),
        pytest.param(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok and more", id="more than the answer"),
    ],
)
def test_a_connection_that_cannot_be_kept_is_not_used_again(endpoint, raw):
    endpoint.answer = answers(raw)
    for exchange in with_pool(endpoint.url, one_after_another):
        assert (exchange.status, bytes(exchange.body), exchange.error) == (200, b"ok", None)
    assert endpoint.connections == 2


def test_an_answer_without_a_length_ends_with_the_connection(endpoint):
    endpoint.answer = answers(b"HTTP/1.1 200 OK\r\n\r\nto the end", then=lambda call: call.writer.close())
    exchange = ask_once(endpoint.url)
    assert (exchange.status, bytes(exchange.body), exchange.error) == (200, b"to the end", None)
    assert exchange.done_ns >= exchange.first_byte_ns > 0


@pytest.mark.parametrize(
    ("raw", "error"),
    [
        (b"", "connection: "),
        (b"HTTP/1.1 200 OK\r\ncontent-le", "connection: "),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf", "connection: "),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab", "connection: "),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "connection: the answer is not HTTP/1.1"),
        (b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n", "connection: "),
    ],
)
def test_an_answer_cut_short_or_in_another_protocol_is_a_connection_error(endpoint, raw, error):
    endpoint.answer = answers(raw, then=lambda call: call.writer.close())
    exchange = ask_once(endpoint.url)
    assert exchange.error is not None
    assert exchange.error.startswith(error)
    assert (exchange.status, exchange.done_ns) == (0, 0)


def test_an_endless_answer_is_ended(endpoint, monkeypatch):
    monkeypatch.setattr(connection_module, "LARGEST_ANSWER_BYTES", 2 << 20)

    async def pour(call):
        call.send_raw(b"HTTP/1.1 200 OK\r\n\r\n")
        while not call.writer.is_closing():
            call.send_raw(b"x" * (1 << 20))
            await call.writer.drain()

    endpoint.answer = pour
    assert ask_once(endpoint.url).error == "schema: the answer is over 2 MiB"


def test_nobody_listening_is_a_connection_error_for_each_request():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"

        async def work(_, send):
            sent = [send() for _ in range(20)]
            await until(lambda: all(exchange.finished for exchange in sent))

        ended = with_pool(url, work, cap=4)
    assert [exchange.error for exchange in ended] == ["connection: Connection refused"] * 20
    assert all(exchange.sent_ns > 0 for exchange in ended[:4])


def test_a_name_that_nobody_knows_is_a_connection_error():
    exchange = ask_once("http://nobody.invalid:80")
    assert exchange.error is not None
    assert exchange.error.startswith("connection: nobody.invalid: ")


def test_a_server_that_hangs_up_on_everyone_is_dialled_once_per_request(endpoint):
    async def work(_, send):
        sent = [send() for _ in range(5)]
        await until(lambda: all(exchange.finished for exchange in sent))

    async def hang_up(call):
        call.hang_up()

    endpoint.answer = hang_up
    ended = with_pool(endpoint.url, work)
    assert len(endpoint.calls) == 5
    assert all(exchange.error and exchange.error.startswith("connection: ") for exchange in ended)


def test_a_connection_that_the_server_closed_while_idle_costs_no_request(endpoint):
    async def work(_, send):
        first = send()
        await until(lambda: first.finished)
        # The loop does not get to see the goodbye before the next request is due.
        endpoint.drop_connections()
        second = send()
        await until(lambda: second.finished)

    assert [exchange.error for exchange in with_pool(endpoint.url, work)] == [None, None]
    assert endpoint.connections == len(endpoint.calls) == 2


def test_a_request_that_was_written_is_never_sent_again(endpoint):
    async def once_then_hang_up(call):
        if call.number == 0:
            call.send(200, {})
        else:
            call.hang_up()

    endpoint.answer = once_then_hang_up
    first, second = with_pool(endpoint.url, one_after_another)
    assert first.error is None
    assert second.error is not None
    assert second.error.startswith("connection: ")
    assert len(endpoint.calls) == 2


def test_beyond_the_cap_requests_wait_in_order(endpoint):
    gate = asyncio.Event()

    async def held(call):
        await gate.wait()
        call.send(200, {})

    endpoint.answer = held

    async def work(_, send):
        sent = [send() for _ in range(6)]
        # Opening a connection for a request is sending it: what the handshake takes is the endpoint's.
        assert [bool(exchange.sent_ns) for exchange in sent] == [True, True, False, False, False, False]
        await until(lambda: len(endpoint.calls) == 2)
        endpoint.call_soon(gate.set)
        await until(lambda: all(exchange.finished for exchange in sent))
        instants = [exchange.sent_ns for exchange in sent]
        assert instants == sorted(instants)
        assert sent[2].sent_ns >= min(sent[0].done_ns, sent[1].done_ns)

    with_pool(endpoint.url, work, cap=2)
    assert endpoint.connections == 2


def test_what_takes_too_long_is_ended_whether_connected_or_waiting(endpoint):
    async def never(call):
        pass

    endpoint.answer = never

    async def work(pool, send):
        connected, waiting, later = send(), send(), send()
        await until(lambda: len(endpoint.calls) == 1)
        pool.expire(waiting)
        pool.expire(connected)
        await until(lambda: len(endpoint.calls) == 2)  # the place is free again
        pool.expire(later)

    ended = with_pool(endpoint.url, work, cap=1)
    assert [exchange.arrival for exchange in ended] == [1, 0, 2]
    assert ended[0].error == "timeout: no connection within 5 s"
    assert ended[1].error == ended[2].error == "timeout: no whole answer within 5 s"


def test_an_early_refusal_of_a_large_request_does_not_poison_the_connection(endpoint, monkeypatch):
    endpoint.before_body = b"HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n"
    monkeypatch.setitem(globals(), "REQUEST", Request("POST", "/predictions/toy", (), b"x" * (32 << 20)))
    assert [exchange.status for exchange in with_pool(endpoint.url, one_after_another)] == [413, 413]
    assert endpoint.connections == 2
