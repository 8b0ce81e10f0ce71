"""Simulated AWS as a package: its configuration, its controls, and the account behind every provider of a program."""

from __future__ import annotations

import importlib.metadata
import json
import os
from contextlib import AbstractContextManager
from typing import Any

from mlgate.errors import UsageError
from mlgate_testkit.aws.account import Account, Aws, Credentials
from mlgate_testkit.aws.arguments import near
from mlgate_testkit.aws.models import FUNCTIONS, MODELS
from mlgate_testkit.aws.provider import AwsProvider, alike, refusals
from mlgate_testkit.aws.tags import TagRules
from mlgate_testkit.provider.provider import Failure, Inputs, ProviderError
from mlgate_testkit.record.sdk import arguments_of, class_of, field_types

__all__ = ["SimulatedAws"]

_ATTEMPTS = 25  # the real provider's maxRetries
# Says nothing of AWS_REGION, though it is read: the variable of whoever runs a test does not reach the provider.
_NO_REGION = "no region is configured: the stack has to name one as `aws:region`"


class SimulatedAws:
    """Serves "aws". `endpoint`, `reset`, `lag`, `throttle`, `quota` and `unmet` are its controls."""

    name = "aws"

    def __init__(self) -> None:
        self.version = importlib.metadata.version("pulumi-aws")
        self.account = Account()

    def endpoint(self) -> str:
        """Where boto3 reaches this account, with any credentials: `boto3.client("s3", endpoint_url=...)` makes drift by hand."""
        return self.account.endpoint

    def reset(self) -> None:
        """An empty account with nothing on order: between two tests."""
        self.account.reset()

    def lag(self, reads: int, token: str = "") -> None:
        """Eventual consistency: what is created from now on is not seen by the first `reads` requests that depend on it; 0 ends that.

        `token`: of which type alone. Raises UsageError for a type that nothing is seen late of.
        """
        self.account.orders.set_lag(reads, token)

    def throttle(self, service: str, times: int) -> None:
        """The next `times` requests to a service (boto3's name: "iam") are answered with ThrottlingException; 0 ends that.

        Raises UsageError for a service that no simulated type asks.
        """
        self.account.orders.throttle(service, times)

    def quota(self, name: str, value: int) -> None:
        """Sets a quota, by code ("L-DC2B2D3D") or name. Raises UsageError for one that is not simulated."""
        self.account.orders.set_quota(name, value)

    def unmet(self) -> list[str]:
        """The lag and throttling on order that nothing came for, in words."""
        return self.account.orders.unmet()

    def calm(self) -> AbstractContextManager[None]:
        """Within it requests of this thread pass every order."""
        return self.account.orders.calm()

    def require_known(self, operation: str, token: str) -> None:
        """Raises UsageError, naming the nearest, for a type, or with "invoke" a function, that is not simulated."""
        known = FUNCTIONS if operation == "invoke" else MODELS
        if token not in known:
            raise UsageError(
                f"{token} is not simulated, so no {operation} of it ever comes", where="fail", remedy=alike(token, list(known))
            )

    def check_config(self, inputs: Inputs) -> list[Failure]:
        """What is wrong with a provider's configuration."""
        provider_class = class_of("pulumi:providers:aws")
        arguments = arguments_of(provider_class) if provider_class else None
        known = [*field_types(arguments), "version", "pluginDownloadURL", "__internal"] if arguments else []
        failures = [
            Failure(key, f"the provider aws has no setting {key!r}; {near(key, known)}it takes: {', '.join(known)}")
            for key in inputs
            if key not in known
        ]
        settings = _decoded(inputs)
        if not _region(settings):
            failures.append(Failure("region", _NO_REGION))
        elif not settings.get("skipRegionValidation") and _region(settings) not in self.account.regions:
            failures.append(
                Failure("region", f"invalid AWS Region: {_region(settings)}{_nearest(_region(settings), self.account.regions)}")
            )
        elif account := self._wrong_account(settings):
            failures.append(Failure("allowedAccountIds", account))
        return failures

    def configure(self, inputs: Inputs) -> AwsProvider:
        """A provider for this configuration. Raises ProviderError as AWS would for roles that cannot be assumed."""
        settings = _decoded(inputs)
        region = _region(settings)
        if not region:
            raise ProviderError(_NO_REGION)
        ignored = settings.get("ignoreTags") or {}
        tags = TagRules(
            (settings.get("defaultTags") or {}).get("tags") or {},
            frozenset(ignored.get("keys") or ()),
            tuple(ignored.get("keyPrefixes") or ()),
        )
        attempts = int(settings.get("maxRetries") or _ATTEMPTS)
        return AwsProvider(Aws(self.account, region, self._identity(settings, region), attempts - 1), MODELS, FUNCTIONS, tags)

    def _identity(self, settings: Inputs, region: str) -> Credentials:
        """Whoever the provider is after all the roles that it assumes: their accounts are simulated too."""
        identity = Credentials()
        for role in settings.get("assumeRoles") or ():
            aws = Aws(self.account, region, identity, _ATTEMPTS - 1)
            with refusals(f"assuming role {role.get('roleArn')}"):
                made = aws.client("sts").assume_role(RoleArn=role["roleArn"], RoleSessionName=role.get("sessionName") or "pulumi")
            keys = made["Credentials"]
            identity = Credentials(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], role["roleArn"].split(":")[4])
        return identity

    def _wrong_account(self, settings: Inputs) -> str:
        allowed, forbidden = settings.get("allowedAccountIds"), settings.get("forbiddenAccountIds") or ()
        roles = settings.get("assumeRoles")
        account = roles[-1]["roleArn"].split(":")[4] if roles else Credentials().account
        if (allowed and account not in allowed) or account in forbidden:
            return f"AWS account ID not allowed: {account}"
        return ""


def _decoded(inputs: Inputs) -> dict[str, Any]:
    """A provider's settings arrive as texts of JSON wherever they are no text themselves."""

    def decoded(value: Any) -> Any:
        if isinstance(value, str) and value[:1] in {"{", "["}:
            return json.loads(value)
        return {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value

    return {key: decoded(value) for key, value in inputs.items()}


def _nearest(region: str, regions: frozenset[str]) -> str:
    return f"; {near(region, sorted(regions)).strip()}" if near(region, sorted(regions)) else ""


def _region(settings: Inputs) -> str:
    region = settings.get("region") or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or ""
    return str(region)
