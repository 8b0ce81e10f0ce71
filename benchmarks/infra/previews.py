"""A preview of prod, over a bare program that registers the same objects: what components, plans and checks add."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

from benchmarks.harness import NotRunError, Row, median_row, say
from benchmarks.infra.bare import objects, write_program
from benchmarks.infra.environments import LOOKED_UP, STATE_KEY, prod
from benchmarks.infra.stand import Stand, open_stand
from benchmarks.provenance import PROJECT
from mlgate_testkit.engine import Changes, Stack
from mlgate_testkit.record import Graph, record

SERVICES = (1, 10, 100)
GOAL = 1.5
_STACK = "prod"
Objects = set[tuple[str, str, frozenset[str]]]


def measure(times: int = 5) -> list[Row]:
    """`times` of each size and program in turn, after one that does not count; of stacks that hold nothing yet.

    Raises NotRunError where the two programs do not ask for the same objects.
    """
    with open_stand() as stand:
        key = stand.make_state_key(_STACK)
        graphs = {services: recorded(services, stand.kubeconfig(), key) for services in SERVICES}
        ours = {services: stand.prod(services) for services in SERVICES}
        bare = {services: _bare(stand, graph, stand.folder_of("bare")) for services, graph in graphs.items()}
        taken: dict[str, dict[int, list[float]]] = {kind: {services: [] for services in SERVICES} for kind in ("ours", "bare")}
        for number in range(-1, times):
            for services in SERVICES:
                seconds, asked = _previewed(ours[services])
                others, same = _previewed(bare[services])
                require_same(asked, same, len(objects(graphs[services])))
                say(f"preview {number + 1} of {times}, {services} services: {seconds:.2f} s, bare {others:.2f} s")
                if number >= 0:
                    taken["ours"][services].append(seconds)
                    taken["bare"][services].append(others)
    counts = {services: (len(graph.resources), len(objects(graph))) for services, graph in graphs.items()}
    return rows_of(taken["ours"], taken["bare"], counts)


def rows_of(ours: dict[int, list[float]], bare: dict[int, list[float]], counts: dict[int, tuple[int, int]]) -> list[Row]:
    """By number of services the seconds of either program, in turn, and how many resources and objects they are."""
    rows, times = [], len(next(iter(ours.values())))
    for services, taken in ours.items():
        name = f"preview of prod with {services} service{'s' if services > 1 else ''}"
        resources, made = counts[services]
        said = f"{made} objects, in {resources - made} components; {times} of each in turn"
        rows += [
            median_row(f"{name}, over the bare program", _ratios(taken, bare[services]), "x", goal=GOAL, reference=said),
            median_row(name, taken, "s"),
            median_row(f"{name}: the bare program", bare[services], "s"),
        ]
    few, many = min(ours), max(ours)
    added = {"ours": _added(ours, few, many), "bare": _added(bare, few, many)}
    each = (counts[many][1] - counts[few][1]) / (many - few)
    said = f"what {many - few} more services add, by {each:g} objects each"
    return [
        *rows,
        median_row("preview per added service, over the bare program", _ratios(**added), "x", goal=GOAL, reference=said),
        median_row("preview per added service", [one * 1e3 for one in added["ours"]], "ms"),
        median_row("preview per added service: the bare program", [one * 1e3 for one in added["bare"]], "ms"),
    ]


def _ratios(ours: Sequence[float], bare: Sequence[float]) -> list[float]:
    return [one / other for one, other in zip(ours, bare, strict=True)]


def _added(taken: dict[int, list[float]], few: int, many: int) -> list[float]:
    """Seconds a service, of each round."""
    return [(large - small) / (many - few) for small, large in zip(taken[few], taken[many], strict=True)]


def recorded(services: int, kubeconfig: str = "{}", state_key: str = STATE_KEY) -> Graph:
    """Prod with that number of services, as in a preview."""
    answers = {**LOOKED_UP, "aws:kms/getAlias:getAlias": {"targetKeyArn": state_key}}
    config = {"platform": prod(services)}
    return record(PROJECT, stack=_STACK, config=config, secrets={"kubeconfig": kubeconfig}, invokes=answers, preview=True)


def _bare(stand: Stand, graph: Graph, folder: Path) -> Stack:
    # As ours, no provider that the program does not declare.
    return stand.stack(_STACK, write_program(graph, folder), {"pulumi:disable-default-providers": ["aws", "kubernetes"]})


def _previewed(stack: Stack) -> tuple[float, Objects]:
    """By a Python that is started, as a user's is: one of another hash seed than the testkit's waiting one is not forked from that."""
    with patch.dict(os.environ, PYTHONHASHSEED="0"):
        begin = time.perf_counter()
        changes = stack.preview()
        return time.perf_counter() - begin, _asked(changes)


def _asked(changes: Changes) -> Objects:
    """The objects that would be made: type, name and which inputs each is given. Names that providers make up differ by design."""
    made = [step for step in changes.created() if step.type.startswith(("aws:", "kubernetes:", "pulumi:providers:"))]
    return {(step.type, step.name, frozenset(_leaves(step.new_inputs))) for step in made}


def _leaves(value: Any, path: str = "") -> list[str]:
    if isinstance(value, dict):
        return [leaf for key, member in value.items() for leaf in _leaves(member, f"{path}.{key}")]
    return [path]


def require_same(ours: Objects, bare: Objects, count: int) -> None:
    """Raises NotRunError where they differ, or are not all."""
    if ours != bare:
        differing = sorted({(kind, name) for kind, name, _ in ours ^ bare})[:5]
        raise NotRunError(f"the bare program does not ask for the same objects: {differing}")
    if len(ours) != count:
        raise NotRunError(f"{len(ours)} objects were previewed, and the program registers {count}")
