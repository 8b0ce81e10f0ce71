"""Faults on order: a test says which request fails, and how, before the engine sends it."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from mlgate.errors import UsageError
from mlgate_testkit.provider.provider import ProviderError, Resource, Run

__all__ = ["Call", "Faults"]

Operation = Literal["check", "diff", "create", "read", "update", "delete", "invoke"]
How = Literal["refuse", "refuse afterwards", "hang", "die"]
_OPERATIONS = ("check", "diff", "create", "read", "update", "delete", "invoke")
_HOWS = ("refuse", "refuse afterwards", "hang", "die")


@dataclass(frozen=True, slots=True)
class Call:
    """One request that arrived: what, for which resource (its type token; the function's for an invoke), in a preview or for real."""

    operation: str
    token: str
    name: str
    preview: bool


@dataclass(slots=True)
class _Order:
    operation: str
    token: str
    how: How
    message: str
    nth: int
    times: int
    each: bool = False
    came: int = 0
    acted: bool = False
    done: set[str] = field(default_factory=set)

    def __str__(self) -> str:
        of = f", {self.token!r}" if self.token else ""
        nth = f", nth={self.nth}" if self.nth > 1 else ""
        return f"fail({self.operation!r}{of}{nth}): {self.came} such requests came"


class Faults:
    """Counts what arrives and carries out what was ordered. Previews neither count nor fail: nothing is created in them.

    `require_known` gets operation and type token of an order, and raises UsageError where no such request can ever come.
    """

    def __init__(self, require_known: Callable[[str, str], None] | None = None) -> None:
        self._require_known = require_known
        self._lock = threading.Lock()
        self._orders: list[_Order] = []
        self._calls: list[Call] = []

    def fail(
        self,
        operation: Operation,
        token: str = "",
        *,
        nth: int = 1,
        times: int = 1,
        each: bool = False,
        how: How = "refuse",
        message: str = "refused on order",
    ) -> None:
        """Order a fault: the `nth` request of that operation (and type token, where given) from now on fails, `times` in a row.

        `each`: instead the first such request of every resource, until the end of the test.
        "refuse": nothing happens in the cloud. "refuse afterwards": it happens, and the answer is lost: what a broken connection leaves.
        "hang": no answer until the engine gives up or is ended. "die": kill -9 of the provider's own process.

        Raises UsageError for an operation, a way to fail or a type that does not exist: the order would never act.
        """
        for value, known in ((operation, _OPERATIONS), (how, _HOWS)):
            if value not in known:
                raise UsageError(f"{value!r} is not one of {', '.join(known)}", where="fail", remedy="order one of these")
        if each and (nth, times) != (1, 1):
            raise UsageError("each is the first request of every resource", where="fail", remedy="leave nth and times out")
        if min(nth, times) < 1:
            raise UsageError(f"nth {nth} and times {times} count from 1", where="fail", remedy="give 1 or more")
        if token and self._require_known:
            self._require_known(operation, token)
        with self._lock:
            self._orders.append(_Order(operation, token, how, message, nth, times, each))

    def calls(self) -> list[Call]:
        """Every request since the last `clear`, in the order of arrival."""
        with self._lock:
            return list(self._calls)

    def unmet(self) -> list[str]:
        """The orders that never acted, in words. One that acted less often than it could is none of them."""
        with self._lock:
            return [str(order) for order in self._orders if not order.acted]

    def clear(self) -> None:
        """Forgets orders and calls."""
        with self._lock:
            self._orders.clear()
            self._calls.clear()

    def before(self, operation: Operation, resource: Resource, run: Run) -> str:
        """To be called when a request arrives. Raises ProviderError for a refusal; returns why to refuse after it was done, or ""."""
        with self._lock:
            self._calls.append(Call(operation, resource.type, resource.name, run.preview))
            order = None if run.preview else self._due(operation, resource)
        if order is None:
            return ""
        if order.how == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if order.how == "hang":
            while not run.cancelled.is_set():
                time.sleep(0.05)
        if order.how == "refuse afterwards":
            return order.message
        raise ProviderError(order.message)

    def _due(self, operation: str, resource: Resource) -> _Order | None:
        due = None
        for order in list(self._orders):
            if order.operation != operation or order.token not in {"", resource.type}:
                continue
            order.came += 1
            if due is not None or order.came < order.nth or resource.urn in order.done:
                continue
            due = order
            order.acted = True
            if order.each:
                order.done.add(resource.urn)
                continue
            order.times -= 1
            if not order.times:
                self._orders.remove(order)
        return due
