"""`UpdateError`: a run of the engine that failed, with what it had done by then."""

from __future__ import annotations

from collections.abc import Sequence

from mlgate.errors import StackError
from mlgate_testkit.engine.changes import Changes
from mlgate_testkit.engine.events import Diagnostic, Event

__all__ = ["UpdateError"]

# Said by the engine besides the reason, and by no means instead of it.
_EMPTY = ("update failed", "preview failed", "refresh failed", "destroy failed", "an unhandled error occurred: program exited")
_OTHER_PROTOCOL = "what listens there is no provider, or one of another protocol: give the port of a simulated provider, or update mlgate"
_REMEDIES = (
    (
        "no resource plugin 'pulumi-resource-",
        "ask for the fixture of a simulated provider (simulated_aws, kubernetes_standin), or give stack(..., providers={NAME: PORT})",
    ),
    ("no space left on device", "free room for the temporary directory, or point pytest elsewhere with --basetemp"),
    ("did not begin responding to RPC connections", _OTHER_PROTOCOL),
    ("Method not implemented!", _OTHER_PROTOCOL),
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
        problem = ending or "\n".join(map(str, self.diagnostics)) or said or "it ended without a word"
        super().__init__(problem, where=where, remedy=_remedy(problem, log))


def _reason(diagnostic: Diagnostic) -> bool:
    return diagnostic.severity == "error" and not diagnostic.message.startswith(_EMPTY)


def _remedy(problem: str, log: str) -> str:
    fitting = next((remedy for words, remedy in _REMEDIES if words in problem), "")
    return fitting or f"all that the engine said: {log}"
