"""Which Output a line of the program uses: read off the expression that failed, which Python keeps for every instruction."""

from __future__ import annotations

import ast
import linecache
from types import FrameType, TracebackType
from typing import Any

import pulumi

from mlgate_testkit.record.creation import is_program

__all__ = ["used_output"]


def used_output(raised: TracebackType | None) -> tuple[pulumi.Output[Any] | None, str]:
    """The Output that was used where it fails, and how the program writes it; None and "" where either cannot be known."""
    steps = []
    while raised is not None:
        steps.append(raised)
        raised = raised.tb_next
    last = max((index for index, step in enumerate(steps) if is_program(step.tb_frame)), default=-1)
    held = [value for step in reversed(steps[last + 1 :]) for value in step.tb_frame.f_locals.values() if isinstance(value, pulumi.Output)]
    written = _written(steps[last]) if last >= 0 else []
    if held:  # what a library was given: json's encoder, Output's own methods
        return held[0], next((text for text, output in written if output is held[0]), "")
    return (written[0][1], written[0][0]) if written else (None, "")


def _written(step: TracebackType) -> list[tuple[str, pulumi.Output[Any]]]:
    """The names and attributes of the failing expression that are Outputs, outermost first."""
    try:
        tree = ast.parse(f"({_segment(step)})", mode="eval")
    except SyntaxError:  # a statement, or no source
        return []
    found = [(ast.unparse(node), _value(node, step.tb_frame)) for node in ast.walk(tree) if isinstance(node, ast.expr)]
    return [(text, value) for text, value in found if isinstance(value, pulumi.Output)]


def _segment(step: TracebackType) -> str:
    """The source of the expression. Columns count bytes."""
    code = step.tb_frame.f_code
    line, end, column, end_column = list(code.co_positions())[step.tb_lasti // 2]
    linecache.checkcache(code.co_filename)
    lines = [each.encode() for each in linecache.getlines(code.co_filename)[(line or 1) - 1 : end]]
    if not lines or column is None or end_column is None:
        return ""
    lines[-1] = lines[-1][:end_column]
    lines[0] = lines[0][column:]
    return b"".join(lines).decode()


def _value(node: ast.expr, frame: FrameType) -> Any:
    """What a name or an attribute is, without running any code of the program's."""
    if isinstance(node, ast.Name):
        return frame.f_locals.get(node.id, frame.f_globals.get(node.id))
    if isinstance(node, ast.Attribute):
        base = _value(node.value, frame)
        return getattr(base, "__dict__", {}).get(node.attr) if not isinstance(base, pulumi.Output) else None
    return None
