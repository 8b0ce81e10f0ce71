"""Each environment's state as an earlier version of this project made it, of which an upgrade must not replace what holds data.

The next ones are written by `git worktree add OLD COMMIT` and `python -m tests.stacks.upgrades OLD`: with program and packages of OLD,
the real engine, simulated AWS and a real API server. No secret's value is in it: whoever takes the state gives one.
"""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.components.aws.gpu.definitions import define
from tests.stacks.platforms import ENVIRONMENTS, prepare, values

FIXTURES = Path(__file__).with_name("fixtures")
_SECRET = "4dabf18193072939515e22adb298388d"  # noqa: S105 - the engine's mark of one, sdk/go/common/resource
_VOLATILE = ("created", "modified", "time")


def states() -> list[Path]:
    """The states that are kept, one of each environment for each version."""
    found = sorted(FIXTURES.glob("*.json.gz"))
    assert found, "an upgrade from nothing takes nothing"
    return found


def environment_of(path: Path) -> str:
    """Whose state it is."""
    return path.name.partition("-")[0]


def read(path: Path, secret: str, *, signing_key: str) -> dict[str, Any]:
    """A state as the engine imports it, with `secret` for every secret value, and the id of another signing key for that of its own."""
    text = gzip.decompress(path.read_bytes()).decode()
    resources = json.loads(text)["deployment"]["resources"]
    (own,) = [found["id"] for found in resources if found["urn"].endswith("aws:kms/key:Key::evidence-signing")]
    state: dict[str, Any] = json.loads(text.replace(own, signing_key), object_hook=lambda found: _with_secret(found, json.dumps(secret)))
    return state


def _with_secret(found: dict[str, Any], value: str) -> dict[str, Any]:
    return {_SECRET: found[_SECRET], "plaintext": value} if _SECRET in found else found


def _without_secret(found: dict[str, Any]) -> dict[str, Any]:
    """Neither values nor when it was: what is left is the same for one program, whoever runs it."""
    return {_SECRET: found[_SECRET]} if _SECRET in found else {key: value for key, value in found.items() if key not in _VOLATILE}


def _export(old: Path, environment: str) -> dict[str, Any]:
    """Its state after `up` of that checkout's program."""
    from mlgate_testkit.cluster import Cluster
    from mlgate_testkit.engine import Engine, Simulated, Stacks, no_clouds

    folder = Path(tempfile.mkdtemp())
    engine = Engine(folder / "home")
    aws = Simulated("aws", "mlgate_testkit.engine.packages:aws", no_clouds(folder))
    kubernetes = Simulated("kubernetes", "mlgate_testkit.engine.packages:kubernetes", no_clouds(folder))
    try:
        with Cluster() as cluster:
            define(cluster)
            kubernetes.use(kubeconfig=str(cluster.kubeconfig), throwaway=True)
            prepare(aws, environment)
            secrets = {"mlgate:kubeconfig": cluster.kubeconfig.read_text(encoding="utf-8")}
            # Its own packages come first on the way of whoever runs its program.
            os.environ["PYTHONPATH"] = os.pathsep.join(str(path) for path in (old / "core", old / "components"))
            config = {"mlgate:platform": values(environment, old)}
            made = Stacks(engine, folder, [aws, kubernetes])(environment, program=old, config=config, secrets=secrets)
            made.up()
            return made.export()
    finally:
        os.environ.pop("PYTHONPATH", None)
        for process in (aws, kubernetes, engine):
            process.close()


def main(old: Path) -> None:
    """Writes the states that the checkout `old` makes."""
    commit = subprocess.run(
        ["git", "-C", str(old), "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True
    ).stdout.strip()
    date = subprocess.run(["git", "-C", str(old), "log", "-1", "--format=%cs"], capture_output=True, text=True, check=True).stdout.strip()
    for environment in ENVIRONMENTS:
        state = json.loads(json.dumps(_export(old, environment)), object_hook=_without_secret)
        path = FIXTURES / f"{environment}-{date}-{commit}.json.gz"
        path.write_bytes(gzip.compress(json.dumps(state, sort_keys=True, separators=(",", ":")).encode(), mtime=0))
        sys.stdout.write(f"{path.name}: {path.stat().st_size} bytes, {len(state['deployment']['resources'])} resources\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
