"""`mlgate testkit cluster`: a cluster that one command brings up and others find, look into and end."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import typer

from mlgate_cli.main import app
from mlgate_cli.testkit import status
from mlgate_testkit.cluster import Cluster

from .machine import Left, eventually

VERBS = ["down", "kubectl", "status", "up"]


def mlgate(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs the command as a user does."""
    command = [str(Path(sys.executable).with_name("mlgate")), "testkit", "cluster", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=200)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself_by_an_example_that_it_understands(verb: str) -> None:
    group = typer.main.get_command(app).commands["testkit"].commands["cluster"]  # type: ignore[attr-defined]
    assert sorted(group.commands) == VERBS
    command = group.commands[verb]
    example = (command.help or "").split("Example: ")[1].strip()
    arguments = shlex.split(example)
    assert arguments[:4] == ["mlgate", "testkit", "cluster", verb]
    command.make_context(verb, arguments[4:])  # raises for an option that there is not
    assert verb == "kubectl" or any("--json" in parameter.opts for parameter in command.params)


@pytest.mark.cluster
def test_a_cluster_comes_up_is_found_looked_into_and_ended(cache: Path) -> None:
    up = mlgate("up", "--json")
    assert up.returncode == 0, up.stderr
    described = json.loads(up.stdout)
    assert described["name"] == "default"
    assert described["exposed"] == {}
    assert all(part["alive"] for part in described["parts"])
    assert Path(described["kubeconfig"]).is_relative_to(cache)

    again = json.loads(mlgate("up", "--json").stdout)
    assert {part["name"]: part["pid"] for part in again["parts"]} == {part["name"]: part["pid"] for part in described["parts"]}

    asked = mlgate("kubectl", "get", "configmaps", "-n", "kube-system", "-o", "name")
    assert "configmap/extension-apiserver-authentication" in asked.stdout
    refused = mlgate("kubectl", "get", "nobody-has-this")
    assert (refused.returncode, "nobody-has-this" in refused.stderr) == (1, True)

    shown = mlgate("status")
    assert shown.returncode == 0
    assert f"export KUBECONFIG={described['kubeconfig']}" in shown.stdout

    ended = json.loads(mlgate("down", "--json").stdout)["ended"]
    assert sorted(ended) == sorted(part["name"] for part in described["parts"])
    assert Left(cache).processes() == []
    assert mlgate("down").stdout == "default: nothing ran\n"


def test_status_says_what_of_it_can_be_reached_from_outside(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    running = SimpleNamespace(
        network=SimpleNamespace(own=False, reason="it is not allowed here"),
        processes=SimpleNamespace(status=list),
        missing={},
        exposed={"karpenter": "ports 8000 and 8001 take calls from everywhere"},
        layout=SimpleNamespace(kubeconfig="config"),
    )
    monkeypatch.setattr("mlgate_testkit.cluster.named.find_named", lambda _name: running)
    status("one")
    said = capsys.readouterr()
    assert "karpenter can be reached from outside: ports 8000 and 8001 take calls from everywhere" in said.out + said.err


@pytest.mark.cluster
def test_a_part_that_died_is_shown_and_up_brings_the_cluster_up_anew(cache: Path) -> None:
    first = json.loads(mlgate("up", "--name", "one", "--json").stdout)
    pid = next(part["pid"] for part in first["parts"] if part["name"] == "kube-scheduler")
    os.kill(pid, signal.SIGKILL)

    def shown() -> bool:
        done = mlgate("status", "--name", "one", "--json")
        alive = {part["name"]: part["alive"] for part in json.loads(done.stdout)["parts"]}
        return done.returncode == 1 and not alive["kube-scheduler"] and alive["etcd"]

    eventually(shown)
    again = json.loads(mlgate("up", "--name", "one", "--json").stdout)
    assert all(part["alive"] for part in again["parts"])
    # Neither a run of its own nor its end touches a named one.
    with Cluster():
        pass
    assert mlgate("status", "--name", "one").returncode == 0
    mlgate("down", "--name", "one")
    assert Left(cache).processes() == []


@pytest.mark.cluster
def test_what_was_not_brought_up_is_a_usage_error_that_says_how(cache: Path) -> None:
    assert cache.is_dir()
    for verb in (("status",), ("kubectl", "get", "pods")):
        done = mlgate(*verb)
        assert done.returncode == 2
        assert "no cluster 'default' was brought up\n  -> mlgate testkit cluster up --name default" in done.stderr
    assert mlgate("up", "--name", "../x").returncode == 2


def test_down_of_one_name_says_which_others_there_are_and_leaves_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLGATE_CACHE", str(tmp_path))
    nothing = mlgate("down")
    assert (nothing.returncode, nothing.stdout) == (0, "default: nothing ran\n")
    other = tmp_path / "clusters" / "named" / "s2"
    other.mkdir()
    done = mlgate("down")
    assert (done.returncode, done.stdout) == (2, "")
    assert "no cluster 'default' was brought up\n  -> mlgate testkit cluster down --name s2; there are: s2" in done.stderr
    assert other.is_dir()
    assert mlgate("down", "--name", "s2").returncode == 0
    assert not other.exists()


def test_without_the_programs_up_says_how_to_get_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLGATE_CACHE", str(tmp_path))
    done = mlgate("up")
    assert done.returncode == 1
    assert "etcd 3.6.6 is not on this machine\n  -> run `python -m mlgate_tools cluster`" in done.stderr
