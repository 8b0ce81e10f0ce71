"""What a simulated provider costs a preview, object by object, over one that does nothing: the difference that more objects make."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from statistics import median
from typing import Any

from benchmarks.harness import Row, median_row, say
from benchmarks.testkit.workbench import Workbench, created
from mlgate_testkit.engine import Simulated

PER_SERVICE = 5
SERVICES, MORE = 4, 120  # of a small preview, and of a large one besides
GOAL = 1.5


def measure_previews(
    bench: Workbench, what: str, program: Callable[[], Any], provider: Simulated, nothing: Simulated, times: int
) -> list[Row]:
    """`times` of each, after one that does not count; the two providers in turn. `what`: how the rows call the objects."""
    taken = _per_object(bench, program, {"simulated": provider, "nothing": nothing}, times)
    ratios = [one / other for one, other in zip(taken["simulated"], taken["nothing"], strict=True)]
    added = f"what {MORE * PER_SERVICE} more objects add to a preview, in turn"
    return [
        median_row(f"preview per object of {what}, over a provider that does nothing", ratios, "x", goal=GOAL, reference=added),
        median_row(f"preview per object of {what}", [each * 1e3 for each in taken["simulated"]], "ms"),
        median_row(f"preview per object of {what}: the provider that does nothing", [each * 1e3 for each in taken["nothing"]], "ms"),
    ]


def _per_object(bench: Workbench, program: Callable[[], Any], providers: Mapping[str, Simulated], times: int) -> dict[str, list[float]]:
    """Seconds an object, by provider: a large preview less the median small one, of stacks that hold nothing yet."""
    sizes = {"small": SERVICES, "large": SERVICES + MORE}
    taken: dict[tuple[str, str], list[float]] = {(kind, size): [] for size in sizes for kind in providers}
    stacks = {(kind, size): bench.stack(providers[kind], program, sizes[size]) for kind, size in taken}
    for number in range(-1, times):
        for which, stack in stacks.items():
            seconds = created(stack.preview, sizes[which[1]] * PER_SERVICE)
            if number >= 0:
                taken[which].append(seconds)
        told = ", ".join(f"{kind} {size} {each[-1]:.2f} s" for (kind, size), each in taken.items() if each)
        say(f"previews {number + 1} of {times}: {told}")
    objects = MORE * PER_SERVICE
    return {kind: [(large - median(taken[kind, "small"])) / objects for large in taken[kind, "large"]] for kind in providers}
