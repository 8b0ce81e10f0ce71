"""Whatever is there and goes for a new one is named: forced by a property, or because the program calls it otherwise."""

from typing import Any

import pytest

from mlgate_testkit.engine import UNKNOWN, Changes, Event, PropertyChange, ResourceState
from mlgate_testkit.lint import lint_run

QUEUE, BUCKET, SITE = "aws:sqs/queue:Queue", "aws:s3/bucket:Bucket", "site:index:Site"
STACK = "urn:pulumi:prod::shop::pulumi:pulumi:Stack::shop-prod"


def urn(type_: str, name: str, parent: str = STACK) -> str:
    above = parent.split("::")[2]
    return f"urn:pulumi:prod::shop::{type_ if parent == STACK else f'{above}${type_}'}::{name}"


def state(parent: str = STACK, *, id_: str = "x", retained: bool = False, **inputs: Any) -> ResourceState:
    return ResourceState(id_, parent, protect=False, retained=retained, inputs=inputs, outputs=inputs)


def gone(type_: str, name: str, parent: str = STACK, **before: Any) -> Event:
    return Event(1, "begun", "delete", type_, name, urn(type_, name, parent), old=state(parent, **before))


def come(type_: str, name: str, parent: str = STACK) -> Event:
    return Event(1, "begun", "create", type_, name, urn(type_, name, parent), new=state(parent))


def found(*events: Event) -> list[tuple[str, str, str]]:
    return [(finding.rule, finding.path, finding.property) for finding in lint_run(Changes("preview", events, []))]


def test_a_resource_of_another_name_is_named_with_the_alias_that_keeps_it():
    (finding,) = lint_run(Changes("preview", [come(QUEUE, "incoming"), gone(QUEUE, "events")], []))
    assert (finding.rule, finding.resource, finding.path, finding.property) == ("renamed", QUEUE, "events", "name")
    assert finding.problem == (
        "it goes, and incoming of its type comes: to the engine a renamed resource is a new one, and the old one goes with what it holds"
    )
    assert 'aliases=[pulumi.Alias(name="events")]' in finding.remedy
    assert lint_run(Changes("preview", [come(QUEUE, "incoming"), gone(QUEUE, "events")], []), allow={"renamed:events": "it is empty"}) == []


def test_one_that_moves_into_a_component_or_out_of_one_is_named_with_the_parent_it_had():
    site = urn(SITE, "site")
    (finding,) = lint_run(Changes("preview", [come(BUCKET, "content", site), gone(BUCKET, "content")], []))
    assert (finding.path, finding.property) == ("content", "parent")
    assert "one of its type and name comes in site" in finding.problem
    assert "aliases=[pulumi.Alias(parent=pulumi.ROOT_STACK_RESOURCE)]" in finding.remedy
    (finding,) = lint_run(Changes("preview", [come(BUCKET, "content"), gone(BUCKET, "content", site)], []))
    assert "comes in the stack" in finding.problem
    assert f'aliases=[pulumi.Alias(parent="{site}")]' in finding.remedy


def test_what_moves_with_a_renamed_component_is_kept_by_the_components_own_alias():
    old, new = urn(SITE, "site"), urn(SITE, "shop")
    run = [come(SITE, "shop"), come(BUCKET, "shop-content", new), gone(BUCKET, "site-content", old), gone(SITE, "site", id_="")]
    assert found(*run) == [("renamed", "site", "name")]
    assert found(*run, come(QUEUE, "log"), gone(QUEUE, "log", old)) == [("renamed", "site", "name"), ("renamed", "log", "parent")]


def test_one_that_stays_in_the_cloud_is_lost_as_well():
    (finding,) = lint_run(Changes("preview", [come(QUEUE, "incoming"), gone(QUEUE, "events", retained=True)], []))
    assert finding.problem.endswith("the old one stays in the cloud, and nothing manages it")


@pytest.mark.parametrize(
    "events",
    [
        [gone(QUEUE, "events")],
        [come(QUEUE, "incoming")],
        [gone(QUEUE, "events"), come(BUCKET, "incoming")],
        [gone(QUEUE, "events"), come(QUEUE, "incoming", urn(SITE, "site"))],
    ],
)
def test_what_goes_with_nothing_like_it_to_come_goes_on_purpose(events):
    assert found(*events) == []


def replaced(type_: str, name: str, old: dict[str, Any], new: dict[str, Any], *reasons: str, forcing: tuple[str, ...] = ()) -> Event:
    diff = tuple(PropertyChange(path, "update", replaces=True) for path in forcing)
    before, after = state(id_=str(old.get("name", "x")), **old), state(**new)
    return Event(1, "begun", "create-replacement", type_, name, urn(type_, name), before, after, diff, reasons)


def test_a_forced_replacement_says_which_value_deep_inside_forces_it():
    def spec(app: str, count: int) -> dict[str, Any]:
        return {"spec": {"replicas": count, "selector": {"matchLabels": {"app": app, "a.b/c": app}}}}

    paths = ("spec.selector.matchLabels.app", 'spec.selector.matchLabels["a.b/c"]')
    deployment = replaced("kubernetes:apps/v1:Deployment", "worker", spec("worker", 1), spec("w2", 2), "spec", forcing=paths)
    told = lint_run(Changes("preview", [deployment], []))
    assert [finding.property for finding in told] == list(paths)
    assert {finding.problem.partition(":")[0] for finding in told} == {"it is 'w2' and was 'worker'"}


def test_where_the_provider_does_not_say_it_the_values_are_compared_and_a_long_one_is_cut_short():
    old, new = {"spec": {"text": "a" * 1000}}, {"spec": {"text": "b" * 1000}}
    (finding,) = lint_run(Changes("preview", [replaced("x:y:Z", "z", old, new, "spec")], []))
    assert finding.property == "spec.text"
    assert len(finding.problem) < 400


def test_one_that_no_property_asks_for_is_told_without_its_inputs():
    bucket = replaced(BUCKET, "uploads", {"bucket": "uploads"}, {"bucket": "uploads"})
    (finding,) = lint_run(Changes("preview", [bucket], []))
    assert finding.property == "-"
    assert finding.problem == "the engine makes it anew, and no property is named for it: the old one goes with what it holds"
    assert "--target-replace" in finding.remedy


def test_a_value_that_comes_from_a_resource_which_goes_is_told_with_that_resource():
    old, new = {"bucket": "uploads-1"}, {"bucket": UNKNOWN}
    setting = replaced("aws:s3/bucketVersioning:BucketVersioning", "v", old, new, "bucket")
    bucket = gone(BUCKET, "uploads", bucket="uploads-1")
    (finding,) = lint_run(Changes("preview", [setting, bucket], []))
    assert finding.problem.startswith(f"it was 'uploads-1' and is now of {BUCKET} uploads, which goes in this run")
    assert finding.remedy == "keep uploads: this one then stays as well"
    (finding,) = lint_run(Changes("preview", [setting], []))
    assert finding.problem.startswith("it was 'uploads-1' and is now of a resource that is made in this run")
