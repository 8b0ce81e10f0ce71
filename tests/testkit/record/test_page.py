"""The page on recording, done as it says, over the program of the first page; its table of rules is the rules."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from mlgate_testkit.lint import RULES
from mlgate_testkit.record import Graph, Resource

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "testkit-record.md").read_text(encoding="utf-8")


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """The programs of the first page, and the tests of this one."""
    for page in ("testkit.md", "testkit-record.md"):
        text = (DOCS / page).read_text(encoding="utf-8")
        for name, content in re.findall(r"`([\w./]+\.(?:py|yaml|txt))`[^\n]*:\n\n```\w+\n(.*?)```", text, flags=re.S):
            if page != "testkit.md" or not name.startswith("test_"):
                path = tmp_path / name
                path.parent.mkdir(exist_ok=True)
                path.write_text(content, encoding="utf-8")
    return tmp_path


def run(folder: Path, *tests: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_the_tests_of_the_page_pass(copied):
    done = run(copied)
    assert "3 passed" in done.stdout, done.stdout


@pytest.mark.parametrize(
    ("meant", "written", "said"),
    [
        ("bucket=logs.id", 'bucket="logs"', "assert (<aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock logs>"),
        ("protect=True, ", "", "pass opts=pulumi.ResourceOptions(protect=True)"),
        ('{"owner": "shop"}', '{"Owner": "shop"}', "owner missing"),
    ],
)
def test_they_fail_with_the_reason_when_the_program_is_broken(copied, meant, written, said):
    program = copied / "infra" / "__main__.py"
    text = program.read_text(encoding="utf-8")
    assert meant in text
    program.write_text(text.replace(meant, written, 1), encoding="utf-8")
    done = run(copied, "test_platform.py")
    assert done.returncode == 1
    assert said in done.stdout


def test_the_golden_file_fails_with_the_line_that_is_another(copied):
    program = copied / "infra" / "__main__.py"
    program.write_text(program.read_text(encoding="utf-8").replace("or 30", "or 90"), encoding="utf-8")
    done = run(copied, "test_golden.py")
    assert done.returncode == 1
    assert "days = 90" in done.stdout, done.stdout


def test_the_golden_file_is_written_as_the_page_says(copied):
    (command,) = re.findall(r"`python -c '(.+?)'`", PAGE)
    done = subprocess.run([sys.executable, "-c", command], cwd=copied, capture_output=True, text=True, check=True)
    assert done.stdout == (copied / "infra" / "prod.txt").read_text(encoding="utf-8")


def test_the_table_of_rules_is_complete():
    told = re.findall(r"^\| `([\w-]+)` \|", PAGE, flags=re.M)
    assert told == list(dict.fromkeys(rule.name for rule in RULES))
    for rule in RULES:
        assert rule.says in PAGE


def test_every_attribute_that_the_page_names_exists():
    told = re.findall(r"`\.(\w+)[`(]", PAGE)
    assert told
    known = {*dir(Resource), *Resource.__dataclass_fields__}
    assert set(told) <= known
    assert set(re.findall(r"`graph\.(\w+)", PAGE)) <= {*dir(Graph), "resources", "outputs", "unchecked"}
