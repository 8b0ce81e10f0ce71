"""Trying a model before it is packed: loaded as the endpoint will load it, and run on random cases that keep its interface.

It runs in this process, on one thread, from the files that the archive will hold; modules and settings are put back afterwards.
"""

from __future__ import annotations

import gc
import importlib
import inspect
import logging
import pickle
import shutil
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from mlgate.digests import digest_file
from mlgate.errors import Problem
from mlgate.interface import Interface
from mlgate_serving.handler import SafeHandler, check_output
from mlgate_serving.rows import BadOutput
from mlgate_serving.sampler import sample_batch

_HOLD_TENSORS_ALONE = {  # what makes weights of each form that may be a pickle
    "weights.pt": "torch.save(model.state_dict(), ...), or safetensors",
    "model.pt2": "export a program of plain tensors, without objects of Python classes among its constants; "
    "classes of tensors that you trust: torch.serialization.add_safe_globals([...]) in handler.py",
}
_BATCHES = (1, 3)  # a model that squeezes its batch fails on 1, one exported for a fixed batch or mixing its rows on 3


@dataclass(frozen=True)
class _Context:
    """What the handler sees of TorchServe."""

    system_properties: Mapping[str, Any]

    def set_response_status(self, code: int = 200, phrase: str = "", idx: int = 0) -> None:
        """Nobody listens."""

    def set_response_header(self, idx: int, key: str, value: str) -> None:
        """Nobody listens."""


def try_model(content: Path, interface: Interface) -> list[Problem]:
    """What keeps the model in `content` from answering as `interface` declares, and what of `content` it left changed."""
    staged = _files(content)
    problems = _try_answers(content, interface)
    for cache in list(content.rglob("__pycache__")):  # of Python and Numba: no part of a release
        shutil.rmtree(cache, ignore_errors=True)
    # The handler of a second worker, or of the next start, would take what the first one left there for an altered archive.
    problems += [
        Problem(name, "is changed in the model's own folder when it is loaded or run", "write below tempfile.gettempdir()")
        for name in sorted({name for name, _ in _files(content).items() ^ staged.items()})
    ]
    return problems


def _files(content: Path) -> dict[str, str]:
    return {path.relative_to(content).as_posix(): digest_file(path) for path in content.rglob("*") if path.is_file()}


def _try_answers(content: Path, interface: Interface) -> list[Problem]:
    with _imports_from(content), _settings_kept():
        try:
            handler = _handler_class()()
            handler.initialize(_Context({"model_dir": str(content), "gpu_id": None}))
        except (Exception, SystemExit) as error:
            return [_unloadable(error, content)]
        for rows in _BATCHES:
            if problem := _run(handler, interface, rows, content):
                return [problem]
    return []


def _unloadable(error: BaseException, content: Path) -> Problem:
    if isinstance(error, pickle.UnpicklingError):
        for name, remedy in _HOLD_TENSORS_ALONE.items():
            if (content / name).exists():
                return Problem(name, "holds more than tensors", remedy)
    return Problem(
        _place(error, content),
        f"cannot be loaded: {_said(error)}",
        "correct it, since an endpoint would fail the same way (an exported program needs a dynamic batch dimension)",
    )


def _handler_class() -> type[SafeHandler]:
    """The class that TorchServe will take: the only one that handler.py defines. Raises TypeError."""
    module = importlib.import_module("handler")
    classes = [value for _, value in inspect.getmembers(module, inspect.isclass) if value.__module__ == module.__name__]
    if len(classes) != 1 or not issubclass(classes[0], SafeHandler):
        names = ", ".join(found.__name__ for found in classes) or "none"
        raise TypeError(
            f"handler.py defines these classes: {names}; exactly one is needed, derived from mlgate_serving.handler.SafeHandler"
        )
    return classes[0]


def _run(handler: SafeHandler, interface: Interface, rows: int, content: Path) -> Problem | None:
    try:
        inputs = {name: torch.from_numpy(batch) for name, batch in sample_batch(interface, rows, seed=rows).items()}
        with torch.inference_mode():
            output = handler.infer(inputs)
            _, refused = check_output(output, rows, handler.interface)
        if output.dtype is torch.bool:  # an answer is a number; JSON's true is none
            raise BadOutput(interface.output.field, "numbers", str(output.dtype))
    except BadOutput as bad:
        return _mismatch(bad, rows)
    except (Exception, SystemExit) as error:
        return Problem(
            _place(error, content),
            f"a batch of {rows} that keeps the declared interface fails: {_said(error)}",
            "take every such batch (an exported program: export it with a dynamic batch dimension), or declare narrower inputs",
        )
    return _mismatch(next(iter(refused.values())), rows) if refused else None


def _mismatch(bad: BadOutput, rows: int) -> Problem:
    return Problem(
        "model",
        f"its output does not match its schema: a batch of {rows} gives {bad.field} with {bad.found}",
        f"expected {bad.expected}: correct the model, or interface.output in service.yaml",
    )


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {str(error).strip()}"


def _place(error: BaseException, content: Path) -> str:
    """The last line of the model's own files that the error went through."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).is_relative_to(content)]
    inside = [frame for frame in frames if not Path(frame.filename).is_relative_to(content / "mlgate_serving")]
    return f"{Path(inside[-1].filename).relative_to(content).as_posix()}:{inside[-1].lineno}" if inside else "model"


@contextmanager
def _imports_from(folder: Path) -> Iterator[None]:
    """Imports find the folder's modules first, and nothing of them stays."""
    own = {path.stem for path in folder.iterdir() if path.suffix == ".py" or path.is_dir()} - {"mlgate_serving"}

    def take() -> dict[str, Any]:
        return {name: sys.modules.pop(name) for name in list(sys.modules) if name.split(".", maxsplit=1)[0] in own}

    search, writes, shadowed = sys.path[:], sys.dont_write_bytecode, take()
    sys.path.insert(0, str(folder))
    sys.dont_write_bytecode = True
    importlib.invalidate_caches()
    try:
        yield
    finally:
        take()
        sys.modules.update(shadowed)
        sys.path[:], sys.dont_write_bytecode = search, writes


@contextmanager
def _settings_kept() -> Iterator[None]:
    """The handler sets up a worker process; this one is somebody else's."""
    root, threads = logging.getLogger(), torch.get_num_threads()
    level = root.level
    try:
        yield
    finally:
        root.setLevel(level)
        torch.set_num_threads(threads)
        gc.unfreeze()
