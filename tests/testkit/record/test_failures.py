"""What a program raises comes out short: its own lines, and what to state where it fails at what only the cloud knows."""

import traceback

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as k8s
import pytest

from mlgate.errors import DeclarationError, UsageError
from mlgate_testkit.record import UNKNOWN, record


def lines_of(error: BaseException) -> list[str]:
    """The code of each step of its traceback that is not this library's, and no cause beside it."""
    assert error.__cause__ is None
    return [str(step.line) for step in traceback.extract_tb(error.__traceback__) if "mlgate_testkit" not in step.filename]


def test_a_text_taken_apart_where_only_the_cloud_knows_it_is_named_with_the_line_and_the_table():
    def program() -> None:
        aws.s3.Bucket("site").arn.apply(lambda arn: arn.split(":")[5])

    with pytest.raises(IndexError) as caught:
        record(program)
    (note,) = caught.value.__notes__
    assert "test_failures.py:" in note
    assert '"arn" of aws:s3/bucket:Bucket site, which has <arn of Bucket site> in it' in note
    assert '-> say what the cloud gives: record(..., resources={"site": {"arn": ...}})' in note
    assert lines_of(caught.value)[1:] == ['aws.s3.Bucket("site").arn.apply(lambda arn: arn.split(":")[5])']
    assert record(program, resources={"site": {"arn": "arn:aws:s3:::site"}}).resources


def test_a_text_deep_inside_is_named_with_its_way_and_one_among_others_too():
    def program() -> None:
        cluster = aws.eks.Cluster("main", role_arn="arn:aws:iam::1:role/x", vpc_config={"subnet_ids": ["subnet-1"]})
        pulumi.Output.all(cluster.certificate_authority, "x").apply(lambda both: bytes.fromhex(both[0]["data"]))

    with pytest.raises(ValueError, match="non-hexadecimal") as caught:
        record(program)
    assert 'resources={"main": {"certificateAuthority": {"data": ...}}}' in caught.value.__notes__[0]


def test_an_optional_output_that_nobody_gives_is_none_and_named_with_the_table():
    def program() -> None:
        pulumi.export("x", aws.sqs.Queue("q").visibility_timeout_seconds.apply(lambda seconds: seconds + 1))

    with pytest.raises(TypeError) as caught:
        record(program)
    (note,) = caught.value.__notes__
    assert '"visibility_timeout_seconds" of aws:sqs/queue:Queue q, which is None, since nothing states it' in note
    assert 'resources={"q": {"visibilityTimeoutSeconds": ...}}' in note


def test_a_key_that_is_not_there_is_named_with_the_line_that_asks_for_it():
    def program() -> None:
        pulumi.export("x", aws.s3.Bucket("b", tags={"Owner": "web"}).tags["Oner"])

    with pytest.raises(KeyError, match="Oner") as caught:
        record(program)
    assert "test_failures.py:" in caught.value.__notes__[0]
    assert '"tags" of aws:s3/bucket:Bucket b' in caught.value.__notes__[0]


def test_the_value_that_a_function_fails_at_is_not_shown():
    def program() -> None:
        pulumi.Config().require_secret("password").apply(int)

    with pytest.raises(ValueError, match="invalid literal") as caught:
        record(program, config={"password": "hunter2"})
    assert "hunter2" not in caught.value.__notes__[0]


def test_an_exception_of_the_program_has_the_programs_own_lines():
    def fail() -> None:
        raise RuntimeError("mine")

    def program() -> None:
        aws.s3.Bucket("b")
        fail()

    with pytest.raises(RuntimeError, match=r"^mine$") as caught:
        record(program)
    assert lines_of(caught.value)[1:] == ["fail()", 'raise RuntimeError("mine")']
    assert not hasattr(caught.value, "__notes__")


@pytest.mark.parametrize(
    ("program", "error"),
    [
        (lambda: aws.s3.Bucket("b", bukket="x") and None, DeclarationError),
        (lambda: aws.get_caller_identity() and None, UsageError),
        (lambda: pulumi.export("id", aws.get_caller_identity_output().id), UsageError),
    ],
)
def test_what_this_library_refuses_says_it_without_the_way_there(program, error):
    with pytest.raises(error) as caught:
        record(program)
    assert len(lines_of(caught.value)) == 1
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("preview", [False, True])
def test_an_input_that_is_none_deep_inside_gives_no_output(preview):
    def program() -> None:
        made = k8s.core.v1.ConfigMap("c", metadata={"name": pulumi.Config().get("name"), "labels": {"a": "b"}})
        pulumi.export("name", made.metadata["name"])
        pulumi.export("same", made.metadata.name)
        pulumi.export("tags", aws.s3.Bucket("b", tags={"Owner": None, "Team": "web"}).tags)

    outputs = record(program, preview=preview).outputs
    assert outputs["tags"] == {"Team": "web"}
    assert outputs["name"] == outputs["same"] == (UNKNOWN if preview else "<metadata.name of ConfigMap c>")
