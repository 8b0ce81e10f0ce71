"""How long an object is waited for, and what ends that."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from mlgate_testkit.kubernetes import waiting
from mlgate_testkit.kubernetes.conditions import Progress
from mlgate_testkit.kubernetes.kinds import ObjectKind
from mlgate_testkit.kubernetes.waiting import rule_for, timeout_s, until_gone, until_ready, with_nodes, wrong_wait
from mlgate_testkit.provider.provider import Run

from .values import annotated, deployment, made

WEB = ObjectKind("apps", "v1", "Deployment")
NAMESPACE = ObjectKind("", "v1", "Namespace")


def run(timeout_s: float = 0) -> Run:
    return Run(False, timeout_s, threading.Event(), lambda _line: None)


def nothing(_plural: str) -> list[Any]:
    return []


def test_what_the_program_does_not_want_to_wait_for_is_not_waited_for() -> None:
    assert rule_for(WEB, deployment())
    assert rule_for(WEB, annotated(deployment(), skipAwait="true")) is None
    assert rule_for(WEB, annotated(deployment(), skipAwait="false"))


@pytest.mark.parametrize(
    ("wanted", "status", "done"),
    [
        ("condition=Synced", "True", True),
        ("condition=Synced", "False", False),
        ("condition=Synced=False", "False", True),
        ("condition=Other", "True", False),
        ('["condition=Synced", "condition=Synced=true"]', "True", True),
        ('["condition=Synced", "condition=Other"]', "True", False),
    ],
)
def test_a_program_names_conditions_of_its_own(wanted: str, status: str, done: bool) -> None:
    value = annotated(made("Widget", "w", api="example.com/v1"), waitFor=wanted)
    assert not wrong_wait(value)
    rule = rule_for(ObjectKind("example.com", "v1", "Widget"), value)
    assert rule
    progress = rule({**value, "status": {"conditions": [{"type": "Synced", "status": status}]}}, nothing)
    assert progress.done == done
    assert bool(progress.reasons) != done


@pytest.mark.parametrize("wanted", ["jsonpath={.status.phase}=Running", '["condition=A", "jsonpath={.a}"]', "Ready"])
def test_conditions_that_are_not_modelled_are_named(wanted: str) -> None:
    said = wrong_wait(annotated(made("Pod", "p"), waitFor=wanted))
    assert "condition=TYPE" in said
    assert ("jsonpath" in said) == ("jsonpath" in wanted)


def test_a_custom_timeout_goes_before_the_annotation_and_that_before_ten_minutes() -> None:
    value = annotated(made("Pod", "p"), timeoutSeconds="7")
    assert timeout_s(value, run(3)) == 3
    assert timeout_s(value, run()) == 7
    assert timeout_s(made("Pod", "p"), run()) == 600
    assert timeout_s(annotated(made("Pod", "p"), timeoutSeconds="soon"), run()) == 600


def test_an_object_is_looked_at_until_it_is_ready() -> None:
    looks = iter(range(100))
    found, progress = until_ready(
        lambda: {"metadata": {}, "looked": next(looks)},
        nothing,
        lambda value, _around: Progress(done=value["looked"] == 3),
        {},
        run(5),
    )
    assert (found["looked"], progress) == (3, Progress(done=True))


def test_a_wait_that_takes_too_long_ends_with_its_reasons() -> None:
    unready = Progress(done=False, reasons=("no node",))
    _, progress = until_ready(lambda: {"metadata": {}}, nothing, lambda *_: unready, {}, run(0.1))
    assert progress.reasons == ("it was not so within 0.1 s", "no node")


def test_what_has_failed_for_good_is_told_at_once() -> None:
    hopeless = Progress(done=False, reasons=("exit code 1",), hopeless=True)
    _, progress = until_ready(lambda: {"metadata": {}}, nothing, lambda *_: hopeless, {}, run(600))
    assert progress.reasons == ("it has failed", "exit code 1")


@pytest.mark.parametrize(
    ("kind", "nodeless", "told"), [("Deployment", True, True), ("Pod", True, True), ("Deployment", False, False), ("Service", True, False)]
)
def test_pods_are_not_waited_for_where_no_node_will_ever_take_them(
    monkeypatch: pytest.MonkeyPatch, kind: str, nodeless: bool, told: bool
) -> None:
    monkeypatch.setattr(waiting, "_NODELESS_S", 0.0)
    rule = with_nodes(lambda *_: Progress(done=False, reasons=("0 of 1 ready",)), lambda: nodeless)
    _, progress = until_ready(lambda: {"kind": kind, "metadata": {}}, nothing, rule, {}, run(600 if told else 0.1))
    assert ("the cluster has no node" in progress.reasons[1]) == told
    assert ("kubernetes_cluster.add_nodes(1)" in progress.reasons[1]) == told
    assert progress.reasons[-1] == "0 of 1 ready"


def test_a_first_node_may_come_in_a_moment() -> None:
    looks = iter(range(100))
    rule = with_nodes(lambda value, _around: Progress(done=value["looked"] == 3), lambda: True)
    assert until_ready(lambda: {"kind": "Pod", "metadata": {}, "looked": next(looks)}, nothing, rule, {}, run(5))[1].done


def test_ctrl_c_ends_a_wait() -> None:
    asked = run(600)

    def look() -> dict[str, Any]:
        asked.cancelled.set()
        return {"metadata": {}}

    _, progress = until_ready(look, nothing, lambda *_: Progress(done=False, reasons=("not yet",)), {}, asked)
    assert progress.reasons == ("the wait was cancelled", "not yet")


def test_a_deletion_is_over_when_the_object_is_gone_or_another_has_its_name() -> None:
    for last in (None, {"metadata": {"uid": "2"}}):
        seen = iter([{"metadata": {"uid": "1"}}, {"metadata": {"uid": "1"}}, last])
        assert until_gone(lambda seen=seen: next(seen), {}, WEB, run(5)) == ""


def test_a_deletion_that_hangs_names_what_holds_the_object() -> None:
    held = {"metadata": {"uid": "1", "finalizers": ["example.com/disk"]}}
    assert "example.com/disk" in until_gone(lambda: held, {}, WEB, run(0.1))
    terminating = {
        "metadata": {"uid": "1"},
        "spec": {"finalizers": ["kubernetes"]},
        "status": {"conditions": [{"type": "NamespaceContentRemaining", "message": "pods. has 1 resource instances"}]},
    }
    said = until_gone(lambda: terminating, {}, NAMESPACE, run(0.1))
    assert "kubernetes" in said
    assert "1 resource instances" in said


def test_a_skipped_wait_also_skips_that_of_the_deletion_but_only_for_the_kinds_of_the_real_provider() -> None:
    skipping = annotated(made("ConfigMap", "c"), skipAwait="true")
    assert until_gone(lambda: {"metadata": {"uid": "1"}}, skipping, NAMESPACE, run(0.1)) == ""
    assert until_gone(lambda: {"metadata": {"uid": "1"}}, skipping, ObjectKind("", "v1", "ConfigMap"), run(0.1))
