"""Documents as the engine writes them for `LocalStack.plan`, made by hand, with one value altered too, and what the guard says of them."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from copy import deepcopy
from typing import Any

from mlgate_delivery.approval import Approval
from mlgate_delivery.plan_guard import Finding, Scope, judge

STACK, PROJECT = "local", "mlgate"
ENDPOINT = "mlgate:local:TorchServeEndpoint"
PROCESS = "pulumi-python:dynamic/mlgate:EndpointProcess"
BUCKET = "aws:s3/bucket:Bucket"

Document = dict[str, Any]


def urn(name: str, type_: str = PROCESS, *above: str) -> str:
    """The URN of a resource under components of the types `above`."""
    return f"urn:pulumi:{STACK}::{PROJECT}::{'$'.join([*above, type_])}::{name}"


ROOT = urn("mlgate-local", "pulumi:pulumi:Stack")
TOY = urn("toy", ENDPOINT)
NEIGHBOUR = urn("neighbour", ENDPOINT)


def mine(name: str, type_: str = PROCESS) -> str:
    """The URN of a resource of the endpoint `toy`, or of another one: URNs do not tell, parents do."""
    return urn(name, type_, ENDPOINT)


def step(op: str, of: str, parent: str = TOY, **flags: Any) -> dict[str, Any]:
    """One step with the states that the engine gives for it."""
    state = {
        "urn": of,
        "custom": True,
        "type": of.split("::")[2].rsplit("$", maxsplit=1)[-1],
        "inputs": {"release": "sha256:1"},
        **({"parent": parent} if parent else {}),
        **flags,
    }
    old = {} if op in ("create", "import", "read") else {"oldState": {**deepcopy(state), "id": "1"}}
    new = {} if op in ("delete", "delete-replaced") else {"newState": deepcopy(state)}
    return {"op": op, "urn": of, **old, **new, "detailedDiff": None}


def replacement(of: str, parent: str = TOY, **flags: Any) -> list[dict[str, Any]]:
    """The three steps of one."""
    return [step(op, of, parent, **flags) for op in ("create-replacement", "replace", "delete-replaced")]


def document(*steps: dict[str, Any], **more: Any) -> Document:
    """A document with the stack, the two endpoints and these steps, whose summary is right."""
    there = {said["urn"] for said in steps}
    around = [step("same", root, "" if root == ROOT else ROOT) for root in (ROOT, TOY, NEIGHBOUR) if root not in there]
    every = [*around, *steps]
    summary = Counter(said["op"] for said in every if said["op"] not in ("create-replacement", "delete-replaced"))
    return {"config": {"mlgate:services": "{}"}, "steps": every, "duration": 1, "changeSummary": dict(summary), **more}


def written(said: Any) -> bytes:
    """As the engine prints it."""
    return json.dumps(said, indent=4).encode()


INNER = urn("inner", "acme:index:Inner", ENDPOINT)
HELD = urn("held", BUCKET, ENDPOINT, "acme:index:Inner")
PROMOTION = document(
    step("update", mine("toy", "pulumi-python:dynamic/mlgate:StableUrl")),
    step("same", mine("toy-2")),
    step("delete", mine("toy-1")),
    step("same", mine("neighbour-1"), NEIGHBOUR),
)
NOW = 10**18
SCOPE = Scope(STACK, PROJECT, "toy")


def judged(said: Any, approvals: Sequence[Approval] = (), now_ns: int = NOW) -> list[Finding]:
    """What the guard of `toy` finds in a document."""
    return judge(written(said), SCOPE, approvals, now_ns)


OTHERS = (None, True, -1, "", "x", [], {}, "same", "update", "delete", "replace", "delete-replaced")


def altered(said: Any) -> Iterator[tuple[str, Any]]:
    """The document with each of its values taken out, then with each in another's place, one at a time; and where that was."""
    for place in _places(said):
        yield f"without {'.'.join(map(str, place))}", _changed(said, place)
        for other in OTHERS:
            yield f"{other!r} at {'.'.join(map(str, place))}", _changed(said, place, [other])


def _places(said: Any) -> Iterator[tuple[str | int, ...]]:
    items = said.items() if isinstance(said, dict) else enumerate(said) if isinstance(said, list) else ()
    for key, inner in items:
        yield (key,)
        yield from ((key, *rest) for rest in _places(inner))


def _changed(said: Any, place: tuple[str | int, ...], other: list[Any] | None = None) -> Any:
    copy = deepcopy(said)
    holder = copy
    for key in place[:-1]:
        holder = holder[key]
    if other:
        holder[place[-1]] = other[0]
    else:
        del holder[place[-1]]
    return copy
