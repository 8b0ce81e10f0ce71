"""The engine's event log as the engine writes it, made by hand."""

from __future__ import annotations

from typing import Any

SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = {SIGNATURE: "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "[secret]"}
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
PHASES = {"begun": "resourcePreEvent", "ended": "resOutputsEvent", "failed": "resOpFailedEvent"}


def urn(name: str, kind: str = "box:index:Box") -> str:
    return f"urn:pulumi:dev::shop::{kind}::{name}"


def state(name: str, kind: str = "box:index:Box", **values: Any) -> dict[str, Any]:
    return {"type": kind, "urn": urn(name, kind), "id": "id", "parent": "", "inputs": values, "outputs": values, "provider": ""}


def event(phase: str, operation: str, name: str, kind: str = "box:index:Box", **metadata: Any) -> dict[str, Any]:
    old = None if operation in {"create", "import"} else state(name, kind)
    new = None if operation in {"delete", "delete-replaced"} else state(name, kind)
    told = {"op": operation, "urn": urn(name, kind), "type": kind, "old": old, "new": new, "detailedDiff": None, "provider": ""}
    return {"sequence": 1, "timestamp": 1, PHASES[phase]: {"metadata": told | metadata}}


def said(message: str, severity: str = "error", about: str = "") -> dict[str, Any]:
    return {"sequence": 1, "timestamp": 1, "diagnosticEvent": {"urn": about, "message": message, "severity": severity, "color": "never"}}


def summary(**counts: int) -> dict[str, Any]:
    return {"sequence": 1, "timestamp": 1, "summaryEvent": {"resourceChanges": counts}}
