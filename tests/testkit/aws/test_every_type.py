"""What holds for every simulated type, shown on one resource of each."""

from __future__ import annotations

from typing import Any

import pytest

from mlgate_testkit.aws.arguments import argument_names, output_names
from mlgate_testkit.aws.models import MODELS
from mlgate_testkit.provider.provider import ProviderError, State
from mlgate_testkit.provider.values import UNKNOWN, Secret, plain

from .all_samples import SAMPLES
from .cloud import Cloud
from .samples import Sample

every_type = pytest.mark.parametrize("token", list(MODELS))
changeable = pytest.mark.parametrize("token", [token for token, sample in SAMPLES.items() if sample.change])
replaceable = pytest.mark.parametrize("token", [token for token, sample in SAMPLES.items() if sample.replace])


def made(cloud: Cloud, token: str) -> tuple[State, dict[str, Any], Sample]:
    sample = SAMPLES[token]
    arguments = {**sample.first(cloud), **sample.arguments}
    return cloud.up(token, **arguments), arguments, sample


def promised(expected: Any, got: Any) -> Any:
    """What a preview promised, with what is really there wherever it left something open."""
    if isinstance(expected, dict) and isinstance(got, dict):
        return {key: promised(value, got.get(key)) for key, value in expected.items()}
    return got if expected is UNKNOWN else expected


def readable(token: str, inputs: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in inputs.items() if key not in MODELS[token].state_only}


def test_every_type_has_a_sample() -> None:
    assert set(SAMPLES) == set(MODELS)


@every_type
def test_it_is_created_with_an_identity_and_everything_a_preview_promised(cloud: Cloud, token: str) -> None:
    sample = SAMPLES[token]
    arguments = {**sample.first(cloud), **sample.arguments}
    expected = cloud.preview(token, **arguments)
    state = cloud.up(token, **arguments)
    assert state.id
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
    assert {path.split(".")[0].split("[")[0] for path in changed} <= MODELS[token].state_only | MODELS[token].computed


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
    back = cloud.change(token, refreshed, **arguments) if token not in ONE_WAY else after
    again = cloud.refresh(token, back)
    assert again is not None
    assert again.inputs == back.inputs


ONE_WAY: frozenset[str] = frozenset()


@replaceable
def test_what_cannot_change_in_place_needs_a_new_one(cloud: Cloud, token: str) -> None:
    state, arguments, sample = made(cloud, token)
    difference = cloud.diff(token, state, **{**arguments, **sample.replace})
    assert difference.replace
    assert difference.replace <= set(difference.changed)


@every_type
def test_it_is_gone_after_a_delete_and_deleting_it_again_is_no_error(cloud: Cloud, token: str) -> None:
    state, _, _ = made(cloud, token)
    cloud.delete(token, state)
    if token not in STAYS:
        assert cloud.refresh(token, state) is None
    cloud.delete(token, state)


STAYS = {
    "aws:s3/bucketVersioning:BucketVersioning",  # suspended
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",  # AWS's own
    "aws:ec2/capacityBlockReservation:CapacityBlockReservation",  # paid for
    "aws:secretsmanager/secretVersion:SecretVersion",  # for as long as it is the current one
    "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration",  # the lock stays, its rule goes
}


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


def test_a_type_that_is_not_simulated_is_refused_by_name(cloud: Cloud) -> None:
    with pytest.raises(
        ProviderError, match=r"aws:s3/buckett:Buckett is not simulated; did you mean 'aws:s3/bucket:Bucket'\? simulated of aws:s3 are:"
    ):
        cloud.up("aws:s3/buckett:Buckett")


def test_secret_outputs_are_marked(cloud: Cloud) -> None:
    for token, model in MODELS.items():
        if model.secret:
            state, _, _ = made(cloud, token)
            assert all(isinstance(state.outputs[key], Secret) for key in model.secret if key in state.outputs)
