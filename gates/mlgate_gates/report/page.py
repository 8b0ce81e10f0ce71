"""The report of a gate: one HTML file that needs nothing else, neither network nor script, for as long as there are browsers."""

from __future__ import annotations

import base64
import binascii
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import pyarrow as pa
from markupsafe import Markup

from mlgate.digests import digest_file
from mlgate.errors import EvidenceError
from mlgate_evidence.store import EVIDENCE_FILE
from mlgate_gates.predicate import LOOK_FILE, OBSERVATIONS_FILE, read_predicate
from mlgate_gates.report import formats
from mlgate_gates.report.view import build_page
from mlgate_loadtests.recording import read_observations

REPORT_FILE = "report.html"
_REMEDY = "point to the folder of one attempt, as `mlgate gate` wrote it"


def build_report(folder: Path) -> Path:
    """Writes `report.html` into the evidence folder of an attempt, whole or not at all, and returns its path.

    The signature is shown and not checked: whoever calls this has signed or verified the evidence (`mlgate_gates.verify`), and the page
    says how to do so again. Raises EvidenceError where a file is missing, is not what a gate wrote, or is not the one that was signed, and
    where the page cannot be written.
    """
    statement, keyids = _read_envelope(folder / EVIDENCE_FILE)
    predicate = statement.get("predicate")
    if not isinstance(predicate, dict):
        raise EvidenceError("the statement has no predicate", where=str(folder / EVIDENCE_FILE), remedy=_REMEDY)
    signed = read_predicate(predicate)
    text = render_report(
        predicate,
        _read_signed_rows(folder / OBSERVATIONS_FILE, signed.observations.digest),
        _read_signed_look(folder / LOOK_FILE, signed.look.digest),
        keyids,
    )
    path = folder / REPORT_FILE
    try:
        _write_atomically(path, text.encode())
    except OSError as error:
        raise EvidenceError(
            f"the report cannot be written: {error.strerror}",
            where=str(path),
            remedy=f"make room or make it writable, then: mlgate report {folder}",
        ) from error
    return path


def render_report(
    predicate: Mapping[str, Any], observations: pa.Table, look: Sequence[Mapping[str, Any]] | None, keyids: Sequence[str]
) -> str:
    """The page as text.

    `observations` has the columns of `mlgate_loadtests.recording.SCHEMA`; `look` holds the wrongly answered cases that were set aside to
    be looked at, as `look.json` does; `keyids` name the keys that signed. Every string in them is shown as text, whatever it holds.
    Raises EvidenceError that names the field missing.
    """
    page = build_page(read_predicate(predicate), observations, look, keyids)
    return _templates().get_template("page.html.j2").render(page=page)


@cache
def _templates() -> jinja2.Environment:
    loader = jinja2.PackageLoader("mlgate_gates.report")
    environment = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    style, _, _ = loader.get_source(environment, "style.css")
    environment.globals["style"] = Markup(style)  # noqa: S704 (our own file)
    environment.filters["unbroken"] = formats.unbroken
    return environment


def _read_envelope(path: Path) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The statement inside a DSSE envelope and the key ids of its signatures."""
    envelope = _read_json(path)
    try:
        statement = json.loads(base64.b64decode(envelope["payload"], validate=True))
        keyids = tuple(str(signature["keyid"]) for signature in envelope["signatures"])
    except (KeyError, TypeError, ValueError, binascii.Error) as error:
        raise EvidenceError(f"not a signed statement ({type(error).__name__}: {error})", where=str(path), remedy=_REMEDY) from None
    if not isinstance(statement, dict):
        raise EvidenceError("the signed payload is not a statement", where=str(path), remedy=_REMEDY)
    return statement, keyids


def _read_signed_rows(path: Path, digest: str) -> pa.Table:
    """The rows, if they are those that the verdict was computed from: charts of others would stand beside it as its reason."""
    rows = read_observations(path)
    _check_digest(path, digest)
    return rows


def _read_signed_look(path: Path, digest: str) -> list[dict[str, Any]] | None:
    """The cases to look at, if they are there and are those of this gate."""
    if not path.exists():
        return None
    _check_digest(path, digest)
    cases = _read_json(path)
    if not isinstance(cases, list) or not all(isinstance(case, dict) for case in cases):
        raise EvidenceError("not a list of cases", where=str(path), remedy=_REMEDY)
    return cases


def _check_digest(path: Path, signed: str) -> None:
    if digest_file(path) != signed:
        raise EvidenceError("this is not the file that the evidence was signed with", where=str(path), remedy="restore it from a copy")


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise EvidenceError(f"cannot be read: {error.strerror}", where=str(path), remedy=_REMEDY) from None
    except ValueError as error:
        raise EvidenceError(f"not JSON: {error}", where=str(path), remedy=_REMEDY) from None


def _write_atomically(path: Path, content: bytes) -> None:
    """Readers see the old page or the new one, and a full disk leaves the old one."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
        temporary.chmod(0o644)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
