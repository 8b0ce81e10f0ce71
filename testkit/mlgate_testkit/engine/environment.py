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

from mlgate.environment import cache_folder

MARKER = "MLGATE_TESTKIT"
"""The variable that every process of a test carries: whose it is (`owner`) and which workspace it works on."""

_FOREIGN = ("ALIBABA_", "ARM_", "AWS_", "AZURE_", "CLOUDSDK_", "DIGITALOCEAN_", "GCLOUD_", "GOOGLE_", "KUBE", "PULUMI_", "VAULT_")


def engine_environment(
    base: Mapping[str, str],
    *,
    home: Path,
    state: Path,
    providers: Mapping[str, int],
    marker: str,
    python: Path = Path(sys.executable),
    virtualenv: Path | None = None,
    inherited: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """The whole environment of one engine.

    `base`: what finds the engine (`mlgate_tools.pulumi.engine_environment`). `providers`: the ports of attached providers by name.
    `virtualenv`: where the program runs; where none is given, `python` runs it in the tests' own environment. `inherited`: the caller's
    own variables, `os.environ` where none are given.
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
        "GOGC": "400",  # it ends in seconds, and where much is made collects garbage for 8 % of its time
        "PULUMI_CONFIG_PASSPHRASE": "mlgate-testkit",  # of a state that ends with the test
        **_python(python, virtualenv, base.get("PATH") or kept.get("PATH", os.defpath)),
        **bytecode(),
        "PULUMI_DEBUG_COMMANDS": "true",  # --event-log is hidden without
        "PULUMI_SKIP_CONFIRMATIONS": "true",
        **({"PULUMI_DEBUG_PROVIDERS": attached} if attached else {}),
        MARKER: marker,
    }


def bytecode() -> dict[str, str]:
    """Where the bytecode of a program's modules goes: nothing is written beside them."""
    return {"PYTHONPYCACHEPREFIX": str(cache_folder() / "bytecode")}


def _python(python: Path, virtualenv: Path | None, path: str) -> dict[str, str]:
    """What has a program run there, whether the language host reads `virtualenv` of Pulumi.yaml or, as older ones, does not."""
    if virtualenv is None:
        return {"PULUMI_PYTHON_CMD": str(python)}
    programs = virtualenv / "bin"
    return {
        "PULUMI_PYTHON_CMD": str(programs / "python"),
        "VIRTUAL_ENV": str(virtualenv),
        "PATH": os.pathsep.join([str(programs), path]),
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
    """Fake credentials, and places where there are none. `home`: a folder of the test's.

    No region: a stack names its own, and one that does not must fail here as it would with a real account.
    """
    nowhere = home / "no-credentials"
    return {
        "AWS_ACCESS_KEY_ID": "AKIATESTKIT000000000",
        "AWS_SECRET_ACCESS_KEY": "testkit",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": str(nowhere / "aws-config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(nowhere / "aws-credentials"),
        "AZURE_CONFIG_DIR": str(nowhere / "azure"),
        "CLOUDSDK_CONFIG": str(nowhere / "gcloud"),
        "KUBECONFIG": str(nowhere / "kubeconfig"),
    }
