"""`record`: runs a program against the recording monitor and gives its graph."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import inspect
import os
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pulumi import ConfigMissingError
from pulumi.runtime import register_stack_transformation, set_mocks
from pulumi.runtime import settings as runtime_settings
from pulumi.runtime.config import CONFIG, set_all_config
from pulumi.runtime.stack import run_in_stack

from mlgate.errors import DeclarationError, Problem, UsageError
from mlgate_testkit.provider.values import Secret
from mlgate_testkit.record.applies import Applies
from mlgate_testkit.record.arguments import check_arguments, writes_camel
from mlgate_testkit.record.configuration import Asked, Configuration
from mlgate_testkit.record.creation import Creations
from mlgate_testkit.record.explain import explain, without_machinery
from mlgate_testkit.record.graph import Graph
from mlgate_testkit.record.misuse import Misuses
from mlgate_testkit.record.monitor import NoMocks, RecordingMonitor
from mlgate_testkit.record.process_wide import process_left_as_it_is
from mlgate_testkit.record.program import Program, open_program
from mlgate_testkit.record.references import References
from mlgate_testkit.record.stall import CountingExecutor, Stalled, stalled_problems, unless_stalled
from mlgate_testkit.record.tables import Answer, Tables

__tracebackhide__ = True  # a test that fails shows the line of the test, or of the program
__all__ = ["record"]

_ONE_AT_A_TIME = threading.Lock()
"""A recording holds what a process has once: working directory, import path, modules, Pulumi's Output class."""


def record(
    program: Callable[[], Any] | str | os.PathLike[str],
    *,
    stack: str = "test",
    project: str | None = None,
    organization: str = "organization",
    config: Mapping[str, Any] | None = None,
    secrets: Mapping[str, Any] | None = None,
    stack_references: Mapping[str, Mapping[str, Any]] | None = None,
    invokes: Mapping[str, Answer] | None = None,
    resources: Mapping[str | type, Answer] | None = None,
    preview: bool = False,
) -> Graph:
    """Run a Pulumi program with no engine and no cloud, and keep everything that it asks for.

    `program` is a function, a Python file, or a folder with Pulumi.yaml (its `main`, its configuration's defaults and the values of
    Pulumi.<stack>.yaml are honoured). `config` and `secrets` lie over these; their keys are with or without namespace, None takes one away.
    `stack_references`: outputs by the stack's name, `Secret(value)` for secret ones. `invokes`: results of functions by token.
    `resources`: outputs (and `id`) that the cloud would give, by token, SDK class or resource name; what no table states is a marked text
    ("<arn of Bucket logs>") or unknown. In a preview all that only the cloud knows of a new resource is unknown, whatever the tables say;
    what is looked up (`Bucket.get`, stack references, functions) is answered as ever.

    Raises what the program raises, as it is; DeclarationError with all problems at once for arguments that the SDK does not have or take
    and for Outputs used as if they were plain values; UsageError for a table that lacks an answer, a key of `config` that nothing
    reads, and two resources of one URN.
    """
    if _running_loop():
        raise UsageError(
            "record runs an event loop of its own, and one is running already",
            where="record(...)",
            remedy="call it from a plain test function, or with await asyncio.to_thread(record, ...)",
        )
    opened = open_program(program, stack)
    if opened.doubt:
        warnings.warn(opened.doubt, stacklevel=2)
    tables = Tables(dict(resources or {}), invokes or {}, dict(stack_references or {}))
    with _ONE_AT_A_TIME, process_left_as_it_is():
        return _recorded(opened, stack, project, organization, config or {}, secrets or {}, tables, preview)


def _recorded(
    opened: Program,
    stack: str,
    project: str | None,
    organization: str,
    config: Mapping[str, Any],
    secrets: Mapping[str, Any],
    tables: Tables,
    preview: bool,
) -> Graph:
    name = project or opened.project or "program"  # as the engine's side of the testkit calls it
    configuration = Configuration(opened.config, config, secrets, name)
    asked = Asked(configuration.values, Path.cwd())
    run = _Run(opened, name, stack, tables, preview)

    def configure() -> None:
        set_all_config({}, configuration.secret)
        CONFIG.set(asked)
        _set_runtime(run.monitor, name, stack, organization, preview, opened.root or opened.folder or run.root)

    failure: Exception | None = None
    with opened.place(), run.watched(), asked.watched():
        try:
            contextvars.copy_context().run(run.to_the_end, configure)
        except Exception as error:
            failure = error
    if (lacking := run.lacks_configuration(failure)) is not None:
        configuration.tell(lacking)
    graph = run.graph(failure)
    configuration.refuse_unread(asked.keys_read)
    graph.config = {key: Secret(value) if key in configuration.secret else value for key, value in configuration.values.items()}
    graph.read_in_clear = tuple(read for key, read in asked.in_clear.items() if key in configuration.secret)
    return graph


async def _settled() -> None:
    """Waits for all outputs that there are at once, until one fails, which the SDK finds then.

    The SDK itself (pulumi 3.259, wait_for_rpcs) waits over all that are left for each that comes.
    """
    while outputs := [*runtime_settings.SETTINGS.outputs]:
        done, _ = await asyncio.wait(outputs, return_when=asyncio.FIRST_EXCEPTION)
        if any(each.cancelled() or each.exception() is not None for each in done):
            return


class _Run:
    """One recording: what watches the program, and what came of it."""

    def __init__(self, program: Program, project: str, stack: str, tables: Tables, preview: bool) -> None:
        self.root = Path.cwd()
        self.misuses = Misuses(self.root, preview=preview)
        self.applies = Applies(self.root)
        self.references = References(self.root, tables)
        self._creations = Creations(self.root)
        self.monitor = RecordingMonitor(project=project, stack=stack, preview=preview, tables=tables, creations=self._creations)
        self._program = program
        self._project = project
        self._stack = stack
        self._registered: set[object] = set()
        self._order: list[str] = []
        self._misused: list[Problem] = []
        self._own_failure: Exception | None = None

    def to_the_end(self, configure: Callable[[], None]) -> None:
        """Runs the program and waits for all that it began. One event loop in one context, both gone afterwards."""
        configure()
        loop = asyncio.new_event_loop()
        loop.set_exception_handler(lambda _loop, _context: None)  # a failed program leaves futures that nobody reads: the failure counts
        try:
            loop.run_until_complete(self._main())
        except BaseException:
            _close_unstarted()
            raise
        finally:
            _wind_up(loop)

    @contextmanager
    def watched(self) -> Iterator[None]:
        with self.misuses.watched(), self.applies.watched(), self.references.watched():
            yield

    def lacks_configuration(self, failure: Exception | None) -> ConfigMissingError | None:
        """With what the program failed for want of a value. Any other reason is what its author has to see."""
        error = self._own_failure or failure
        return error if isinstance(error, ConfigMissingError) else None

    def graph(self, failure: Exception | None) -> Graph:
        """The graph, or everything that stands against it."""
        order = {urn: index for index, urn in enumerate(self._order)}  # of the program: requests overtake one another
        recorded = sorted(self.monitor.recorded.values(), key=lambda resource: order.get(resource.urn, len(order)))
        graph = Graph(recorded, project=self._project, stack=self._stack, outputs=self.monitor.exports)
        graph.literals = self._creations.literals
        problems, unchecked = check_arguments(graph)
        graph.unchecked = tuple(sorted(unchecked))
        problems += self._misused
        for error in dict.fromkeys(error for error in (failure, self._own_failure) if error is not None):
            explained = explain(error, self._creations, self._registered, self.root)
            if explained is None or not (explained or problems):
                self.applies.tell(error, self._creations)
                raise without_machinery(error)
            problems += explained
        if problems:
            raise DeclarationError(problems) from None
        return graph

    async def _main(self) -> None:
        executor = CountingExecutor()
        asyncio.get_running_loop().set_default_executor(executor)

        async def begin() -> None:
            register_stack_transformation(self._creations.note)
            try:
                result = self._program.run()
                if inspect.isawaitable(result):
                    await result
                await _settled()
            except Exception as error:
                self._own_failure = error  # a failing registration would take its place
                raise

        try:
            await unless_stalled(run_in_stack(begin), executor)
        except Stalled:
            self._misused += stalled_problems(self._creations)
            _close_unstarted()
        finally:
            await self._place_resources()
            self._misused += await self.misuses.problems(self._creations)

    async def _place_resources(self) -> None:
        """Puts onto every recorded resource where it was made; its URN says which construction it was."""
        made = [creation for creation in self._creations.all if "urn" in vars(creation.resource)]
        asked = {id(creation.resource): asyncio.ensure_future(creation.resource.urn.future()) for creation in made}
        if asked:
            await asyncio.wait(asked.values(), timeout=_SETTLE_S)
        urns = {key: task.result() for key, task in asked.items() if task.done() and not task.exception()}
        for creation in made:
            recorded = self.monitor.recorded.get(urns.get(id(creation.resource)) or "")
            if recorded is not None:
                recorded.made_by = creation.made_by
                recorded.maker_urns = tuple(urn for maker in creation.makers if (urn := urns.get(id(maker))))
                recorded.declared_dependency_urns = tuple(urn for other in creation.depends_on if (urn := urns.get(id(other))))
                recorded.sdk_class = type(creation.resource)
                recorded.camel = writes_camel(creation.given)
                self._registered.add(creation.resource)
                self._order.append(recorded.urn)


def _set_runtime(monitor: RecordingMonitor, project: str, stack: str, organization: str, preview: bool, root: Path) -> None:
    """Pulumi's settings for this recording. They are context variables: what is set here is gone with the context."""
    settings = runtime_settings.SETTINGS
    settings.lock = threading.Lock()
    settings.outputs = set()
    settings.package_refs = {}
    settings.base_providers_by_ref = {}
    runtime_settings.set_root_resource(_Placeholder())  # type: ignore[arg-type] # set_mocks would register a stack of its own
    set_mocks(NoMocks(), project=project, stack=stack, preview=preview, monitor=monitor, organization=organization)
    runtime_settings.set_root_resource(None)  # type: ignore[arg-type]
    settings.root_directory = str(root)


class _Placeholder:
    """Stands where the stack will be, so that `set_mocks` makes none."""


_SETTLE_S = 1.0
"""After a failure some URNs never come; where the program succeeded all are there and nothing waits."""


def _wind_up(loop: asyncio.AbstractEventLoop) -> None:
    """Ends what a failed program left running, and the loop."""

    async def end() -> None:
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await asyncio.get_running_loop().shutdown_asyncgens()
        await asyncio.get_running_loop().shutdown_default_executor()

    try:
        loop.run_until_complete(end())
    finally:
        loop.close()


def _close_unstarted() -> None:
    """A failed program leaves coroutines of Pulumi's that nobody awaits; each would warn in some later test, whose fault it is not."""
    home = str(Path(runtime_settings.__file__).parents[1])
    for found in gc.get_objects():
        if (
            inspect.iscoroutine(found)
            and inspect.getcoroutinestate(found) == inspect.CORO_CREATED
            and found.cr_code.co_filename.startswith(home)
        ):
            found.close()


def _running_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
