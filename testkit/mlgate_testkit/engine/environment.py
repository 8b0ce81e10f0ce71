"""The environment of an engine under test: its own home and state, nothing of the user's cloud.

Credentials are taken away by name and replaced by fakes, and the files that hold others are named where there are none: a test that asks
for no simulated provider must fail, and not reach an account.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

MARKER = "MLGATE_TESTKIT"
"""The variable that every process of a test carries: whose it is (`owner`) and which workspace it works on."""

REGION = "us-east-1"
_FOREIGN = ("ALIBABA_", "ARM_", "AWS_", "AZURE_", "CLOUDSDK_", "DIGITALOCEAN_", "GCLOUD_", "GOOGLE_", "KUBE", "PULUMI_", "VAULT_")


def engine_environment(
    base: Mapping[str, str],
    *,
    home: Path,
    state: Path,
    providers: Mapping[str, int],
    marker: str,
    inherited: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """The whole environment of one engine.

    `base`: what finds the engine (`mlgate_tools.pulumi.engine_environment`). `providers`: the ports of attached providers by name.
    `inherited`: the caller's own variables, `os.environ` where none are given.
    """
    given = os.environ if inherited is None else inherited
    kept = {name: value for name, value in given.items() if not name.startswith(_FOREIGN)}
    attached = ",".join(f"{name}:{port}" for name, port in sorted(providers.items()))
    return {
        **kept,
        **base,
        **no_clouds(home),
        "PULUMI_HOME": str(home),
        "PULUMI_BACKEND_URL": state.as_uri(),
        "PULUMI_CONFIG_PASSPHRASE": "mlgate-testkit",  # of a state that ends with the test
        "PULUMI_PYTHON_CMD": sys.executable,
        "PULUMI_DEBUG_COMMANDS": "true",  # --event-log is hidden without
        "PULUMI_SKIP_CONFIRMATIONS": "true",
        **({"PULUMI_DEBUG_PROVIDERS": attached} if attached else {}),
        MARKER: marker,
    }


@contextmanager
def clouds_hidden() -> Iterator[None]:
    """Takes the user's clouds out of this process's own environment, for a child that inherits it."""
    hidden = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith(_FOREIGN)}
    try:
        yield
    finally:
        os.environ.update(hidden)


def no_clouds(home: Path) -> dict[str, str]:
    """Fake credentials, and places where there are none. `home`: a folder of the test's."""
    nowhere = home / "no-credentials"
    return {
        "AWS_ACCESS_KEY_ID": "AKIATESTKIT000000000",
        "AWS_SECRET_ACCESS_KEY": "testkit",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": str(nowhere / "aws-config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(nowhere / "aws-credentials"),
        "AZURE_CONFIG_DIR": str(nowhere / "azure"),
        "CLOUDSDK_CONFIG": str(nowhere / "gcloud"),
        "KUBECONFIG": str(nowhere / "kubeconfig"),
    }
