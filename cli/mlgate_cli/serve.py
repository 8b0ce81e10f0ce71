"""Serve one packed release on this machine until Ctrl-C, without a stack, proxy or gate.

Example: mlgate serve dist/digits-1 --service examples/digits/service.yaml
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer

from mlgate_cli.output import JsonFlag, print_json, progress_since, say


def command(
    folder: Annotated[Path, typer.Argument(metavar="RELEASE", help="A packed folder.")],
    service: Annotated[Path, typer.Option("--service", "-s", help="The declaration, service.yaml.")] = Path("service.yaml"),
    as_json: JsonFlag = False,
) -> None:
    from mlgate import ProcessError, Service
    from mlgate_serving.endpoint import start_endpoint, stop_endpoint
    from mlgate_serving.supervisor import Supervisor

    declared = Service.read(service)
    with tempfile.TemporaryDirectory(prefix="mlgate-serve-") as place:
        supervisor = Supervisor(Path(place) / "processes")
        name = ""
        try:
            endpoint = start_endpoint(supervisor, folder, declared, Path(place) / "endpoint", progress_since())
            name = endpoint.name
            if as_json:
                print_json({"url": endpoint.url, "release": endpoint.release, "pid": endpoint.pid})
            else:
                say(f"serving {endpoint.release} at {endpoint.url} (Ctrl-C ends it)")
            while (process := supervisor.get(name)) is not None and process.alive:
                time.sleep(0.5)
            raise ProcessError(f"the endpoint ended by itself\n{supervisor.log_tail(name)}", where=name, remedy="start it again")
        finally:
            for process in supervisor.list():
                stop_endpoint(supervisor, process.spec.name)
