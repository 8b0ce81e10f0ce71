"""A simulated cloud of the tests, as its process takes it: boxes that are only in memory."""

from __future__ import annotations

import itertools
import os
import sys
from typing import Any

from mlgate_testkit.engine import Tracked
from mlgate_testkit.provider.provider import Difference, Failure, Resource, Run, State, compare
from mlgate_testkit.provider.values import UNKNOWN


class Cloud:
    """Serves "box"; `label` forces a new one."""

    name = "box"
    version = "1.0.0"

    def __init__(self) -> None:
        self._kept: dict[str, dict[str, Any]] = {}
        self._numbers = itertools.count(1)

    def reset(self) -> None:
        self._kept.clear()
        self._numbers = itertools.count(1)

    def lose(self, box: str) -> None:
        """Somebody removes a box by hand."""
        del self._kept[box]

    def crash(self) -> None:
        """A bug of the provider's."""
        sys.stderr.write("out of boxes")
        sys.stderr.flush()
        os._exit(3)

    def check_config(self, _inputs: dict[str, Any]) -> list[Failure]:
        return []

    def configure(self, _inputs: dict[str, Any]) -> Cloud:
        return self

    def check(self, _resource: Resource, _olds: dict[str, Any], news: dict[str, Any], _seed: bytes) -> tuple[dict[str, Any], list[Failure]]:
        return news, []

    def diff(self, _resource: Resource, old: State, news: dict[str, Any]) -> Difference:
        changed = compare(old.inputs, news)
        return Difference(changed, frozenset(path for path in changed if path == "label"))

    def create(self, _resource: Resource, inputs: dict[str, Any], run: Run) -> tuple[str, dict[str, Any]]:
        if run.preview:
            return "", {**inputs, "number": UNKNOWN}
        number = next(self._numbers)
        self._kept[f"box-{number}"] = inputs
        return f"box-{number}", {**inputs, "number": number}

    def read(self, _resource: Resource, resource_id: str, known: State | None) -> State | None:
        kept = self._kept.get(resource_id)
        return None if kept is None else State(resource_id, kept, {**(known.outputs if known else {}), **kept})

    def update(self, _resource: Resource, old: State, news: dict[str, Any], run: Run) -> dict[str, Any]:
        if not run.preview:
            self._kept[old.id] = news
        return {**old.outputs, **news}

    def delete(self, _resource: Resource, old: State, _run: Run) -> None:
        self._kept.pop(old.id, None)

    def invoke(self, token: str, _arguments: dict[str, Any], *, preview: bool) -> dict[str, Any]:
        raise NotImplementedError(token, preview)


def tracked() -> Tracked:
    """As the process takes it."""
    return Tracked(Cloud())
