"""The account behind simulated AWS: moto behind a loopback port, our own small models beside it, and what a test may order of it.

One `Account` lives as long as the process; an `Aws` is the view that one provider configuration has of it in one region.
"""

from __future__ import annotations

import itertools
import logging
import os
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

import boto3  # type: ignore[import-untyped]
from botocore.config import Config  # type: ignore[import-untyped]
from botocore.exceptions import ClientError, ParamValidationError  # type: ignore[import-untyped]
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.iam.models import IAMBackend, ManagedPolicy
from moto.moto_api._internal.models import moto_api_backend
from moto.server import ThreadedMotoServer

from mlgate_testkit.aws.apis import install
from mlgate_testkit.aws.orders import SERVICES, Orders
from mlgate_testkit.aws.quotas import quota_of
from mlgate_testkit.aws.transport import in_process

__all__ = ["Account", "Aws", "ClientError", "Credentials", "ParamValidationError", "refusal"]

_RETRY_EVERY_S = 5  # how often the real provider asks again for what AWS does not show yet (terraform-plugin-sdk's default growth, rounded)


class Credentials(NamedTuple):
    """Whoever asks: which account moto takes them for depends on the key."""

    access_key: str = "testing"
    secret_key: str = "testing"  # noqa: S105 - moto accepts any
    token: str | None = None
    account: str = DEFAULT_ACCOUNT_ID


class Account:
    """Starts moto. `close` ends it; so does the end of the process."""

    def __init__(self) -> None:
        logging.getLogger("werkzeug").setLevel(logging.ERROR)  # one line for each request otherwise
        os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"
        IAMBackend._init_aws_policies = _aws_policies  # type: ignore[method-assign,assignment]
        install()  # own operations, before the server reads its table of addresses
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self._server.start()
        host, port = self._server.get_host_and_port()
        self.endpoint = f"http://{host}:{port}"
        self._send = in_process()
        self.lock = threading.RLock()
        self.counter = itertools.count(1)
        self._session = boto3.session.Session()
        partitions = self._session.get_available_partitions()
        self.regions = frozenset(name for each in partitions for name in self._session.get_available_regions("ec2", each))
        self._clients: dict[tuple[str, str, Credentials, int], Any] = {}
        self.orders = Orders()
        self._stores: defaultdict[str, dict[str, Any]] = defaultdict(dict)

    def close(self) -> None:
        """Ends moto and gives its port back."""
        self._server.stop()

    def reset(self) -> None:
        """An empty account, and nothing on order."""
        with self.lock:
            moto_api_backend.reset()
            self._stores.clear()
            self.orders.reset()

    def client(self, service: str, region: str, credentials: Credentials, retries: int) -> Any:
        """A boto3 client against moto. It does not retry by itself: `throttle` counts the real provider's retries instead of waiting."""
        assert service in SERVICES, service  # else it could not be throttled
        with self.lock:
            key = (service, region, credentials, retries)
            if key not in self._clients:
                client = self._session.client(
                    service,
                    region_name=region,
                    endpoint_url=self.endpoint,
                    aws_access_key_id=credentials.access_key,
                    aws_secret_access_key=credentials.secret_key,
                    aws_session_token=credentials.token,
                    config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}, proxies={}, max_pool_connections=64),
                )
                client.meta.events.register_first("before-send.*.*", self._send)
                client.meta.events.register_first("before-call.*.*", lambda **_: self._throttle(service, retries))
                self._clients[key] = client
            return self._clients[key]

    def store(self, kind: str) -> dict[str, Any]:
        """Our own model of something that moto has not: whatever is kept there lives until `reset`."""
        return self._stores[kind]

    def _throttle(self, service: str, retries: int) -> tuple[Any, dict[str, Any]] | None:
        attempts = retries + 1
        if not self.orders.throttles(service, attempts):
            return None
        error = {"Code": "ThrottlingException", "Message": "Rate exceeded"}
        metadata = {"HTTPStatusCode": 400, "RequestId": "00000000-0000-0000-0000-000000000000", "Attempts": attempts}
        return _Answer(400), {"Error": error, "ResponseMetadata": metadata}


_load_aws_policies = IAMBackend._init_aws_policies


def _aws_policies(backend: IAMBackend) -> list[ManagedPolicy]:
    """AWS's own 1,582 policies, as moto has them. moto reads them anew after every reset: 0.2 s for each partition."""
    key = (backend.account_id, backend.partition)
    if key not in _read_policies:
        _read_policies[key] = _load_aws_policies(backend)
    for policy in _read_policies[key]:
        policy.attachment_count = 0
    return _read_policies[key]


_read_policies: dict[tuple[str, str], list[ManagedPolicy]] = {}


class _Answer(NamedTuple):
    status_code: int


@dataclass(frozen=True, slots=True)
class Aws:
    """What one provider configuration sees, in one region."""

    account: Account
    region: str
    credentials: Credentials
    retries: int

    def client(self, service: str) -> Any:
        """A boto3 client; "throttle" on order included."""
        return self.account.client(service, self.region, self.credentials, self.retries)

    @property
    def account_id(self) -> str:
        """Twelve digits."""
        return self.credentials.account

    @property
    def partition(self) -> str:
        """ "aws", "aws-cn" or "aws-us-gov", by region."""
        return {"cn": "aws-cn", "us-gov": "aws-us-gov"}.get(self.region.rsplit("-", 2)[0], "aws")

    @property
    def suffix(self) -> str:
        """The domain of this partition's services."""
        return "amazonaws.com.cn" if self.partition == "aws-cn" else "amazonaws.com"

    def arn(self, service: str, resource: str, *, region: str | None = None) -> str:
        """An ARN in this account; `region=""` for a service without regions."""
        return f"arn:{self.partition}:{service}:{self.region if region is None else region}:{self.account_id}:{resource}"

    def store(self, kind: str) -> dict[str, Any]:
        """Our own model of `kind`, of this account and region."""
        return self.account.store(f"{self.account_id}/{self.region}/{kind}")

    @contextmanager
    def within(self, quota: str, wanted: Callable[[], int]) -> Iterator[None]:
        """Counting and making as one step, whoever makes others meanwhile: the engine makes many at once.

        Raises the API's refusal if what `wanted` counts, the new one included, is beyond that quota.
        """
        with self.account.lock:
            asked, value = wanted(), self.account.orders.quota(quota)
            if asked > value:
                known = quota_of(quota)
                message = f"{known.text.format(name=known.name, value=value)} (quota {known.code or known.name})"
                raise refusal(known.refusal, message, "")
            yield

    def unique(self) -> str:
        """What Terraform appends to a prefix: the time in 18 digits and a counter in 8."""
        return f"{datetime.now(UTC):%Y%m%d%H%M%S%f}"[:18] + f"{next(self.account.counter):08x}"

    def wait_for(self, token: str, resource_id: str, error: ClientError, *, patience_s: int = 120) -> None:
        """Asks for that resource as the real provider does: every 5 s of its patience is one try here, and none of them waits.

        Raises `error`, what the API says to a request about something it does not see yet, once the patience is spent.
        """
        if not any(self.account.orders.seen(token, resource_id) for _ in range(patience_s // _RETRY_EVERY_S)):
            raise error


def refusal(code: str, message: str, operation: str) -> ClientError:
    """What boto3 would raise: for the models of our own."""
    return ClientError({"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": 400}}, operation)
