"""Clearing up after a killed engine in an environment on AWS: its lock, operations that never ended, and what no state knows of."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]

from mlgate.errors import BusyError, StackError
from mlgate_delivery.account import session_of
from mlgate_delivery.engine import Engine
from mlgate_delivery.exports import process_environment
from mlgate_delivery.orphan_kinds import Where
from mlgate_delivery.orphans import Left, adopt
from mlgate_delivery.project import Project
from mlgate_delivery.remote_state import RemoteState
from mlgate_tools.pulumi_state import Lock
from mlgate_tools.tool import Progress

__all__ = ["recover_remote"]


def recover_remote(state: RemoteState, project: Project, progress: Progress) -> Sequence[Left]:
    """Brings the stack back to where `pulumi up` goes on and makes nothing twice; returns what is left to a person.

    Raises as `session_of` for credentials (in another account nothing of it would be found, and all that was begun forgotten), BusyError
    for a lock whose owner lives, or is on another machine, and StackError with AWS's words for what it refuses.
    """
    session = session_of(state)
    where = Where(state.platform.account, state.platform.region, session.client)
    try:
        _take_locks(session.client("s3"), state, project, progress)
        return adopt(_OnAws(state, project, progress), state.name, where, progress)
    except (BotoCoreError, ClientError) as error:
        raise StackError(
            f"AWS does not say what there is: {error}",
            where=f"stack {state.name}",
            remedy="let these credentials read the state, tag:GetResources and ec2:DescribeTags, and run the same command again",
        ) from None


def _take_locks(s3: Any, state: RemoteState, project: Project, progress: Progress) -> None:
    """Takes away the locks of owners that are known to be dead; Pulumi's layout, see `mlgate_tools.pulumi_state`."""
    prefix = f".pulumi/locks/organization/{project.name}/{state.name}/"
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket=state.bucket, Prefix=prefix).get("Contents", [])]
    locks = [_lock(state, key, s3.get_object(Bucket=state.bucket, Key=key)["Body"].read()) for key in keys if key.endswith(".json")]
    for lock in locks:
        if not lock.here or lock.held:
            raise BusyError(
                f"the stack is being updated by process {lock.pid} of {lock.user} on {lock.host}, since {lock.since:%Y-%m-%d %H:%M:%S}",
                where=f"stack {state.name}",
                remedy=_remedy(state),
            )
    for lock in locks:
        progress(f"recovering: taking away the lock of process {lock.pid}, which has ended")
        s3.delete_object(Bucket=state.bucket, Key=str(lock.path))


def _lock(state: RemoteState, key: str, content: bytes) -> Lock:
    try:
        said = json.loads(content)
        since = datetime.fromisoformat(said["timestamp"])
        return Lock(Path(key), pid=said["pid"], user=said["username"], host=said["hostname"], since=since)
    except (ValueError, KeyError, TypeError):
        raise BusyError(
            "the stack is locked, and this version cannot tell by whom",
            where=f"stack {state.name}, s3://{state.bucket}/{key}",
            remedy=_remedy(state),
        ) from None


def _remedy(state: RemoteState) -> str:
    """With the exports before it: what asked for the lock has failed, so the shell may have another environment's, whose lock would go."""
    cancel = f'eval "$(mlgate env {state.name})" && pulumi cancel -s {state.name}'
    return f"wait for it to end; if it is dead: {cancel}, and run the same command again"


@dataclass(frozen=True, slots=True)
class _OnAws:
    state: RemoteState
    project: Project
    progress: Progress

    def export(self) -> Mapping[str, Any]:
        exported: dict[str, Any] = json.loads(self._engine.ask("stack", "export", *self._place))
        return exported

    def import_(self, state: Mapping[str, Any]) -> None:
        with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
            json.dump(state, file)
            file.flush()
            self._engine.ask("stack", "import", "--file", file.name, *self._place)

    def refresh(self) -> None:
        self._engine.operate("refresh", ["--yes", "--skip-preview", *self._place], self.progress)

    @property
    def _place(self) -> tuple[str, str]:
        return "--stack", self.state.name

    @property
    def _engine(self) -> Engine:
        logs = self.project.folder / ".mlgate" / self.state.name / "logs"
        return Engine(self.project.folder, process_environment(self.state.exports()), logs)
