"""TorchServe 0.12 as an embedded server: Java launched directly, everything on loopback, nothing shared between two instances.

Its own launcher is not used: it keeps one pid file per machine, ignores failures in its exit code and reads Java's options only there.
What a setting is for stands beside it.
"""

from __future__ import annotations

import ipaddress
import json
import re
import sys
from dataclasses import dataclass, replace
from importlib import util
from pathlib import Path

from mlgate.errors import ToolError, UsageError
from mlgate.extras import install_remedy
from mlgate.quantities import format_duration
from mlgate.release import Release
from mlgate.service import Serving
from mlgate_serving.rows import BUSY_VARIABLE, RELEASE_VARIABLE
from mlgate_serving.runtime import Place, Probes, Rendered
from mlgate_tools.tool import Progress

_RESPONSE_TIMEOUT_S = 60
_QUEUE = 1000  # the default of 100 answers 503 "no worker" to any burst over it
_MS_NS = 10**6

# At rest 96 MiB with these, and 157 without netty's smaller pools: each of its threads takes a chunk, and none needs 16 MiB.
# Start-up is bounded by Python's import of torch, so Java's better compiler never pays.
_JAVA_OPTIONS = (
    "-Xms32m",
    "-Xmx256m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Dio.netty.allocator.maxOrder=7",
    "-Dio.grpc.netty.shaded.io.netty.allocator.maxOrder=7",
    "--enable-native-access=ALL-UNNAMED",
    "--sun-misc-unsafe-memory-access=allow",
    "-Xlog:aot*=error",  # a cache that does not fit exactly is still used
)

# The default writes 3 kB a request. Here: what workers print (their own logging is at WARNING once the model is loaded), and Java's
# warnings; two files of 5 MB at most, whatever goes wrong how often.
_LOGGING = """\
<?xml version="1.0" encoding="UTF-8"?>
<Configuration status="error">
  <Appenders>
    <RollingFile name="log" fileName="${env:LOG_LOCATION:-logs}/torchserve.log" filePattern="${env:LOG_LOCATION:-logs}/torchserve.%i.log">
      <PatternLayout pattern="%d{ISO8601} %-5p %c{1} %m%n"/>
      <SizeBasedTriggeringPolicy size="5 MB"/>
      <DefaultRolloverStrategy max="1"/>
    </RollingFile>
  </Appenders>
  <Loggers>
    <Logger name="ACCESS_LOG" level="off"/>
    <Logger name="MODEL_LOG" level="info"/>
    <Logger name="MODEL_METRICS" level="off"/>
    <Logger name="TS_METRICS" level="off"/>
    <Logger name="org.apache" level="off"/>
    <Logger name="org.pytorch.serve.archive.model.ModelArchive" level="error"/>
    <Root level="warn"><AppenderRef ref="log"/></Root>
  </Loggers>
</Configuration>
"""


@dataclass(frozen=True)
class Programs:
    """Where the programs lie that TorchServe is made of: Java, the workers' Python, and the folder that holds the package `ts`.

    `java_cache`: see `java_cache`; it changes how soon a server is there, not how it serves.
    """

    java: Path
    python: Path
    packages: Path
    java_cache: Path | None = None

    @property
    def jar(self) -> Path:
        """TorchServe's Java part."""
        return self.packages / "ts" / "frontend" / "model-server.jar"


NO_PROGRAMS = Programs(Path("java"), Path("python"), Path("packages"))


def local_programs(progress: Progress) -> Programs:
    """Those of this interpreter. Raises ToolError where Java or TorchServe is missing."""
    from mlgate_serving.java_cache import java_cache
    from mlgate_tools.java import find_java

    found, java = util.find_spec("ts"), find_java()
    programs = Programs(java.path, Path(sys.executable), Path((found and found.origin) or "").parent.parent)
    if not programs.jar.is_file():
        raise ToolError("TorchServe is not installed", where=sys.prefix, remedy=install_remedy("serving"))
    return replace(programs, java_cache=java_cache(java.path, java.version, _JAVA_OPTIONS, programs.jar, progress))


@dataclass(frozen=True)
class TorchServe:
    """Renders TorchServe's two files and its command."""

    programs: Programs

    def render(self, release: Release, serving: Serving, place: Place) -> Rendered:
        """See `Runtime`. Token authorization is off, so the place must be on loopback."""
        if not _is_loopback(place.address):
            raise UsageError(
                f"{place.address} is not a loopback address, and TorchServe's token authorization is off",
                where="place.address",
                remedy="bind to 127.0.0.1 and put a proxy in front: this server gets no security fixes any more",
            )
        host = f"[{place.address}]" if ":" in place.address else place.address
        inference, management, metrics = (f"http://{host}:{port}" for port in place.ports[:3])
        return Rendered(
            files={"config.properties": _properties(release, serving, place, (inference, management, metrics)), "log4j2.xml": _LOGGING},
            command=self._command(place),
            environment={
                "JAVA_HOME": str(self.programs.java.parent.parent),
                "LOG_LOCATION": str(place.folder / "logs"),
                "METRICS_LOCATION": str(place.folder / "logs"),
                "TMPDIR": str(place.temporary),
                "TEMP": str(place.temporary),
                "LC_ALL": "C.UTF-8",  # in the plain C locale Java cannot name files with other letters than ASCII's
                "PYTHONPATH": "",  # the archive's modules, and nobody else's under the same names
                "OMP_NUM_THREADS": "1",
                RELEASE_VARIABLE: release.digest,
                BUSY_VARIABLE: str(place.temporary),
            },
            probes=Probes(
                ready_url=f"{management}/models/{release.service}", live_url=f"{inference}/ping", metrics_url=f"{metrics}/metrics"
            ),
        )

    def _command(self, place: Place) -> tuple[str, ...]:
        programs = self.programs
        return (
            str(programs.java),
            *((f"-XX:AOTCache={programs.java_cache}",) if programs.java_cache else ()),
            *_JAVA_OPTIONS,
            f"-Dmodel_server_home={programs.packages}",
            f"-Djava.io.tmpdir={place.temporary}",
            f"-Dlog4j.configurationFile={place.folder / 'log4j2.xml'}",
            *("-cp", str(programs.jar), "org.pytorch.serve.ModelServer"),
            *("--python", str(programs.python)),
            *("-f", str(place.folder / "config.properties")),
            "-ncs",  # without it the last run's snapshot decides over this configuration
        )


def _properties(release: Release, serving: Serving, place: Place, addresses: tuple[str, str, str]) -> str:
    inference, management, metrics = addresses
    store = place.archive.parent
    lines = {
        "inference_address": inference,
        "management_address": management,
        "metrics_address": metrics,
        "grpc_inference_address": place.address,
        "grpc_management_address": place.address,
        "grpc_inference_port": place.grpc_inference_port,
        "grpc_management_port": place.grpc_management_port,
        "disable_token_authorization": "true",
        "enable_model_api": "false",  # what serves is what was rendered; describing workers and scaling work without it
        "allowed_urls": f"file://{re.escape(str(store))}/.*",
        "model_store": store,
        "load_models": f"{release.service}={place.archive.name}",
        "models": json.dumps({release.service: {release.version: _model(serving, place)}}, separators=(",", ":")),
        "number_of_gpu": 0 if serving.resources.accelerator == "cpu" else serving.resources.count,
        "job_queue_size": _QUEUE,
        "decode_input_request": "false",  # the handler reads the bytes itself, and logs no traceback for bad JSON
        "number_of_netty_threads": 2,
        "netty_client_threads": 2,
        "metrics_mode": "prometheus",
        "disable_system_metrics": "true",
    }
    return "".join(f"{key}={_escaped(str(value))}\n" for key, value in lines.items())


def _escaped(value: str) -> str:
    """A value as Java reads it from a properties file: Latin-1, with a backslash before what it would take for its own."""
    units = memoryview(value.replace("\\", "\\\\").encode("utf-16-le")).cast("H")
    return "".join(chr(unit) if unit < 128 else f"\\u{unit:04x}" for unit in units)


def _model(serving: Serving, place: Place) -> dict[str, object]:
    delay_ms, rest = divmod(serving.batch.delay, _MS_NS)
    if rest or not delay_ms:
        raise UsageError(
            f"serving.batch.delay is {format_duration(serving.batch.delay)}, and TorchServe counts whole milliseconds from 1",
            where="service.yaml",
            remedy="write 1 ms or more; batch.size 1 waits for nobody",
        )
    return {
        "defaultVersion": True,
        "marName": place.archive.name,
        "minWorkers": serving.workers,
        "maxWorkers": serving.workers,
        "batchSize": serving.batch.size,
        "maxBatchDelay": delay_ms,
        "responseTimeout": _RESPONSE_TIMEOUT_S,
    }


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"
