"""`Stack`: a stack of a test, driven by the real engine; state, configuration and logs lie in the test's own folder."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from mlgate.errors import StackError, UsageError
from mlgate_testkit.engine.changes import Changes
from mlgate_testkit.engine.configuration import merged, qualified, read_configuration
from mlgate_testkit.engine.engine import Engine, Site
from mlgate_testkit.engine.errors import UpdateError, full_disk_told
from mlgate_testkit.engine.events import Event, plain_values
from mlgate_testkit.engine.program import Program, Source
from mlgate_testkit.engine.simulated import Attached, require_listening
from mlgate_testkit.engine.tracked import Made
from mlgate_tools.pulumi_state import Checkpoint, FileState

__tracebackhide__ = True  # a test that fails shows the line of the test
__all__ = ["KillAt", "Stack"]

KillAt = int | Callable[[Event], bool]
"""The event at which the engine is killed: its number, from 1, or what is true of it."""

_APPLY = ("--yes", "--skip-preview")


class Stack:
    """A stack that was initialised and holds nothing yet. Made by the fixture `stack`; its state lies in `backend` with those of its test.

    Operations return what they did, and raise UpdateError if they fail, with what was done by then. `kill_at` ends the engine with
    SIGKILL at that event, as a crash would, so the operation always raises; `recover` puts right what it leaves.
    """

    def __init__(
        self,
        engine: Engine,
        name: str,
        program: Program,
        workspace: Path,
        *,
        backend: Path,
        config: Mapping[str, Any] | None = None,
        secrets: Mapping[str, str] | None = None,
        attached: Sequence[Attached] = (),
    ) -> None:
        self.engine = engine
        self.name = name
        self.workspace = workspace
        self._program = program
        self._backend = backend
        self._file = workspace / f"Pulumi.{name}.yaml"
        self._config: dict[str, Any] = dict(config or {})
        self._secrets: dict[str, str] = dict(secrets or {})
        self._sealed: dict[str, Any] = {}
        self.attached = tuple(attached)
        self.abandoned: set[tuple[str, str]] = set()
        self._outputs: Mapping[str, Any] | None = None
        with full_disk_told():
            self._salt = self._initialise()
            self._configure()

    @property
    def project(self) -> str:
        """The name of its project."""
        return self._program.project

    @property
    def site(self) -> Site:
        """Where its engine works."""
        ports = {provider.name: provider.port for provider in self.attached}
        return Site(self._program.folder, self.workspace, self._backend, ports, self._program.virtualenv)

    @property
    def state(self) -> FileState:
        """Its state, read without the engine."""
        return FileState(self.site.state, self.project, self.name)

    @property
    def secrets(self) -> Mapping[str, str]:
        """The secret configuration that the test gave it, in clear, each key with its namespace."""
        return {qualified(key, self.project): value for key, value in self._secrets.items()}

    @property
    def outputs(self) -> Mapping[str, Any]:
        """What the program exports, as of the last operation; SECRET stands for a secret value."""
        if self._outputs is None:
            resources = (self.export()["deployment"].get("resources")) or []
            root: Mapping[str, Any] = next((item for item in resources if item["type"] == "pulumi:pulumi:Stack"), {})
            self._outputs = plain_values(root.get("outputs") or {})
        return self._outputs

    def change(
        self, *, program: Source | None = None, config: Mapping[str, Any] | None = None, secrets: Mapping[str, str] | None = None
    ) -> None:
        """Goes on with another program, or other values over the present ones: what a commit would change.

        Raises UsageError for a program of another project.
        """
        if program is not None:
            found = Program.find(program, self.workspace)
            if found.project != self.project:
                raise UsageError(
                    f"project {found.project!r} is not {self.project!r}, so its resources would be others",
                    where=f"stack {self.name}",
                    remedy="give another version of the same project",
                )
            self._program = found
        self._config.update(config or {})
        self._secrets.update(secrets or {})
        for key in secrets or {}:
            self._sealed.pop(qualified(key, self.project), None)
        self._configure()

    def preview(self, *, kill_at: KillAt | None = None) -> Changes:
        """What `up` would do."""
        return self.operate("preview", kill_at=kill_at)

    def up(self, *, kill_at: KillAt | None = None) -> Changes:
        """Brings the resources to what the program says."""
        return self.operate("up", *_APPLY, kill_at=kill_at)

    def refresh(self, *, kill_at: KillAt | None = None) -> Changes:
        """Brings the state to what the cloud says: `updated` and `deleted` are what somebody changed by hand."""
        return self.operate("refresh", *_APPLY, kill_at=kill_at)

    def destroy(self, *, kill_at: KillAt | None = None) -> Changes:
        """Removes every resource."""
        return self.operate("destroy", *_APPLY, kill_at=kill_at)

    def unprotect(self) -> None:
        """Takes the protection of every resource away, in the state only: the program goes on asking for it."""
        self.engine.ask(self.site, "state", "unprotect", "--all", "--yes", *self._place)

    def export(self, *, show_secrets: bool = False) -> dict[str, Any]:
        """The state, as `pulumi stack export` gives it; secrets are encrypted, unless they are to be shown."""
        shown = ["--show-secrets"] if show_secrets else []
        state: dict[str, Any] = json.loads(self.engine.ask(self.site, "stack", "export", *shown, *self._place))
        return state

    def import_(self, state: Mapping[str, Any]) -> None:
        """Replaces the state. Raises StackError for one that the engine does not take."""
        self._outputs = None
        with tempfile.NamedTemporaryFile("w", dir=self.workspace, suffix=".json", encoding="utf-8") as file:
            json.dump(state, file)
            file.flush()
            self.engine.ask(self.site, "stack", "import", "--file", file.name, *self._place)

    def orphans(self) -> list[Made]:
        """What this stack made in simulated providers and no longer knows of; not what it left there on purpose (`retain_on_delete`)."""
        known = {(resource.type, resource.id) for resource in self.state.checkpoint().resources} | self.abandoned
        return [
            made
            for provider in self.attached
            for made in provider.alive()
            if made.urn.startswith(self._urns) and (made.type, made.id) not in known
        ]

    def __repr__(self) -> str:
        return f"<stack {self.name} of {self.project}>"

    @property
    def _urns(self) -> str:
        """What the URN of each of its resources begins with."""
        return f"urn:pulumi:{self.name}::{self.project}::"

    @property
    def _place(self) -> tuple[str, str]:
        return "--stack", self.name

    def operate(self, operation: str, *arguments: str, kill_at: KillAt | None = None) -> Changes:
        """An operation with other arguments of the command line than those the methods give.

        When it returns, or raises, nothing of it is under way any more in simulated providers, even if its engine was killed.
        """
        self._outputs = None
        for provider in self.attached:
            require_listening(provider)
            provider.work_in(self._program.runs_in)
        before = self.state.checkpoint()
        try:
            with full_disk_told():
                return self._run(operation, arguments, before.needs, kill_at)
        finally:
            for provider in self.attached:
                provider.finish(self._urns)
            with suppress(StackError):  # a state that cannot be read says so to the next operation
                self.abandoned |= _abandoned(before, self.state.checkpoint())

    def _run(self, operation: str, arguments: Sequence[str], needs: Mapping[str, frozenset[str]], kill_at: KillAt | None) -> Changes:
        where = f"pulumi {operation} of stack {self.name}"
        command = [*arguments, *self._place, "--config-file", str(self._file)]
        if kill_at is None:
            return self.engine.operate(self.site, operation, command, where=where, needs=needs)
        failure: UpdateError | None = None
        try:
            done = self.engine.operate(self.site, operation, command, where=where, needs=needs, kill_at=_asked(kill_at))
        except UpdateError as error:
            if error.killed_at:
                raise
            failure, done = error, error.changes
        events = "; ".join(str(event) for event in done.events)
        raise UsageError(
            f"the engine was to be killed at an event that never came: the run {'failed before' if failure else 'went to its end'}",
            where=where,
            remedy=f"kill at one of these: {events}",
        ) from failure

    def _initialise(self) -> str:
        """Makes the stack in a project of its own: `stack init` would write into the user's. Returns the salt of its secrets."""
        self.site.state.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.workspace, prefix="init-") as place:
            folder = Path(place)
            (folder / "Pulumi.yaml").write_text(f"name: {self.project}\nruntime: python\n", encoding="utf-8")
            self.engine.ask(replace(self.site, folder=folder), "stack", "init", self.name)
            salt = yaml.safe_load((folder / self._file.name).read_text(encoding="utf-8"))["encryptionsalt"]
        return str(salt)

    def _configure(self) -> None:
        """Writes the stack's configuration anew."""
        own_file = self._program.stack_files / self._file.name
        config = merged(read_configuration(own_file), self._config, list(self._secrets), project=self.project, file=own_file)
        for key, value in self._secrets.items():
            name = qualified(key, self.project)
            if name not in self._sealed:
                self._sealed[name] = self._seal(name, value)
        self._write({**config, **self._sealed})

    def _seal(self, name: str, value: str) -> Any:
        """The value as only this stack's key opens it. Given by standard input: arguments can be read by everybody on the machine."""
        self._write({})
        self.engine.ask(self.site, "config", "set", "--secret", name, *self._place, "--config-file", str(self._file), given=value)
        return yaml.safe_load(self._file.read_text(encoding="utf-8"))["config"][name]

    def _write(self, config: Mapping[str, Any]) -> None:
        text = yaml.safe_dump({"encryptionsalt": self._salt, "config": dict(config)}, sort_keys=False)
        self._file.write_text(text, encoding="utf-8")


def _abandoned(before: Checkpoint, after: Checkpoint) -> set[tuple[str, str]]:
    """Type and id of what left the state and was meant to stay in the cloud, or to go with something that did go: a provider as well."""
    left = before.needs.keys() - after.needs.keys()
    kept = {(resource.type, resource.id) for resource in after.resources}
    meant = {(resource.type, resource.id) for resource in before.resources if resource.retained or resource.deleted_with in left}
    return meant - kept


def _asked(kill_at: KillAt | None) -> Callable[[Event], bool]:
    if callable(kill_at):
        return kill_at
    if kill_at is not None and kill_at < 1:
        raise UsageError(f"event {kill_at} cannot come: they count from 1", where="kill_at", remedy="give 1 or more")
    return lambda event: event.number == kill_at
