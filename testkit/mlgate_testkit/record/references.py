"""Outputs of other stacks that a program asks for by name: one that the table has not is told with the stack, the line and the nearest."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pulumi

from mlgate_testkit.record.creation import place, program_frame
from mlgate_testkit.record.tables import Tables

__all__ = ["References"]


class References:
    """While `watched`, judges the names that `require_output`, `get_output` and `get_output_details` are asked for.

    The real ones raise a bare KeyError, or give None, whoever misspelt the name.
    """

    def __init__(self, root: Path, tables: Tables) -> None:
        self._root = root
        self._tables = tables

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Replaces three methods of Pulumi's StackReference, and puts them back."""
        reference = pulumi.StackReference
        require, get, details = reference.require_output, reference.get_output, reference.get_output_details

        def require_output(asked: pulumi.StackReference, name: pulumi.Input[str]) -> pulumi.Output[Any]:
            return require(asked, self._known(asked, name, required=True))

        def get_output(asked: pulumi.StackReference, name: pulumi.Input[str]) -> pulumi.Output[Any]:
            return get(asked, self._known(asked, name))

        async def get_output_details(asked: pulumi.StackReference, name: str) -> Any:
            await self._known(asked, name).future()
            return await details(asked, name)

        reference.require_output = require_output  # type: ignore[method-assign, assignment]
        reference.get_output = get_output  # type: ignore[method-assign, assignment]
        reference.get_output_details = get_output_details  # type: ignore[method-assign, assignment]
        try:
            yield
        finally:
            reference.require_output = require  # type: ignore[method-assign]
            reference.get_output = get  # type: ignore[method-assign]
            reference.get_output_details = details  # type: ignore[method-assign]

    def _known(self, asked: pulumi.StackReference, name: pulumi.Input[str], *, required: bool = False) -> pulumi.Output[str]:
        """The name, once it is judged: the value of an Output may come later than the call."""
        frame = program_frame(sys._getframe(2))
        where = place(frame, self._root) if frame is not None else ""

        def judge(of: list[str]) -> str:
            self._tables.refuse_unknown_output(stack=of[0], name=of[1], required=required, where=where)
            return of[1]

        return pulumi.Output.all(asked.name, name).apply(judge)
