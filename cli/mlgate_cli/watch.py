"""A small steady caller of the service's one URL: while the demo moves traffic, somebody must be using it."""

from __future__ import annotations

import threading
import time
from contextlib import closing
from http.client import HTTPConnection
from urllib.parse import urlsplit

from mlgate import Environment, Service
from mlgate_serving.clients import Request

_PAUSE_S = 0.05


class Watch:
    """Calls the stable URL some twenty times a second from `start` to `stop`, and counts what came back."""

    def __init__(self, environment: Environment, service: Service) -> None:
        self._environment = environment
        self._service = service
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self.answered = 0
        self.failed = 0

    def start(self) -> None:
        """Begin calling; a second call does nothing. Raises EndpointError where the service has no URL."""
        from mlgate_delivery.arms import service_url
        from mlgate_gates.contract_cases import example_case
        from mlgate_serving.clients import client_for

        if self._thread is None:
            request = client_for(self._service.interface, self._service.name).encode(example_case(self._service.interface))
            url = service_url(self._environment, self._service.name)
            self._thread = threading.Thread(target=self._call, args=(url, request), name="watch-stable", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End calling."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    def _call(self, url: str, request: Request) -> None:
        address = urlsplit(url)
        with closing(HTTPConnection(address.hostname or "127.0.0.1", address.port, timeout=10)) as connection:
            while not self._ended.is_set():
                try:
                    connection.request(request.method, request.path, request.body, dict(request.headers))
                    answer = connection.getresponse()
                    answer.read()
                    good = answer.status == 200
                except Exception:  # whatever it was, the caller got no answer, and a thread that died of it would count none of the next
                    connection.close()
                    good = False
                self.answered += good
                self.failed += not good
                time.sleep(_PAUSE_S)
