"""The public names of the SDK: what a service declares, what a release is, where it runs, and what a gate concludes.

Names are imported when first used, so that `mlgate --help` does not wait for pydantic.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlgate.environment import Environment, local
    from mlgate.errors import (
        BusyError,
        DeclarationError,
        EndpointError,
        EvidenceError,
        LedgerError,
        MlgateError,
        PackError,
        Problem,
        ProcessError,
        RefusedError,
        StackError,
        ToolError,
        UsageError,
    )
    from mlgate.platform import Platform
    from mlgate.release import Lineage, Release
    from mlgate.service import Service
    from mlgate.verdict import Verdict, join_all

__all__ = [
    "BusyError",
    "DeclarationError",
    "EndpointError",
    "Environment",
    "EvidenceError",
    "LedgerError",
    "Lineage",
    "MlgateError",
    "PackError",
    "Platform",
    "Problem",
    "ProcessError",
    "RefusedError",
    "Release",
    "Service",
    "StackError",
    "ToolError",
    "UsageError",
    "Verdict",
    "join_all",
    "local",
]

_MODULES = {
    "Environment": "environment",
    "Lineage": "release",
    "Platform": "platform",
    "Release": "release",
    "Service": "service",
    "Verdict": "verdict",
    "join_all": "verdict",
    "local": "environment",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'mlgate' has no attribute {name!r}")
    return getattr(import_module(f"mlgate.{_MODULES.get(name, 'errors')}"), name)
