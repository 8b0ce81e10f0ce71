"""What a program does with the value of an Output, and fails at: which Output it was, and what a test can state so that there is a value.

`.apply`, `output["key"]` and `output.attribute` all run later, in Pulumi's event loop, so the traceback of what they raise often holds no
line of the program. And what they are given here may be a marked text, or None, where the cloud would give a value.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

import pulumi

from mlgate.errors import MlgateError
from mlgate_testkit.record.creation import Creations, is_program, shorten
from mlgate_testkit.record.misuse import property_of
from mlgate_testkit.record.placeholders import MARK

__all__ = ["Applies"]


@dataclass(frozen=True, slots=True)
class _Failure:
    error: Exception
    output: pulumi.Output[Any]
    value: Any
    where: str
    traceback: TracebackType | None


class Applies:
    """While `watched`, keeps what is raised by the functions that a program applies to Outputs."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._failures: list[_Failure] = []

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Replaces Pulumi's `Output.apply`, and puts it back."""
        apply = pulumi.Output.apply

        def watching(output: pulumi.Output[Any], func: Callable[[Any], Any], run_with_unknowns: bool = False) -> pulumi.Output[Any]:
            frame = _caller(sys._getframe(1))
            filename, line = (frame.f_code.co_filename, frame.f_lineno) if frame else ("", 0)

            def run(value: Any) -> Any:
                try:
                    return func(value)
                except Exception as error:
                    where = f"{shorten(filename, self._root)}:{line}" if filename else ""
                    traceback = error.__traceback__.tb_next if error.__traceback__ else None
                    self._failures.append(_Failure(error, output, value, where, traceback))
                    raise

            return apply(output, run, run_with_unknowns)

        pulumi.Output.apply = watching  # type: ignore[method-assign, assignment]
        try:
            yield
        finally:
            pulumi.Output.apply = apply  # type: ignore[method-assign]

    def tell(self, error: Exception, creations: Creations) -> None:
        """Adds to an exception of the program what it was raised about, and gives it back its traceback, which a task drops when it is
        awaited twice. Another exception stays as it is.
        """
        failed = next((each for each in self._failures if each.error is error), None)
        if failed is not None and not isinstance(error, MlgateError):
            error.add_note(_told(failed, creations))
            error.__traceback__ = failed.traceback


def _caller(frame: FrameType | None) -> FrameType | None:
    """The line of the program that applies, from `frame` outwards: none where Pulumi does it by itself, later."""
    while frame is not None and not str(frame.f_globals.get("__name__", "")).startswith("mlgate_testkit.record"):
        if is_program(frame) and "site-packages" not in frame.f_code.co_filename:
            return frame
        frame = frame.f_back
    return None


def _told(failed: _Failure, creations: Creations) -> str:
    """The value itself is not shown, since it may be a secret; a mark is none."""
    source = property_of(failed.output, creations)
    told = f"raised in what {failed.where or 'the program'} does with {source or 'an Output'}"
    if mark := MARK.search(repr(failed.value)):
        told += f", which has {mark[0]} in it: a text that stands for what only the cloud knows"
        return f"{told}\n  -> {_state(mark['name'], mark['path'])}"
    if source and (failed.value is None or isinstance(failed.error, (LookupError, AttributeError))):
        told += ", which is None, since nothing states it" if failed.value is None else ""
        if source.type == "pulumi:pulumi:StackReference":
            return f"{told}\n  -> say what it exports: record(..., stack_references={{...: {{...}}}})"
        return f"{told}\n  -> {_state(source.name, source.wire)}"
    return told


def _state(name: str, path: str) -> str:
    stated = "..."
    for key in reversed(path.split(".")):
        stated = f'{{"{key}": {stated}}}'
    return f'say what the cloud gives: record(..., resources={{"{name}": {stated}}})'
