"""What a program pays for `mlgate_components.aws` before it makes anything, over Pulumi and the two SDKs that it is made of."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from benchmarks.harness import Row, median_row

GOAL = 1.2
_TIMED = "import time\nbegin = time.perf_counter()\n{}\nprint(time.perf_counter() - begin)"
_OURS = "import mlgate_components.aws"
_THEIRS = "import pulumi, pulumi_aws, pulumi_kubernetes"
_ALL_OF_OURS = f"{_OURS} as area\nfor name in area.__all__: getattr(area, name)"
_LOADED = f"""{_ALL_OF_OURS}
import json, sys
print(json.dumps([name for name in sys.modules if name.partition(".")[0] in ("pulumi_aws", "pulumi_kubernetes")]))"""


def measure(times: int = 9) -> list[Row]:
    """`times` fresh interpreters of each in turn, after one that does not count.

    The import is lazy, so the second figure is what a program that uses all of it pays: every name asked for, over the same modules.
    """
    same = f"{_THEIRS}\nimport importlib\nfor name in {_said(_LOADED)!r}: importlib.import_module(name)"
    programs = {"ours": _OURS, "theirs": _THEIRS, "all of ours": _ALL_OF_OURS, "the same": same}
    taken: dict[str, list[float]] = {name: [] for name in programs}
    for number in range(-1, times):
        for name, program in programs.items():
            seconds = _said(_TIMED.format(program))
            if number >= 0:
                taken[name].append(seconds)
    first = [one / other for one, other in zip(taken["ours"], taken["theirs"], strict=True)]
    whole = [one / other for one, other in zip(taken["all of ours"], taken["the same"], strict=True)]
    how = "fresh interpreters in turn, without their start"
    return [
        median_row(f"{_OURS}, over {_THEIRS}", first, "x", goal=GOAL, reference=f"{how}; nothing is loaded before it is asked for"),
        median_row("every name of it asked for, over the same modules of the SDKs", whole, "x", reference=how),
        *(median_row(f"import: {name}", taken[name], "s") for name in taken),
    ]


def _said(program: str) -> Any:
    """What a fresh interpreter prints, as JSON."""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", program], check=True, capture_output=True, text=True)
    return json.loads(done.stdout)
