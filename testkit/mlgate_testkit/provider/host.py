"""The process of a simulated provider: `python -m mlgate_testkit.provider.host MODULE:CLASS`.

It serves on a free loopback port, says which on its standard output, and then obeys its standard input: each line is a JSON object
`{"call": NAME, "values": [...], "with": {...}}` that names a control of the package, of its faults or of this process, answered by one
line `{"value": ...}` or `{"error": ..., "remedy": ..., "usage": ...}`. When that input ends, because whoever started it ended in whatever
way, it ends too.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, is_dataclass
from inspect import signature
from typing import Any

import grpc
from pulumi.runtime.proto import provider_pb2_grpc

from mlgate.errors import MlgateError, UsageError
from mlgate_testkit.provider.faults import Faults
from mlgate_testkit.provider.provider import Package
from mlgate_testkit.provider.servicer import Servicer

_THREADS = 64  # the engine asks for up to 16 at once for each connection (four times the processors, at most)
_MESSAGE_BYTES = 400 * 1024 * 1024  # as large as the engine's own limit
_PROTOCOL = frozenset({"check_config", "configure"})


def main() -> None:
    """Serves until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the engine, which then asks us to cancel; we end with our input
    module, _, name = sys.argv[1].partition(":")
    package: Package = getattr(importlib.import_module(module), name)()
    faults = Faults(getattr(package, "require_known", None))
    answers, sys.stdout = sys.stdout, sys.stderr  # whatever a library prints must not be taken for an answer
    options = [("grpc.max_receive_message_length", _MESSAGE_BYTES), ("grpc.max_send_message_length", _MESSAGE_BYTES)]
    server = grpc.server(ThreadPoolExecutor(_THREADS), options=options)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Servicer(package, faults), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        print(json.dumps({"value": port}), file=answers, flush=True)
        for line in sys.stdin:
            print(json.dumps(_answer(json.loads(line), package, faults)), file=answers, flush=True)
    except BrokenPipeError:
        pass  # nobody waits for answers any more
    finally:
        server.stop(grace=0).wait()


def _answer(request: dict[str, Any], package: Package, faults: Faults) -> dict[str, Any]:
    name = request["call"]
    own: dict[str, Callable[..., Any]] = {"unmet": lambda: faults.unmet() + getattr(package, "unmet", list)(), "work_in": _work_in}
    owner = faults if hasattr(Faults, name) else package
    control = own.get(name) or getattr(owner, name, None)
    if control is None or name.startswith("_") or name in _PROTOCOL:
        return {"error": f"{package.name} has no control {name!r}", "remedy": "see the methods of its class"}
    values, arguments = request["values"], request["with"]
    try:
        signature(control).bind(*values, **arguments)
    except TypeError as wrong:
        return {"error": str(wrong), "remedy": f"its form is {name}({', '.join(signature(control).parameters)})", "usage": True}
    try:
        return {"value": _plain(control(*values, **arguments))}
    except MlgateError as error:
        return {"error": error.problem, "where": error.where, "remedy": error.remedy, "usage": isinstance(error, UsageError)}
    except Exception as error:  # the text reaches the test that asked, instead of ending the process for all others
        return {"error": f"{type(error).__name__}: {error}"}


def _work_in(folder: str) -> None:
    os.chdir(folder)


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(member) for member in value]
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value


if __name__ == "__main__":
    main()
