"""The page for newcomers, done as it says: its files copied into an empty folder, its tests run there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.rungs import not_run

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "testkit.md"
OFFLINE_REFUSED = "refused"
# Nothing but its own loopback: not even a name server.
OFFLINE = (
    "-c",
    f"""
import errno, os, socket, sys
from mlgate_testkit.cluster.namespace import leave_for_own_network
try:
    leave_for_own_network()
except OSError as error:
    sys.exit(f"{OFFLINE_REFUSED}: {{error}}")
try:
    socket.create_connection(("192.0.2.1", 443), timeout=5)
except OSError as error:
    assert error.errno == errno.ENETUNREACH, error
else:
    sys.exit("there is a network")
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
""",
)
FILES = [
    "infra/Pulumi.yaml",
    "infra/__main__.py",
    "test_infra.py",
    "jobs/__main__.py",
    "test_jobs.py",
    "service/__main__.py",
    "test_service.py",
]


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A folder with the files of the page."""
    page = PAGE.read_text(encoding="utf-8")
    found = re.findall(r"`([\w./]+\.(?:py|yaml))`[^`]*:\n\n```\w+\n(.*?)```", page, flags=re.S)
    assert [name for name, _ in found] == FILES
    for name, content in found:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return tmp_path


def run(folder: Path, *arguments: str, python: str | Path = sys.executable, before: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
    """Runs the tests in the folder. `before`: what Python runs first, and then goes on with its arguments."""
    command = [python, *before, "-m", "pytest", "-q", *arguments]
    return subprocess.run(command, cwd=folder, env=plain_environment(), capture_output=True, text=True, check=False)


def plain_environment() -> dict[str, str]:
    """Without what belongs to these tests."""
    ours = ("PYTEST_", "COV_", "PYTHONPATH", "VIRTUAL_ENV", "PYTHONDONTWRITEBYTECODE")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


def rewritten(copied: Path, meant: str, written: str) -> None:
    """The program with something else in one place."""
    program = copied / "infra" / "__main__.py"
    text = program.read_text(encoding="utf-8")
    assert text.count(meant) == 1
    program.write_text(text.replace(meant, written), encoding="utf-8")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a virtual environment with pip, the wheel and its extra in the locked versions, and nothing else."""
    folder = tmp_path_factory.mktemp("installed")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    uv = Path(sys.executable).with_name("uv")
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True, env=plain_environment())
    python = folder / "venv" / "bin" / "python"
    install = [uv, "pip", "install", "--python", python, f"{wheel}[testkit]", "--constraint", ROOT / "requirements" / "dev.txt"]
    for way in (["--offline"], []):  # from the cache that made this environment, where it still has them
        done = subprocess.run([*install, *way], env=plain_environment(), capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return python
    raise AssertionError(done.stderr)


@pytest.mark.engine
def test_the_tests_of_the_page_pass_where_they_are_copied_and_leave_nothing_in_the_program(copied: Path) -> None:
    def in_programs() -> list[Path]:
        return sorted(path for program in ("infra", "jobs") for path in (copied / program).rglob("*"))

    before = in_programs()
    done = run(copied, "--ignore=test_service.py")
    assert done.returncode == 0, done.stdout
    assert "6 passed" in done.stdout
    assert "warning" not in done.stdout
    assert in_programs() == before


@pytest.mark.cluster
@pytest.mark.engine
def test_all_of_them_pass_where_there_is_no_network_that_on_a_control_plane_too(copied: Path) -> None:
    done = run(copied, before=OFFLINE)
    if f"{OFFLINE_REFUSED}:" in done.stderr:
        not_run(f"this machine does not allow a network of one's own: {done.stderr.strip()}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "7 passed" in done.stdout


@pytest.mark.engine
def test_they_pass_and_fail_where_nothing_but_the_wheel_and_its_extra_is_installed(copied: Path, installed: Path) -> None:
    done = run(copied, "--ignore=test_service.py", python=installed)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "6 passed" in done.stdout
    where = subprocess.run(
        [installed, "-c", "import mlgate_testkit; print(mlgate_testkit.__file__)"],
        cwd=copied,
        env=plain_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(where.stdout.strip()).is_relative_to(installed.parents[1])
    rewritten(copied, "restrict_public_buckets=True", "restrict_public_buckets=False")
    broken = run(copied, "test_infra.py", python=installed)
    assert broken.returncode == 1
    assert "2 failed, 1 passed" in broken.stdout


@pytest.mark.parametrize(
    ("meant", "written", "said"),
    [
        ("block_public_acls=True", "block_public_acl=True", "block_public_acls"),
        ("aws.s3.BucketPublicAccessBlock(", "(lambda *_, **__: None)(", "no resource is aws:s3/bucketPublicAccessBlock"),
        ("restrict_public_buckets=True", "restrict_public_buckets=False", "assert False is True"),
    ],
)
def test_its_first_test_fails_with_the_reason_when_the_program_is_broken(copied: Path, meant: str, written: str, said: str) -> None:
    rewritten(copied, meant, written)
    done = run(copied, "test_infra.py", "-k", "private")
    assert done.returncode == 1, done.stdout
    assert said in done.stdout


def test_its_second_test_names_resource_property_and_remedy_of_a_bucket_that_is_not_protected(copied: Path) -> None:
    rewritten(copied, "protect=True", "protect=False")
    done = run(copied, "test_infra.py", "-k", "rules")
    assert done.returncode == 1, done.stdout
    assert re.search(r"unprotected-state +aws:s3/bucket:Bucket logs +protect +infra/__main__\.py:\d+", done.stdout)
    assert "-> pass opts=pulumi.ResourceOptions(protect=True)" in done.stdout


@pytest.mark.engine
def test_its_third_test_fails_when_the_stack_does_not_rest(copied: Path) -> None:
    rewritten(copied, "import pulumi\n", "import time\n\nimport pulumi\n")
    rewritten(copied, '{"owner": "shop"}', '{"owner": str(time.time())}')
    done = run(copied, "test_infra.py", "-k", "rests")
    assert done.returncode == 1, done.stdout
    assert "nothing()" in done.stdout
