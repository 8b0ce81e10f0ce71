"""However a cluster or its owner ends, nothing is left running, no port is held, and the next one comes up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mlgate.errors import ProcessError
from mlgate_testkit.cluster import Cluster, ClusterError, PartStatus
from mlgate_testkit.cluster.folders import end_left

from ..listening import listens
from .machine import Left, eventually

pytestmark = pytest.mark.cluster

OWNER = """
import signal, sys
from mlgate_testkit.cluster import Cluster
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell has it ignored in what it runs in the background
cluster = Cluster().up()
print(*(port for part in cluster.status() for port in part.ports), flush=True)
sys.stdin.readline()
"""


@contextmanager
def owner() -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    """A process with a cluster that is up, and the cluster's ports; the process ends when its standard input does."""
    process = subprocess.Popen([sys.executable, "-c", OWNER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with process:
        assert process.stdout
        line = process.stdout.readline()
        assert line.strip(), "it did not come up"
        yield process, [int(port) for port in line.split()]


def part(cluster: Cluster, name: str) -> PartStatus:
    return next(part for part in cluster.status() if part.name == name)


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, None])
def test_whatever_ends_the_owner_its_cluster_ends_too(cache: Path, number: int | None) -> None:
    with owner() as (process, ports):
        assert Left(cache).processes()
        if number is None:
            assert process.stdin
            process.stdin.write("\n")
            process.stdin.flush()
        else:
            process.send_signal(number)
        process.wait()
    eventually(lambda: Left(cache).processes() == [] and Left(cache).runs() == [])
    assert not any(listens(port) for port in ports)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
@pytest.mark.parametrize("part", ["keeper", "etcd", "kwok"])
def test_an_owner_that_ends_while_its_cluster_comes_up_leaves_nothing(cache: Path, said: list[str], part: str, number: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", OWNER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        entries = cache / "clusters" / "runs"
        eventually(lambda: any(entries.glob(f"run-*/processes/{part}.json")))  # the intent, written before it is started
        process.send_signal(number)
        process.wait()
    end_left(said.append)  # at the earliest instants there is no keeper yet
    eventually(lambda: Left(cache).processes() == [] and Left(cache).runs() == [])


def test_owner_and_keeper_killed_together_leave_a_cluster_that_the_next_run_ends(cache: Path, said: list[str]) -> None:
    with owner() as (process, _ports):
        (keeper,) = [found for found in Left(cache).found() if "mlgate_testkit.cluster.keeper" in found.cmdline()]
        keeper.kill()
        process.kill()
        process.wait()
    assert Left(cache).processes()
    with Cluster(progress=said.append) as cluster:
        assert [path.name for path in Left(cache).runs()] == [cluster.kubeconfig.parent.name]
        assert "ending a cluster that an earlier run left when it was killed" in said
    assert Left(cache).processes() == []


def test_a_cluster_whose_owner_lives_is_left_alone_by_others(cache: Path, said: list[str]) -> None:
    with owner() as (process, _ports):
        running = len(Left(cache).processes())
        assert end_left(said.append) == []
        assert len(Left(cache).processes()) == running
        process.kill()
    eventually(lambda: Left(cache).processes() == [])


def test_two_clusters_side_by_side_know_nothing_of_each_other(cache: Path) -> None:
    with Cluster() as one, Cluster() as other:
        one.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "mine"}})
        assert one.objects.find("ConfigMap", "mine")
        assert other.objects.find("ConfigMap", "mine") is None
        one.down()
        assert all(part.alive for part in other.status())
        assert len(Left(cache).runs()) == 1


def test_a_killed_api_server_is_named_at_once_and_comes_back_with_its_objects(cache: Path) -> None:
    assert cache.is_dir()
    with Cluster() as cluster:
        cluster.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kept"}})
        kill(part(cluster, "kube-apiserver").pid)
        eventually(lambda: not part(cluster, "kube-apiserver").alive)
        with pytest.raises((ProcessError, ClusterError)):
            cluster.wait_for(lambda: cluster.objects.find("ConfigMap", "kept"), "the config map")
        with pytest.raises(ProcessError, match="kube-apiserver has ended; the end of its log:"):
            cluster.wait_for(lambda: False, "nothing")
        cluster.restart("kube-apiserver")
        assert cluster.objects.find("ConfigMap", "kept")
        assert cluster.add_nodes(1)


def test_a_killed_store_is_named_and_comes_back_with_its_objects(cache: Path) -> None:
    assert cache.is_dir()
    with Cluster() as cluster:
        cluster.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kept"}})
        kill(part(cluster, "etcd").pid)
        with pytest.raises(ProcessError, match="etcd has ended"):
            cluster.wait_for(lambda: False, "nothing")
        cluster.restart("etcd")
        cluster.restart("kube-apiserver")
        assert cluster.objects.find("ConfigMap", "kept")


def test_a_killed_keeper_is_named_and_the_cluster_still_ends_whole(cache: Path) -> None:
    with Cluster() as cluster:
        kill(part(cluster, "keeper").pid)
        with pytest.raises(ProcessError, match="keeper has ended"):
            cluster.wait_for(lambda: False, "nothing")
    assert Left(cache).processes() == []
    assert Left(cache).runs() == []


def test_down_twice_and_down_before_up_are_no_errors(cache: Path) -> None:
    cluster = Cluster()
    cluster.down()
    with cluster:
        assert len(Left(cache).runs()) == 1
        cluster.down()
        assert Left(cache).processes() == []
    with cluster:
        assert all(part.alive for part in cluster.status())
    assert Left(cache).runs() == []


def test_a_program_that_used_a_cluster_ends_without_a_word(cache: Path) -> None:
    """Every child was waited for, or Python would warn of it."""
    code = "from mlgate_testkit.cluster import Cluster\nwith Cluster() as cluster:\n    cluster.restart('kube-scheduler')\n"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert Left(cache).processes() == []
