"""What a refresh finds is told with the value that was there and the one that is."""

from mlgate_testkit.engine import Changes, Event, PropertyChange, ResourceState
from mlgate_testkit.lint import lint_run

QUEUE = "aws:sqs/queue:Queue"


def state(**outputs: object) -> ResourceState:
    return ResourceState("q", "", protect=False, retained=False, inputs={}, outputs=outputs)


def refreshed(operation: str, before: ResourceState, after: ResourceState | None, *paths: str) -> Changes:
    diff = tuple(PropertyChange(path, "update") for path in paths)
    return Changes("refresh", [Event(1, "ended", operation, QUEUE, "q", f"urn:pulumi:prod::shop::{QUEUE}::q", before, after, diff)], [])


def test_a_changed_property_says_what_it_was_and_what_it_is():
    before = state(visibilityTimeoutSeconds=120, tags={"a.b": "old"}, rules=[{"port": 1}])
    after = state(visibilityTimeoutSeconds=30, tags={"a.b": "new"}, rules=[{"port": 2}, {"port": 3}])
    told = lint_run(refreshed("update", before, after, "visibilityTimeoutSeconds", 'tags["a.b"]', "rules[0].port", "rules[1].port"))
    assert [(finding.rule, finding.property, finding.problem) for finding in told] == [
        ("drift", "visibilityTimeoutSeconds", "somebody changed it by hand: 120 -> 30"),
        ("drift", 'tags["a.b"]', "somebody changed it by hand: 'old' -> 'new'"),
        ("drift", "rules[0].port", "somebody changed it by hand: 1 -> 2"),
        ("drift", "rules[1].port", "somebody changed it by hand: None -> 3"),
    ]


def test_a_resource_that_is_gone_is_told_once():
    (finding,) = lint_run(refreshed("delete", state(), None))
    assert (finding.rule, finding.property, finding.problem) == ("drift", "id", "somebody deleted it by hand")
