"""Locust users that send a service's hold-out cases: for Locust's page and its headless run. Their figures are for looking at.

A Locust user waits for each answer before it sends the next request, so its latencies leave out what a stall would have done to the
requests not sent (coordinated omission); gates use the open-loop worker. An answer other than the case's label is no failed request
either, since no model is right in every case: such requests stand in a line of their own, named `SERVICE, not as labelled`, beside those
answered rightly. Import this only from a locustfile: Locust patches the standard
library and breaks programs that import it late.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Any, ClassVar

import gevent  # type: ignore[import-untyped]
from locust import FastHttpUser, events, task
from locust.runners import WorkerRunner

from mlgate.errors import MlgateError, UsageError
from mlgate.service import Service
from mlgate_loadtests.cases import read_cases
from mlgate_loadtests.target import Target
from mlgate_serving.clients import Client, Request, client_for

VARIABLE = "MLGATE_SERVICE"


class ServiceUser(FastHttpUser):
    """Sends one hold-out case after the other and checks each answer against the declared interface and the case's label.

    Which service: `service_file`, or the environment variable MLGATE_SERVICE, or `service.yaml`. Where: Locust's `--host`.
    """

    abstract = True
    service_file: ClassVar[str] = ""
    service: ClassVar[Service]
    _client: ClassVar[Client]
    _cases: ClassVar[Iterator[tuple[Request, float]]]
    _targets: ClassVar[dict[str, Target]] = {}

    def __init__(self, environment: Any) -> None:
        self._target = self._target_at(environment.host or self.host)
        self.ssl_context_factory = lambda: self._target.tls
        super().__init__(environment)

    @classmethod
    def prepare(cls, host: str | None) -> None:
        """Read the declaration and its hold-out cases. Raises what is wrong with them, or with what `interface.auth` names."""
        path = Path(cls.service_file or os.environ.get(VARIABLE, "service.yaml"))
        cls.service = Service.read(path)
        if not cls.service.quality:
            raise UsageError(
                "declares no quality, and so no hold-out cases to send", where=str(path), remedy="declare quality with its data"
            )
        cases = read_cases(cls.service.data_path(cls.service.quality[0].data), cls.service.interface)
        cls._client = client_for(cls.service.interface, cls.service.name)
        requests = [cls._client.encode(cases.case(index)) for index in range(len(cases))]
        cls._cases = cycle(list(zip(requests, cases.labels.tolist(), strict=True)))
        if host:
            cls._target_at(host)

    @classmethod
    def _target_at(cls, host: str | None) -> Target:
        """One target for all users: building a TLS context reads the whole certificate store."""
        if not host:
            raise UsageError("no address to send to", remedy="give --host, such as --host http://127.0.0.1:8080")
        if host not in cls._targets:
            cls._targets[host] = Target.of(host, cls.service.interface.auth)
        return cls._targets[host]

    @task
    def predict(self) -> None:
        """One case; an answer off the declared schema is a failure like a refused request, one off the label has a line of its own."""
        request, label = next(self._cases)
        headers = {**dict(request.headers), **dict(self._target.headers)}
        body: Any = request.body  # bytes, which Locust's annotation leaves out
        with self.client.request(
            request.method, request.path, data=body, headers=headers, name=self.service.name, catch_response=True
        ) as response:
            if not response.status_code:
                response.failure(self._target.redact(f"connection: {response.error}"))
                return
            seen = {name.lower(): value for name, value in response.headers.items()}
            answer = self._client.decode(response.status_code, seen, response.content or b"")
            if answer.error is not None:
                response.failure(self._target.redact(answer.error))
                return
            if answer.answer != label:
                response.request_meta["name"] = f"{self.service.name}, not as labelled"
            response.success()


@events.init.add_listener  # type: ignore[untyped-decorator]
def _read_declarations(environment: Any, **_: Any) -> None:
    for user in environment.user_classes:
        if issubclass(user, ServiceUser):
            try:
                user.prepare(environment.host or user.host)
            except MlgateError as error:
                sys.stderr.write(f"{error}\n")
                sys.exit(error.exit_code)
    # gevent counts Locust's --run-time from its last look at the clock, which was before all that reading.
    gevent.get_hub().loop.update_now()


@events.quitting.add_listener  # type: ignore[untyped-decorator]
def _nothing_sent_is_no_success(environment: Any, **_: Any) -> None:
    """Locust itself leaves with 0 when no request was made."""
    headless = environment.parsed_options is not None and environment.parsed_options.headless
    if headless and not isinstance(environment.runner, WorkerRunner) and not environment.stats.total.num_requests:
        sys.stderr.write("no request was made: give the run users and time (-u, -t), and check --host\n")
        environment.process_exit_code = 1
