"""Speed and size of the testkit: `make bench-testkit`. Writes benchmarks/results/testkit.json; README.md says what each part measures.

Example: python benchmarks/testkit/run.py --bare
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # harness.py

import cluster
import engine
import record
from harness import Benchmark, Row, say

PACKAGES = ("mlgate", "pulumi", "pulumi-aws", "pulumi-kubernetes", "kubernetes", "moto", "boto3", "grpcio")


def main() -> int:
    """Measures what the results do not have yet. 1 where a part could not be measured, 130 where it was interrupted."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--again", action="store_true", help="forget the results and measure everything anew")
    parser.add_argument("--bare", action="store_true", help="also the control plane built from an empty cache: about 20 minutes")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    parts: dict[str, Callable[[], list[Row]]] = {
        "record": record.measure,
        "engine": engine.measure,
        "control plane": cluster.measure_ready,
        "scheduling": cluster.measure_scheduling,
    }
    if options.bare:
        parts["tools"] = cluster.measure_tools
    benchmark = Benchmark("testkit", PACKAGES)
    status = 0
    try:
        benchmark.run(parts)
    except KeyboardInterrupt:
        say("interrupted; the same command goes on from here")
        status = 130
    benchmark.close()
    return status or (1 if benchmark.missed else 0)


if __name__ == "__main__":
    sys.exit(main())
