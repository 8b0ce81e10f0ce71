"""Of the twelve defects planted in a sample stack, those that need no engine are caught here, each named with property and remedy."""

import pytest

from mlgate.errors import DeclarationError
from mlgate_testkit.lint import assert_clean
from mlgate_testkit.record import record

from .found import rows
from .shop import DEFECTS, PASSWORD, shop

CONFIG = {"secrets": {"password": PASSWORD}}

BY_LINT = {
    "wrong parent": (
        "stray-child",
        "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock assets-private",
        "parent",
        "shop:index:Assets assets makes it, and it stands directly under the stack",
        "parent=self",
    ),
    "missing dependency": (
        "missing-dependency",
        "aws:s3/bucketVersioning:BucketVersioning assets/assets-versions",
        "bucket",
        '"shop-assets" is the name of aws:s3/bucket:Bucket assets/assets-content, written out',
        "pass that resource's own output",
    ),
    "public bucket": (
        "public-bucket",
        "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock assets/assets-private",
        "block_public_acls",
        "it is false: the bucket can be made public",
        "set block_public_acls=True",
    ),
    "unprotected database": (
        "unprotected-state",
        "aws:rds/instance:Instance orders/orders-db",
        "retain_on_delete",
        "it holds a database",
        "pass opts=pulumi.ResourceOptions(protect=True)",
    ),
    "secret in clear": (
        "secret-in-clear",
        "aws:ssm/parameter:Parameter orders/orders-url",
        "tags.Login",
        "it holds the value of a secret, and the mark is lost",
        "pulumi.Output.secret(...)",
    ),
    "name too long": (
        "name-limits",
        "aws:iam/role:Role assets/assets-reader-of-everything",
        "name",
        "has 67 characters, 75 with the 8 that Pulumi adds; allowed are 1 to 64",
        "shorten it",
    ),
}

BY_RECORDING = {
    "circular dependency": (
        '"depends_on" goes in a circle: '
        "aws:s3/bucketVersioning:BucketVersioning assets/assets-versions -> "
        "aws:s3/bucketVersioning:BucketVersioning assets/assets-versions",
        "what stands in a component cannot wait for that component",
    ),
    "typo in an argument": (
        "aws:s3/bucketVersioning:BucketVersioning assets/assets-versions",
        'there is no argument "versioning_configuration.statuss"',
        'nearest is "versioning_configuration.status"',
    ),
    "unknown used in plain Python": (
        '"arn" of aws:s3/bucket:Bucket assets/assets-content is made a text',
        "pulumi.Output.format",
    ),
}


def test_twelve_defects_are_planted_and_each_is_looked_for_with_the_cheapest_thing_that_can_see_it():
    assert len(DEFECTS) == 12
    assert BY_LINT.keys() == {defect for defect, seen_by in DEFECTS.items() if seen_by == "lint"}
    assert BY_RECORDING.keys() == {defect for defect, seen_by in DEFECTS.items() if seen_by == "recording"}


def test_the_sample_stack_has_no_defect():
    assert_clean(record(shop(), **CONFIG))


@pytest.mark.parametrize("defect", BY_LINT)
def test_a_planted_defect_is_found_by_the_lint(defect):
    with pytest.raises(AssertionError) as caught:
        assert_clean(record(shop(defect), **CONFIG))
    message = str(caught.value)
    for part in BY_LINT[defect]:
        assert part in message
    assert "tests/testkit/lint/shop.py:" in message
    assert PASSWORD not in message
    assert {row[0] for row in rows(message)} == {BY_LINT[defect][0]}


@pytest.mark.parametrize("preview", [False, True])
@pytest.mark.parametrize("defect", BY_RECORDING)
def test_a_planted_defect_fails_the_recording(defect, preview):
    with pytest.raises(DeclarationError) as caught:
        record(shop(defect), preview=preview, **CONFIG)
    for part in BY_RECORDING[defect]:
        assert part in str(caught.value)
    assert str(caught.value).startswith("tests/testkit/lint/shop.py:")
    assert len(caught.value.problems) == 1
