"""One request, sent and read to the end: for readiness, probes and a first try by hand. The load worker has a sender of its own."""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from ssl import SSLContext
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from mlgate_serving.clients.base import Client, Request, Response


class Answer(NamedTuple):
    """An HTTP answer; header names are lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


def send(
    request: Request, url: str, *, headers: Mapping[str, str] | None = None, tls: SSLContext | None = None, timeout_s: float = 10
) -> Answer:
    """The answer to `request` at the endpoint `url`, on a connection of its own; redirects are answers, not followed.

    `headers` come on top of the request's. Raises OSError (refused, reset, timeout, TLS) and http.client.HTTPException (not HTTP/1.1).
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    connection = (
        http.client.HTTPSConnection(host, parts.port, timeout=timeout_s, context=tls)
        if parts.scheme == "https"
        else http.client.HTTPConnection(host, parts.port, timeout=timeout_s)
    )
    try:
        path = parts.path.rstrip("/") + request.path
        connection.request(request.method, path, body=request.body, headers={**dict(request.headers), **(headers or {})})
        response = connection.getresponse()
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())
    finally:
        connection.close()


def predict(
    client: Client,
    case: Mapping[str, Any],
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    tls: SSLContext | None = None,
    timeout_s: float = 10,
) -> Response:
    """What the endpoint at `url` answers to `case`. Raises what `send` raises."""
    return client.decode(*send(client.encode(case), url, headers=headers, tls=tls, timeout_s=timeout_s))
