"""What holds for any arguments that the SDK's types allow."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from mlgate_testkit.aws import SimulatedAws
from mlgate_testkit.aws.arguments import argument_names
from mlgate_testkit.aws.models import MODELS
from mlgate_testkit.provider.provider import ProviderError, State, compare
from mlgate_testkit.provider.values import UNKNOWN, has_unknown, plain

from .all_samples import SAMPLES, STAYS
from .cloud import SEED, Cloud, heads
from .generated import arguments, further
from .samples import DATABASE
from .test_forces_new import SAID

every_type = pytest.mark.parametrize("token", list(MODELS))
few = settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@every_type
@few
@given(data=st.data())
def test_any_arguments_are_checked_and_checking_again_changes_nothing(package: SimulatedAws, token: str, data: st.DataObject) -> None:
    news, cloud = data.draw(arguments(token, unknown=True)), Cloud(package)
    inputs, failures = cloud.provider.check(cloud.resource(token), {}, news, SEED)
    assert all(failure.property and failure.reason for failure in failures)
    again, failures_again = cloud.provider.check(cloud.resource(token), inputs, inputs, b"another seed")
    assert again == inputs
    assert failures_again == failures


@every_type
@few
@given(data=st.data())
def test_what_does_not_change_does_not_differ_and_what_does_is_named(package: SimulatedAws, token: str, data: st.DataObject) -> None:
    cloud = Cloud(package)
    old, new = (cloud.provider.check(cloud.resource(token), {}, data.draw(arguments(token, unknown=False)), SEED)[0] for _ in range(2))
    state = State("id", old, cloud.provider._expected(MODELS[token], old))
    assert cloud.provider.diff(cloud.resource(token), state, old).changed == {}
    difference = cloud.provider.diff(cloud.resource(token), state, new)
    assert set(difference.changed) - {"tagsAll", "region"} <= set(compare(old, new))
    assert difference.replace == {path for path in difference.changed if needs_a_new_one(token, path, state.outputs, new)}


def needs_a_new_one(token: str, path: str, old: dict[str, Any], new: dict[str, Any]) -> bool:
    """Whether the real provider makes a change at `path` with a new resource, by what was written down apart from our models."""
    plainly = re.sub(r"\[\d+\]", "", path)
    fixed = [*SAID["types"][token], *SAID["differences"].get(token, ()), "region"]
    if any(f"{plainly}.".startswith(f"{each}.") for each in fixed):
        return True
    inside = [each for each in fixed if each.startswith(f"{plainly}.")]
    kept = plainly in MODELS[token].computed and path not in new  # what a program no longer gives stays as it is
    members = new.get(path) or old.get(path)
    if path.endswith("]") or isinstance(members, list):  # of a list, members come and go with all their fields
        return bool(inside and members != []) and not kept
    return any(
        (before := at(old, each)) is not None and before != at(new, each) and not (kept and at(new, each) is None) for each in inside
    )


def at(values: Any, path: str) -> Any:
    for key in path.split("."):
        values = values.get(key) if isinstance(values, dict) else None
    return values


@every_type
@few
@given(data=st.data())
def test_a_preview_knows_every_known_argument_and_no_computed_output(package: SimulatedAws, token: str, data: st.DataObject) -> None:
    cloud, model = Cloud(package), MODELS[token]
    inputs, _ = cloud.provider.check(cloud.resource(token), {}, data.draw(arguments(token, unknown=True)), SEED)
    _, expected = cloud.provider.create(cloud.resource(token), inputs, cloud.run(preview=True))
    for key, value in expected.items():
        if key in inputs and key != "region":
            assert value == inputs[key] or isinstance(inputs[key], (dict, list))  # whose fields have defaults of their own
        elif key not in {"region", "tagsAll"}:
            assert value is UNKNOWN
            assert key in model.computed or key not in argument_names(token)
    assert has_unknown(expected) or set(expected) <= {*inputs, "region", "tagsAll"}


@every_type
@few
@given(data=st.data())
def test_a_value_of_the_wrong_shape_is_named_by_its_place(package: SimulatedAws, token: str, data: st.DataObject) -> None:
    cloud = Cloud(package)
    argument = data.draw(st.sampled_from(sorted(argument_names(token))))
    news = {**SAMPLES[token].arguments, argument: [[["nested"]]]}
    failures = cloud.check(token, "it", None, SEED, **news)
    assert any(failure.property.startswith(argument) for failure in failures)


# -- whole lives, in the account itself

# Arguments and fields that are not drawn, by type, each with the reason.
_ETAG = {"etag": "anything but the MD5 of the content is a difference for ever, with the real provider too"}
_LISTS = {"prefixListIds": "moto forgets the descriptions of rules for prefix lists"}
UNDRAWN: dict[str, dict[str, str]] = {
    "aws:s3/bucketObject:BucketObject": _ETAG,
    "aws:s3/bucketObjectv2:BucketObjectv2": _ETAG,
    "aws:s3/bucket:Bucket": {"mfaDelete": "only the root user turns it on, with a device; it is there to be read"},
    "aws:secretsmanager/secretVersion:SecretVersion": {"versionStages": "AWS adds AWSCURRENT to the first version by itself"},
    "aws:ec2/launchTemplate:LaunchTemplate": {
        "defaultVersion": "a version that is not there yet differs until it is, as with the real provider"
    },
    "aws:kms/key:Key": {
        "rotationPeriodInDays": "without rotation nobody reads it back, and it differs for ever, with the real provider too"
    },
    "aws:ec2/eip:Eip": {"domain": "standard is of EC2-Classic, which is retired: every address is one for VPCs"},
    "aws:ec2/vpc:Vpc": {"ipv6CidrBlockNetworkBorderGroup": "moto knows no border groups"},
    "aws:ecr/repository:Repository": {"encryptionConfigurations": "of several, AWS takes the first"},
    "aws:eks/cluster:Cluster": {"controlPlaneScalingConfig": "an empty one is read as the tier that AWS takes for it"},
    "aws:eks/nodeGroup:NodeGroup": {"diskSize": "0 is nothing to the API, which takes 20 then, and differs for ever"},
    "aws:ec2/securityGroup:SecurityGroup": _LISTS,
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": _LISTS,
    "aws:ec2/securityGroupRule:SecurityGroupRule": _LISTS,
}


# Of these a block with nothing in it is nothing to the API, and differs for ever with the real provider too.
NO_EMPTY_BLOCKS = {"aws:ec2/launchTemplate:LaunchTemplate"}


LIVES_OF_EACH = 5
AT_MOST = 30  # until one of them has been changed in place

# Of these nothing that can be drawn changes in place.
UNCHANGED = {
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": "it is nothing but its role and its policy",
    "aws:kms/alias:Alias": "another key is all that changes in place, and would have to be there",
    "aws:ecr/lifecyclePolicy:LifecyclePolicy": "another policy is a new one",
    "aws:secretsmanager/secretVersion:SecretVersion": "another value is a new version, and stages are not drawn",
    "aws:ec2/route:Route": "another target is all that changes in place, and would have to be there",
    "aws:ec2/routeTableAssociation:RouteTableAssociation": "another table is all that changes in place, and would have to be there",
    "aws:eks/accessPolicyAssociation:AccessPolicyAssociation": "another scope is a new one",
}


@every_type
def test_whatever_is_taken_is_made_rests_changes_and_goes(package: SimulatedAws, token: str) -> None:
    """Over the sample of its type lie a few arguments drawn from the SDK's types, less those that the check refuses."""
    lives: list[bool] = []

    @settings(few, max_examples=AT_MOST, phases=[Phase.generate])
    @given(draws=st.lists(drawn(token), min_size=1, max_size=5))
    def live(draws: list[dict[str, Any]]) -> None:
        if len(lives) < LIVES_OF_EACH or not (any(lives) or token in UNCHANGED):
            lives.append(life(package, token, draws))

    live()
    assert any(lives) != (token in UNCHANGED), "draw something that changes, or say why nothing does"


def life(package: SimulatedAws, token: str, draws: list[dict[str, Any]]) -> bool:
    """Creates, reads, updates and deletes. Whether there was an update of anything that AWS gives back."""
    sample = SAMPLES[token]
    package.reset()
    cloud = Cloud(package)
    needed = sample.first(cloud)
    base = {**needed, **sample.arguments}
    wanted = {**base, **something(cloud, token, base, draws, needed)}
    try:
        state = cloud.up(token, **wanted)
    except ProviderError:
        return False  # AWS has rules of its own; each has a test by name
    assert cloud.diff(token, state, **wanted).changed == {}
    seen = cloud.refresh(token, state)
    assert seen is not None
    assert seen.inputs == state.inputs
    assert plain(seen.outputs) == plain(state.outputs)
    assert cloud.diff(token, seen, **wanted).changed == {}
    difference = cloud.diff(token, seen, **base)
    updated = not difference.replace
    try:
        if updated:
            seen = changed_back(cloud, token, seen, base)
        cloud.delete(token, seen)
    except ProviderError:
        return False  # what AWS lets nobody take back, such as what is protected
    if token not in STAYS and not wanted.get("skipDestroy"):
        assert cloud.refresh(token, seen) is None
    left = MODELS[token].state_only | (MODELS[token].computed - base.keys())  # with the cloud as it is
    return updated and bool(heads(difference.changed) - left)


def drawn(token: str) -> st.SearchStrategy[dict[str, Any]]:
    """A few arguments, of the kinds that a type can do with."""
    found = further(token, SAMPLES[token].change).map(lambda value: without(value, UNDRAWN.get(token, ())))
    return found.map(filled) if token in NO_EMPTY_BLOCKS else found


def something(cloud: Cloud, token: str, base: dict[str, Any], draws: list[dict[str, Any]], needed: Collection[str]) -> dict[str, Any]:
    """What is taken of the first draw of which anything is that the sample does not have already."""
    for each in draws:
        left = taken(cloud, token, base, {key: value for key, value in each.items() if key not in needed})
        if {**base, **left} != base:
            return left
    return {}


def changed_back(cloud: Cloud, token: str, state: State, base: dict[str, Any]) -> State:
    """After an update in place to `base`, which must rest and be read as it was written."""
    state = cloud.change(token, state, **base)
    assert cloud.diff(token, state, **base).changed == {}
    seen = cloud.refresh(token, state)
    assert seen is not None
    assert seen.inputs == state.inputs
    assert cloud.diff(token, seen, **base).changed == {}
    return seen


def without(value: Any, names: Collection[str]) -> Any:
    """The value without fields of those names, at any depth."""
    if isinstance(value, dict):
        return {key: without(member, names) for key, member in value.items() if key not in names}
    return [without(member, names) for member in value] if isinstance(value, list) else value


def filled(value: Any) -> Any:
    """The value without objects that hold nothing, at any depth."""
    if isinstance(value, dict):
        return {key: inner for key, member in value.items() if (inner := filled(member)) != {}}
    return [inner for member in value if (inner := filled(member)) != {}] if isinstance(value, list) else value


def taken(cloud: Cloud, token: str, base: dict[str, Any], drawn: dict[str, Any]) -> dict[str, Any]:
    """What is left of `drawn` when the check has nothing against it any more."""
    while failures := cloud.check(token, **{**base, **drawn}):
        named = heads(failure.property for failure in failures)
        rest = {key: value for key, value in drawn.items() if key not in named}
        drawn = rest if rest != drawn else {}  # nothing: what was drawn does not go with the sample
    return drawn


# -- and their changes, of a few types

tags = st.dictionaries(st.text("abc", min_size=1, max_size=3), st.text("xyz 1", max_size=3).map(str.strip), max_size=3)  # moto strips
Life = Callable[[SimulatedAws, dict[str, Any], dict[str, Any]], None]
LIVES: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "aws:s3/bucket:Bucket": st.fixed_dictionaries({"bucket": st.just("models"), "tags": tags, "forceDestroy": st.booleans()}),
    "aws:sqs/queue:Queue": st.fixed_dictionaries(
        {
            "name": st.just("jobs"),
            "tags": tags,
            "delaySeconds": st.integers(0, 900),
            "visibilityTimeoutSeconds": st.integers(0, 43_200),
            "messageRetentionSeconds": st.integers(60, 1_209_600),
        }
    ),
    "aws:cloudwatch/logGroup:LogGroup": st.fixed_dictionaries(
        {"name": st.just("/a/b"), "tags": tags, "retentionInDays": st.sampled_from([0, 1, 14, 3653])}
    ),
    "aws:ssm/parameter:Parameter": st.fixed_dictionaries(
        {
            "name": st.just("/a/b"),
            "tags": tags,
            "type": st.sampled_from(["String", "SecureString"]),
            "value": st.text("abc", min_size=1, max_size=9),
        },
        optional={"description": st.text("abc", min_size=1, max_size=9)},
    ),
    "aws:kms/key:Key": st.fixed_dictionaries(
        {"tags": tags, "enableKeyRotation": st.booleans(), "isEnabled": st.booleans()},
        optional={"description": st.text("abc", min_size=1, max_size=5), "deletionWindowInDays": st.integers(7, 30)},
    ),
    "aws:ecr/repository:Repository": st.fixed_dictionaries(
        {"name": st.just("serving"), "tags": tags, "imageTagMutability": st.sampled_from(["MUTABLE", "IMMUTABLE"])},
        optional={"imageScanningConfiguration": st.fixed_dictionaries({"scanOnPush": st.booleans()})},
    ),
    "aws:sns/topic:Topic": st.fixed_dictionaries(
        {"name": st.just("alarms"), "tags": tags}, optional={"displayName": st.text("abc", min_size=1, max_size=9)}
    ),
    "aws:rds/instance:Instance": st.fixed_dictionaries(
        {
            **{key: st.just(value) for key, value in DATABASE.items()},
            "identifier": st.just("features"),
            "skipFinalSnapshot": st.just(True),
            "tags": tags,
            "backupRetentionPeriod": st.integers(1, 35),
            "publiclyAccessible": st.booleans(),
        }
    ),
}


@pytest.mark.parametrize("token", LIVES)
@few
@given(data=st.data())
def test_a_life_of_create_read_update_delete_comes_round(package: SimulatedAws, token: str, data: st.DataObject) -> None:
    package.reset()
    cloud, first, second = Cloud(package), data.draw(LIVES[token]), data.draw(LIVES[token])
    state = cloud.up(token, **first)
    for wanted in (first, second, first):
        state = cloud.change(token, state, **wanted)
        assert cloud.diff(token, state, **wanted).changed == {}
        seen = cloud.refresh(token, state)
        assert seen is not None
        assert seen.inputs == state.inputs
        assert cloud.diff(token, seen, **wanted).changed == {}
    cloud.delete(token, state)
    assert cloud.refresh(token, state) is None
    assert cloud.up(token, **second).id
