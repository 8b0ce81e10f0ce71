"""What `down` and `make clean` end and keep, where there is no engine to ask, or nothing for it to read."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mlgate import BusyError, Environment, StackError
from mlgate_delivery.down import down, down_everywhere
from mlgate_evidence.locks import hold
from mlgate_serving.supervisor import ProcessSpec, Supervisor

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project's folder, and the current one."""
    (tmp_path / "Pulumi.yaml").write_text("name: mlgate\nruntime: python\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLGATE_HOME", raising=False)
    return tmp_path


@pytest.fixture
def left(tmp_path):
    """Leaves a process running in the environment of that home; gives it."""
    started = []

    def leave(home):
        supervisor = Supervisor(home / "processes")
        started.append(supervisor)
        command = (sys.executable, "-c", "import time; time.sleep(600)")
        nowhere = {"url": "http://127.0.0.1:1", "management_url": "http://127.0.0.1:1"}  # it answers nobody, so nothing is in flight
        labels = {"service": "toy", "temporary": str(tmp_path / "none"), **nowhere}
        return supervisor.start(ProcessSpec("sleeper", command, {}, home / "processes" / "sleeper", (), labels))

    yield leave
    for supervisor in started:
        supervisor.stop("sleeper", grace_s=0)


def stacks_of(home):
    folder = home / "pulumi" / "state" / ".pulumi" / "stacks" / "mlgate"
    folder.mkdir(parents=True)
    return folder / "local.json"


def test_a_state_that_cannot_be_read_is_said_after_everything_has_ended(project, left):
    home = project / ".mlgate" / "local"
    process = left(home)
    stacks_of(home).write_text("{")
    with pytest.raises(StackError, match=r"local\.json"):
        down(Environment(name="local", home=home), print)
    assert not process.alive


@pytest.fixture
def outside(tmp_path, monkeypatch):
    """The home of an environment, and no project around the current directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home" / "local"


def test_outside_of_the_project_processes_end_too(outside, left):
    process = left(outside)
    url = {"urn": "a::toy", "custom": True, "type": "pulumi-python:dynamic/mlgate:StableUrl", "outputs": {"service": "toy"}}
    stacks_of(outside).write_text(json.dumps({"version": 3, "checkpoint": {"latest": {"resources": [url]}}}))
    with pytest.raises(StackError, match=r"Pulumi\.yaml"):
        down(Environment(name="local", home=outside), print)
    assert not process.alive


def test_where_nothing_is_deployed_neither_project_nor_engine_is_asked_for(outside, left, tmp_path, monkeypatch):
    monkeypatch.setenv("MLGATE_CACHE", str(tmp_path / "no tools"))
    process = left(outside)
    stacks_of(outside).write_text('{"version": 3, "checkpoint": {}}')
    assert down(Environment(name="local", home=outside), print) == ["sleeper"]
    assert not process.alive
    assert not (tmp_path / "no tools").exists()


@pytest.mark.parametrize("home_is_elsewhere", [False, True])
def test_down_also_stops_what_a_killed_demo_left(project, left, tmp_path_factory, home_is_elsewhere):
    own = (tmp_path_factory.mktemp("home") if home_is_elsewhere else project / ".mlgate") / "local"
    demo = project / ".mlgate" / "demo" / "local"
    processes = [left(own), left(demo)]
    assert down_everywhere(Environment(name="local", home=own), print) == ["sleeper", "sleeper"]
    assert not any(process.alive for process in processes)


def test_a_demo_that_runs_keeps_its_servers_and_everything_else_ends(project, left):
    own, demo = (project / ".mlgate" / name for name in ("local", "demo/local"))
    process, of_demo = left(own), left(demo)
    with hold(demo.parent, "running the demo", "only it may stop its servers"):
        for home in (own, demo):  # the latter where MLGATE_HOME names it
            with pytest.raises(BusyError, match=rf"process {os.getpid()} of .* is running the demo"):
                down_everywhere(Environment(name="local", home=home), print)
    assert not process.alive
    assert of_demo.alive


def test_what_keeps_one_environment_up_keeps_no_other(project, left):
    own, demo = (project / ".mlgate" / name for name in ("local", "demo/local"))
    processes = [left(own), left(demo)]
    stacks_of(own).write_text("{")
    with pytest.raises(StackError):
        down_everywhere(Environment(name="local", home=own), print)
    assert not any(process.alive for process in processes)


@pytest.fixture
def clone(tmp_path):
    """A folder with the Makefile, an environment and what can be made again; its `mlgate` is what the test writes."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    for path in (".mlgate/local/ledger.jsonl", ".mlgate/local/keys/signing.pem", ".mlgate/local/evidence/a/evidence.json", *MADE):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    return tmp_path


MADE = (".mlgate/demo/local/ledger.jsonl", ".mlgate/demo.lock", "dist/digits-1/release.json")


def clean(clone, code):
    command = clone / ".venv" / "bin" / "mlgate"
    command.parent.mkdir(parents=True)
    command.write_text(f"#!/bin/sh\necho $1 > asked\nexit {code}\n")
    command.chmod(0o755)
    return subprocess.run(["make", "clean"], cwd=clone, capture_output=True, text=True, check=False)


def test_make_clean_keeps_ledger_evidence_and_keys(clone):
    assert clean(clone, 0).returncode == 0
    assert (clone / "asked").read_text() == "down\n"
    assert not any((clone / path).exists() for path in (*MADE, ".venv"))
    kept = sorted(path.name for path in (clone / ".mlgate").rglob("*") if path.is_file())
    assert kept == ["evidence.json", "ledger.jsonl", "signing.pem"]


def test_make_clean_removes_nothing_while_something_cannot_be_stopped_and_says_what_to_do_about_a_broken_venv(clone):
    done = clean(clone, 1)
    assert done.returncode != 0
    assert "if .venv is broken: rm -r .venv" in done.stdout
    assert all((clone / path).exists() for path in (*MADE, ".venv"))
