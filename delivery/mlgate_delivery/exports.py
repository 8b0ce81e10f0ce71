"""Setting up an environment, and the variables under which `pulumi` finds it."""

from __future__ import annotations

import os
import secrets
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from mlgate.environment import HOME_VARIABLE, Environment, local
from mlgate.errors import StackError
from mlgate_delivery.engine import Engine
from mlgate_delivery.project import Project
from mlgate_delivery.stackfile import StackFile
from mlgate_evidence.trust import ensure_local_trust
from mlgate_tools.pulumi import engine_environment, ensure_pulumi
from mlgate_tools.pulumi_state import FileState
from mlgate_tools.tool import Progress

# Either would win over ours: another passphrase than the stack's, another stack than the environment's.
_FOREIGN = ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_STACK")


def prepare(environment: Environment, progress: Progress, project: Project | None = None) -> dict[str, str]:
    """Makes whatever of the environment is not there yet: engine, key and trust, Pulumi's state, the stack.

    Returns the variables a shell must export for `pulumi up -s local` to work by hand. Values that are secret stay in files.
    Raises ToolError without an engine, StackError without a project around the current directory.
    """
    found = project or Project.find()
    ensure_pulumi(progress)
    ensure_local_trust(environment)
    variables = exports(environment)
    _write_passphrase(passphrase_of(environment))
    backend_of(environment).mkdir(parents=True, exist_ok=True)
    _init_stack(environment, found, variables, progress)
    _link_stack_file(environment, found)
    return variables


def exports(environment: Environment) -> dict[str, str]:
    """The variables alone, for an environment that is there. Raises ToolError without an engine."""
    return {
        **engine_environment(),
        HOME_VARIABLE: str(environment.home.parent),
        "PULUMI_HOME": str(environment.state / "home"),
        "PULUMI_BACKEND_URL": backend_of(environment).as_uri(),
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(passphrase_of(environment)),
        # The program must run where mlgate is installed. `virtualenv` in Pulumi.yaml cannot say so: the language host resolves it from
        # the project's folder, the dynamic provider's script from the program's.
        "PULUMI_PYTHON_CMD": sys.executable,
    }


def process_environment(variables: Mapping[str, str]) -> dict[str, str]:
    """The whole environment of an engine that we start ourselves."""
    return {**{name: value for name, value in os.environ.items() if name not in _FOREIGN}, **variables}


def backend_of(environment: Environment) -> Path:
    """The folder of Pulumi's file state."""
    return environment.state / "state"


def passphrase_of(environment: Environment) -> Path:
    """The file with the passphrase that the stack's secrets are encrypted with."""
    return environment.state / "passphrase"


def stack_file_of(environment: Environment) -> StackFile:
    """The stack's configuration. It lies with the state it belongs to; the project only links to it."""
    return StackFile(environment.state / f"Pulumi.{environment.name}.yaml")


def _write_passphrase(path: Path) -> None:
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    making = path.with_name(f".{path.name}.{os.getpid()}")
    making.touch(mode=0o600)
    making.write_text(secrets.token_urlsafe(32), encoding="utf-8")
    try:
        with suppress(FileExistsError):  # never replaces one that another command has just made
            path.hardlink_to(making)
    finally:
        making.unlink()


def _init_stack(environment: Environment, project: Project, variables: Mapping[str, str], progress: Progress) -> None:
    """Initialises the stack, or restores the salt in its configuration file where somebody removed that."""
    state = FileState(backend_of(environment), project.name, environment.name)
    file = stack_file_of(environment)
    if state.exists and file.salt():
        return
    salt = state.checkpoint().salt
    if salt is not None:
        progress(f"stack {environment.name}: writing {file.path} anew, with nothing configured")
        file.set_salt(salt)
        return
    progress(f"stack {environment.name}: initialising")
    with tempfile.TemporaryDirectory(prefix="mlgate-stack-") as place:
        # In a project of its own: `stack init` knows no --config-file, and would write into the user's.
        (Path(place) / "Pulumi.yaml").write_text(f"name: {project.name}\nruntime: python\n", encoding="utf-8")
        engine = Engine(Path(place), process_environment(variables), environment.state / "logs")
        if state.exists:
            engine.ask("stack", "rm", "--yes", "--stack", environment.name)
        engine.ask("stack", "init", environment.name)
        salt = StackFile(Path(place) / f"Pulumi.{environment.name}.yaml").salt()
    if salt is None:
        raise StackError("pulumi stack init wrote no salt", where=str(file.path), remedy="mlgate doctor")
    file.set_salt(salt)


def _link_stack_file(environment: Environment, project: Project) -> None:
    """Lets `pulumi up -s local` by hand find the configuration, if this is the environment that a hand would mean."""
    if environment.home != local(project.folder).home:
        return
    target = stack_file_of(environment).path
    link = project.stack_files / target.name
    if link.is_symlink() and link.resolve() == target.resolve():
        return
    if link.exists() and not link.is_symlink():
        raise StackError(
            "is not the configuration that mlgate keeps",
            where=str(link),
            remedy=f"move its settings into {target} and remove it, then run this again",
        )
    link.unlink(missing_ok=True)
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(target)
