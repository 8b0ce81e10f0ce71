"""What a TorchServe log says about a start that fails, in one plain sentence.

The server itself goes on retrying for five minutes and answers its health check with "Healthy" all the while, so the log is where a
crash loop shows first.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from mlgate.errors import ProcessError

_TAIL_BYTES = 1 << 16
_PREFIX = re.compile(r"^\S+ +[A-Z]+ +MODEL_LOG ?")  # what our log4j2.xml puts before a worker's line
_BIND = re.compile(r"Failed to bind to address:? (\S+)")  # TorchServe's words for a REST port; gRPC's have no colon
_UNPACK = re.compile(r"Failed to load model: (\S+)\n(?:[\w.]+\.)?(\w+: .*)")
_LOAD_FAILED = re.compile(r"Backend worker process died|Failed to load model \S+, exception|Load model failed")
_ALTERED = "mlgate: "
_FRAME = re.compile(r'  File ".*?/models/[0-9a-f]{32}/(.+?)", line (\d+)')


@dataclass(frozen=True)
class Failure:
    """Why a start fails, and what to do about it. `port_taken`: the same start on other ports may work."""

    problem: str
    remedy: str
    port_taken: bool = False

    def error(self, name: str, log: str) -> ProcessError:
        """The error that ends with the tail of the log."""
        tail = "\n".join(log.splitlines()[-30:])
        return ProcessError(f"{self.problem}; the end of its log:\n{tail}", where=f"endpoint {name}", remedy=self.remedy)


def read_log(folder: Path) -> str:
    """The end of what a server has written since it was started: Java's own output, then its log."""
    return "".join(_tail(folder / "logs" / name) for name in ("stdout.log", "torchserve.log"))


def find_failure(log: str) -> Failure | None:
    """The failure that a log tells of, or None while nothing has failed."""
    if bind := _BIND.search(log):
        return Failure(f"its port is taken: {bind[1]}", "end what listens there, or start the endpoint again: it takes other ports", True)
    if unpack := _UNPACK.search(log):
        return Failure(f"the archive {unpack[1]} cannot be unpacked ({unpack[2]})", "pack the release again: mlgate pack DIR")
    if not _LOAD_FAILED.search(log):
        return None
    raised, place = _first_exception([_PREFIX.sub("", line) for line in log.splitlines()])
    if raised is None:
        return Failure("its worker ended while it loaded the model", "see whether memory ran out (dmesg), or what the handler does at load")
    if _ALTERED in raised:
        return Failure(raised.partition(_ALTERED)[2], "pack the release again: mlgate pack DIR")
    return Failure(
        f"its handler raised while it loaded the model ({place}): {raised}", "correct the model directory and pack a new version"
    )


def _first_exception(lines: list[str]) -> tuple[str | None, str]:
    """The first exception of the first traceback, since later ones follow from it, and the archive's own line that it came from."""
    place, inside = "handler.py", False
    for line in lines:
        if line.startswith("Traceback (most recent call last)"):
            inside = True
        elif inside and (frame := _FRAME.match(line)):
            place = f"{frame[1]}:{frame[2]}"
        elif inside and line and not line[0].isspace() and not re.match(r"\d{4}-", line):  # Java's own lines may fall in between
            return line, place
    return None, place


def _tail(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            stream.seek(max(0, path.stat().st_size - _TAIL_BYTES))
            return stream.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
