"""The public names of the SDK: what a service declares, what a release is, where it runs, and what a gate concludes."""

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
