"""Speed and size of the testkit: `make bench-testkit`. Writes benchmarks/results/testkit.json; README.md says what each part measures.

Example: python -m benchmarks.testkit --again scheduling
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial

from benchmarks.harness import Benchmark, Part, read_options
from benchmarks.provenance import Origin
from benchmarks.testkit import cluster, engine, record, standin, tools

PACKAGES = ("mlgate", "pulumi", "pulumi-aws", "pulumi-kubernetes", "kubernetes", "moto", "boto3", "grpcio")
PARTS = {
    "record": Part(record.measure),
    "engine": Part(engine.measure),
    "stand-in": Part(standin.measure),
    "control-plane": Part(cluster.measure_ready),
    "extensions": Part(cluster.measure_extensions),
    "scheduling": Part(cluster.measure_scheduling),
    "tools": Part(tools.measure, long=True),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures what the results do not have yet; returns the exit code."""
    options = read_options((__doc__ or "").splitlines()[0], [*PARTS], arguments)
    return Benchmark("testkit", options, partial(Origin.now, PACKAGES)).run(PARTS)


if __name__ == "__main__":
    sys.exit(main())
