"""Envoy's admin interface over its unix socket: what the data plane serves and does at this moment."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import quote

from mlgate.errors import ProcessError
from mlgate_serving.envoy_config import MIRROR_KEY, WEIGHT_KEY

_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Served:
    """What Envoy has taken up: the version of each endpoint file and of the routes, and the values of the two runtime keys."""

    stable: str
    candidate: str
    routes: str
    weight: str
    mirror: str


@dataclass(frozen=True, slots=True)
class Admin:
    """The admin interface at `path`. Every method raises ProcessError if nothing answers there."""

    path: Path

    def ready(self) -> bool:
        """Whether Envoy has started and serves."""
        try:
            return self._request("GET", "/ready")[0] == 200
        except ProcessError:
            return False

    def served(self) -> Served:
        """What the data plane serves now."""
        versions = self._stats(r"^(cluster\.(stable|candidate)|http\.service\.rds\.main)\.version_text$")
        entries = json.loads(self._request("GET", "/runtime")[1])["entries"]
        return Served(
            stable=versions.get("cluster.stable.version_text", ""),
            candidate=versions.get("cluster.candidate.version_text", ""),
            routes=versions.get("http.service.rds.main.version_text", ""),
            weight=entries.get(WEIGHT_KEY, {}).get("final_value", ""),
            mirror=entries.get(MIRROR_KEY, {}).get("final_value", ""),
        )

    def stats(self, pattern: str) -> Mapping[str, int]:
        """Counters and gauges whose names match the regular expression `pattern`."""
        return {name: int(value) for name, value in self._stats(pattern).items()}

    def drain_listeners(self) -> None:
        """Asks clients to reconnect elsewhere, and after the listener drain time closes the port. Requests under way go on."""
        self._request("POST", "/drain_listeners?graceful")

    def _stats(self, pattern: str) -> dict[str, Any]:
        _, body = self._request("GET", f"/stats?filter={quote(pattern)}")
        lines = (line.split(": ", 1) for line in body.splitlines() if ": " in line)
        return {name: value.strip('"') for name, value in lines}

    def _request(self, method: str, target: str) -> tuple[int, str]:
        try:
            with closing(socket.socket(socket.AF_UNIX)) as channel, closing(HTTPConnection("envoy")) as connection:
                channel.settimeout(_TIMEOUT_S)
                channel.connect(str(self.path))
                connection.sock = channel
                connection.request(method, target)
                answer = connection.getresponse()
                return answer.status, answer.read().decode()
        except (OSError, HTTPException) as error:
            raise ProcessError(
                f"Envoy does not answer: {error!r}",
                where=str(self.path),
                remedy="if its process hangs, end it and run the command again: it is started anew with the same arms",
            ) from None
