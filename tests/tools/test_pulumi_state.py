import json
import os
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from mlgate import StackError
from mlgate_tools.pulumi_state import Checkpoint, FileState


@pytest.fixture
def state(tmp_path):
    return FileState(tmp_path, "mlgate", "local")


@pytest.fixture
def write(tmp_path):
    def write_checkpoint(latest):
        path = tmp_path / ".pulumi" / "stacks" / "mlgate" / "local.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(latest if isinstance(latest, str) else json.dumps({"version": 3, "checkpoint": {"latest": latest}}))

    return write_checkpoint


@pytest.fixture
def lock(tmp_path):
    def write_lock(pid, *, host=None, since=None):
        path = tmp_path / ".pulumi" / "locks" / "organization" / "mlgate" / "local" / "a.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        stamp = (since or datetime.now(UTC)).isoformat().replace("+00:00", "000Z")  # Go writes nanoseconds
        path.write_text(json.dumps({"pid": pid, "username": "ada", "hostname": host or socket.gethostname(), "timestamp": stamp}))

    return write_lock


def resource(type_, name, **more):
    return {"urn": f"urn:pulumi:local::mlgate::{type_}::{name}", "type": type_, "custom": True, **more}


def test_what_providers_made_is_listed_without_components_and_providers(state, write):
    component = resource("acme:index:Shop", "shop") | {"custom": False}
    bucket = resource("aws:s3/bucket:Bucket", "logs", id="logs-1", retainOnDelete=True, deletedWith="urn:other", outputs={"arn": "a"})
    topic = resource("aws:sns/topic:Topic", "news", inputs={"name": "news"}, protect=True)
    write({"resources": [component, resource("pulumi:providers:aws", "default"), bucket, topic]})
    checkpoint = state.checkpoint()
    logs, news = checkpoint.resources
    assert (logs.package, logs.name, logs.id, logs.retained, logs.deleted_with) == ("aws", "logs", "logs-1", True, "urn:other")
    assert (logs.properties, news.properties) == ({"arn": "a"}, {"name": "news"})
    assert checkpoint.protected


def test_what_each_resource_needs_is_told_by_whatever_makes_the_engine_wait(state, write):
    shop = resource("acme:index:Shop", "shop") | {"custom": False, "parent": "urn:stack"}
    bucket = resource(
        "aws:s3/bucket:Bucket",
        "logs",
        parent=shop["urn"],
        dependencies=["urn:key"],
        propertyDependencies={"bucket": ["urn:name"], "tags": None},
        deletedWith="urn:cluster",
        provider="urn:pulumi:local::mlgate::pulumi:providers:aws::west::0123",
    )
    write({"resources": [shop, bucket, resource("aws:s3/bucket:Bucket", "old", delete=True)]})
    assert state.checkpoint().needs == {
        shop["urn"]: {"urn:stack"},
        bucket["urn"]: {shop["urn"], "urn:key", "urn:name", "urn:cluster", "urn:pulumi:local::mlgate::pulumi:providers:aws::west"},
    }


def test_operations_that_never_ended_are_told(state, write):
    begun = [resource("aws:sns/topic:Topic", "news"), resource("pulumi:providers:aws", "default")]
    write({"resources": [], "pending_operations": [{"type": "creating", "resource": item} for item in begun]})
    assert state.checkpoint().operations == 2
    assert [found.name for found in state.checkpoint().pending] == ["news"]


def test_a_fresh_stack_and_no_stack_hold_nothing(state, write):
    assert state.checkpoint() == Checkpoint()
    assert not state.exists
    write(None)
    assert state.checkpoint() == Checkpoint(resources=[], pending=[])
    assert state.exists


@pytest.mark.parametrize("content", ["{", "[]", '{"checkpoint": 3}', '{"version": 3}'])
def test_a_checkpoint_that_cannot_be_understood_is_named_and_not_taken_for_empty(state, write, content):
    write(content)
    with pytest.raises(StackError, match="not a checkpoint that this version understands") as told:
        state.checkpoint()
    assert told.value.where.endswith("local.json")
    assert "update mlgate" in told.value.remedy


def test_the_stack_of_a_backend_is_found_without_knowing_its_project(tmp_path, write):
    assert FileState.found(tmp_path, "local") is None
    write({"resources": [resource("aws:sns/topic:Topic", "news")]})
    assert FileState.found(tmp_path, "local").checkpoint().resources


def test_a_lock_whose_owner_lives_is_held(state, lock):
    lock(os.getpid())
    (found,) = state.locks()
    assert (found.held, found.here, found.user) == (True, True, "ada")


def test_a_lock_whose_owner_is_dead_is_not(state, lock):
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    lock(child.pid)
    assert not state.locks()[0].held


def test_a_process_that_began_after_the_lock_merely_got_its_pid(state, lock):
    lock(os.getpid(), since=datetime.now(UTC) - timedelta(days=30))
    assert not state.locks()[0].held


def test_a_lock_of_another_machine_is_known_as_such(state, lock):
    lock(os.getpid(), host="elsewhere")
    assert not state.locks()[0].here


def test_no_lock_is_no_lock(state):
    assert state.locks() == []


@pytest.mark.parametrize("torn", ["", '{"user.content'])
def test_attributes_that_a_kill_left_half_written_are_removed_and_whole_ones_stay(state, write, tmp_path, torn):
    write({"resources": []})
    folder = tmp_path / ".pulumi" / "stacks" / "mlgate"
    (folder / "local.json.attrs").write_text(torn)
    (folder / "local.json.bak.attrs").write_text('{"user.content_type": "application/json"}')
    assert [path.name for path in state.mend()] == ["local.json.attrs"]
    assert sorted(path.name for path in folder.iterdir()) == ["local.json", "local.json.bak.attrs"]
    assert state.mend() == []
