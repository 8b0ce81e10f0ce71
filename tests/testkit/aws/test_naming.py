"""Automatic names: stable, within the API's limits, and what they mean for a replacement."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlgate_testkit.aws.models import MODELS
from mlgate_testkit.provider.provider import State

from .all_samples import SAMPLES
from .cloud import SEED, Cloud

BUCKET = "aws:s3/bucket:Bucket"
named = pytest.mark.parametrize("token", [token for token, model in MODELS.items() if model.name and model.name.random])


def required(token: str, name: str) -> dict[str, Any]:
    return {key: value for key, value in SAMPLES[token].arguments.items() if key != name}


@named
def test_a_resource_without_a_name_is_called_like_in_the_program_with_seven_digits(cloud: Cloud, token: str) -> None:
    name = MODELS[token].name
    assert name
    inputs, _ = cloud.provider.check(cloud.resource(token, "it"), {}, required(token, name.argument), SEED)
    assert re.fullmatch(r"(alias/)?it-[0-9a-f]{7}", inputs[name.argument])


@named
def test_an_automatic_name_stays_with_a_resource_that_an_alias_renames(cloud: Cloud, token: str) -> None:
    name = MODELS[token].name
    assert name
    news = required(token, name.argument)
    before, _ = cloud.provider.check(cloud.resource(token, "events"), {}, news, SEED)
    after, _ = cloud.provider.check(cloud.resource(token, "incoming"), before, news, b"another seed")
    assert after[name.argument] == before[name.argument]


@named
def test_an_automatic_name_stays_whatever_the_seed(cloud: Cloud, token: str) -> None:
    name = MODELS[token].name
    assert name
    news = required(token, name.argument)
    first, _ = cloud.provider.check(cloud.resource(token), {}, news, SEED)
    again, _ = cloud.provider.check(cloud.resource(token), first, news, b"another seed")
    other, _ = cloud.provider.check(cloud.resource(token), {}, news, b"another seed")
    assert first[name.argument] == again[name.argument] != other[name.argument]


@given(length=st.integers(1, 70))
def test_a_name_is_made_exactly_while_it_fits(length: int) -> None:
    name = MODELS[BUCKET].name
    assert name
    if length + 8 <= 63:
        assert len(name.make("x" * length, {}, SEED)) == length + 8
    else:
        with pytest.raises(ValueError, match=rf"maximum length 63: shorten the resource's name by {length + 8 - 63}, or set 'bucket'"):
            name.make("x" * length, {}, SEED)


def test_a_name_that_is_too_long_is_refused_with_the_real_providers_text(cloud: Cloud) -> None:
    (failure,) = cloud.check(BUCKET, "a" * 56)
    assert failure.property == "bucket"
    assert "plus 7 random chars is longer than maximum length 63" in failure.reason


@pytest.mark.parametrize("name", ["ab", "Models", "a..b", "192.168.0.1", "xn--a", "a" * 64, "-ab", "a_b"])
def test_a_name_that_s3_does_not_take_is_refused(cloud: Cloud, name: str) -> None:
    assert [failure.property for failure in cloud.check(BUCKET, bucket=name)] == ["bucket"]


def test_a_prefix_and_a_name_exclude_each_other(cloud: Cloud) -> None:
    (failure,) = cloud.check(BUCKET, bucket="models", bucketPrefix="m")
    assert failure.reason == 'Conflicting configuration arguments: "bucketPrefix": conflicts with bucket'
    assert cloud.up(BUCKET, bucketPrefix="models-").id.startswith("models-20")


def test_a_replacement_under_a_name_of_the_programs_own_deletes_first(cloud: Cloud) -> None:
    own = cloud.up(BUCKET, bucket="models")
    assert cloud.diff(BUCKET, own, bucket="models", objectLockEnabled=True).delete_before_replace
    assert not cloud.diff(BUCKET, own, bucket="others").delete_before_replace
    automatic: State = cloud.up(BUCKET)
    difference = cloud.diff(BUCKET, automatic, objectLockEnabled=True)
    assert difference.replace
    assert not difference.delete_before_replace


@pytest.mark.parametrize("own", ["models-1a2b3c4", "models-0000000"])
def test_a_name_of_the_programs_own_with_a_git_sha_is_no_automatic_one(cloud: Cloud, own: str) -> None:
    made = cloud.up(BUCKET, "models", bucket=own)
    assert cloud.diff(BUCKET, made, "models", bucket=own, objectLockEnabled=True).delete_before_replace
    without = cloud.checked(BUCKET, "models", olds=made.inputs)
    assert without["bucket"] != own


@given(name=st.text("abc-.123", max_size=20), seed=st.binary())
def test_an_automatic_name_is_known_for_one(name: str, seed: bytes) -> None:
    for token in (BUCKET, "aws:sqs/queue:Queue"):
        automatic = MODELS[token].name
        assert automatic
        assert automatic.made(automatic.make(name, {"fifoQueue": True}, seed))
