"""Mutants of a module: the module with one thing changed, as mutmut changes things.

mutmut's own runner leaves out whatever is decorated, and with it every dataclass; here its changes alone are taken, over whole modules.
"""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import libcst
import libcst.matchers as match
from mutmut.mutation.mutators import mutation_operators

# What is never run, or says what only people and type checkers read: imports, decorators, asserts (they narrow types), `__all__`, and
# annotations, but for those that pydantic goes by.
_UNREAD = (
    match.Import() | match.ImportFrom() | match.Decorator() | match.Assert() | match.Assign([match.AssignTarget(match.Name("__all__"))])
)
_BY_PYDANTIC = match.Subscript(match.Name("Annotated") | match.Name("Literal"))


@dataclass(frozen=True, slots=True)
class Mutant:
    """A module, by its path from the project's folder, with one change in it.

    `line`: where the change begins. `function`: what it is in, "" outside of all. `change`: the lines that differ, with "- " before those
    that went and "+ " before those that came.
    """

    path: str
    line: int
    function: str
    change: str
    source: str

    @property
    def id(self) -> str:
        """The same for the same change of the same module."""
        return hashlib.sha256(f"{self.path}\0{self.source}".encode()).hexdigest()[:16]


def mutants_of(path: str, source: str) -> list[Mutant]:
    """Every mutant of a module, in its order, each once; what does not compile is none."""
    module = libcst.parse_module(source).deep_clone()  # or one node might stand in two places
    changes = _Changes()
    module.visit(changes)
    found: dict[str, Mutant] = {}
    for node, other, function in changes.found:
        code = libcst.ensure_type(module.deep_replace(node, other), libcst.Module).code
        if code != source and code not in found and _compiles(code):
            line, change = _difference(source, code)
            found[code] = Mutant(path, line, function, change, code)
    return [*found.values()]


class _Changes(libcst.CSTVisitor):
    """Collects each node that can be changed, with what mutmut puts in its place and what it is in."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[libcst.CSTNode, libcst.CSTNode, str]] = []
        self._in: list[str] = []

    def on_visit(self, node: libcst.CSTNode) -> bool:
        if match.matches(node, _UNREAD) or (isinstance(node, libcst.Annotation) and not match.findall(node, _BY_PYDANTIC)):
            return False
        if isinstance(node, libcst.FunctionDef | libcst.ClassDef):
            self._in.append(node.name.value)
        for kind, changed in mutation_operators:
            if isinstance(node, kind):
                self.found += [(node, other, ".".join(self._in)) for other in changed(node)]
        return True

    def on_leave(self, original_node: libcst.CSTNode) -> None:
        if isinstance(original_node, libcst.FunctionDef | libcst.ClassDef):
            self._in.pop()


def _compiles(code: str) -> bool:
    try:
        compile(code, "mutant", "exec")
    except (SyntaxError, ValueError):
        return False
    return True


def _difference(before: str, after: str) -> tuple[int, str]:
    """The line at which two sources begin to differ, and the lines that do, without their indentation."""
    old, new = before.splitlines(), after.splitlines()
    changed = [each for each in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes() if each[0] != "equal"]
    return changed[0][1] + 1, "\n".join(_lines(old, new, changed))


def _lines(old: list[str], new: list[str], changed: Sequence[tuple[str, int, int, int, int]]) -> Iterator[str]:
    for _, begin, end, first, last in changed:
        yield from (f"- {line.strip()}" for line in old[begin:end])
        yield from (f"+ {line.strip()}" for line in new[first:last])
