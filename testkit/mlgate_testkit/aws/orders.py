"""What a test orders of the account: throttling, lag and quotas, and whether anything came for it.

An order that cannot act is refused, and one that never acted is named when the test ends: a test that ordered it showed nothing by it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from mlgate.errors import UsageError
from mlgate_testkit.aws.arguments import near
from mlgate_testkit.aws.quotas import quota_of

__all__ = ["LAGGING", "SERVICES", "Orders"]

SERVICES = (
    "budgets",
    "cloudtrail",
    "ec2",
    "ecr",
    "eks",
    "events",
    "iam",
    "kms",
    "logs",
    "rds",
    "s3",
    "secretsmanager",
    "sns",
    "sqs",
    "ssm",
    "sts",
)
"""Every service that a model asks, by boto3's name: what can be throttled."""

LAGGING = ("aws:iam/role:Role", "aws:s3/bucket:Bucket")
"""The types whose being seen other requests depend on: what can lag."""


@dataclass(slots=True)
class _Order:
    """How many requests it is good for, how many are left, and whether one came."""

    size: int
    left: int
    acted: bool = False

    @property
    def open(self) -> bool:
        """Whether something was to come, and did not. An order of no requests takes another one back, and waits for none."""
        return self.size > 0 and not self.acted


@dataclass(slots=True)
class _Unseen:
    """A resource that requests do not see yet, and the order behind that."""

    lag: _Order
    left: int


class Orders:
    """Used by many threads at once."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._calm = threading.local()
        self.reset()

    def reset(self) -> None:
        """Nothing is on order."""
        with self._lock:
            self._throttled: dict[str, _Order] = {}
            self._quotas: dict[str, int] = {}
            self._lag: dict[str, _Order] = {}
            self._unseen: dict[tuple[str, str], _Unseen] = {}

    def unmet(self) -> list[str]:
        """What was ordered and never acted, in words. Quotas are conditions, not orders."""
        with self._lock:
            throttled = [f"throttle({name!r}, {order.size}): {name} was not asked" for name, order in self._throttled.items() if order.open]
            lag = [
                f"lag({order.size}{f', {token!r}' if token else ''}): no request depended on a role or bucket that was created after it"
                for token, order in self._lag.items()
                if order.open
            ]
        return throttled + lag

    @contextmanager
    def calm(self) -> Iterator[None]:
        """Lets this thread's requests pass every order: what only looks at the account must not be refused, nor use an order up."""
        self._calm.now = True
        try:
            yield
        finally:
            self._calm.now = False

    # -- throttling

    def throttle(self, service: str, times: int) -> None:
        """The next `times` requests to that service (boto3's name: "iam") are refused. Raises UsageError for one that nothing here asks."""
        if service not in SERVICES:
            remedy = f"{near(service.lower(), SERVICES)}those that are asked, by boto3's name: {', '.join(SERVICES)}"
            raise UsageError(f"no simulated type asks a service {service!r}", where="throttle", remedy=remedy)
        with self._lock:
            self._throttled[service] = _order("throttle", times)

    def throttles(self, service: str, attempts: int) -> bool:
        """Whether a request that is made so many times is refused each time."""
        with self._lock:
            order = self._throttled.get(service)
            if order is None or getattr(self._calm, "now", False):
                return False
            refused = min(order.left, attempts)
            order.left -= refused
            order.acted = order.acted or refused > 0
            return refused == attempts

    # -- quotas

    def set_quota(self, name: str, value: int) -> None:
        """From now on that quota (code or name) has this value. Raises UsageError for one that is not simulated."""
        self._quotas[quota_of(name).name] = value

    def quota(self, name: str) -> int:
        """What that quota allows now."""
        quota = quota_of(name)
        return self._quotas.get(quota.name, quota.value)

    # -- lag

    def set_lag(self, reads: int, token: str) -> None:
        """Whatever is created from now on (of that type; of any for "") is not seen by the first `reads` requests that depend on it.

        Raises UsageError for a type whose being seen no request here depends on.
        """
        if token and token not in LAGGING:
            remedy = f"{near(token, LAGGING)}what can lag: {', '.join(LAGGING)}"
            raise UsageError(f"no request here depends on whether a {token} is seen", where="lag", remedy=remedy)
        with self._lock:
            self._lag[token] = _order("lag", reads)

    def made(self, token: str, resource_id: str) -> None:
        """A resource came into being: from here its lag counts."""
        with self._lock:
            lag = self._lag.get(token, self._lag.get(""))
            if lag and lag.size and token in LAGGING:
                self._unseen[token, resource_id] = _Unseen(lag, lag.size)

    def seen(self, token: str, resource_id: str) -> bool:
        """Whether a request that depends on that resource sees it now."""
        assert token in LAGGING, token
        with self._lock:
            unseen = self._unseen.get((token, resource_id))
            if unseen is None or not unseen.left or getattr(self._calm, "now", False):
                return True
            unseen.lag.acted = True
            unseen.left -= 1
            return False


def _order(control: str, size: int) -> _Order:
    if size < 0:
        raise UsageError(f"{size} requests cannot be ordered", where=control, remedy="give a number of requests; 0 takes the order back")
    return _Order(size, size)
