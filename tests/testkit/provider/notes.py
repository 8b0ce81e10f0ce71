"""A cloud of notes: the smallest package that has everything the protocol asks for."""

from __future__ import annotations

import itertools
from typing import Any

from mlgate.errors import UsageError
from mlgate_testkit.provider.provider import Difference, Failure, ProviderError, Resource, Run, State, Unhealthy, compare
from mlgate_testkit.provider.values import UNKNOWN, Secret

NOTE = "note:index:Note"
COUNT = "note:index:count"


class Notes:
    """One configuration: notes of one shelf."""

    def __init__(self, shelf: str, kept: dict[str, dict[str, Any]], numbers: itertools.count[int]) -> None:
        self._shelf = shelf
        self._kept = kept
        self._numbers = numbers

    def check(self, _resource: Resource, _olds: dict[str, Any], news: dict[str, Any], _seed: bytes) -> tuple[dict[str, Any], list[Failure]]:
        failures = [] if "text" in news else [Failure("text", "a note has a text")]
        failures += [Failure(f"pages[{at}].lines", "has none") for at, page in enumerate(news.get("pages", ())) if not page["lines"]]
        return {"colour": "yellow", **news}, failures

    def diff(self, _resource: Resource, old: State, news: dict[str, Any]) -> Difference:
        changed = compare(old.inputs, news)
        return Difference(changed, frozenset(path for path in changed if path.startswith("colour")))

    def create(self, _resource: Resource, inputs: dict[str, Any], run: Run) -> tuple[str, dict[str, Any]]:
        if run.preview:
            return "", {**inputs, "number": UNKNOWN}
        if inputs["text"] == "forbidden":
            raise ProviderError("a note must not say 'forbidden'")
        number = next(self._numbers)
        outputs = {**inputs, "number": number, "shelf": self._shelf}
        self._kept[str(number)] = outputs
        if inputs["text"] == "crooked":
            raise Unhealthy(str(number), outputs, inputs, ["it hangs crooked"])
        run.warn(f"note {number} hangs")
        return str(number), {**outputs, "seal": Secret(f"seal of {number}")}

    def read(self, _resource: Resource, resource_id: str, known: State | None) -> State | None:
        kept = self._kept.get(resource_id)
        if kept is None:
            return None
        return State(resource_id, known.inputs if known else {key: kept[key] for key in ("text", "colour")}, kept)

    def update(self, _resource: Resource, old: State, news: dict[str, Any], run: Run) -> dict[str, Any]:
        outputs = {**old.outputs, **news}
        if not run.preview:
            self._kept[old.id] = outputs
        return outputs

    def delete(self, _resource: Resource, old: State, _run: Run) -> None:
        self._kept.pop(old.id, None)

    def invoke(self, token: str, arguments: dict[str, Any], *, preview: bool) -> dict[str, Any]:
        if token != COUNT:
            raise ProviderError(f"{token} is no function of note")
        return {"count": len(self._kept), "preview": preview, **arguments}


class NotePackage:
    """Serves "note"."""

    name = "note"
    version = "1.2.3"

    def __init__(self) -> None:
        self._kept: dict[str, dict[str, Any]] = {}
        self._numbers = itertools.count(1)

    def check_config(self, inputs: dict[str, Any]) -> list[Failure]:
        return [Failure("shelf", "no such shelf")] if inputs.get("shelf") == "attic" else []

    def configure(self, inputs: dict[str, Any]) -> Notes:
        return Notes(inputs.get("shelf", "floor"), self._kept, self._numbers)

    def require_known(self, _operation: str, token: str) -> None:
        if token not in {NOTE, COUNT}:
            raise UsageError(f"note has no type {token}", remedy=f"order one of {NOTE}")

    def unmet(self) -> list[str]:
        return ["a note on order"]

    def kept(self) -> list[str]:
        """The identities of all notes."""
        return sorted(self._kept)

    def shelve(self, shelf: str) -> str:
        raise ValueError(f"{shelf} is full")
