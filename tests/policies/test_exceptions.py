"""Exceptions: what they cover, until when, and what is wrong in their file, with the line."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from textwrap import dedent

import pytest

from mlgate import DeclarationError
from mlgate_policies.exceptions import FILE, PolicyExceptions
from mlgate_policies.judge import Judge
from mlgate_policies.rule import Level

from .asking import BUCKET, resource, rule

DAY = date(2026, 12, 31)
NAMES = ["public-bucket", "plain-disk"]
FILE_TEXT = """\
apiVersion: mlgate/v1
kind: PolicyExceptions
exceptions:
  - rule: public-bucket
    resources: [website]
    environments: [prod]
    owner: web
    reason: the bucket is the website
    expires: 2026-12-31
"""

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes the file of a project; gives the folder that its program runs in."""

    def put(text: str) -> Path:
        (tmp_path / "Pulumi.yaml").write_text("name: p\n", encoding="utf-8")
        (tmp_path / "policy-exceptions.yaml").write_text(dedent(text), encoding="utf-8")
        (tmp_path / "stacks").mkdir(exist_ok=True)
        return tmp_path / "stacks"

    return put


def read(folder: Path) -> PolicyExceptions:
    return PolicyExceptions.of(folder, NAMES)


def test_a_project_without_the_file_has_no_exceptions(tmp_path: Path) -> None:
    assert read(tmp_path).exceptions == ()


@pytest.mark.parametrize(
    ("name", "stack", "today", "objected"),
    [
        ("website", "prod", DAY, False),
        ("website", "prod", date(2027, 1, 1), True),
        ("website", "staging", DAY, True),
        ("website-2", "prod", DAY, True),
    ],
)
def test_an_exception_is_for_its_resources_and_environments_up_to_and_with_its_day(
    write: Write, name: str, stack: str, today: date, objected: bool
) -> None:
    judge = Judge(stack, read(write(FILE_TEXT)), today)
    assert len(list(judge.violations(rule("public-bucket"), resource(BUCKET, name=name), []))) == objected


def test_an_exception_of_one_rule_is_none_of_another(write: Write) -> None:
    judge = Judge("prod", read(write(FILE_TEXT)), DAY)
    (found,) = judge.violations(rule("missing-retention"), resource(BUCKET, name="website"), [])
    assert found.expired == []


def test_one_that_has_expired_is_said_with_the_violation(write: Write) -> None:
    judge = Judge("prod", read(write(FILE_TEXT)), date(2027, 1, 1))
    (found,) = judge.violations(rule("public-bucket"), resource(BUCKET, name="website"), [])
    assert found.level is Level.MANDATORY
    assert str(found) == (
        "public-bucket: aws:s3/bucket:Bucket website: no BucketPublicAccessBlock of this stack is about it\n"
        "  the exception of web until 2026-12-31 (the bucket is the website) has expired\n"
        "  -> add a BucketPublicAccessBlock with all four settings true, and take public ACLs away"
    )


def test_each_that_has_expired_is_said_on_a_line_of_its_own(write: Write) -> None:
    text = FILE_TEXT + FILE_TEXT.partition("exceptions:\n")[2].replace("owner: web", "owner: shop")
    judge = Judge("prod", read(write(text)), date(2027, 1, 1))
    (found,) = judge.violations(rule("public-bucket"), resource(BUCKET, name="website"), [])
    ended = "until 2026-12-31 (the bucket is the website) has expired"
    assert found.told.splitlines()[1:3] == [f"  the exception of {owner} {ended}" for owner in ("web", "shop")]


@pytest.mark.parametrize(
    ("line", "instead", "said"),
    [
        ("rule: public-bucket", "rule: public-buckets", "7: there is no rule 'public-buckets'\n  -> did you mean public-bucket?"),
        ("rule: public-bucket", "rule: xyzzy", "7: there is no rule 'xyzzy'\n  -> there are plain-disk, public-bucket"),
        ("owner: web", "owner: ''", "10: exceptions[0].owner: it says nothing"),
        ("reason: the bucket is the website", "reason: ' '", "11: exceptions[0].reason: it says nothing"),
        ("    reason: the bucket is the website\n", "", "7: exceptions[0].reason is missing"),
        ("expires: 2026-12-31", "expires: never", "12: exceptions[0].expires is 'never'"),
        ("expires: 2026-12-31", "expires: 2026-02-30", "not valid YAML"),
        ("resources: [website]", "resources: []", "8: exceptions[0].resources: this is an empty list"),
        ("resources: [website]", "resource: website", "8: exceptions[0].resource is not a known key\n  -> did you mean resources?"),
        ("environments: [prod]", "environments: prod", "9: exceptions[0].environments is 'prod'"),
        ("kind: PolicyExceptions", "kind: Exceptions", "5: kind is 'Exceptions'"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(write: Write, line: str, instead: str, said: str) -> None:
    with pytest.raises(DeclarationError) as failure:
        read(write("# why\n# we\n# may\n" + FILE_TEXT.replace(line, instead)))
    assert f"{FILE}:{said}" in str(failure.value) or said in str(failure.value)


def test_all_that_is_wrong_is_told_at_once(write: Write) -> None:
    with pytest.raises(DeclarationError) as failure:
        read(write(FILE_TEXT.replace("owner: web", "owner: ''").replace("resources: [website]", "resources: []")))
    assert [problem.where.rpartition(":")[2] for problem in failure.value.problems] == ["5", "7"]
