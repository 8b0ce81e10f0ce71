"""`UpdateError`: a run of the engine that failed, with what it had done by then."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from mlgate.errors import StackError
from mlgate_testkit.engine.changes import Changes
from mlgate_testkit.engine.events import Diagnostic, Event
from mlgate_testkit.nearest import meant

__all__ = ["UpdateError"]

# Said by the engine besides the reason, and by no means instead of it.
_EMPTY = ("update failed", "preview failed", "refresh failed", "destroy failed", "an unhandled error occurred: program exited")
_OTHER_PROTOCOL = "what listens there is no provider, or one of another protocol: give the port of a simulated provider, or update mlgate"
_ROOM = "free room for the temporary directory, or point pytest elsewhere with --basetemp"
_PLUGIN = re.compile(r"no resource plugin 'pulumi-resource-([\w-]+)'")
_VALUE = re.compile(r"`pulumi config set (--secret )?(\S+) <value>`")
_STRANGE_ARGUMENT = re.compile(r"(_internal_init|Args\.__init__)\(\) got an unexpected keyword argument")
_KEY_ERROR = re.compile(r"unhandled exception:\n.*\nKeyError: '([^'\n]+)'\s*$", re.DOTALL)
_FRAME = re.compile(r'^  File "(.+)", line \d+', re.MULTILINE)
_SDK = re.compile(r"(pulumi-language-python-exec|/asyncio/\w+\.py|/pulumi/(runtime/\w+|output|stack_reference)\.py)$")
_REFERENCE = "pulumi:pulumi:StackReference"
_FIXTURES = {"aws": "simulated_aws", "kubernetes": "kubernetes_standin"}
_REMEDIES = (
    ("no region is configured", "name one: stack(..., config={'aws:region': 'eu-central-1'}); your AWS_REGION does not reach a test"),
    (
        ".eks.amazonaws.com does not answer",
        "a simulated EKS cluster has no API server: let the program take a kubeconfig from its configuration, and give it that of "
        "`kubernetes_cluster` (docs/testkit-cluster.md)",
    ),
    (
        "calling `python -m pip list",
        "put pip into the environment that the program runs in (`python -m ensurepip`, `uv pip install pip`): Pulumi's Python host asks it",
    ),
    ("no space left on device", _ROOM),
    ("did not begin responding to RPC connections", _OTHER_PROTOCOL),
    ("Method not ", _OTHER_PROTOCOL),  # "found!" or "implemented!"
    ("it is protected. To unprotect", "call `unprotect()` of the stack before, or take `protect` out of the program and bring it `up`"),
    (
        "unknown stack",
        "bring the stack that it names up in the same test: stack(NAME, program=...) of that project, or of a folder with the same "
        "`name` in Pulumi.yaml and a few lines that export what is read",
    ),
    (
        "organization name must be 'organization'",
        "a test's stacks are of the organization `organization`; have the program ask: f'{pulumi.get_organization()}/PROJECT/STACK'",
    ),
    (
        "Unable to validate the following destination configurations",
        "let the policy of that queue or topic allow the Service s3.amazonaws.com sqs:SendMessage or sns:Publish on it (for this bucket, "
        "where a condition names the source), and let the notification depend on that policy: depends_on=[...]",
    ),
    ("currently locked", "wait for its owner, or `recover(stack)` where that is dead"),
    ("failed to load checkpoint", "`recover(stack)`: a killed engine left its state half-written"),
    ("passphrase must be set", "the state is another one's: give a state that this stack exported"),
)


class UpdateError(StackError):
    """A preview, up, refresh or destroy failed. `changes`: the steps up to then; `diagnostics`: the errors, by resource.

    `killed_at`: the event at which the test had the engine killed, else None.

    A test that expects one: `with pytest.raises(UpdateError) as failure: prod.up()`.
    """

    def __init__(self, changes: Changes, *, where: str, said: str, ending: str, killed_at: Event | None, log: str) -> None:
        self.changes = changes
        self.killed_at = killed_at
        self.diagnostics: Sequence[Diagnostic] = tuple(found for found in changes.diagnostics if _reason(found))
        otherwise = f"all that the engine said: {log}"
        reasons = list(map(str, self.diagnostics))
        for number, diagnostic in enumerate(self.diagnostics):
            if absent := _absent_output(diagnostic.message, changes):
                reasons[number], otherwise = absent
        problem = "\n".join(filter(None, [ending, *reasons])) or said or "it ended without a word"
        super().__init__(problem, where=where, remedy=remedy_for(problem, otherwise=otherwise))


def _reason(diagnostic: Diagnostic) -> bool:
    return diagnostic.severity == "error" and not diagnostic.message.startswith(_EMPTY)


def _absent_output(message: str, changes: Changes) -> tuple[str, str] | None:
    """What to say, and the remedy, where a program asked for an output (`require_output`) that the stack it refers to does not export.

    The SDK says the name alone: its traceback has no line of the program, and often not even that of the stack reference.
    """
    wanted = _KEY_ERROR.search(message)
    if wanted is None or not all(map(_SDK.search, _FRAME.findall(message))):
        return None
    name = wanted[1]
    exported = {
        event.name: sorted(event.new.outputs["outputs"])
        for event in changes.events
        if event.type == _REFERENCE and event.new and isinstance(event.new.outputs.get("outputs"), Mapping)
    }
    without = {stack: outputs for stack, outputs in exported.items() if name not in outputs}
    if not without:
        return None
    there = "; ".join(meant(name, outputs, f"the outputs of {stack}") for stack, outputs in without.items())
    said = f"KeyError: {name!r}: the program requires this output, and {' and '.join(without)} exports none of that name"
    return said, f"export it there, and bring that stack up before this one, or ask for another: {there}"


def remedy_for(problem: str, *, otherwise: str) -> str:
    """What to do about something that the engine said."""
    if missing := _PLUGIN.search(problem):
        return _attach(missing[1])
    if value := _VALUE.search(problem):
        secret, key = value.groups()
        given = f"{'secrets' if secret else 'config'}={{{key!r}: ...}}"
        return f"give one for the test: stack(..., {given}), or change({given}) of the stack"
    if _STRANGE_ARGUMENT.search(problem):
        return "`record(...)` of the same program names the resource, and the argument that was probably meant"
    return next((remedy for words, remedy in _REMEDIES if words in problem), otherwise)


def _attach(package: str) -> str:
    """How a stack gets a provider: the testkit has two, and the engine may get none from the network."""
    own = f"give stack(..., providers={{{package!r}: PORT}})"
    if package in _FIXTURES:
        return f"ask for the fixture {_FIXTURES[package]}, or {own}"
    return (
        f"put the plugin pulumi-resource-{package} on PATH, or {own}; "
        f"the testkit itself serves {' and '.join(_FIXTURES)}, and `record` needs no provider"
    )


@contextmanager
def full_disk_told() -> Iterator[None]:
    """Turns the error of a full disk into one with a remedy. Raises StackError."""
    try:
        yield
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise
        raise StackError("no space left on device", where=str(error.filename or "temporary directory"), remedy=_ROOM) from None
