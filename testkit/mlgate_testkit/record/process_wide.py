"""What a program may change for its whole process, which under the engine is its own and here is the caller's."""

from __future__ import annotations

import gc
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from pulumi.runtime import resource as runtime_resource
from pulumi.runtime import settings as runtime_settings
from pulumi.runtime.proto import source_pb2

__all__ = ["process_left_as_it_is"]

_DEFAULT = "_ContextProperty__default"
_STACK = "_get_stack_trace"


@contextmanager
def process_left_as_it_is() -> Iterator[None]:
    """Garbage collection, Pulumi's defaults and signal handlers are afterwards as they were, whatever a program did to them."""
    with _own_garbage_alone(), _defaults_kept(), _handlers_kept(), _stacks_untold():
        yield


@contextmanager
def _own_garbage_alone() -> Iterator[None]:
    """What is there before is none of this program's: to look through it too takes seconds in a large test run. What the program leaves
    goes at its end: asyncio looks through every task that is still there, so that each recording would be slower than the one before.
    Until then nothing is looked through, which took a fifth of a recording's time."""
    collects = gc.isenabled()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()
        gc.collect()
        gc.unfreeze()


@contextmanager
def _defaults_kept() -> Iterator[None]:
    """A setting that was None before also becomes the default of every thread to come (`ContextProperty.fset`): that is undone."""
    properties = [each for each in vars(runtime_settings.Settings).values() if hasattr(each, _DEFAULT)]
    before = [getattr(each, _DEFAULT) for each in properties]
    try:
        yield
    finally:
        for each, value in zip(properties, before, strict=True):
            setattr(each, _DEFAULT, value)


@contextmanager
def _handlers_kept() -> Iterator[None]:
    """A program sets none: Ctrl-C in the middle of a recording is the caller's to handle, and only a main thread may set any."""

    def keep(number: int, _handler: Any) -> Any:
        return signal.getsignal(number)

    with patch.object(signal, "signal", keep):
        yield


@contextmanager
def _stacks_untold() -> Iterator[None]:
    """Each request would tell the engine the whole stack, a URI a frame: a tenth of the time of a recording, for what nobody reads here."""
    original = getattr(runtime_resource, _STACK, None)
    if original is not None:
        setattr(runtime_resource, _STACK, source_pb2.StackTrace)
    try:
        yield
    finally:
        if original is not None:
            setattr(runtime_resource, _STACK, original)
