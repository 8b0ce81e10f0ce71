"""The program of a stack under test: a project's folder, a folder or file without a project, or a function of the test.

A project runs where it lies, since programs read files beside them, and nothing is written there: the stack's configuration is kept with
its state. What has no `Pulumi.yaml` gets one in the workspace, with a main program that runs the user's in place.

A function is run from its source text and stands alone: it has no parameters and uses nothing of its module. The test's module cannot be
imported by the program instead: under pytest's import modes it often has no importable name, and it would bring pytest with it.
"""

from __future__ import annotations

import builtins
import dis
import inspect
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import yaml

from mlgate.environment import PROJECT_FILE
from mlgate.errors import StackError, UsageError

__all__ = ["Program"]

Source = str | Path | Callable[[], Any]
_NAME = "program"  # of the project that is made for what has none: its configuration keys are in this namespace
# An engine whose update failed interrupts the program and waits 5 s for it; with Python's handler that goes on waiting for its answers.
_MAIN = """\
import os, runpy, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.chdir({folder!r})
sys.path.insert(0, {folder!r})
runpy.run_path({path!r}, run_name="__main__")
"""
_CALL = """\
import pathlib, signal
signal.signal(signal.SIGINT, signal.SIG_DFL)
source = pathlib.Path(__file__).with_name("function.py").read_text(encoding="utf-8")
names = {{"__name__": "__main__"}}
exec(compile("\\n" * {above} + source, {file!r}, "exec"), names)  # the lines of a traceback are those of the test
names[{name!r}]()
"""


@dataclass(frozen=True, slots=True)
class Program:
    """`folder`: where `pulumi` is to be run, with a `Pulumi.yaml`. `project`: its name. `stack_files`: where its stacks' own files lie.

    `runs_in`: where the engine starts the main program and the providers, so that relative paths begin there. `virtualenv`: the environment
    that the project names for it (`runtime.options.virtualenv`), as those of `pulumi new` do.
    """

    folder: Path
    project: str
    stack_files: Path
    runs_in: Path
    virtualenv: Path | None = None

    @classmethod
    def find(cls, source: Source, workspace: Path) -> Program:
        """The program that a test names. Raises UsageError for one that is not there or cannot be run, StackError for a broken project."""
        if not isinstance(source, str | Path):
            return _of_function(source, workspace)
        path = Path(source).expanduser().absolute()
        if not path.exists():
            raise UsageError(
                f"there is no program {source}",
                where=str(path.parent),
                remedy="give the folder with Pulumi.yaml or __main__.py, or a Python file; relative paths start where pytest was started",
            )
        project = _project_of(path)
        if project:
            return project
        if path.is_dir() and not (path / "__main__.py").is_file():
            raise UsageError(f"has neither {PROJECT_FILE} nor __main__.py", where=str(path), remedy="give the folder of the program")
        folder = path if path.is_dir() else path.parent
        return _made(workspace, {"__main__.py": _MAIN.format(folder=str(folder), path=str(path))}, stack_files=folder)


def _project_of(path: Path) -> Program | None:
    """The project whose main program this is: the folder of `Pulumi.yaml`, or what its `main` names."""
    for folder in (path, path.parent) if path.is_dir() else (path.parent,):
        file = folder / PROJECT_FILE
        if file.is_file():
            content = _read(file)
            main = (folder / str(content.get("main") or ".")).resolve()
            own = path.resolve()
            if folder == path or {own, own / "__main__.py"} & {main, main / "__main__.py"}:
                runs_in = main if main.is_dir() else main.parent
                stack_files = folder / str(content.get("stackConfigDir") or ".")
                return Program(folder, content["name"], stack_files, runs_in, _virtualenv(folder, content))
    return None


def _virtualenv(folder: Path, content: dict[str, Any]) -> Path | None:
    """Raises UsageError for one that is not there: the language host would say so in its own words, or run the program elsewhere."""
    runtime = content.get("runtime")
    options = runtime.get("options") if isinstance(runtime, dict) else None
    named = options.get("virtualenv") if isinstance(options, dict) else None
    if not named:
        return None
    place = folder / str(named)
    if not (place / "bin" / "python").exists():
        raise UsageError(
            f"the program runs in the virtual environment {str(named)!r}, and there is none",
            where=str(folder / PROJECT_FILE),
            remedy=f"make it (`python -m venv {place} && {place}/bin/pip install -r {folder}/requirements.txt`), "
            "or take `virtualenv` out: the program then runs where the tests do",
        )
    return place


def _read(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise StackError(f"cannot be read: {error}", where=str(path), remedy="correct the file") from None
    if not isinstance(content, dict) or not isinstance(content.get("name"), str):
        raise StackError("names no project", where=str(path), remedy="add a line such as name: platform")
    return content


def _of_function(function: Callable[[], Any], workspace: Path) -> Program:
    where = getattr(function, "__qualname__", repr(function))
    if not isinstance(function, FunctionType) or function.__name__ == "<lambda>":
        raise UsageError(f"{where} is no function with a name", where="program", remedy="write the program with def, or give a path")
    if function.__code__.co_flags & (inspect.CO_COROUTINE | inspect.CO_GENERATOR) or inspect.signature(function).parameters:
        raise UsageError(
            f"{where} has parameters, or is a coroutine or a generator", where="program", remedy="give a plain def without any"
        )
    foreign = sorted({*_globals(function.__code__, function.__globals__), *function.__code__.co_freevars})
    if foreign:
        raise UsageError(
            f"{where} uses {', '.join(foreign)} of its module or of a function around it",
            where="program",
            remedy="import and define them inside the function, or put the program into a file and give its path",
        )
    try:
        lines, first = inspect.getsourcelines(function)
    except OSError:
        raise UsageError(f"the source of {where} cannot be read", where="program", remedy="put the program into a file") from None
    source = textwrap.dedent("".join(lines))
    if not source.startswith("def "):
        raise UsageError(f"{where} has decorators", where="program", remedy="give the plain function, or put the program into a file")
    call = _CALL.format(above=first - 1, file=inspect.getsourcefile(function) or "", name=function.__name__)
    return _made(workspace, {"__main__.py": call, "function.py": source}, stack_files=workspace / "program")


def _globals(code: CodeType, module: dict[str, Any]) -> Iterator[str]:
    """The names that the code, and what is defined in it, takes from its module."""
    for instruction in dis.get_instructions(code):
        name = instruction.argval
        if instruction.opname in {"LOAD_GLOBAL", "LOAD_NAME"} and name in module and not hasattr(builtins, name) and name[:2] != "__":
            yield name
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _globals(constant, module)


def _made(workspace: Path, files: dict[str, str], *, stack_files: Path) -> Program:
    folder = workspace / "program"
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in {PROJECT_FILE: f"name: {_NAME}\nruntime: python\n", **files}.items():
        (folder / name).write_text(text, encoding="utf-8")
    return Program(folder, _NAME, stack_files, runs_in=folder)
