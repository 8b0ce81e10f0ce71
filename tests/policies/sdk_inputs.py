"""The inputs of every type of the installed pulumi_aws, also those within others, read from its sources."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.metadata import distribution
from pathlib import Path
from typing import NamedTuple

_TOKEN = re.compile(r"super\(\w+, __self__\)\.__init__\(\s*'(aws:[^']+)'")
_INPUT = re.compile(r"^ +(\w+): (?:NotRequired\[)?pulumi\.Input\[(.*?)\](?: = None,)?$", re.MULTILINE)
_CLASS = re.compile(r"^class (\w+)", re.MULTILINE)
_NESTED = re.compile(r"'(\w+ArgsDict)'")

Inputs = Mapping[str, str]
"""Of a class: names as Python has them, and their types."""


class Input(NamedTuple):
    """`path` is in Pulumi's names, `name` the last of them as Python has it, `kind` its type there."""

    path: str
    name: str
    kind: str

    @property
    def whole(self) -> bool:
        """Whether it has no inputs within."""
        return not _NESTED.search(self.kind)


@cache
def sdk_inputs() -> Mapping[str, Sequence[Input]]:
    """By the type's token."""
    package = distribution("pulumi_aws")
    modules = [path for path in package.files or () if path.suffix == ".py"]
    sources = {path: Path(str(package.locate_file(path))).read_text(encoding="utf-8") for path in modules}
    nested = {path.parent: _classes(source) for path, source in sources.items() if path.name == "_inputs.py"}
    found: dict[str, Sequence[Input]] = {}
    for path, source in sources.items():
        if token := _TOKEN.search(source):
            own = dict(_INPUT.findall(source.partition("def _internal_init")[2].partition("__props__=None")[0]))
            found[token[1]] = [*_inputs(own, nested.get(path.parent, {}))]
    return found


def _classes(source: str) -> Mapping[str, Inputs]:
    _, *parts = _CLASS.split(source)
    return {name: dict(_INPUT.findall(body)) for name, body in zip(parts[::2], parts[1::2], strict=True)}


def _inputs(own: Inputs, nested: Mapping[str, Inputs]) -> Iterator[Input]:
    """Breadth first, each class once: some stand in themselves."""
    seen, queue = set[str](), [("", own)]
    for above, fields in queue:
        for name, kind in fields.items():
            path = above + re.sub("_(.)", lambda letter: letter[1].upper(), name)
            yield Input(path, name, kind)
            new = set(_NESTED.findall(kind)) & nested.keys() - seen
            seen |= new
            queue += [(f"{path}.", nested[each]) for each in sorted(new)]
