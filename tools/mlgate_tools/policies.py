"""The environment of the policy pack: packages in the per-user cache, apart from those that mlgate itself runs with.

Pulumi's SDK for policies pins another protobuf than the rest can do with, so the pack runs with packages of its own, and takes the rules
from where mlgate is installed. The interpreter is the same one: packages with compiled parts are for its version, which the slot names.
"""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path

from mlgate.digests import digest_file, short
from mlgate.environment import cache_folder
from mlgate_tools.cache import Slot, find_installed, install
from mlgate_tools.packages import into, package_client, package_folder
from mlgate_tools.process import regularly, run_streaming
from mlgate_tools.tool import Progress, Tool, platform_name

REQUIREMENTS = Path(__file__).parent / "modules" / "policies.txt"
REMEDY = "run `python -m mlgate_tools policies` in the environment in which mlgate is installed"
_PACKAGES = ("mlgate", "mlgate_evidence", "mlgate_policies")
"""What of ours runs in there; `lint-imports` holds that these need nothing else of ours."""


def ensure_policies(progress: Progress) -> Tool:
    """The policy pack, ready to run: `path` is what `pulumi up --policy-pack` is given. Seconds, and at once when it is there.

    Raises ToolError where the packages cannot be had.
    """
    slot = _slot()
    installed = install(slot, partial(_get, progress=progress), progress)
    return Tool(name="policies", path=_pack() / "mlgate-policies", version=slot.version, source=installed.told)


def run_pack() -> None:
    """Puts the pack in the place of this process, isolated from what is installed around it. Leaves with a remedy where it cannot."""
    slot = _slot()
    if find_installed(slot) is None:
        sys.exit(f"{slot.folder}: the environment of the policy pack is not there, or not whole\n  -> {REMEDY}")
    places = [f"{name}={package_folder(name)}" for name in _PACKAGES]
    # Compiled files go into the cache, so that nothing is written beside packages that others run from. Unbuffered, since the engine waits
    # for a port that pulumi_policy writes and does not flush.
    isolated = [sys.executable, "-I", "-S", "-u", "-X", f"pycache_prefix={cache_folder() / 'bytecode'}"]
    os.execv(sys.executable, [*isolated, str(_pack() / "start.py"), str(slot.folder), *places])  # noqa: S606 - no shell is what is wanted


def _slot() -> Slot:
    # Another lock is another environment: a pack that still runs keeps its own.
    version = f"{short(digest_file(REQUIREMENTS))}-{sys.implementation.cache_tag}"
    return Slot(name="policies", version=version, platform=platform_name(), root=cache_folder() / "tools")


def _get(folder: Path, _workspace: Path, *, progress: Progress) -> str:
    progress("policies: getting the packages of the policy pack (80 MB)")
    run_streaming(
        [*package_client("the packages of the policy pack", REMEDY), *into(folder, REQUIREMENTS)],
        folder=folder,
        environment=os.environ,
        on_line=lambda _line: None,
        on_tick=regularly(lambda so_far_s: progress(f"policies: getting the packages, {so_far_s:.0f} s")),
        remedy=f"see what the package client says; then {REMEDY}",
    )
    return "packages by hash"


def _pack() -> Path:
    return package_folder("mlgate_policies") / "pack"
