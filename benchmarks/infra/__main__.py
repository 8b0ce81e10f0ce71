"""Speed and proof of the platform on AWS: `make bench-infra`. Writes benchmarks/results/infra.json; README.md says what each part measures.

Example: python -m benchmarks.infra --again previews cost
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial

from benchmarks.harness import Benchmark, Options, Part, Row, read_options
from benchmarks.infra import cost, covered, imports, kills, mutants, previews, resolution, suites
from benchmarks.provenance import Origin

PACKAGES = ("mlgate", "pulumi", "pulumi-aws", "pulumi-kubernetes", "kubernetes", "moto", "boto3", "pydantic", "coverage", "pytest")
PREVIEWS, MUTANTS, KILLS = "previews", "mutants", "kills"
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
    options = read_options((__doc__ or "").splitlines()[0], [*PARTS, MUTANTS, KILLS], arguments)
    origin = partial(Origin.now, PACKAGES)
    return Benchmark("infra", options, origin).run(parts_of(options, origin))


def parts_of(options: Options, origin: Callable[[], Origin]) -> dict[str, Part]:
    """Everything that is measured; last what keeps a record of its own and goes on in the midst."""
    once = {PREVIEWS: Part(partial(previews.measure, 1))} if options.short else {}

    def recorded(name: str, measure: Callable[..., list[Row]]) -> Part:
        return Part(partial(measure, origin, anew=name in options.again), long=True)

    return {**PARTS, **once, MUTANTS: recorded(MUTANTS, mutants.measure), KILLS: recorded(KILLS, kills.measure)}


if __name__ == "__main__":
    sys.exit(main())
