"""What is forked from the Python that waits is to all appearances what was started."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import pytest

from mlgate_testkit.engine.warm import Warm

from .until import until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere Python is started")
PROGRAM = "pulumi-language-python-exec"


@pytest.fixture
def warm(tmp_path: Path) -> Iterator[Warm]:
    found = Warm(tmp_path, {})
    until((tmp_path / "warm").exists)
    yield found
    found.close()


def program(folder: Path, text: str) -> Path:
    """A program by the only name that is forked."""
    (folder / "host").mkdir(exist_ok=True)
    path = folder / "host" / PROGRAM
    path.write_text(text, encoding="utf-8")
    return path


def run(warm: Warm, *arguments: str | Path, **how: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run([warm.command, *arguments], capture_output=True, text=True, check=False, timeout=60, **how)


TELL = """
import json, os, sys
told = {"arguments": sys.argv[1:], "folder": os.getcwd(), "own": os.environ["OWN"], "input": sys.stdin.read(), "name": __name__}
print(json.dumps(told))
sys.exit(3)
"""


def test_it_has_the_arguments_environment_folder_streams_and_end_of_what_was_started(warm: Warm, tmp_path: Path) -> None:
    done = run(warm, program(tmp_path, TELL), "--monitor", "a b", cwd=tmp_path / "host", env={**os.environ, "OWN": "ä"}, input="given")
    told = json.loads(done.stdout)
    assert (told["arguments"], told["folder"], told["own"]) == (["--monitor", "a b"], str(tmp_path / "host"), "ä")
    assert (told["input"], told["name"], done.returncode) == ("given", "__main__", 3)


def test_what_one_program_loaded_of_pulumis_packages_the_next_one_has(warm: Warm, tmp_path: Path) -> None:
    """However it ended. `pulumi_aws.sqs` is of those that are loaded once something of them is asked for."""
    text = """
import os, sys
print("pulumi_aws.sqs.queue" in sys.modules, flush=True)
import pulumi_aws
pulumi_aws.sqs.Queue
os.kill(os.getpid(), 9)
"""
    assert [run(warm, program(tmp_path, text)).stdout for _ in range(2)] == ["False\n", "True\n"]


def test_a_class_is_there_under_its_name_where_its_module_is_called_so_too(warm: Warm, tmp_path: Path) -> None:
    """`pulumi_kubernetes.apiextensions.CustomResource` is both."""
    text = """
import pulumi_kubernetes as kubernetes
print(isinstance(kubernetes.apiextensions.CustomResource, type), isinstance(kubernetes.core.v1.Pod, type))
"""
    assert [run(warm, program(tmp_path, text)).stdout for _ in range(3)] == ["True True\n"] * 3


def test_a_module_of_the_users_is_loaded_anew_each_time(warm: Warm, tmp_path: Path) -> None:
    path = program(tmp_path, "import sys; sys.path.insert(0, sys.argv[1]); import pulumi, own; print(own.VALUE)")
    said = []
    for value in (1, 22):  # of another length: bytecode is told from its source by time and size
        (tmp_path / "own.py").write_text(f"VALUE = {value}\n", encoding="utf-8")
        said.append(run(warm, path, tmp_path).stdout)
    assert said == ["1\n", "22\n"]


def test_an_exception_that_nobody_caught_is_told_and_ends_it_alone(warm: Warm, tmp_path: Path) -> None:
    done = run(warm, program(tmp_path, "raise OSError('no such thing')"))
    assert (done.returncode, done.stderr.splitlines()[-1]) == (1, "OSError: no such thing")
    assert run(warm, program(tmp_path, "print('well')")).stdout == "well\n"


@pytest.mark.parametrize(
    ("end", "status", "said"),
    [("", 0, ""), ("sys.exit()", 0, ""), ("sys.exit(7)", 7, ""), ("sys.exit('why')", 1, "why\n"), ("sys.exit(-1)", 255, "")],
)
def test_it_ends_as_python_does(warm: Warm, tmp_path: Path, end: str, status: int, said: str) -> None:
    """With what was not flushed, its threads, and what is to be done at exit."""
    text = f"""
import atexit, sys, threading, time
from concurrent.futures import ThreadPoolExecutor
def later(seconds, what):
    time.sleep(seconds)
    print(what)
threading.Thread(target=later, args=(0.2, "thread")).start()
ThreadPoolExecutor().submit(later, 0.6, "pool")
atexit.register(print, "at exit")
print("program", end=" ")
{end}
"""
    path = program(tmp_path, text)
    done, started = run(warm, path), subprocess.run([sys.executable, path], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr, done.stdout) == (status, said, "program thread\npool\nat exit\n")
    assert (started.returncode, started.stderr, started.stdout) == (status, said, done.stdout)


def test_what_was_killed_is_told_as_killed(warm: Warm, tmp_path: Path) -> None:
    done = run(warm, program(tmp_path, "import os; os.kill(os.getpid(), 9)"))
    assert (done.returncode, done.stderr) == (-signal.SIGKILL, "")


def test_one_who_goes_away_before_the_answer_harms_nobody_else(warm: Warm, tmp_path: Path) -> None:
    """Its socket is closed before the fork that it asked for is told."""
    path = program(tmp_path, "import time; print('there', flush=True); time.sleep(60)")
    request = json.dumps({"arguments": [str(path)], "environment": dict(os.environ), "folder": str(tmp_path)}).encode()
    with subprocess.Popen([warm.command, path], stdout=subprocess.PIPE) as other:
        assert other.stdout
        assert other.stdout.readline() == b"there\n"
        for asked in (request, request[:9], b""):
            with socket.socket(socket.AF_UNIX) as gone:
                gone.connect(str(tmp_path / "warm"))
                gone.sendall(len(request).to_bytes(8, "big") + asked)
        warm.settle()
        assert run(warm, program(tmp_path, "import os; print(os.getpid() == os.getsid(0))")).stdout == "True\n"
        assert other.poll() is None
        other.kill()


def test_all_is_quiet_once_who_asked_has_ended_and_what_it_left_behind_too(warm: Warm, tmp_path: Path) -> None:
    text = """
import os, subprocess, time
print(os.getpid(), subprocess.Popen(["sleep", "60"]).pid, flush=True)
time.sleep(60)
"""
    with subprocess.Popen([warm.command, program(tmp_path, text)], stdout=subprocess.PIPE) as asker:
        assert asker.stdout
        left = [int(pid) for pid in asker.stdout.readline().split()]
        asker.kill()
    warm.settle()
    assert not psutil.pid_exists(left[0])
    until(lambda: not psutil.pid_exists(left[1]) or psutil.Process(left[1]).status() == psutil.STATUS_ZOMBIE)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_comes_to_it_and_its_end_is_that_of_what_was_started(warm: Warm, tmp_path: Path, number: signal.Signals) -> None:
    path = program(tmp_path, f"import signal, time; signal.signal({number:d}, signal.SIG_DFL); print('there', flush=True); time.sleep(60)")
    asker = subprocess.Popen([warm.command, path], stdout=subprocess.PIPE)
    with asker:
        assert asker.stdout
        assert asker.stdout.readline() == b"there\n"
        asker.send_signal(number)
        assert asker.wait(30) == -number


def test_it_ends_with_who_asked_and_with_whom_it_was_forked_from(tmp_path: Path) -> None:
    warm = Warm(tmp_path, {})
    until((tmp_path / "warm").exists)
    path = program(tmp_path, "import os, time; print(os.getpid(), flush=True); time.sleep(60)")
    with (
        subprocess.Popen([warm.command, path], stdout=subprocess.PIPE) as first,
        subprocess.Popen([warm.command, path], stdout=-1) as second,
    ):
        assert first.stdout
        assert second.stdout
        forked = [int(first.stdout.readline()), int(second.stdout.readline())]
        assert forked != [first.pid, second.pid]
        first.kill()
        until(lambda: not psutil.pid_exists(forked[0]))
        assert psutil.pid_exists(forked[1])
        warm.close()
        until(lambda: not psutil.pid_exists(forked[1]))
        assert second.wait(30) != 0


def test_what_is_no_program_and_what_asks_for_another_python_is_started(warm: Warm, tmp_path: Path) -> None:
    path = program(tmp_path, "import os; print(os.getpid())")
    other = {**os.environ, "PYTHONHASHSEED": "7"}
    commands: list[tuple[list[str | Path], dict[str, str]]] = [(["-c", "import os; print(os.getpid())"], dict(os.environ)), ([path], other)]
    for arguments, environment in commands:
        with subprocess.Popen([warm.command, *arguments], stdout=subprocess.PIPE, env=environment) as process:
            assert process.stdout
            assert int(process.stdout.read()) == process.pid


LIST = ("-m", "pip", "list", "--format", "json")


def test_pip_lists_what_is_installed(warm: Warm) -> None:
    said = [run(warm, *LIST).stdout for _ in range(2)]
    assert said[0] == said[1] == subprocess.run([sys.executable, *LIST], capture_output=True, text=True, check=True).stdout
    assert "pulumi" in {each["name"] for each in json.loads(said[0])}


def test_pip_is_asked_again_once_something_is_installed_or_asked_otherwise(tmp_path: Path) -> None:
    """Not before: what it said is told from what it would say by what was changed where no folder shows it."""
    folder = tmp_path / "installed"
    metadata = folder / "given-1.dist-info" / "METADATA"
    metadata.parent.mkdir(parents=True)
    metadata.write_text("Metadata-Version: 2.1\nName: given\nVersion: 1\n", encoding="utf-8")
    variables = {"PYTHONPATH": str(folder)}

    def listed(*more: str, **environment: str) -> set[tuple[str, str]]:
        done = run(fresh, *LIST, *more, env={**os.environ, **variables, **environment})
        return {(each["name"], each["version"]) for each in json.loads(done.stdout)}

    with closing(Warm(tmp_path, variables)) as fresh:
        until((tmp_path / "warm").exists)
        assert ("given", "1") in listed()
        metadata.write_text("Metadata-Version: 2.1\nName: given\nVersion: 2\n", encoding="utf-8")
        assert ("given", "1") in listed()
        assert ("given", "2") in listed("-v"), "another question"
        metadata.write_text("Metadata-Version: 2.1\nName: given\nVersion: 3\n", encoding="utf-8")
        assert ("given", "3") in listed("-v", PIP_TIMEOUT="16"), "another setting"
        (folder / "other-1.dist-info").mkdir()
        (folder / "other-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1\n", encoding="utf-8")
        assert {("given", "3"), ("other", "1")} <= listed("-v", PIP_TIMEOUT="16"), "another package"


def test_what_pip_said_when_it_failed_is_not_said_again(warm: Warm) -> None:
    done = [run(warm, "-m", "pip", "list", "--no-such-option") for _ in range(2)]
    assert [each.returncode for each in done] == [2, 2]
    assert all("no such option" in each.stderr for each in done)


def test_its_version_is_that_of_the_python_that_it_stands_for(warm: Warm) -> None:
    assert run(warm, "--version").stdout == run(warm, "-c", "import platform; print('Python', platform.python_version())").stdout


def test_where_nobody_waits_python_is_started(tmp_path: Path) -> None:
    warm = Warm(tmp_path, {})
    warm.close()
    assert run(warm, program(tmp_path, "print('well')")).stdout == "well\n"


def test_a_socket_whose_path_is_too_long_is_not_made(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 30)
    folder.mkdir()
    warm = Warm(folder, {})
    assert run(warm, program(tmp_path, "print('well')")).stdout == "well\n"
    assert not (folder / "warm").exists()
    warm.close()
