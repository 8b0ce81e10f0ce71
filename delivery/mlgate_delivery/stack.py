"""`LocalStack`: the Pulumi stack of an environment on this machine, driven by the engine's command line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mlgate.environment import Environment
from mlgate_delivery.engine import Engine, Update
from mlgate_delivery.exports import backend_of, exports, prepare, process_environment, stack_file_of
from mlgate_delivery.project import Project
from mlgate_delivery.stackfile import StackFile
from mlgate_tools.pulumi_state import FileState
from mlgate_tools.tool import Progress


@dataclass(frozen=True, slots=True)
class LocalStack:
    """Operations raise StackError with the reasons they failed, BusyError while somebody else's update runs.

    They act on what the state says. After a kill that is not what runs: `recover` first.
    """

    environment: Environment
    project: Project
    engine: Engine
    state: FileState
    file: StackFile

    @classmethod
    def open(cls, environment: Environment, progress: Progress, project: Project | None = None) -> LocalStack:
        """The environment's stack, set up if it is not yet. Raises as `prepare`."""
        found = project or Project.find()
        prepare(environment, progress, found)
        return cls.of(environment, found)

    @classmethod
    def of(cls, environment: Environment, project: Project) -> LocalStack:
        """The stack of an environment that is set up. Raises ToolError without an engine."""
        return cls(
            environment=environment,
            project=project,
            engine=Engine(project.folder, process_environment(exports(environment)), environment.state / "logs"),
            state=FileState(backend_of(environment), project.name, environment.name),
            file=stack_file_of(environment),
        )

    def up(self, progress: Progress, *, refresh: bool = False) -> Update:
        """Brings what runs to what the configuration says. `refresh` first looks at what runs, instead of asking only where it matters."""
        return self._operate("up", progress, "--yes", "--skip-preview", *(["--refresh"] if refresh else []))

    def plan(self) -> bytes:
        """What `up` would do, as a document with every step; `up_by_plan` does that and nothing else."""
        document = self.engine.logs / "plan.steps.json"
        self.drop_plan()
        whole = ("--json", "--show-sames", "--show-replacement-steps", "--save-plan", str(self._plan))
        self._operate("preview", lambda _line: None, *whole, document=document)
        return document.read_bytes()

    def up_by_plan(self, progress: Progress) -> Update:
        """Does what `plan` found, once. Raises StackError at the first step that is not in it; others may have been done by then."""
        try:
            return self._operate("up", progress, "--yes", "--skip-preview", "--plan", str(self._plan), by_plan=True)
        finally:
            self.drop_plan()

    def drop_plan(self) -> None:
        """Forgets what `plan` found."""
        self._plan.unlink(missing_ok=True)

    def preview(self) -> Update:
        """What `up` would do."""
        return self._operate("preview", lambda _line: None)

    def clear_pending(self, progress: Progress) -> Update:
        """Brings the state to what runs, and forgets operations that were begun and never ended."""
        return self._operate("refresh", progress, "--yes", "--skip-preview", "--clear-pending-creates")

    def destroy(self, progress: Progress) -> Update:
        """Ends everything that the stack runs; configuration and history stay."""
        return self._operate("destroy", progress, "--yes", "--skip-preview")

    @property
    def _plan(self) -> Path:
        return self.environment.state / "plan.json"

    def _operate(self, operation: str, progress: Progress, *arguments: str, document: Path | None = None, by_plan: bool = False) -> Update:
        place = ["--stack", self.environment.name, "--config-file", str(self.file.path)]
        return self.engine.operate(operation, [*place, *arguments], progress, document=document, by_plan=by_plan)
