"""Whose cluster it is: the lock by which its keeper, and every later run, knows whether its owner is still there."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from mlgate_serving.locks import exclusive


def owner_lock(folder: Path) -> AbstractContextManager[None]:
    """Held by the process that the cluster in `folder` ends with. Raises BusyError while somebody holds it."""
    return exclusive(folder, "owner", wait_s=0)
