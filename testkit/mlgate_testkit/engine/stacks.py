"""The stacks of one test, and what is left when it ends.

A test need not destroy what it brought up: what lies in a simulated provider ends with the provider's reset, and what lies outside of one
(dynamic resources: files, processes; whatever was made through a port that somebody else serves) is destroyed here. What fails a test is
what nobody would find again: a resource in a simulated provider that no state knows, or a process that outlives its stack.

They share one backend, as those of an organization do, so that one program may ask for another's outputs (`pulumi.StackReference`).
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mlgate.errors import MlgateError, StackError, UsageError
from mlgate_testkit.engine.engine import Engine
from mlgate_testkit.engine.errors import full_disk_told
from mlgate_testkit.engine.orphans import end_marked
from mlgate_testkit.engine.program import Program, Source
from mlgate_testkit.engine.recover import recover
from mlgate_testkit.engine.simulated import Attached, Port
from mlgate_testkit.engine.stack import Stack

__tracebackhide__ = True  # a test that fails shows the line of the test
__all__ = ["LeakError", "Stacks"]

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,100}")


class LeakError(StackError):
    """A test left something behind that no state knows of. It was removed."""


class Stacks:
    """Makes stacks: `stack("prod", program="infra/", config={"size": "3"}, secrets={"password": "x"})`.

    `config` and `secrets` lie over the program's own `Pulumi.<name>.yaml`; a value of None takes a key away. `providers`: ports by name,
    for the engine to attach instead of those of the fixtures that the test asked for; they must serve until the stack is destroyed.
    """

    def __init__(self, engine: Engine, workspace: Path, attached: Sequence[Attached] = ()) -> None:
        self._engine = engine
        self._workspace = workspace
        self._attached = attached
        self._stacks: dict[tuple[str, str], Stack] = {}
        self._folders = itertools.count(1)

    def __call__(
        self,
        name: str,
        *,
        program: Source,
        config: Mapping[str, Any] | None = None,
        secrets: Mapping[str, str] | None = None,
        providers: Mapping[str, int] | None = None,
    ) -> Stack:
        """A stack that holds nothing yet.

        Raises UsageError for a name that the project has a stack of in this test, and as `Program.find` and `Stack` do.
        """
        if not _NAME.fullmatch(name):
            raise UsageError(f"{name!r} is no name of a stack", where="stack", remedy="take letters, digits, hyphens, underscores, periods")
        workspace = self._workspace / f"{next(self._folders)}-{name}"
        with full_disk_told():
            workspace.mkdir()
            found = Program.find(program, workspace)
        key = (found.project, name)
        if key in self._stacks:
            raise UsageError(
                f"this test has a stack {name!r} of {found.project} already",
                where="stack",
                remedy="use it, or `change` it, or take another name",
            )
        attached = self._attached if providers is None else [Port(*given) for given in providers.items()]
        backend = self._workspace / "state"
        self._stacks[key] = Stack(self._engine, name, found, workspace, backend=backend, config=config, secrets=secrets, attached=attached)
        return self._stacks[key]

    def close(self) -> None:
        """Removes what the test left. Raises LeakError for what no state knew of."""
        stacks, self._stacks = self._stacks, {}
        failures = [failure for stack in stacks.values() for failure in self._end(stack)]
        failures += end_marked(lambda mark: Path(mark.workspace).is_relative_to(self._workspace), "of a test")
        if failures:
            listed = "".join(f"\n  {failure}" for failure in failures)
            raise LeakError(
                f"left behind, and known to no state (now removed):{listed}",
                where=f"stack {', '.join(stack.name for stack in stacks.values())}",
                remedy="destroy what the test made before it forgets it, or `recover` after a crash that the test ordered",
            )

    def _end(self, stack: Stack) -> Iterator[str]:
        """Destroys what does not end with a simulated provider. Gives what was lost, or cannot be destroyed."""
        try:
            yield from (f"{made.type} {made.name} ({made.id})" for made in stack.orphans())
            reset = {provider.name for provider in stack.attached if not isinstance(provider, Port)}
            held = stack.state.checkpoint()
            if any(resource.package not in reset for resource in (*held.resources, *held.pending)):
                recover(stack)
                if held.protected:
                    stack.unprotect()
                stack.destroy()
        except MlgateError as error:
            yield f"what cannot be destroyed: {error}"
