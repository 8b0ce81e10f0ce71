"""What a promotion and a rollback do with what the guard finds: on a stack that only says what was asked of it."""

import shlex
import time
from types import SimpleNamespace

import pytest

from mlgate import StackError
from mlgate_delivery.approval import approvals_of, approve
from mlgate_delivery.guarded_update import has_neighbours, require_plan, update_back, update_by_plan
from mlgate_evidence.signer import KeyFileSigner
from mlgate_evidence.trust import ensure_local_trust
from mlgate_tools.pulumi_state import Checkpoint, StateResource

from .plans import BUCKET, NEIGHBOUR, PROCESS, ROOT, document, mine, step, urn, written

HOUR_NS = 3600 * 10**9
HARMLESS = document(step("update", mine("toy-1")))
LOSS = document(step("delete", mine("toy-held", BUCKET)))
ASIDE = document(step("update", mine("neighbour-1"), NEIGHBOUR))
LOST = f"delete {mine('toy-held', BUCKET)}: it holds objects, and nothing brings that back; nobody has approved that"
REFUSED = "the plan is not one for toy alone, so nothing was changed:"


class FakeStack:
    """A stack whose preview says `document`, or fails with it; `done` is what was asked of it, in order."""

    def __init__(self, environment, document, resources=(), protected=False, services=("toy",)):
        self.environment, self.document, self.done = environment, document, []
        self.project = SimpleNamespace(name="mlgate")
        self.engine = SimpleNamespace(logs="/logs")
        self.state = SimpleNamespace(checkpoint=lambda: Checkpoint(resources=resources, protected=protected))
        self.file = SimpleNamespace(services=lambda: dict.fromkeys(services))

    def plan(self):
        self.done.append("plan")
        if isinstance(self.document, StackError):
            raise self.document
        return self.document if isinstance(self.document, bytes) else written(self.document)

    def drop_plan(self):
        self.done.append("drop")

    def up(self, progress):
        progress("going up")
        self.done.append("up")
        return "went up"

    def up_by_plan(self, progress):
        progress("going by plan")
        self.done.append("by plan")
        return "went by plan"


@pytest.fixture
def environment(environment):
    ensure_local_trust(environment)
    return environment


def held(type_, retained=False, **properties):
    """A resource as the state holds it."""
    return StateResource(urn=mine("x", type_), type=type_, retained=retained, properties=properties)


FAILED = StackError("the disk is full", where="pulumi preview", remedy="make room")


def test_a_plan_that_is_for_the_service_alone_is_done_and_said(environment):
    stack, told = FakeStack(environment, HARMLESS), []
    assert update_by_plan(stack, "toy", told.append) == "went by plan"
    assert stack.done == ["plan", "by plan"]
    assert told == ["going by plan"]


def test_a_plan_that_is_not_is_dropped_and_each_step_is_said_with_what_to_do_about_it(environment):
    loss, aside = LOSS["steps"][-1], ASIDE["steps"][-1]
    spaced = step("update", urn("a b", "aws:sqs/queue:Queue"), ROOT)
    stack = FakeStack(environment, document(loss, aside, spaced))
    with pytest.raises(StackError) as raised:
        update_by_plan(stack, "toy", print)
    assert stack.done == ["plan", "drop"]
    outside = [f"  - update {each['urn']}: no part of the endpoint of toy" for each in (aside, spaced)]
    assert raised.value.problem.splitlines() == [REFUSED, f"  - {LOST}", *outside]
    assert raised.value.where == "stack local"
    targets = f"--target {shlex.quote(aside['urn'])} --target {shlex.quote(spaced['urn'])}"
    assert raised.value.remedy.split("\n     ") == [
        "take back what changed besides, or have that done by itself first:",
        f'eval "$(mlgate env local)" && pulumi up -s local {targets}',
        "keep it, or have its loss approved by who may sign for that:",
        f"mlgate approve {shlex.quote(loss['urn'])} --id 1 --operation delete --lasts '1 h' --reason WHY",
    ]


def test_what_cannot_be_judged_is_refused_with_where_the_engine_said_it(environment):
    with pytest.raises(StackError) as raised:
        require_plan(FakeStack(environment, b"{}"), "toy", print)
    assert raised.value.problem == f"{REFUSED}\n  - steps: Field required"
    assert raised.value.remedy == 'what the engine said lies in /logs; by hand: eval "$(mlgate env local)" && pulumi up -s local'


def test_a_preview_that_failed_has_changed_nothing(environment):
    stack = FakeStack(environment, FAILED)
    with pytest.raises(StackError) as raised:
        update_by_plan(stack, "toy", print)
    assert stack.done == ["plan"]
    assert raised.value.problem == "the preview failed, so nothing was changed: the disk is full"
    assert (raised.value.where, raised.value.remedy) == ("pulumi preview", "make room")


def test_an_approval_in_the_environment_lets_the_loss_through_and_one_that_is_none_is_told(environment):
    signer = KeyFileSigner(environment.signing_key)
    lost = LOSS["steps"][-1]["urn"]
    path = approve(environment, signer, urn=lost, id="1", operation="delete", reason="empty", by="ada", lasts_ns=HOUR_NS)
    (path.parent / "broken.json").write_text("{}", encoding="utf-8")
    told = []
    update_by_plan(FakeStack(environment, LOSS), "toy", told.append)
    assert told[0].startswith("an approval that counts for nothing: ")
    assert told[1:] == ["going by plan"]


def test_a_rollback_of_what_holds_nothing_asks_nothing(environment):
    stack = FakeStack(environment, ASIDE, [held("aws:sqs/queue:Queue"), held(PROCESS)])
    assert update_back(stack, "toy", print) == "went up"
    assert stack.done == ["up"]


@pytest.mark.parametrize(
    ("resources", "protected"),
    [
        ([held(PROCESS), held(BUCKET)], False),
        ([held("aws:sqs/queue:Queue", retained=True)], False),
        ([held(PROCESS)], True),
        ([held(PROCESS), held("kubernetes:postgresql.cnpg.io/v1:Cluster")], False),
    ],
    ids=["stateful", "retained", "protected", "an operator's"],
)
def test_a_rollback_loses_nothing_without_an_approval_and_says_what_else_it_does(environment, resources, protected):
    stack = FakeStack(environment, document(LOSS["steps"][-1], ASIDE["steps"][-1]), resources, protected)
    with pytest.raises(StackError) as raised:
        update_back(stack, "toy", print)
    assert raised.value.problem == f"{REFUSED}\n  - {LOST}"
    assert stack.done == ["plan", "drop"]

    stack, told = FakeStack(environment, ASIDE, resources, protected), []
    assert update_back(stack, "toy", told.append) == "went up"
    assert stack.done == ["plan", "drop", "up"]
    aside = f"update {mine('neighbour-1')}: no part of the endpoint of toy"
    assert told == [f"done by the way, since a rollback does not wait: {aside}", "going up"]


def test_a_rollback_tells_of_an_approval_that_is_none(environment):
    approvals_of(environment).mkdir()
    (approvals_of(environment) / "broken.json").write_text("{}", encoding="utf-8")
    told = []
    update_back(FakeStack(environment, HARMLESS, [held(BUCKET)]), "toy", told.append)
    assert told[0].startswith("an approval that counts for nothing: ")
    assert told[1:] == ["going up"]


def test_a_rollback_is_not_held_up_by_a_preview_that_failed(environment):
    stack, told = FakeStack(environment, FAILED, [held(BUCKET)]), []
    assert update_back(stack, "toy", told.append) == "went up"
    assert stack.done == ["plan", "up", "drop"]
    assert told == ["what this update does cannot be known before it is done, and it is done all the same: the disk is full", "going up"]


@pytest.mark.parametrize(
    ("resources", "services", "expected"),
    [
        ([], ["toy"], False),
        ([], [], False),
        ([held(PROCESS, service="toy")], ["toy"], False),
        ([held(PROCESS, service="toy"), held(PROCESS, service="neighbour")], ["toy"], True),
        ([held(PROCESS, service="toy"), held(BUCKET, service="toy")], ["toy"], True),
        ([], ["toy", "neighbour"], True),
    ],
)
def test_a_neighbour_is_whatever_else_the_stack_holds_or_will_hold(environment, resources, services, expected):
    assert has_neighbours(FakeStack(environment, HARMLESS, resources, services=services), "toy") is expected


def test_an_approval_holds_by_the_clock_of_the_machine(environment, monkeypatch):
    signer = KeyFileSigner(environment.signing_key)
    lost = LOSS["steps"][-1]["urn"]
    approve(environment, signer, urn=lost, id="1", operation="delete", reason="empty", by="ada", lasts_ns=HOUR_NS, clock=lambda: 10**18)
    monkeypatch.setattr(time, "time_ns", lambda: 10**18 + HOUR_NS - 1)
    require_plan(FakeStack(environment, LOSS), "toy", print)
    monkeypatch.setattr(time, "time_ns", lambda: 10**18 + HOUR_NS)
    with pytest.raises(StackError, match="the approval by ada has expired"):
        require_plan(FakeStack(environment, LOSS), "toy", print)
