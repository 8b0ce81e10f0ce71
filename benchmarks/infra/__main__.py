"""Speed and proof of the platform on AWS: `make bench-infra`. Writes benchmarks/results/infra.json; README.md says what each part measures.

Example: python -m benchmarks.infra --again previews cost
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial

from benchmarks.harness import Benchmark, Options, Part, read_options
from benchmarks.infra import cost, covered, imports, kills, previews, resolution, suites
from benchmarks.provenance import Origin

PACKAGES = ("mlgate", "pulumi", "pulumi-aws", "pulumi-kubernetes", "kubernetes", "moto", "boto3", "pydantic", "coverage", "pytest")
PREVIEWS, KILLS = "previews", "kills"
PARTS = {
    "imports": Part(imports.measure),
    "resolution": Part(resolution.measure),
    "cost": Part(cost.measure),
    PREVIEWS: Part(previews.measure),
    "unit-tests": Part(suites.measure_units),
    "coverage": Part(covered.measure),
    "engine-tests": Part(suites.measure_engine, long=True),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures what the results do not have yet; returns the exit code."""
    options = read_options((__doc__ or "").splitlines()[0], [*PARTS, KILLS], arguments)
    origin = partial(Origin.now, PACKAGES)
    return Benchmark("infra", options, origin).run(parts_of(options, origin))


def parts_of(options: Options, origin: Callable[[], Origin]) -> dict[str, Part]:
    """Everything that is measured; the kills last, since they keep a record of their own and go on in the midst."""
    once = {PREVIEWS: Part(partial(previews.measure, 1))} if options.short else {}
    measure = partial(kills.measure, origin, anew=KILLS in options.again)
    return {**PARTS, **once, KILLS: Part(measure, long=True)}


if __name__ == "__main__":
    sys.exit(main())
