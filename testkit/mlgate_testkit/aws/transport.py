"""The provider's own way to moto: into its application directly, past sockets and threads, since both lie in one process.

What a test's boto3 client changes by hand arrives through the loopback port at the same application's state.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from botocore.awsrequest import AWSResponse  # type: ignore[import-untyped]
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.test import Client

__all__ = ["in_process"]


class _Raw(io.BytesIO):
    """A body as urllib3 would hand it over."""

    def stream(self, *_arguments: Any, **_options: Any) -> Any:
        while chunk := self.read(65536):
            yield chunk


class _Application(DomainDispatcherApplication):
    """moto's, but what a host stands for is asked once: to tell, it looks through its own folder, for a quarter of a call's time."""

    def __init__(self) -> None:
        super().__init__(create_backend_app)
        self._services: dict[str | None, Any] = {}

    def get_backend_for_host(self, host: str | None) -> Any:
        if host not in self._services:
            self._services[host] = super().get_backend_for_host(host)
        return self._services[host]


def in_process() -> Callable[..., Any]:
    """A handler of botocore's `before-send`: it answers in the network's place."""
    application = _Application()

    def send(request: Any, **_event: Any) -> Any:
        address = urlsplit(request.url)
        headers = {key: value.decode() if isinstance(value, bytes) else value for key, value in request.headers.items()}
        body = request.body.read() if hasattr(request.body, "read") else request.body
        answer = Client(application).open(
            path=address.path,
            query_string=address.query,
            base_url=f"http://{address.netloc}",
            method=request.method,
            headers=headers,
            data=body,
        )
        return AWSResponse(request.url, answer.status_code, answer.headers, _Raw(answer.data))

    return send
