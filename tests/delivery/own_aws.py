"""An AWS in the process of the test, by moto, so that a test can come between it and whoever asks it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from moto.moto_api._internal.models import moto_api_backend
from moto.server import ThreadedMotoServer


@contextmanager
def own_aws() -> Iterator[str]:
    """Its endpoint. It is empty at first: moto keeps one for all servers of a process."""
    moto_api_backend.reset()
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.stop()
