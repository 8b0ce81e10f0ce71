"""What one resource type of simulated AWS is: a value of rules and four small functions over boto3 clients.

The functions do what only this type needs. Everything that types share (unknown and missing arguments, automatic names, tags, regions,
what a preview knows, what differs, which error means "gone") lies in `provider.py`, driven by the fields below.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mlgate_testkit.aws.account import Aws
from mlgate_testkit.aws.documents import same_document
from mlgate_testkit.aws.rules import Rule
from mlgate_testkit.provider.provider import Inputs, Outputs

__all__ = ["AutoName", "Behaviour", "FunctionModel", "ResourceModel", "same_set"]

_DRAWN, _PROOF = 4, 3  # hex digits; together the seven that the real provider appends


def same_set(before: Any, after: Any) -> bool:
    """Whether two lists hold the same, in any order: for `equivalent`. Members need not be known yet."""
    if not isinstance(before, list) or not isinstance(after, list):
        return bool(before == after)
    return sorted(map(repr, before)) == sorted(map(repr, after))


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One row of a faithfulness table: what the simulation does, where that is written down, and the test that shows it
    ("test_s3.py::test_...", below tests/testkit/aws); `also`: further tests, where one does not show all of it."""

    does: str
    source: str
    test: str
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AutoName:
    """How the real provider names a resource whose program gives no name: `<name>-<7 hex digits>` (`pulumi-aws`, provider/resources.go).

    `at_most`: characters that the API allows. `random`: False for the few types that take the program's name as it is. `adjust` is applied
    to the program's name ("lower case"), `suffix` gives what must stand at the very end (".fifo"). Where one of `instead` (a prefix) is
    given, there is no automatic name.
    """

    argument: str = "name"
    at_most: int = 255
    random: bool = True
    adjust: Callable[[str], str] = str
    suffix: Callable[[Inputs], str] = lambda _inputs: ""
    instead: tuple[str, ...] = ()

    def make(self, name: str, inputs: Inputs, seed: bytes) -> str:
        """A name for the resource that the program calls `name`. Raises ValueError, with the real provider's text, if it is too long."""
        if not self.random:
            return name
        prefix, end = self.adjust(f"{name}-"), self.suffix(inputs)
        drawn = prefix + hashlib.sha256(seed).hexdigest()[:_DRAWN]
        made = drawn + _proof(drawn) + end
        if len(made) > self.at_most:
            raise ValueError(
                f"name '{prefix}' plus {_DRAWN + _PROOF + len(end)} random chars is longer than maximum length {self.at_most}: "
                f"shorten the resource's name by {len(made) - self.at_most}, or set {self.argument!r} yourself"
            )
        return made

    def made(self, value: object) -> bool:
        """Whether `value` is an automatic name, of whatever the program called the resource then: an alias may have renamed it since.

        The real provider keeps a list of the arguments that were automatic (`__defaults`). Here the name shows it itself: its last digits
        follow from what is before them, so that "judge-1a2b3c4", a name of the program's own with a git SHA, is none (but one in 4096).
        """
        found = re.fullmatch(rf"(.*-[0-9a-f]{{{_DRAWN}}})([0-9a-f]{{{_PROOF}}})(\.fifo)?", value) if isinstance(value, str) else None
        return self.random and found is not None and found[2] == _proof(found[1])


def _proof(drawn: str) -> str:
    return hashlib.sha256(drawn.encode()).hexdigest()[:_PROOF]


@dataclass(frozen=True, slots=True)
class ResourceModel:
    """One type. All names are wire names ("blockPublicAcls"); paths have dots and no indices ("rules.filter.prefix").

    `create` returns the id. `read` returns every property that the cloud knows: arguments as the program would write them (None: the
    cloud has none; absent: the cloud does not tell, the engine's state is all there is) and computed outputs; None or a "not found" error
    means gone. It gets the inputs that are known, {} on an import. Actual tags go under "tags": `provider.py` splits them.
    `update` gets old and new inputs. `delete` gets the inputs, for switches such as forceDestroy.
    """

    type: str
    noun: str
    create: Callable[[Aws, Inputs], str]
    read: Callable[[Aws, str, Inputs], Outputs | None]
    delete: Callable[[Aws, str, Inputs], None]
    settle: Callable[[Aws, str, Inputs], None] | None = None
    """The rest of a create, once the thing has an id: if it fails, the engine keeps the thing and tries to update it in the next run."""
    update: Callable[[Aws, str, Inputs, Inputs], None] | None = None
    name: AutoName | None = None
    defaults: Mapping[str, Any] = field(default_factory=dict)
    """Arguments that the provider fills in where the program gives none."""
    forces_new: frozenset[str] = frozenset()
    """Terraform's ForceNew. `region` and the name's prefix arguments need not be listed."""
    computed: frozenset[str] = frozenset()
    """Terraform's Optional and Computed: without them in the program the cloud decides, and that is no drift. Fields of objects
    too, by path ("vpcConfig.vpcId")."""
    nested_defaults: Mapping[str, Any] = field(default_factory=dict)
    """What a field of an object is without the program's doing, by path ("vpcConfig.endpointPublicAccess"): anything else is drift."""
    notice: Callable[[Inputs], str] | None = None
    """What a user must be told before and after this is created, such as that it cannot be undone."""
    state_only: frozenset[str] = frozenset()
    """Arguments that are kept in state and that no API gives back (forceDestroy), or that have no effect here."""
    renewed: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Computed outputs that a change of one of these arguments makes unknown in a preview."""
    json: frozenset[str] = frozenset()
    """Arguments that are a JSON document: an object becomes text in Check, and documents that say the same do not differ."""
    equivalent: Mapping[str, Callable[[Any, Any], bool]] = field(default_factory=dict)
    """Arguments with more than one spelling (sets, addresses): whether two values say the same."""
    absent: frozenset[str] = frozenset()
    """Computed outputs of the real provider that are not simulated: None here."""
    secret: frozenset[str] = frozenset()
    """Outputs that are secret in themselves."""
    rules: tuple[Rule, ...] = ()
    replace_first: bool = False
    """Whether a replacement must delete the old one first, whatever its name."""
    behaviours: tuple[Behaviour, ...] = ()

    def same(self, argument: str, before: Any, after: Any) -> bool:
        """Whether two values of an argument say the same, however they are written."""
        if argument in self.json:
            return same_document(before, after)
        equivalent = self.equivalent.get(argument)
        return before == after if equivalent is None else equivalent(before, after)


@dataclass(frozen=True, slots=True)
class FunctionModel:
    """One function (invoke). `unknown` says whether a preview may still ask: it always may here, since state exists between commands."""

    type: str
    call: Callable[[Aws, Inputs], Outputs]
    behaviours: tuple[Behaviour, ...] = ()
