"""The resources of a program that no engine runs, and those of a deployed stack, as a bill takes them.

A program is recorded as in a preview: what only the cloud knows is unknown, so that code which takes ARNs apart waits, as it does there.
Pins that its environment still lacks are stood in for, since neither a bill nor what stays depends on them, and are told.
"""

from __future__ import annotations

import contextlib
import json
import sys
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from mlgate import MlgateError, StackError, UsageError
from mlgate.bill import Resource
from mlgate.inputs import text
from mlgate.platform import Platform
from mlgate.platform_files import KEY
from mlgate.remains import Kept
from mlgate_cli.answers import Answers

if TYPE_CHECKING:
    from mlgate_components.aws.pins import Unpinned
    from mlgate_testkit.record import Graph
    from mlgate_testkit.record import Resource as Recorded

__all__ = ["Program", "deployed_program", "recorded_program"]

_REGION = "aws:region"
_TEMPLATE = "launchTemplate"


@dataclass(frozen=True, slots=True)
class Program:
    """What a program makes for a stack, or what its exported state holds, and the pins that its environment lacks."""

    graph: Graph
    unpinned: Sequence[Unpinned] = ()

    @property
    def resources(self) -> list[Resource]:
        """Those that the stack makes: components are in no cloud, and what is only looked up is somebody else's."""
        return [
            Resource(found.type, found.name, _inputs(found), _id(found), _own_region(found))
            for found in self.graph.resources
            if found.custom and not found.read
        ]

    @property
    def kept(self) -> list[Kept]:
        """All of it, components too, with what each needs and whether it is kept."""
        return [
            Kept(
                found.urn,
                found.type,
                found.name,
                _plain(found.inputs),
                found.protect or found.retain_on_delete,
                (*found.dependency_urns, *([found.parent_urn] if found.parent_urn else [])),
                not found.custom,
            )
            for found in self.graph.resources
            if not found.read
        ]

    @property
    def region(self) -> str:
        """The one region that it is in. Raises UsageError where there is not one."""
        return _region(self.graph)


def recorded_program(project: Path, stack: str) -> Program:
    """What the project's program makes for a stack.

    Raises what the program says is wrong, and StackError for anything else that it raises.
    """
    from pulumi import RunError

    from mlgate_testkit.record import record

    if not any((project / name).is_file() for name in ("Pulumi.yaml", "Pulumi.yml")):
        raise UsageError(f"there is no Pulumi.yaml in {project.resolve()}", where="--project", remedy="name the project's folder")
    try:
        # What the program prints is not our answer, and what it looks like is for people.
        with contextlib.redirect_stdout(sys.stderr), warnings.catch_warnings(record=True) as doubts:
            warnings.simplefilter("always")
            platform = _declared(project, stack)
            unpinned, config = _with_stand_ins(platform) if platform else ([], {})
            answers = Answers(platform.account) if platform else Answers()
            graph = record(project, stack=stack, preview=True, invokes=answers, config=config)
    except MlgateError:
        raise
    except RunError as error:  # what a program says that is wrong, and what to do about it
        raise StackError(str(error), where=f"{project}, stack {stack}") from error
    except (Exception, SystemExit) as error:
        said = f"{type(error).__name__}: {error}".removeprefix("RunError: ")
        raise StackError(
            f"the program did not run to its end: {said}", where=f"{project}, stack {stack}", remedy="see that it previews"
        ) from error
    for doubt in doubts:
        if issubclass(doubt.category, UserWarning):
            sys.stderr.write(f"mlgate: {doubt.message}\n")
    if not graph.resources:
        raise UsageError(f"the program makes nothing for stack {stack}", where=str(project), remedy="name a stack that it knows")
    return Program(graph, unpinned)


def _declared(project: Path, stack: str) -> Platform | None:
    """The stack's environment, None where there is none, or it is not well: the program says what is wrong with it, by file and line."""
    from mlgate_testkit.record.program import open_program

    try:
        return Platform.model_validate(open_program(project, stack).config.get(KEY))
    except ValidationError:
        return None


def _with_stand_ins(platform: Platform) -> tuple[list[Unpinned], dict[str, Any]]:
    """The pins that are missing, and what lies over the stack's configuration in their place."""
    from mlgate_components.aws.pins import stand_ins, unpinned

    missing = unpinned(platform)
    return missing, {KEY: stand_ins(platform, missing)} if missing else {}


def deployed_program(path: Path, stack: str, project: str | None = None) -> Program:
    """What the stack's exported state holds. Raises UsageError for a file that is none, and for another stack's or project's."""
    from mlgate_testkit.record import Graph

    remedy = f"write it by: pulumi stack export -s {stack} --file FILE"
    try:
        export = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", where=str(path), remedy=remedy) from None
    except ValueError as error:
        raise UsageError(f"is no JSON: {error}", where=str(path), remedy=remedy) from None
    if not isinstance(export, dict):
        raise UsageError("is no exported state", where=str(path), remedy=remedy)
    graph = Graph.from_state(export)
    if graph.stack and (graph.stack, graph.project) != (stack, project or graph.project):  # an empty one does not say whose it is
        asked = f"stack {stack} of project {project}" if project else f"stack {stack}"
        raise UsageError(f"is of stack {graph.stack} of project {graph.project}, and not of {asked}", where=str(path), remedy=remedy)
    return Program(graph)


def _inputs(found: Recorded) -> Any:
    """Plain values; a node group names its template also where the id of that is not known yet."""
    inputs = _plain(found.inputs)
    named = inputs.get(_TEMPLATE)
    templates = [each for each in found.property_dependencies.get(_TEMPLATE, ()) if each.type.endswith(":LaunchTemplate")]
    if isinstance(named, Mapping) and len(templates) == 1:
        inputs[_TEMPLATE] = {**named, "id": _id(templates[0])}
    return inputs


def _id(found: Recorded) -> str:
    return found.id if isinstance(found.id, str) else found.urn


def _plain(value: Any) -> Any:
    from mlgate_testkit.provider.values import plain

    return plain(dict(value))


def _own_region(found: Recorded) -> str | None:
    provider: Mapping[str, Any] = found.provider.inputs if found.provider else {}
    return text(found.inputs, "region") or text(provider, "region")


def _region(graph: Graph) -> str:
    configured = graph.config.get(_REGION)
    if isinstance(configured, str):
        return configured
    given = {region for found in graph.all("pulumi:providers:aws") if (region := text(found.inputs, "region"))}
    if len(given) != 1:
        said = f"the program has providers of {' and '.join(sorted(given))}" if given else "no region is said"
        raise UsageError(
            said,
            where=f"stack {graph.stack}",
            remedy=f"say which one the bill is of: pulumi config set -s {graph.stack} {_REGION} us-east-1",
        )
    return given.pop()
