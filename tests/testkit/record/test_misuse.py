"""An Output used as if it were its value is named with the resource and property it came from, the line, and what to write instead."""

import json
import logging

import pulumi
import pulumi_aws as aws
import pytest

from mlgate.errors import DeclarationError
from mlgate_testkit.record import record


def misuse(use, *, preview: bool = False) -> list[tuple[str, str]]:
    with pytest.raises(DeclarationError) as caught:
        record(lambda: use(aws.s3.Bucket("b")) and None, preview=preview)
    assert all(problem.where.startswith("tests/testkit/record/test_misuse.py:") for problem in caught.value.problems)
    return [(problem.found, problem.expected) for problem in caught.value.problems]


@pytest.mark.parametrize("preview", [False, True])
@pytest.mark.parametrize(
    ("use", "found", "expected"),
    [
        (lambda bucket: f"{bucket.arn}/*", '"arn" of aws:s3/bucket:Bucket b is made a text', "pulumi.Output.format"),
        (lambda bucket: "%s" % bucket.id, '"id" of aws:s3/bucket:Bucket b is made a text', "pulumi.Output.format"),  # noqa: UP031
        (lambda bucket: bucket.arn == "x", '"arn" of aws:s3/bucket:Bucket b is compared with str', ".apply(lambda value: ...)"),
        (
            lambda bucket: json.dumps({"Resource": bucket.arn}),
            '"arn" of aws:s3/bucket:Bucket b is used as a plain value: Object of type Output is not JSON serializable',
            "pulumi.Output.json_dumps",
        ),
        (lambda bucket: "x" + bucket.arn, '"arn" of aws:s3/bucket:Bucket b is used as a plain value', ".apply(lambda value: ...)"),
        (lambda bucket: len(bucket.tags_all), '"tags_all" of aws:s3/bucket:Bucket b is used as a plain value', ".apply"),
        (lambda bucket: [tag for tag in bucket.tags_all], '"tags_all" of aws:s3/bucket:Bucket b is used', ".apply"),  # noqa: C416
        (lambda bucket: list(bucket.tags_all), '"tags_all" of aws:s3/bucket:Bucket b is used as a plain value', ".apply"),
    ],
)
def test_an_output_as_a_plain_value_is_named(use, found, expected, preview):
    ((told, remedy),) = misuse(use, preview=preview)
    assert told.startswith(found)
    assert expected in remedy


@pytest.mark.parametrize("use", [len, list, lambda zones: [zone for zone in zones]])  # noqa: C416
def test_an_output_that_is_no_resources_own_is_named_as_the_program_writes_it(use):
    def program(bucket: aws.s3.Bucket) -> None:
        zones = bucket.arn.apply(lambda arn: [arn])
        use(zones) if use is not len else len(zones)

    ((told, _),) = misuse(program)
    assert told.startswith(("`zones`, an Output, is used as a plain value",))


@pytest.mark.parametrize("line", ["len(output)", "output += 'x'"])
def test_an_output_in_a_line_that_cannot_be_read_is_still_one(line):
    def program() -> None:
        exec(compile(line, "no file", "exec"), {"output": aws.s3.Bucket("b").arn.apply(len)})  # noqa: S102

    with pytest.raises(DeclarationError, match="no file:1: an Output is used as a plain value"):
        record(program)


def test_a_text_made_by_the_standard_library_is_put_down_to_the_program():
    ((told, _),) = misuse(lambda bucket: logging.getLogger("x").error("made %s", bucket.arn) or True)
    assert told == '"arn" of aws:s3/bucket:Bucket b is made a text'


def test_an_output_made_from_others_is_named_by_them():
    ((told, _),) = misuse(lambda bucket: f"{bucket.arn.apply(lambda arn: arn)}")
    assert told == "an Output made from b is made a text"


def test_every_misuse_of_a_program_is_told_once_and_together():
    def use(bucket: aws.s3.Bucket) -> None:
        for _ in range(3):
            str(bucket.arn)
        format(bucket.id)

    assert [told for told, _ in misuse(use)] == [
        '"arn" of aws:s3/bucket:Bucket b is made a text',
        '"id" of aws:s3/bucket:Bucket b is made a text',
    ]


def condition(bucket: aws.s3.Bucket) -> bool:
    return bool(1 if bucket.arn else 2)


def test_a_condition_on_an_output_is_a_problem_of_a_preview():
    ((told, remedy),) = misuse(condition, preview=True)
    assert told == '"arn" of aws:s3/bucket:Bucket b is asked whether it is true, and always is'
    assert "is not None" in remedy
    record(lambda: condition(aws.s3.Bucket("b")) and None)


def test_a_default_for_what_was_not_given_is_no_misuse():
    def program() -> None:
        bucket = aws.s3.Bucket("b")
        given = bucket.arn or "default"
        pulumi.export("chosen", given)
        pulumi.export("both", bucket.arn and bucket.id)
        assert bucket.arn is not None
        assert bucket.arn != None  # noqa: E711
        assert bucket.arn == bucket.arn
        assert bucket.arn in [bucket.id, bucket.arn]

    record(program, preview=True)


def test_what_pulumi_itself_asks_of_outputs_is_no_misuse():
    def program() -> None:
        bucket = aws.s3.Bucket("b", bucket=pulumi.Output.from_input("x"))
        pulumi.ComponentResource("x:index:X", "x").register_outputs({"a": bucket.arn})
        pulumi.export("dumped", pulumi.Output.json_dumps({"arn": bucket.arn}))
        pulumi.export("hashed", len({bucket.arn, bucket.arn, bucket.id}))
        aws.iam.get_policy_document_output(statements=[{"resources": [bucket.arn]}])

    graph = record(program, preview=True, invokes={"aws:iam/getPolicyDocument:getPolicyDocument": {"json": "{}"}})
    assert graph.outputs["hashed"] == 2


def test_the_same_mistake_in_an_apply_is_the_programs_own_exception():
    def program() -> None:
        aws.s3.Bucket("b").arn.apply(lambda arn: {}[arn])

    with pytest.raises(KeyError, match="<arn of Bucket b>"):
        record(program)
