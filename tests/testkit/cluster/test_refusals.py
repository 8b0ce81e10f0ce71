"""What stands in the way of a cluster is named with its remedy, and leaves nothing behind."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from mlgate.errors import BusyError, ProcessError, ToolError, UsageError
from mlgate_serving.ports import free_ports
from mlgate_testkit.cluster import Cluster, ClusterError, parts, startup
from mlgate_testkit.cluster.extensions import Chosen
from mlgate_testkit.cluster.named import bring_up_named
from mlgate_testkit.cluster.parts import Layout, Part
from tests.rungs import not_run

from .conftest import require_built
from .machine import Left

CLUSTER = pytest.mark.cluster


def test_programs_that_are_not_built_name_the_command_that_builds_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLGATE_CACHE", str(tmp_path))
    with pytest.raises(ToolError, match=r"etcd 3\.6\.6 is not on this machine") as caught:
        Cluster().up()
    assert "python -m mlgate_tools cluster" in caught.value.remedy
    assert list(tmp_path.iterdir()) == []


def test_a_cluster_that_is_not_up_says_so() -> None:
    with pytest.raises(UsageError, match="this cluster is not up") as caught:
        Cluster().status()
    assert "with Cluster()" in caught.value.remedy


@CLUSTER
def test_a_port_that_is_taken_in_between_is_another_the_next_time(cache: Path, said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        taken = [server.getsockname()[1]]

        def unlucky(count: int) -> tuple[int, ...]:
            return (*(taken.pop() for _ in range(len(taken))), *free_ports(count))[:count]

        monkeypatch.setattr(startup, "free_ports", unlucky)
        with Cluster(progress=said.append) as cluster:
            assert all(part.alive for part in cluster.status())
            assert [line for line in said if line.startswith("once more on other ports: ") and f"process {os.getpid()}" in line]
            assert len(Left(cache).runs()) == 1


@CLUSTER
def test_ports_that_are_always_taken_are_an_error_that_names_the_holder(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
        monkeypatch.setattr(startup, "free_ports", lambda count: (port, *free_ports(count - 1)))
        with pytest.raises(ProcessError, match=f"port {port} is taken by process {os.getpid()}"):
            Cluster().up()
    assert Left(cache).runs() == []


def broken(monkeypatch: pytest.MonkeyPatch, flag: str) -> None:
    """The API server gets `flag`, in place of the one of that name if it has one."""
    sound = parts.api_server
    name = flag.partition("=")[0]

    def changed(layout: Layout) -> Part:
        part = sound(layout)
        return replace(part, command=(*(word for word in part.command if word.partition("=")[0] != name), flag))

    monkeypatch.setattr(parts, "api_server", changed)


@CLUSTER
def test_a_part_that_ends_is_named_with_the_end_of_its_log(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken(monkeypatch, "--no-such-flag")
    with pytest.raises(ProcessError, match=r"(?s)the end of its log.*unknown flag: --no-such-flag") as caught:
        Cluster().up()
    assert "kube-apiserver" in str(caught.value)
    assert Left(cache).processes() == []
    assert Left(cache).runs() == []


@CLUSTER
def test_a_part_that_does_not_become_ready_is_named_with_the_end_of_its_log(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken(monkeypatch, "--etcd-servers=https://127.0.0.1:1")
    monkeypatch.setattr("mlgate_testkit.cluster.processes._READY_S", 3.0)
    with pytest.raises(ProcessError, match=r"(?s)kube-apiserver is not ready after 3 s; the end of its log:\n.*127\.0\.0\.1:1"):
        Cluster().up()
    assert Left(cache).processes() == []
    assert Left(cache).runs() == []


@CLUSTER
def test_a_full_disk_names_the_place_and_the_way_out(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(folder: Path) -> Any:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))

    monkeypatch.setattr(startup, "make_certificates", full)
    with pytest.raises(ProcessError, match="cannot be written: No space left on device") as caught:
        Cluster().up()
    assert "MLGATE_CACHE" in caught.value.remedy
    assert caught.value.where.endswith("/pki")
    assert Left(cache).runs() == []


@CLUSTER
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has namespaces")
def test_a_disk_that_runs_full_while_a_cluster_comes_up_leaves_nothing(cache: Path) -> None:
    # In a mount namespace of its own, so that nothing of the mount stays whatever becomes of it.
    code = "from mlgate_testkit.cluster import Cluster\nCluster().up()"
    script = f"mkdir {cache}/clusters && mount -t tmpfs -o size=2m tmpfs {cache}/clusters && exec {sys.executable} -c '{code}'"
    done = subprocess.run(["unshare", "--map-root-user", "--mount", "sh", "-c", script], capture_output=True, text=True, check=False)
    if done.stderr.startswith(("unshare:", "mount:")):
        not_run(f"this machine does not allow a file system of one's own: {done.stderr.strip()}")
    assert done.returncode == 1
    assert "ProcessError" in done.stderr
    assert "make room" in done.stderr.splitlines()[-1]
    assert "set MLGATE_CACHE to a folder on a larger disk" in done.stderr.splitlines()[-1]
    assert Left(cache).processes() == []


@CLUSTER
@pytest.mark.parametrize("said", ["write /etcd/wal: no space left on device", ""])
def test_a_part_that_dies_of_a_full_disk_says_what_to_do_even_if_it_could_not_write_why(
    cache: Path, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    sound = parts.api_server
    monkeypatch.setattr(parts, "api_server", lambda layout: replace(sound(layout), command=("sh", "-c", f"echo '{said}' >&2; exit 1")))
    if not said:
        monkeypatch.setattr("mlgate_testkit.cluster.folders._FULL_BYTES", shutil.disk_usage(cache).total)
    with pytest.raises(ProcessError, match="kube-apiserver") as caught:
        Cluster().up()
    assert caught.value.remedy == "the disk there is full: make room, or set MLGATE_CACHE to a folder on a larger disk"
    assert caught.value.where.startswith(str(cache))
    assert Left(cache).processes() == []


@CLUSTER
def test_without_a_namespace_it_runs_on_loopback_and_names_what_is_missing(
    cache: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(startup, "obstacle", lambda: "it is not allowed here")
    monkeypatch.setattr("mlgate_testkit.cluster.startup.require_tools", lambda _chosen: None)  # KEDA may not be built
    with Cluster(keda=True, progress=said.append) as cluster:
        assert not cluster.has_own_network
        assert list(cluster.missing) == ["keda"]
        assert "it is not allowed here" in cluster.missing["keda"]
        assert "To have one, run as root, or allow user namespaces" in cluster.missing["keda"]
        with pytest.raises(ClusterError, match=r"knows no kind 'keda\.sh/v1alpha1/ScaledObject'") as unknown:
            cluster.apply({"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": {"name": "scaled"}})
        assert unknown.value.remedy == f"keda.sh has no kinds here: without keda: {cluster.missing['keda']}"
        assert cluster.exposed == {}
        assert f"without keda: {cluster.missing['keda']}" in said
        assert cluster.add_nodes(1, accelerator="l4")
        assert all(part.alive for part in cluster.status())
    assert Left(cache).processes() == []


@CLUSTER
def test_without_a_namespace_what_can_be_reached_from_outside_is_said_and_nothing_else_can(
    cache: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    require_built(Chosen(karpenter=True, prometheus=True))
    monkeypatch.setattr(startup, "obstacle", lambda: "it is not allowed here")
    with Cluster(karpenter=True, prometheus=True, progress=said.append) as cluster:
        assert cluster.missing == {}
        assert list(cluster.exposed) == ["karpenter"]
        assert [line for line in said if line.startswith(f"karpenter can be reached from outside: {cluster.exposed['karpenter']}; ")]
        listening = {part.name: listened(part.pid) for part in cluster.status()}
        ports = {part.name: set(part.ports) for part in cluster.status()}
        for name in listening.keys() - {"keeper"}:
            assert {port for _, port in listening[name]} == ports[name], name
        open_ = {port for found in listening.values() for address, port in found if address not in {"127.0.0.1", "::1", "::ffff:127.0.0.1"}}
        assert open_ == ports["karpenter"]
        assert all(str(port) in cluster.exposed["karpenter"] for port in open_)
    assert Left(cache).processes() == []


def listened(pid: int) -> set[tuple[str, int]]:
    """The addresses and ports at which a process can be reached."""
    found = psutil.Process(pid).net_connections()
    return {(each.laddr.ip, each.laddr.port) for each in found if each.status == psutil.CONN_LISTEN}


@CLUSTER
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has namespaces")
def test_a_system_that_refuses_namespaces_is_believed(cache: Path) -> None:
    """Really refused: in a user namespace that may hold no network namespace."""
    code = (
        "from mlgate_testkit.cluster import Cluster\n"
        "with Cluster() as cluster:\n"
        "    print(cluster.has_own_network, all(part.alive for part in cluster.status()), len(cluster.add_nodes(1)))\n"
    )
    script = f'echo 0 > /proc/sys/user/max_net_namespaces && exec "{sys.executable}" -c "{code}"'
    done = subprocess.run(["unshare", "-Ur", "sh", "-c", script], capture_output=True, text=True, check=False)
    if "unshare failed" in done.stderr:
        not_run(f"this machine allows no user namespace to refuse in: {done.stderr.strip()}")
    assert done.stdout == "False True 1\n", done.stderr
    assert Left(cache).processes() == []


@CLUSTER
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has namespaces")
def test_who_may_make_no_network_namespace_as_such_makes_it_inside_a_user_namespace(cache: Path) -> None:
    code = (
        "from mlgate_testkit.cluster import Cluster\n"
        "with Cluster() as cluster:\n"
        "    print(cluster.has_own_network, cluster._up.network.user, len(cluster.add_nodes(1)))\n"
    )
    as_nobody_special = ["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin"] if os.geteuid() == 0 else []
    done = subprocess.run([*as_nobody_special, sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "True True 1\n", done.stderr
    assert Left(cache).processes() == []


@CLUSTER
def test_what_cannot_be_a_name_is_refused(cache: Path, said: list[str]) -> None:
    assert cache.is_dir()
    with pytest.raises(UsageError, match="cannot be a name"):
        bring_up_named("../elsewhere", Chosen(), said.append)


@CLUSTER
def test_a_name_that_another_is_busy_with_is_waited_for_and_then_said(
    cache: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlgate_testkit.cluster import folders

    assert cache.is_dir()
    monkeypatch.setattr(folders, "_LOCK_WAIT_S", 0.1)
    with folders.named_lock("one"), pytest.raises(BusyError, match="another mlgate has been changing one"):
        bring_up_named("one", Chosen(), said.append)
