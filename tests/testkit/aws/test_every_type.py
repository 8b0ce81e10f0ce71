"""What holds for every simulated type, shown on one resource of each."""

from __future__ import annotations

import re
import typing
from collections.abc import Iterator
from typing import Any

import pytest
from pulumi import _types

from mlgate_testkit.aws.arguments import argument_names, argument_type, output_names
from mlgate_testkit.aws.models import MODELS
from mlgate_testkit.provider.provider import ProviderError, State
from mlgate_testkit.provider.values import UNKNOWN, Secret, plain
from mlgate_testkit.record.sdk import required_fields, union_members

from .all_samples import ONE_AT_A_TIME, REPLACED, SAMPLES, STAYS
from .cloud import Cloud, heads
from .generated import LISTS
from .identities import IDENTITIES
from .samples import Sample

every_type = pytest.mark.parametrize("token", list(MODELS))
changeable = pytest.mark.parametrize("token", [token for token, sample in SAMPLES.items() if sample.change])
replaceable = pytest.mark.parametrize("token", [token for token, sample in SAMPLES.items() if sample.replace or token in REPLACED])


def made(cloud: Cloud, token: str) -> tuple[State, dict[str, Any], Sample]:
    sample = SAMPLES[token]
    arguments = {**sample.first(cloud), **sample.arguments}
    return cloud.up(token, **arguments), arguments, sample


def promised(expected: Any, got: Any) -> Any:
    """What a preview promised, with what is really there wherever it left something open."""
    if isinstance(expected, dict) and isinstance(got, dict):
        return {key: promised(value, got.get(key)) for key, value in expected.items()}
    if isinstance(expected, list) and isinstance(got, list) and len(expected) == len(got):
        return [promised(member, there) for member, there in zip(expected, got, strict=True)]
    return got if expected is UNKNOWN else expected


def readable(token: str, inputs: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in inputs.items() if key not in MODELS[token].state_only}


def test_every_type_has_a_sample_and_an_identity() -> None:
    assert set(SAMPLES) == set(IDENTITIES) == set(MODELS)


@every_type
def test_it_is_created_with_an_identity_and_everything_a_preview_promised(cloud: Cloud, token: str) -> None:
    sample = SAMPLES[token]
    arguments = {**sample.first(cloud), **sample.arguments}
    expected = cloud.preview(token, **arguments)
    state = cloud.up(token, **arguments)
    identity = IDENTITIES[token]
    assert re.fullmatch(identity.id, state.id)
    arn = next((state.outputs[key] for key in ("arn", "accessEntryArn", "associationArn") if key in state.outputs), None)
    assert arn is None if identity.arn is None else re.fullmatch(identity.arn, str(arn))
    for key, value in expected.items():
        if value is not UNKNOWN and key in state.outputs:
            assert MODELS[token].same(key, promised(value, plain(state.outputs[key])), plain(state.outputs[key])), key
    computed = {key for key in output_names(token) - set(argument_names(token)) if key in state.outputs}
    assert computed <= {key for key, value in expected.items() if value is UNKNOWN or key == "tagsAll"}
    missing = output_names(token) - set(argument_names(token)) - set(state.outputs)
    assert missing <= MODELS[token].absent
    assert set(state.outputs) <= output_names(token)


@every_type
def test_every_argument_is_read_back_or_named_as_kept_in_state_only(cloud: Cloud, token: str) -> None:
    state, _, _ = made(cloud, token)
    model = MODELS[token]
    seen = model.read(cloud.provider.aws, state.id, state.inputs) or {}
    assert set(argument_names(token)) - set(seen) - {"region"} - set(model.name.instead if model.name else ()) <= model.state_only


@every_type
def test_nothing_differs_right_after_it_was_made_nor_after_a_refresh(cloud: Cloud, token: str) -> None:
    state, arguments, _ = made(cloud, token)
    assert cloud.diff(token, state, **arguments).changed == {}
    refreshed = cloud.refresh(token, state)
    assert refreshed is not None
    assert refreshed.inputs == state.inputs
    assert plain(refreshed.outputs) == plain(state.outputs)
    assert cloud.diff(token, refreshed, **arguments).changed == {}


@every_type
def test_it_can_be_imported_by_its_id(cloud: Cloud, token: str) -> None:
    state, arguments, sample = made(cloud, token)
    imported = cloud.imported(token, sample.import_id(state.id, state.inputs))
    assert imported is not None
    changed = cloud.diff(token, imported, **arguments).changed
    assert heads(changed) <= MODELS[token].state_only | MODELS[token].computed


@changeable
def test_a_change_in_place_reaches_the_cloud(cloud: Cloud, token: str) -> None:
    state, arguments, sample = made(cloud, token)
    news = {**arguments, **sample.change}
    assert cloud.diff(token, state, **news).changed
    after = cloud.change(token, state, **news)
    assert after.id == state.id
    assert cloud.diff(token, after, **news).changed == {}
    refreshed = cloud.refresh(token, after)
    assert refreshed is not None
    assert refreshed.inputs == after.inputs
    back = cloud.change(token, refreshed, **arguments)
    again = cloud.refresh(token, back)
    assert again is not None
    assert again.inputs == back.inputs


@changeable
def test_a_change_made_by_hand_is_seen_by_a_refresh(cloud: Cloud, token: str) -> None:
    state, arguments, sample = made(cloud, token)
    news = {**arguments, **sample.change}
    changed = cloud.diff(token, state, **news).changed
    cloud.change(token, state, **news)  # whose new state nobody keeps
    seen = cloud.refresh(token, state)
    assert seen is not None
    left_to_aws = MODELS[token].computed - arguments.keys()  # what a program does not give is no drift of these
    drift = heads(cloud.diff(token, seen, **arguments).changed)
    assert drift == heads(changed) - left_to_aws - MODELS[token].state_only
    assert drift


@replaceable
def test_what_cannot_change_in_place_is_made_anew_and_the_old_one_goes(cloud: Cloud, token: str) -> None:
    state, arguments, sample = made(cloud, token)
    news = {**arguments, **sample.replace, **REPLACED.get(token, nothing)(cloud)}
    difference = cloud.diff(token, state, **news)
    assert difference.replace
    assert difference.replace <= set(difference.changed)
    if difference.delete_before_replace or token in ONE_AT_A_TIME:
        cloud.delete(token, state)
        after = cloud.up(token, **news)
    else:
        after = cloud.up(token, **news)
        cloud.delete(token, state)
    assert cloud.diff(token, after, **news).changed == {}
    seen = cloud.refresh(token, after)
    assert seen is not None
    assert seen.inputs == after.inputs
    if token not in STAYS and state.id != after.id:
        assert cloud.refresh(token, state) is None


def nothing(_cloud: Cloud) -> dict[str, Any]:
    return {}


@every_type
def test_it_is_gone_after_a_delete_and_deleting_it_again_is_no_error(cloud: Cloud, token: str) -> None:
    state, _, _ = made(cloud, token)
    cloud.delete(token, state)
    if token not in STAYS:
        assert cloud.refresh(token, state) is None
    cloud.delete(token, state)


@every_type
def test_a_misspelt_argument_names_the_nearest_right_one(cloud: Cloud, token: str) -> None:
    argument = max(argument_names(token), key=len)
    misspelt: dict[str, Any] = {argument + "s": "x"}
    (failure,) = [each for each in cloud.check(token, **misspelt) if each.property == argument + "s"]
    assert f"did you mean {argument!r}?" in failure.reason


@every_type
def test_a_missing_required_argument_is_named(cloud: Cloud, token: str) -> None:
    sample = SAMPLES[token]
    arguments = {**sample.first(cloud), **sample.arguments}
    for argument in arguments:
        rest = {key: value for key, value in arguments.items() if key != argument}
        for failure in cloud.check(token, **rest):
            assert failure.reason.startswith("Missing required argument") or argument in failure.reason
    for argument in required_fields(argument_type(token)):
        rest = {key: value for key, value in arguments.items() if key != argument}
        assert argument in missing(cloud, token, rest)
    for argument, kind in argument_names(token).items():
        for nested, value in emptied(kind):
            place = argument if value == {} else f"{argument}[0]"
            assert {f"{place}.{field}" for field in required_fields(nested)} <= missing(cloud, token, {**arguments, argument: value})


def missing(cloud: Cloud, token: str, arguments: dict[str, Any]) -> set[str]:
    """The arguments that are named as missing."""
    found = cloud.check(token, **arguments)
    return {each.property for each in found if each.reason.startswith(f'Missing required argument: the argument "{last(each.property)}"')}


def last(path: str) -> str:
    return path.rpartition(".")[2]


def emptied(kind: Any) -> Iterator[tuple[type, Any]]:
    """The object type of an argument, and an empty one of it, or a list of one; nothing for arguments that hold other things too."""
    members = list(union_members(kind))
    inner = list(union_members(typing.get_args(members[0])[0])) if typing.get_origin(members[0]) in LISTS else members
    if len(members) == len(inner) == 1 and isinstance(inner[0], type) and _types.is_input_type(inner[0]):
        yield inner[0], {} if inner == members else [{}]


def test_a_type_that_is_not_simulated_is_refused_by_name(cloud: Cloud) -> None:
    with pytest.raises(
        ProviderError, match=r"aws:s3/buckett:Buckett is not simulated; did you mean 'aws:s3/bucket:Bucket'\? simulated of aws:s3 are:"
    ):
        cloud.up("aws:s3/buckett:Buckett")


@pytest.mark.parametrize(
    ("name", "meant"), [("BucketV2", "did you mean 'aws:s3/bucket:Bucket'?"), ("BucketCorsConfiguration", ""), ("BucketAcl", "")]
)
def test_a_type_is_named_as_meant_only_if_it_is_almost_the_same(cloud: Cloud, name: str, meant: str) -> None:
    with pytest.raises(ProviderError) as refused:
        cloud.up(f"aws:s3/{name[0].lower()}{name[1:]}:{name}")
    assert ("did you mean" in str(refused.value)) == bool(meant)
    assert f"{meant} simulated of aws:s3 are: Bucket, BucketPublicAccessBlock, " in str(refused.value)


@pytest.mark.parametrize("token", ["aws:s3/buckett:Buckett", "aws:redshift/cluster:Cluster"])
def test_whoever_needs_a_type_that_is_not_simulated_is_told_what_to_do(cloud: Cloud, token: str) -> None:
    with pytest.raises(ProviderError, match="Test this part with `record`") as refused:
        cloud.up(token)
    assert len(str(refused.value)) < 1000
    if "redshift" in token:
        assert "nothing of aws:redshift is, but types of aws:budgets, aws:cloudtrail, aws:cloudwatch, aws:ec2," in str(refused.value)


def test_secret_outputs_are_marked(cloud: Cloud) -> None:
    for token, model in MODELS.items():
        if model.secret:
            state, _, _ = made(cloud, token)
            told = model.secret & state.outputs.keys()
            assert told, token
            assert all(isinstance(state.outputs[key], Secret) for key in told), token
