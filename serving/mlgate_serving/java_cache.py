"""Java's start-up work on TorchServe, done once for each user and version (an ahead-of-time cache, JEP 514).

Of the 1.5 s that Java computes before the first answer, half is loading and linking the same classes again, and the worker's start waits
for most of it. The cache (42 MB) is made from one run without a model; a start without it works the same, only later.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from mlgate.environment import cache_folder
from mlgate.errors import ToolError
from mlgate_serving.ports import free_ports
from mlgate_tools.cache import Slot, install
from mlgate_tools.tool import Progress, platform_name

_FILE = "torchserve.aot"
_LIMIT_S = 180.0
_KEPT = 3


def java_cache(java: Path, version: str, options: Sequence[str], jar: Path, progress: Progress) -> Path | None:
    """The cache for this Java with these options and TorchServe's jar, made if it is not there; None where it cannot be made."""
    state = jar.stat()
    key = hashlib.sha256(repr((str(java), *options, str(jar), state.st_size, state.st_mtime_ns)).encode()).hexdigest()[:12]
    slot = Slot("torchserve-start", f"{version}-{key}", platform_name(), cache_folder())

    def fill(folder: Path, workspace: Path) -> str:
        progress("preparing Java for faster starts (once, some 10 s)")
        _train([str(java), f"-XX:AOTCacheOutput={folder / _FILE}", *options], jar, workspace)
        if not (folder / _FILE).exists():
            raise ToolError("Java wrote no cache", where=str(folder))
        return "a run without a model"

    try:
        install(slot, fill, progress)
    except ToolError as error:
        progress(f"starts will take longer: {error.problem}")
        return None
    _forget_older(slot)
    return slot.folder / _FILE


def _forget_older(slot: Slot) -> None:
    """Keeps the newest few: every new installation has its own, and a server that runs keeps what it has mapped."""
    folders = sorted((path for path in slot.root.glob(f"{slot.name}-*") if path.is_dir()), key=lambda path: path.stat().st_mtime_ns)
    for folder in folders[:-_KEPT]:
        if folder != slot.folder:
            shutil.rmtree(folder, ignore_errors=True)


def _train(command: list[str], jar: Path, workspace: Path) -> None:
    """One TorchServe without a model; Java writes the cache when it ends.

    It ends by itself, since two of its addresses are the same: whoever kills this process leaves no server behind.
    """
    inference, twice, *grpc = free_ports(4)
    config = workspace / "config.properties"
    config.write_text(
        f"inference_address=http://127.0.0.1:{inference}\n"
        f"management_address=http://127.0.0.1:{twice}\n"
        f"metrics_address=http://127.0.0.1:{twice}\n"
        f"grpc_inference_port={grpc[0]}\n"
        f"grpc_management_port={grpc[1]}\n"
        f"model_store={workspace}\n"
        "disable_token_authorization=true\ndisable_system_metrics=true\nmetrics_mode=prometheus\n",
        encoding="utf-8",
    )
    packages = jar.parent.parent.parent
    whole = [
        *command,
        *(f"-Dmodel_server_home={packages}", f"-Djava.io.tmpdir={workspace}", "-cp", str(jar)),
        *("org.pytorch.serve.ModelServer", "-f", str(config), "-ncs"),
    ]
    try:
        subprocess.run(whole, cwd=workspace, stdin=subprocess.DEVNULL, capture_output=True, timeout=_LIMIT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ToolError(f"the run that prepares Java failed: {error}", where=str(workspace)) from None
