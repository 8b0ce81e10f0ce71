"""Flows: the permissions that a verb takes, no wider than what it is about."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlgate_components.aws.access.flows import TABLE, At, Right, Verb, arns_of, document, statements, wrong_flow

ARNS = {
    "bucket_arn": "arn:aws:s3:::models",
    "key_arn": "arn:aws:kms:eu-central-1:123456789012:key/1234abcd",
    "signing_key_arn": "arn:aws:kms:eu-central-1:123456789012:key/5678abcd",
    "repository_arn": "arn:aws:ecr:eu-central-1:123456789012:repository/digits",
    "secret_arn": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:token-AbCdEf",
    "cluster_arn": "arn:aws:eks:eu-central-1:123456789012:cluster/ml",
}

OF_NO_RESOURCE = {"cloudtrail:DescribeTrails", "cloudtrail:ListPublicKeys", "ecr:GetAuthorizationToken"}


def right(verb: Verb, prefix: str = "") -> Right:
    return Right(verb, {name: ARNS[name] for name in arns_of(verb)}, prefix)


rights = st.builds(
    lambda verb, prefix: right(verb, prefix if any(act.at is At.OBJECTS for act in TABLE[verb]) else ""),
    st.sampled_from(Verb),
    st.sampled_from(["", "digits/", "digits/old/"]),
)


def test_reading_below_a_prefix_is_getting_its_objects_listing_its_names_and_decrypting_through_s3() -> None:
    assert statements([right(Verb.READS, "digits/")]) == [
        {
            "Effect": "Allow",
            "Action": ["kms:Decrypt"],
            "Resource": ARNS["key_arn"],
            "Condition": {"StringLike": {"kms:ViaService": "s3.*.amazonaws.com"}},
        },
        {
            "Effect": "Allow",
            "Action": ["s3:ListBucket"],
            "Resource": "arn:aws:s3:::models",
            "Condition": {"StringLike": {"s3:prefix": "digits/*"}},
        },
        {"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": "arn:aws:s3:::models/digits/*"},
    ]


def test_a_store_without_a_key_of_its_own_needs_none() -> None:
    allowed = statements([Right(Verb.READS, {"bucket_arn": ARNS["bucket_arn"]})])
    assert [each["Resource"] for each in allowed] == ["arn:aws:s3:::models", "arn:aws:s3:::models/*"]
    assert not any("Condition" in each for each in allowed), "the whole store has no prefix to hold to"


@given(st.lists(rights, max_size=6), st.randoms())
def test_the_order_in_which_flows_are_declared_changes_nothing_nor_does_saying_one_twice(flows: list[Right], random) -> None:
    mixed = [*flows, *flows[:1]]
    random.shuffle(mixed)
    assert document(statements(mixed)) == document(statements(flows))


@given(st.lists(rights, min_size=1, max_size=4))
def test_no_action_is_a_pattern_and_no_resource_is_everything_but_for_what_has_no_resource(flows: list[Right]) -> None:
    for statement in statements(flows):
        assert not any("*" in action for action in statement["Action"])
        assert statement["Resource"] != "*" or set(statement["Action"]) <= OF_NO_RESOURCE
        assert statement["Resource"].count("*") <= 1, "one at the end, below the prefix of a store"


@given(st.lists(rights, max_size=4), rights)
def test_a_flow_more_takes_nothing_away(flows: list[Right], more: Right) -> None:
    assert granted(flows) | granted([more]) == granted([*flows, more])


def granted(flows: list[Right]) -> set[tuple[str, str, str]]:
    return {
        (action, each["Resource"], json.dumps(each.get("Condition"), sort_keys=True))
        for each in statements(flows)
        for action in each["Action"]
    }


def test_who_audits_a_trail_and_validates_it_has_all_that_validate_logs_asks_and_the_rest_of_cloudtrail_is_not_theirs() -> None:
    allowed = statements([right(Verb.AUDITS), right(Verb.VALIDATES)])
    anywhere = {action for each in allowed if each["Resource"] == "*" for action in each["Action"]}
    of_the_bucket = {action for each in allowed if each["Resource"] == ARNS["bucket_arn"] for action in each["Action"]}
    of_objects = {action for each in allowed if each["Resource"] == f"{ARNS['bucket_arn']}/*" for action in each["Action"]}
    assert anywhere == {"cloudtrail:DescribeTrails", "cloudtrail:ListPublicKeys"}
    assert {"s3:GetBucketLocation", "s3:ListBucket"} <= of_the_bucket
    assert "s3:GetObject" in of_objects


def test_only_one_verb_signs_and_it_does_nothing_else() -> None:
    signing = [verb for verb in Verb if "kms:Sign" in itertools.chain.from_iterable(act.actions for act in TABLE[verb])]
    assert signing == [Verb.SIGNS]
    assert {action.split(":")[0] for act in TABLE[Verb.SIGNS] for action in act.actions} == {"kms"}


@pytest.mark.parametrize(
    ("verb", "arns", "prefix", "part", "found"),
    [
        (Verb.READS, {}, "", "resource.bucket_arn", "is missing"),
        (Verb.READS, {"bucket_arn": "arn:aws:s3:::*"}, "", "resource.bucket_arn", "is 'arn:aws:s3:::*'"),
        (Verb.READS, {"bucket_arn": "models"}, "", "resource.bucket_arn", "is 'models'"),
        (
            Verb.SIGNS,
            {"signing_key_arn": "arn:aws:kms:eu-central-1:123456789012:alias/x"},
            "",
            "resource.signing_key_arn",
            "is 'arn:aws:kms",
        ),
        (Verb.PULLS, {"repository_arn": ARNS["repository_arn"], "bucket_arn": ARNS["bucket_arn"]}, "", "resource.bucket_arn", "is nothing"),
        (Verb.READS, {"bucket_arn": ARNS["bucket_arn"]}, "digits", "prefix", "is 'digits'"),
        (Verb.READS, {"bucket_arn": ARNS["bucket_arn"]}, "*/", "prefix", "is '*/'"),
        (Verb.READS, {"bucket_arn": ARNS["bucket_arn"]}, "${aws:username}/", "prefix", "is '${aws:username}/'"),
        (Verb.READS, {"bucket_arn": ARNS["bucket_arn"]}, "/digits/", "prefix", "is '/digits/'"),
        (Verb.OPERATES, {"cluster_arn": ARNS["cluster_arn"]}, "digits/", "prefix", "is 'digits/'"),
        (Verb.VALIDATES, {"bucket_arn": ARNS["bucket_arn"]}, "digits/", "prefix", "is 'digits/'"),
    ],
)
def test_what_would_be_wider_than_one_resource_or_another_kind_of_it_is_refused(
    verb: Verb, arns: dict[str, str], prefix: str, part: str, found: str
) -> None:
    ((where, said, _),) = wrong_flow(verb, arns, prefix)
    assert (where, said.startswith(found)) == (part, True)


@pytest.mark.parametrize("verb", Verb)
def test_what_every_verb_is_about_is_right_as_its_component_gives_it_known_or_not(verb: Verb) -> None:
    assert list(wrong_flow(verb, right(verb).arns, "")) == []
    assert list(wrong_flow(verb, dict.fromkeys(arns_of(verb), object()), "")) == []
