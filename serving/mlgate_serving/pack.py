"""`pack`: a model directory becomes a release, or every reason why not is said at once.

The directory holds `model.py` (a class `Model`, constructible without arguments, whose `forward` takes the declared inputs in declared
order, batch first, and returns the output) and its weights (`weights.safetensors`, or `weights.pt` with a state dict), or an exported
program alone (`model.pt2`). `handler.py` may put something around the model, `training.json` says how it was trained, and whatever
else lies there is packed too.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import metadata
from pathlib import Path

import mlgate_serving
from mlgate.digests import canonical_json, digest_bytes, digest_of_files
from mlgate.environment import cache_folder
from mlgate.errors import BusyError, EvidenceError, PackError, Problem
from mlgate.release import RELEASE_FILE, Lineage, Release
from mlgate.service import Service
from mlgate_serving.archive import MANIFEST, read_archive, write_archive
from mlgate_serving.lineage import TRAINING_FILE, read_lineage
from mlgate_serving.locks import exclusive
from mlgate_serving.rows import INTERFACE_FILE
from mlgate_serving.scan import scan_file
from mlgate_tools.tool import Progress

WEIGHT_FILES = ("weights.safetensors", "weights.pt", "model.pt2")
_OWN_MODULES = ("__init__.py", "handler.py", "rows.py")
_RESERVED = (INTERFACE_FILE, "mlgate_serving", MANIFEST.split("/", maxsplit=1)[0])
_LEFT_OUT = (TRAINING_FILE, RELEASE_FILE, "service.yaml")
_DEFAULT_HANDLER = "from mlgate_serving.handler import SafeHandler\n\n\nclass Handler(SafeHandler): ...\n"
_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+-]{0,62}")
_LOCK_WAIT_S = 600.0  # longer than packing takes
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def pack(folder: Path, *, service: Service, version: str, output: Path, progress: Progress = lambda _line: None) -> Release:
    """Packs the model in `folder` as `<service>-<version>.mar` and `release.json` in `output`, and returns the release.

    Equal content gives equal bytes, whenever, wherever and by whom it is packed; packing it again is no error. `progress` is told where
    torch must be loaded first. Raises PackError with every problem of the directory, or where `output` holds another release; nothing
    half-written stays. Raises BusyError where another pack into `output` does not end.
    """
    problems: list[Problem] = []
    try:
        files = _collect(folder, output, problems)
        if not _VERSION.fullmatch(version):
            problems.append(Problem("version", f"{version!r} cannot name a version", "up to 63 letters, digits, '.', '+' and '-'"))
        lineage = read_lineage(folder, problems)
        _raise(problems, folder)
        with _scratch(output) as scratch:
            content = _stage(files, service, scratch / "content")
            _try(content, service, folder, progress)
            release = _write(content, scratch, service, version, lineage)
            _refuse_another(release, output)
            _publish(release, scratch, output)
            return release
    except BusyError:
        raise BusyError(
            "another mlgate packs there and does not end", where=str(output), remedy="wait for it or end it, then run the command again"
        ) from None
    except OSError as error:
        full = error.errno in _FULL
        raise PackError(
            "no room left to write the archive" if full else f"cannot be packed: {error.strerror or error}",
            where=str(output if full else error.filename2 or error.filename or output),  # of a copy, the target
            remedy="free some space and run the command again: nothing half-written was left"
            if full
            else "check the path and its permissions",
        ) from None


def _collect(folder: Path, output: Path, problems: list[Problem]) -> dict[str, Path]:
    """{path in the archive: file}; adds what is wrong with the directory to `problems`.

    Releases that were packed into the directory, and `output` for the next one, are not the model's.
    """
    if not folder.is_dir():
        problems.append(Problem(str(folder), "there is no such directory", "the directory that holds model.py and its weights"))
        return {}
    if output.resolve() == folder.resolve():
        problems.append(Problem(str(output), "is the model directory itself", "an output directory of its own, such as dist/"))
    files: dict[str, Path] = {}

    def unreadable(error: OSError) -> None:
        inside = Path(error.filename).relative_to(folder).as_posix()
        problems.append(Problem(inside, f"cannot be read: {error.strerror}", "permit it, or remove what is not the model's"))

    for place, folders, names in os.walk(folder, onerror=unreadable):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name != "__pycache__")
        for name in [name for name in folders if Path(place, name).is_symlink()]:
            inside = Path(place, name).relative_to(folder).as_posix()
            problems.append(Problem(inside, "a link to a directory", "put the directory itself there, or remove the link"))
        folders[:] = [name for name in folders if not _holds_releases(Path(place, name), output)]
        for name in sorted(names):
            path = Path(place, name)
            inside = path.relative_to(folder).as_posix()
            if name.startswith(".") or inside in _LEFT_OUT:
                continue
            if not path.is_file():
                problems.append(Problem(inside, "a link to nothing, or no plain file", "remove it or put the file there"))
                continue
            files[inside] = path
            try:
                problems += scan_file(path, inside)
            except OSError as error:
                unreadable(OSError(error.errno, error.strerror, str(path)))
    problems += [
        Problem(inside, "a name that the archive needs for itself", "rename it")
        for inside in files
        if inside.split("/", maxsplit=1)[0] in _RESERVED
    ]
    weights = [name for name in WEIGHT_FILES if name in files]
    if len(weights) != 1:
        found = f"{' and '.join(weights)} side by side" if weights else "no weights"
        problems.append(Problem(str(folder), found, f"exactly one of {', '.join(WEIGHT_FILES)}"))
    if "model.py" not in files and weights != ["model.pt2"]:
        problems.append(Problem(str(folder), "no model.py", "a model.py with a class Model(torch.nn.Module)"))
    return files


def _holds_releases(place: Path, output: Path) -> bool:
    if place.resolve() == output.resolve():
        return True
    try:
        Release.read(place)
    except EvidenceError:
        return False
    return True


def _raise(problems: list[Problem], folder: Path) -> None:
    if problems:
        raise PackError("\n".join(str(problem) for problem in problems), where=f"{folder} cannot become a release")


def _stage(files: dict[str, Path], service: Service, content: Path) -> Path:
    """Lays out what the archive will hold under `content`."""
    own = Path(mlgate_serving.__file__).parent
    for inside, path in (files | {f"mlgate_serving/{name}": own / name for name in _OWN_MODULES}).items():
        target = content / inside
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    if "handler.py" not in files:
        (content / "handler.py").write_text(_DEFAULT_HANDLER, encoding="utf-8")
    interface = service.interface.model_dump(mode="json", exclude={"auth"}) | {"model": service.name}
    (content / INTERFACE_FILE).write_bytes(canonical_json(interface))
    return content


def _try(content: Path, service: Service, folder: Path, progress: Progress) -> None:
    if "torch" not in sys.modules:  # hundreds of megabytes to read: over a minute on a slow disk
        progress("loading torch, to run the model once as an endpoint would")
    from mlgate_serving.trial import try_model  # imports torch

    _raise(try_model(content, service.interface), folder)


@contextmanager
def _scratch(output: Path) -> Iterator[Path]:
    """A folder in `output` for one pack alone: weights are large, and what fills up while they are copied is the disk that was asked for.

    Goes with all that is in it, and so does what was made of `output` where nothing came of it.
    """
    missing = [place for place in (output, *output.parents) if not place.exists()]
    # The lock lies elsewhere, since it stays, and `output` shall hold a release and nothing else.
    with exclusive(cache_folder() / "pack", digest_bytes(os.fsencode(output.resolve())).removeprefix("sha256:"), _LOCK_WAIT_S):
        output.mkdir(parents=True, exist_ok=True)
        _drop_leftovers(output)
        scratch = output.resolve() / f".partial-{os.getpid()}"  # a traceback names its files so, wherever the model goes
        shutil.rmtree(scratch, ignore_errors=True)  # of a killed pack in another container, where every process has the same id
        try:
            scratch.mkdir()
            yield scratch
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
            for place in missing:
                with suppress(OSError):  # a release lies there
                    place.rmdir()


def _write(content: Path, scratch: Path, service: Service, version: str, lineage: Lineage) -> Release:
    """Writes archive and `release.json` to `scratch`."""
    archive = scratch / f"{service.name}-{version}.mar"
    weights = next(name for name in WEIGHT_FILES if (content / name).exists())
    model_file = "model.py" if (content / "model.py").exists() else None
    write_archive(content, archive, model=service.name, version=version, model_file=model_file, weights=weights)
    archive_digest, files = read_archive(archive)
    release = Release(
        service=service.name,
        version=version,
        digest=digest_of_files(files),
        archive=archive.name,
        archive_digest=archive_digest,
        files=files,
        interface=service.interface,
        mlgate=metadata.version("mlgate"),
        lineage=lineage,
    )
    (scratch / RELEASE_FILE).write_text(release.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return release


def _publish(release: Release, scratch: Path, output: Path) -> None:
    archive = output / release.archive
    fresh = not archive.exists()
    (scratch / release.archive).replace(archive)
    try:
        (scratch / RELEASE_FILE).replace(output / RELEASE_FILE)
    except BaseException:
        if fresh:
            archive.unlink()
        raise


def _refuse_another(release: Release, output: Path) -> None:
    try:
        there = Release.read(output)
    except EvidenceError:
        return  # nothing there, or what is there is damaged and packing again is its remedy
    if there.digest != release.digest:
        raise PackError(
            f"another release is there: {there.label}, digest {there.digest}; this one is {release.label}, digest {release.digest}",
            where=str(output),
            remedy="give this one its own version and output directory; a release that exists is never changed",
        )


def _drop_leftovers(output: Path) -> None:
    """Removes what a pack that was killed left behind."""
    for leftover in output.glob(".partial-*"):
        try:
            os.kill(int(leftover.name.rpartition("-")[2]), 0)
        except (ValueError, ProcessLookupError):
            shutil.rmtree(leftover, ignore_errors=True)
        except PermissionError:
            pass  # somebody else's, and alive
