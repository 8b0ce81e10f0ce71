"""Where an environment on AWS keeps Pulumi's state: a bucket of its own, secrets under a key of its own, both in its own account."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from mlgate.platform import Platform
from mlgate.platform_files import Source
from mlgate.platform_state import state_bucket, state_key_alias
from mlgate_tools.pulumi import NO_PLUGINS, engine_environment

__all__ = ["RemoteState"]

_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")  # as AWS's SDKs read them: a service's own first


@dataclass(frozen=True, slots=True)
class RemoteState:
    """The state of the environment `name`: what its parts are called, and the variables under which `pulumi` finds them.

    `source`: where the environment's values stand.
    """

    name: str
    platform: Platform
    source: Source

    @property
    def bucket(self) -> str:
        """The bucket of the state."""
        return state_bucket(self.name, self.platform.account)

    @property
    def alias(self) -> str:
        """The alias of the key that encrypts it, and the secrets in it."""
        return state_key_alias(self.name)

    @property
    def backend(self) -> str:
        """Pulumi's URL of the state. Storage that speaks S3 elsewhere is named as AWS's own tools are told: AWS_ENDPOINT_URL."""
        settings = {"region": self.platform.region}
        if endpoint := next((os.environ[name] for name in _ENDPOINTS if os.environ.get(name)), None):
            settings |= {"endpoint": endpoint, "s3ForcePathStyle": "true"}
        return f"s3://{self.bucket}?{urlencode(settings)}"

    @property
    def secrets_provider(self) -> str:
        """Pulumi's URL of the key."""
        return f"awskms://{self.alias}?{urlencode({'region': self.platform.region})}"

    def exports(self) -> Mapping[str, str]:
        """What a shell must export for `pulumi up` to work on this environment and no other. Raises ToolError without an engine."""
        engine = dict(engine_environment())
        del engine[NO_PLUGINS]  # a local stack needs none; AWS's and Kubernetes' providers are for the engine to fetch
        return {
            **engine,
            "AWS_REGION": self.platform.region,
            "PULUMI_BACKEND_URL": self.backend,
            "PULUMI_PYTHON_CMD": sys.executable,
            "PULUMI_STACK": self.name,
        }

    def init_command(self) -> str:
        """What makes the stack, once; it writes the encryption lines into the stack's file, which belong into version control."""
        return f"pulumi stack init {shlex.quote(self.name)} --secrets-provider={shlex.quote(self.secrets_provider)}"
