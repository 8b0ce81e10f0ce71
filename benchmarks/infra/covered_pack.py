"""A plugin of pytest: the policy pack that tests with the engine run is counted as well, though it runs in an environment of its own.

`-p benchmarks.infra.covered_pack`, with the folder for what is counted in MLGATE_BENCH_COVERED. The engine kills a pack when it is done
with it, so what was counted is written all the while.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import coverage
import pytest

FOLDER = "MLGATE_BENCH_COVERED"
DATA = "pack-data"
"""What the names of its files begin with, one for each pack."""
_LAUNCHER = """\
#!{python}
from pathlib import Path
from mlgate_tools import policies
policies._pack = lambda: Path({folder!r})
policies.run_pack()
"""
_START = """\
import sys, threading, time
sys.path.insert(0, {packages!r})
import coverage
counting = coverage.Coverage(data_file={data!r}, data_suffix=True, branch=True, config_file=False, source_pkgs=["mlgate_policies"])
counting.start()

def write():
    while True:
        time.sleep(0.2)
        counting.save()

threading.Thread(target=write, daemon=True).start()
with open({start!r}) as file:
    exec(compile(file.read(), {start!r}, "exec"))
"""


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests() -> None:
    """Before any of the tests' modules takes the pack's function."""
    from mlgate_tools import policies

    policies.ensure_policies = counted(policies.ensure_policies, Path(os.environ[FOLDER]))


def counted(ensure: Callable[..., Any], folder: Path) -> Callable[..., Any]:
    """`ensure_policies`, whose pack is counted into `folder`."""

    def ensure_counted(progress: Any) -> Any:
        tool = ensure(progress)
        pack, packages = folder / "pack", folder / "packages"
        shutil.copytree(tool.path.parent, pack, dirs_exist_ok=True)
        packages.mkdir(exist_ok=True)
        (packages / "coverage").unlink(missing_ok=True)
        (packages / "coverage").symlink_to(Path(coverage.__file__).parent)  # of the packages here no other
        launcher = pack / tool.path.name
        launcher.write_text(_LAUNCHER.format(python=sys.executable, folder=str(pack)), encoding="utf-8")
        said = {"packages": str(packages), "data": str(folder / DATA), "start": str(tool.path.parent / "start.py")}
        (pack / "start.py").write_text(_START.format(**said), encoding="utf-8")
        return replace(tool, path=launcher)

    return ensure_counted
