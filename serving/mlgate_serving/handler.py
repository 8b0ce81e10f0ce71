"""The handler that every archive carries: one bad row gets its own 400, and its neighbours in the batch get their 200.

TorchServe answers a whole batch with 503 when one row of it raises, lets NaN out as invalid JSON, sets no content type and logs each
request. This handler checks each row against the interface before the model sees it, each output before a caller sees it, and says in
every answer which release gave it.

`mlgate pack` copies this file and `rows.py` into the archive, so what serves is covered by the release digest and needs nothing of
mlgate installed: the standard library, numpy and torch.
"""

from __future__ import annotations

import gc
import hashlib
import importlib
import json
import logging
import mmap
import os
import pickle
import socket
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import Any, NoReturn, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch.export.passes import move_to_device_pass

from mlgate_serving.rows import (
    BUSY_VARIABLE,
    PROTOCOLS,
    RELEASE_HEADER,
    RELEASE_VARIABLE,
    BadOutput,
    BadRow,
    Field,
    Interface,
    InterfaceError,
    Row,
)

_READ_AHEAD_BYTES = 1 << 16
_TENSORS_ALONE = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"  # torch's own, which holds whatever a call of torch.load asks for
_log = logging.getLogger("mlgate")


class Context(Protocol):
    """What the handler needs of TorchServe's context."""

    @property
    def system_properties(self) -> Mapping[str, Any]:
        """`model_dir`, where the archive was unpacked, and `gpu_id`."""

    def set_response_status(self, code: int = ..., phrase: str = ..., idx: int = ...) -> None:
        """The status of row `idx`."""

    def set_response_header(self, idx: int, key: str, value: str) -> None:
        """A header of row `idx`'s answer."""


class LoadError(RuntimeError):
    """The unpacked archive must not be served."""


def check_output(output: Any, rows: int, interface: Interface) -> tuple[NDArray[Any], dict[int, BadOutput]]:
    """The model's output as an array [rows, *shape], and what is wrong with the rows that are not finite.

    Raises BadOutput where the whole output is of another type or shape.
    """
    name, shape = interface.output, (rows, *interface.output_shape)
    if not isinstance(output, torch.Tensor):
        raise BadOutput(name, "a torch.Tensor", f"a {type(output).__name__}")
    if output.shape != shape:
        raise BadOutput(name, f"shape {list(shape)}", f"shape {list(output.shape)}")
    if output.is_complex() or output.is_quantized:
        raise BadOutput(name, "real numbers", str(output.dtype))
    output = output.detach().cpu()
    array: NDArray[Any] = (output.float() if output.dtype in (torch.bfloat16, torch.float16) else output).numpy()
    finite = np.isfinite(array)
    if finite.all():
        return array, {}
    refused = {}
    for row in np.flatnonzero(~finite.reshape(rows, -1).all(axis=1)):
        at = tuple(int(index) for index in np.argwhere(~finite[row])[0])
        refused[int(row)] = BadOutput(name, "finite numbers", f"{array[row][at]}{f' at {list(at)}' if at else ''}")
    return array, refused


def load_model(folder: Path, device: str) -> Callable[..., torch.Tensor]:
    """The model of an unpacked archive: `Model()` of model.py with its weights, or the exported program.

    Neither is read by running pickled code: `pickle.UnpicklingError` where there is more than tensors and plain containers. What a
    program does when it is called is its own all the same, as with model.py.
    """
    exported = folder / "model.pt2"
    if exported.exists():
        with _no_pickled_code():
            program = torch.export.load(exported)
        # The program names the device it was exported on wherever it makes a tensor, which moving its weights alone does not change.
        return move_to_device_pass(program, device).module()
    if (folder / "weights.safetensors").exists():
        from safetensors.torch import load_file

        state = load_file(folder / "weights.safetensors")
    else:
        state = torch.load(folder / "weights.pt", map_location="cpu", weights_only=True)
    model: torch.nn.Module = importlib.import_module("model").Model()
    model.load_state_dict(state)
    return model.to(device).eval()


@contextmanager
def _no_pickled_code() -> Iterator[None]:
    """Has an exported program read as weights are: torch goes on to whole pickles where its own `weights_only` refuses, or asks for none.

    Constants of Python classes are read by `pickle.loads`, which knows no such switch.
    """
    forced, loads = os.environ.get(_TENSORS_ALONE), pickle.loads
    os.environ[_TENSORS_ALONE] = "1"
    pickle.loads = _refuse_pickle
    try:
        yield
    finally:
        pickle.loads = loads
        if forced is None:
            del os.environ[_TENSORS_ALONE]
        else:
            os.environ[_TENSORS_ALONE] = forced


def _refuse_pickle(*_arguments: Any, **_options: Any) -> NoReturn:
    raise pickle.UnpicklingError("an object of a Python class among the constants of an exported program")


def release_digest(folder: Path) -> str:
    """The release digest of an unpacked archive: SHA-256 over the sorted list of path and SHA-256 of every file."""
    digests = {}
    for path in folder.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            with path.open("rb") as stream:
                digests[path.relative_to(folder).as_posix()] = hashlib.file_digest(stream, "sha256").hexdigest()
    lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(digests.items()))
    return "sha256:" + hashlib.sha256(lines.encode()).hexdigest()


def _busy_flag() -> Any:
    """One byte that says whether this worker is in a batch; TorchServe itself tells only what still waits. A byte of memory elsewhere."""
    folder = os.environ.get(BUSY_VARIABLE)
    if not folder:
        return bytearray(1)
    path = Path(folder) / str(os.getpid())
    path.write_bytes(b"\0")
    with path.open("r+b") as stream:
        return mmap.mmap(stream.fileno(), 1)


def _read_ahead() -> None:
    """Buffers what TorchServe's worker reads: it asks the kernel for every few bytes, about 30 times a request (28 us of its 180)."""
    wire = sys.modules.get("ts.protocol.otf_message_handler")
    if wire is None:
        return
    streams: dict[socket.socket, BufferedReader] = {}

    def read(connection: socket.socket, length: int) -> bytes:
        if connection not in streams:
            streams[connection] = BufferedReader(socket.SocketIO(connection, "r"), _READ_AHEAD_BYTES)
        content = streams[connection].read(length)
        if len(content) < length:
            sys.exit(0)  # as TorchServe does: the frontend is gone
        return content

    wire._retrieve_buffer = read  # type: ignore[attr-defined]


class SafeHandler:
    """The base of every handler: override `infer` to put something around the model, `initialize` to load more than the model."""

    model: Callable[..., torch.Tensor]
    interface: Interface
    release: str
    device: str

    def initialize(self, context: Context) -> None:
        """Loads the model once per worker. Raises LoadError where the unpacked files are not the expected release."""
        folder = Path(context.system_properties["model_dir"])
        self.release = release_digest(folder)
        expected = os.environ.get(RELEASE_VARIABLE)
        if expected and expected != self.release:
            raise LoadError(f"mlgate: the archive holds release {self.release}, expected {expected}: it was altered after packing")
        torch.set_num_threads(1)  # workers and their batches are the parallelism; more threads only contend
        gpu = context.system_properties.get("gpu_id")
        self.device = f"cuda:{gpu}" if gpu is not None and torch.cuda.is_available() else "cpu"
        self.interface = Interface.read(folder)
        self.model = load_model(folder, self.device)
        self._read, self._write = PROTOCOLS[self.interface.protocol]
        self._busy = _busy_flag()
        _read_ahead()
        with torch.inference_mode():  # the first call is the slow one, and a model that cannot answer shall not become READY
            self.infer(self._tensors([_example(field)[None] for field in self.interface.fields]))
        logging.getLogger().setLevel(logging.WARNING)  # TorchServe's worker logs every request at INFO
        gc.collect()
        gc.freeze()  # what torch's import leaves is never garbage, and walking it stops every request

    def infer(self, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        """The output [n, ...] of a batch of checked rows, tensors [n, ...] by name in declared order. Runs in inference mode."""
        return self.model(*inputs.values())

    def handle(self, data: Sequence[Mapping[str, Any]], context: Context) -> list[bytes]:
        """One answer a row, each with its own status."""
        with self._in_a_batch():
            rows: dict[int, Row] = {}
            answers: dict[int, dict[str, Any] | InterfaceError] = {}
            for index, request in enumerate(data):
                try:
                    rows[index] = self._read(request, self.interface)
                except BadRow as bad:
                    answers[index] = bad
            if rows:
                answers |= self._answer(rows)
            return [self._send(context, index, answers[index]) for index in range(len(data))]

    def _answer(self, rows: dict[int, Row]) -> dict[int, dict[str, Any] | InterfaceError]:
        """The answers to rows of the right kinds and shapes: bounds are checked on the whole batch at once."""
        batches: list[NDArray[Any]] = []
        refused: dict[int, BadRow] = {}
        for position, field in enumerate(self.interface.fields):
            batch, outside = field.stack([row.arrays[position] for row in rows.values()])
            batches.append(batch)
            refused = outside | refused
        if not refused:
            return self._run(rows, batches)
        order = list(rows)
        good = [position for position in range(len(order)) if position not in refused]
        answers: dict[int, dict[str, Any] | InterfaceError] = {order[position]: bad for position, bad in refused.items()}
        if good:
            answers |= self._run({order[position]: rows[order[position]] for position in good}, [batch[good] for batch in batches])
        return answers

    def _run(self, rows: dict[int, Row], batches: list[NDArray[Any]]) -> dict[int, dict[str, Any] | InterfaceError]:
        try:
            with torch.inference_mode():
                output, refused = check_output(self.infer(self._tensors(batches)), len(rows), self.interface)
        except MemoryError:
            raise  # the machine's own: TorchServe answers 507, which a router tries again. A GPU's is a RuntimeError: one row may still fit
        except Exception as error:
            self._require_device()
            if len(rows) > 1:  # one row's failure must not become its neighbours'
                # Stacked anew, since the model may have worked in place: on a CPU its tensors are these very arrays.
                alone = [self._answer({index: row}) for index, row in rows.items()]
                return {index: answer for part in alone for index, answer in part.items()}
            _log.exception("the model failed on a row that keeps its interface")
            if not isinstance(error, BadOutput):
                error = BadOutput(self.interface.output, "an answer", f"{type(error).__name__}: {error}"[:500])
            return dict.fromkeys(rows, error)
        return {index: refused.get(at) or self._write(output[at], row, self.interface) for at, (index, row) in enumerate(rows.items())}

    def _require_device(self) -> None:
        """Ends this worker where its GPU takes no more work from it, and TorchServe starts another.

        A kernel that ran into an error (an index out of range, say) loses the whole process its CUDA context: every later call would fail,
        while the worker goes on as READY. CUDA Runtime API, `cudaErrorAssert`: "the process must be terminated and relaunched".
        """
        if self.device == "cpu":
            return
        try:
            torch.cuda.synchronize(self.device)
        except RuntimeError:
            _log.exception("the GPU takes no more work from this worker, which ends")
            sys.exit(1)

    def _tensors(self, batches: list[NDArray[Any]]) -> dict[str, torch.Tensor]:
        fields = self.interface.fields
        return {field.name: torch.from_numpy(batch).to(self.device) for field, batch in zip(fields, batches, strict=True)}

    def _send(self, context: Context, index: int, answer: dict[str, Any] | InterfaceError) -> bytes:
        if isinstance(answer, InterfaceError):
            context.set_response_status(*answer.status, index)
            named = {"field": answer.field, "expected": answer.expected, "found": answer.found}
            answer = {"code": answer.status[0], "type": type(answer).__name__, "message": str(answer), **named}
            if self.interface.protocol == "open-inference":
                answer["error"] = answer["message"]
        context.set_response_header(index, "content-type", "application/json")
        context.set_response_header(index, RELEASE_HEADER, self.release)
        return json.dumps(answer).encode()

    @contextmanager
    def _in_a_batch(self) -> Iterator[None]:
        self._busy[0] = 1
        try:
            yield
        finally:
            self._busy[0] = 0


def _example(field: Field) -> NDArray[Any]:
    """Zeros, or what lies nearest within the bounds."""
    return np.full(field.shape, min(max(0, field.low), field.high), dtype=field.dtype)
