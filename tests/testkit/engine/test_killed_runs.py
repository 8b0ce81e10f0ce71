"""A run of pytest that is killed or stopped leaves no process and no port, whatever it had started."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator

import psutil
import pytest

from mlgate_testkit.engine.orphans import Mark, marked

from ..listening import listens
from .programs import PROGRAM
from .until import until

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.usefixtures("_cache")

# One that uses whatever a test can have.
EVERYTHING = """
def program():
    import pathlib, time
    import pulumi
    import pulumi_aws as aws
    import pulumi_kubernetes as kubernetes
    bucket = aws.s3.Bucket("models")
    settings = kubernetes.core.v1.ConfigMap("settings", data={"bucket": bucket.id})
    def begun(_name):
        pathlib.Path("FOLDER/begun").touch()
        time.sleep(SECONDS)
    settings.metadata["name"].apply(begun)

def test_it(stack, simulated_aws, kubernetes_standin, kubernetes_cluster):
    stack('dev', program=program, config={'aws:region': 'eu-central-1'}).up()
"""
SLOW = """
def program():
    import pathlib, time
    import pulumi
    pathlib.Path("FOLDER/begun").touch()
    time.sleep(600)
"""


@pytest.fixture
def started(pytester: pytest.Pytester) -> Iterator[Callable[[str], psutil.Process]]:
    """Starts pytest on a slow program, and returns it once the engine runs that."""
    processes = []

    def start(text: str) -> psutil.Process:
        pytester.makepyfile(test_it=text.replace("FOLDER", str(pytester.path)))
        process = subprocess.Popen([sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--basetemp", "tmp"], stdout=subprocess.PIPE)
        processes.append(process)
        until(lambda: (pytester.path / "begun").exists() or process.poll() is not None)
        assert process.poll() is None
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def belonging(pid: int) -> Callable[[Mark], bool]:
    """The marks of a pytest process."""
    return lambda mark: mark.owner.startswith(f"{pid}:")


@pytest.mark.engine
def test_a_test_that_is_killed_leaves_no_process_and_the_next_run_is_clean(started, run):
    process = started(SLOW + "def test_it(stack):\n    stack('dev', program=program).up()\n")
    working = marked(belonging(process.pid))
    assert any("pulumi" in one.name() for one in working)
    bound = {where.laddr.ip for one in working for where in one.net_connections() if where.status == psutil.CONN_LISTEN}
    assert bound
    assert bound <= {"127.0.0.1", "::1"}
    process.kill()
    process.wait()
    until(lambda: not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in working))
    assert not marked(belonging(process.pid))
    run(PROGRAM + "def test_it(stack):\n    stack('dev', program=program).up()\n").assert_outcomes(passed=1)


@pytest.mark.cluster
@pytest.mark.engine
def test_a_test_that_is_killed_with_clouds_and_cluster_leaves_no_process_and_no_port(started, run, pytester):
    process = started(EVERYTHING.replace("SECONDS", "600"))
    working = psutil.Process(process.pid).children(recursive=True)
    names = " ".join(" ".join(one.cmdline()) for one in working)
    assert all(part in names for part in ("pulumi", "packages:aws", "packages:kubernetes", "kube-apiserver", "etcd", "cluster.keeper"))
    ports = {where.laddr.port for one in working for where in one.net_connections() if where.status == psutil.CONN_LISTEN}
    assert len(ports) > 5
    process.kill()
    process.wait()
    until(lambda: not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in working))
    assert not marked(belonging(process.pid))
    assert [port for port in ports if listens(port)] == []
    run(EVERYTHING.replace("SECONDS", "0").replace("FOLDER", str(pytester.path))).assert_outcomes(passed=1)


@pytest.mark.engine
def test_ctrl_c_ends_the_run_with_everything_it_started(started):
    process = started(SLOW + "def test_it(stack):\n    stack('dev', program=program).up()\n")
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 2
    assert b"KeyboardInterrupt" in output
    assert not marked(belonging(process.pid))


@pytest.mark.engine
def test_what_a_run_left_whose_guard_was_killed_too_is_ended_by_the_next(started, run):
    process = started(SLOW + "def test_it(stack):\n    stack('dev', program=program).up()\n")
    (guard,) = [child for child in psutil.Process(process.pid).children() if "mlgate_testkit.engine.guard" in child.cmdline()]
    guard.kill()
    process.kill()
    process.wait()
    assert marked(belonging(process.pid))
    run(PROGRAM + "def test_it(pulumi_engine):\n    pass\n").assert_outcomes(passed=1)
    assert not marked(belonging(process.pid))
