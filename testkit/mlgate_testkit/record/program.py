"""A program to record: a function, a file, or a Pulumi project folder, run the way Pulumi's Python host runs it."""

from __future__ import annotations

import difflib
import importlib
import os
import runpy
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from mlgate.documents import Loader
from mlgate.errors import UsageError
from mlgate_testkit.provider.values import Secret

__all__ = ["Program", "open_program"]

_CLOSE = 0.7
"""prdo is meant to be prod; test beside prod is not."""
_PROJECT_FILES = ("Pulumi.yaml", "Pulumi.yml")


@dataclass(frozen=True)
class Program:
    """`run` is called inside Pulumi's event loop and may return an awaitable; `folder` is where a program of files lies.

    `root` is the folder of Pulumi.yaml, where there is one; `config` what it and the stack's own file state. `doubt`: what looks like a
    mistake, and may be none.
    """

    run: Callable[[], Any]
    folder: Path | None = None
    project: str | None = None
    root: Path | None = None
    config: dict[str, Any] = field(default_factory=dict)
    doubt: str | None = None

    @contextmanager
    def place(self) -> Iterator[None]:
        """Folder, import path and modules as Pulumi's Python host gives them, until everything the program began has ended."""
        if self.folder is None:
            yield
            return
        with _imports_of_its_own(self.folder), _in_folder(self.folder):
            yield


def open_program(program: Callable[[], Any] | str | os.PathLike[str], stack: str) -> Program:
    """Finds what to run. Raises UsageError for a path that holds no Python program of Pulumi's."""
    if callable(program):
        return Program(program)
    path = Path(program).resolve()
    project_file = next((path / name for name in _PROJECT_FILES if (path / name).is_file()), None)
    if project_file is None:
        main = _main(path)
        return Program(lambda: _run(main), main.parent)
    settings = _read(project_file)
    main = _main((path / settings.get("main", ".")).resolve())
    stack_files = path / settings.get("stackConfigDir", ".")
    config = {**_defaults(settings), **_stack_config(stack_files, stack)}
    return Program(lambda: _run(main), main.parent, settings.get("name"), path, config, _doubt(stack_files, stack))


def _main(path: Path) -> Path:
    main = path / "__main__.py" if path.is_dir() else path
    if not main.is_file():
        raise UsageError(
            f"no Python program at {main}",
            where=str(path),
            remedy="give a folder with Pulumi.yaml or __main__.py, or a Python file; relative paths start where pytest was started",
        )
    return main


def _read(file: Path) -> dict[str, Any]:
    try:
        settings = Loader(file.read_text(encoding="utf-8")).get_single_data()
    except (OSError, yaml.YAMLError) as error:
        raise UsageError(f"it cannot be read: {error}", where=str(file), remedy="correct the file") from error
    if settings is None:
        return {}
    if not isinstance(settings, dict):
        raise UsageError(f"it holds {type(settings).__name__}, not a mapping", where=str(file), remedy="correct the file")
    return settings


def _defaults(settings: dict[str, Any]) -> dict[str, Any]:
    """Values and defaults that Pulumi.yaml itself states."""
    found: dict[str, Any] = {}
    for key, entry in (settings.get("config") or {}).items():
        if not isinstance(entry, dict):
            found[key] = entry
        elif "default" in entry or "value" in entry:
            found[key] = entry.get("value", entry.get("default"))
    return found


def _stack_config(folder: Path, stack: str) -> dict[str, Any]:
    """What Pulumi.<stack>.yaml says. Encrypted values cannot be read here: they are marked texts, unless a test gives its own."""
    file = folder / f"Pulumi.{stack}.yaml"
    if not file.is_file():
        return {}
    entries = _read(file).get("config") or {}
    return {key: Secret(f"<config {key}>") if _is_encrypted(value) else value for key, value in entries.items()}


def _doubt(folder: Path, stack: str) -> str | None:
    """A stack without a file is one that is still to come, or a misspelt one: it has the defaults alone."""
    known = [file.name.removeprefix("Pulumi.").removesuffix(".yaml") for file in folder.glob("Pulumi.*.yaml")]
    near = difflib.get_close_matches(stack, known, n=1, cutoff=_CLOSE)
    if not near or stack in known:
        return None
    return f"there is no Pulumi.{stack}.yaml in {folder}, so stack {stack!r} has no configuration of its own: is {near[0]!r} meant?"


def _is_encrypted(value: Any) -> bool:
    if isinstance(value, dict):
        return "secure" in value or any(map(_is_encrypted, value.values()))
    return isinstance(value, list) and any(map(_is_encrypted, value))


def _run(main: Path) -> None:
    runpy.run_path(str(main), run_name="__main__")


@contextmanager
def _in_folder(folder: Path) -> Iterator[None]:
    """Working directory, import path and arguments as the Python host sets them."""
    before, path, arguments = Path.cwd(), list(sys.path), sys.argv
    os.chdir(folder)
    sys.path.insert(0, str(folder))
    sys.argv = [str(folder)]
    try:
        yield
    finally:
        os.chdir(before)
        sys.path[:] = path
        sys.argv = arguments


@contextmanager
def _imports_of_its_own(folder: Path) -> Iterator[None]:
    """The program's modules are imported anew and forgotten afterwards; a test's own module of the same name comes back.

    No bytecode is written: the next recording may see an edit within the same second, and a user's folder stays as it was.
    """
    own = {entry.stem for entry in folder.iterdir() if entry.suffix == ".py" or entry.is_dir()} - sys.stdlib_module_names
    own = {name for name in own if not _installed(name)}
    hidden = {name: sys.modules.pop(name) for name in list(sys.modules) if name.partition(".")[0] in own}
    before, writes = set(sys.modules), sys.dont_write_bytecode
    sys.dont_write_bytecode = True
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.dont_write_bytecode = writes
        for name in set(sys.modules) - before:
            if not _installed(name) and Path(_file(name)).is_relative_to(folder):
                del sys.modules[name]
        sys.modules.update(hidden)


def _file(name: str) -> str:
    module = sys.modules.get(name)
    return str(getattr(module, "__file__", None) or next(iter(getattr(module, "__path__", ())), ""))


def _installed(name: str) -> bool:
    """Whether a module is no part of the program, though it may lie or be called like one: a package, or an SDK generated beside it.

    An SDK registers its types once in a process.
    """
    return name.partition(".")[0].startswith("pulumi_") or "site-packages" in _file(name)
