"""Engine and mlgate killed in the middle: one command later everything is there once, and the next preview finds nothing to do."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mlgate import BusyError, StackError
from mlgate_delivery.candidate import deploy_candidate
from mlgate_delivery.recover import clear, recover

pytestmark = pytest.mark.engine

DEPLOY = """
import sys
from pathlib import Path
from mlgate import Environment, Service
from mlgate_delivery.candidate import deploy_candidate
environment, declaration, packed = Environment(name="local", home=Path(sys.argv[1])), Path(sys.argv[2]), Path(sys.argv[3])
try:
    deploy_candidate(environment, Service.read(declaration), declaration, packed, lambda line: print(line, flush=True))
except KeyboardInterrupt:
    print("interrupted in order", flush=True)
"""


def require_clean(site, expected):
    """Exactly the expected processes, each once; no plugin and no lock left; nothing for an update to do."""
    assert sorted(site.running) == sorted(expected)
    names = sorted(process.environ()["MLGATE_PROCESS"].split(":")[-2] for process in site.processes())
    assert names == sorted(expected)
    assert not site.stack.state.locks()
    assert not site.stack.state.checkpoint().operations
    assert not site.stack.preview().changed


@pytest.mark.parametrize("end", ["toy-{}: creating", "toy-{}: created", "traffic of toy: creating"])
def test_an_engine_killed_in_mid_up_leaves_nothing_that_one_command_does_not_put_right(
    site, standin, killing, packed, declare, service, digest_of, end
):
    (standin / "DELAY").write_text("1")
    name = f"toy-{digest_of('1')[7:19]}"
    with pytest.raises(StackError, match="killed by signal 9"):
        deploy_candidate(site.environment, service, declare(), packed("1"), killing(end.format(name[4:])))
    assert site.stack.state.locks()

    recover(site.environment, print)
    assert not [process for process in site.processes() if "MLGATE_PROCESS" not in process.environ()]
    site.stack.up(print)
    require_clean(site, [name, "router-toy"])


@pytest.mark.parametrize("end", ["toy-{}: deleting", "traffic of toy: updating"])
def test_an_engine_killed_in_mid_replacement_is_put_right_by_the_same_command(site, killing, packed, declare, service, digest_of, end):
    former, name = (f"toy-{digest_of(version)[7:19]}" for version in ("1", "2"))
    deploy_candidate(site.environment, service, declare(), packed("1"), print)
    with pytest.raises(StackError, match="killed by signal 9"):
        deploy_candidate(site.environment, service, declare(), packed("2"), killing(end.format(former[4:])))
    deploy_candidate(site.environment, service, declare(), packed("2"), print)
    require_clean(site, [name, "router-toy"])


def test_an_unfinished_endpoint_is_ended_where_nobody_wants_it_any_more(site, standin, killing, packed, declare, service, links):
    (standin / "DELAY").write_text("30")
    with pytest.raises(StackError, match="killed by signal 9"):
        deploy_candidate(site.environment, service, declare(), packed("1"), killing(": creating"))
    command = [str(Path(sys.executable).with_name("mlgate")), "env", "local", "--recover"]
    said = subprocess.run(command, cwd=site.project.folder, capture_output=True, text=True, check=True)
    assert "recovering: taking away the lock" in said.stderr
    assert "export PULUMI_BACKEND_URL=" in said.stdout
    assert not site.processes()
    assert site.supervisor.names() == []
    assert not links()


def test_killed_mlgate_leaves_the_engine_to_finish_and_the_next_command_waits_for_it(site, standin, packed, declare, service, digest_of):
    (standin / "DELAY").write_text("2")
    arguments = [sys.executable, "-c", DEPLOY, str(site.environment.home), str(declare()), str(packed("1"))]
    command = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
    for line in command.stdout:
        if "endpoint" in line:
            command.kill()
            break
    command.communicate()
    said = []
    deploy_candidate(site.environment, service, declare(), packed("1"), said.append)
    assert any("is still updating the stack" in line for line in said)
    assert not any("creating" in line for line in said)
    require_clean(site, [f"toy-{digest_of('1')[7:19]}", "router-toy"])


def test_ctrl_c_lets_what_is_in_flight_end_and_begins_nothing_more(site, standin, packed, declare, service, digest_of):
    (standin / "DELAY").write_text("2")
    arguments = [sys.executable, "-c", DEPLOY, str(site.environment.home), str(declare()), str(packed("1"))]
    command = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
    for line in command.stdout:
        if "endpoint" in line:
            command.send_signal(signal.SIGINT)
            break
    rest, _ = command.communicate()
    assert "interrupted in order" in rest
    assert not site.stack.state.locks()
    assert not [process for process in site.processes() if "MLGATE_PROCESS" not in process.environ()]
    name = f"toy-{digest_of('1')[7:19]}"
    assert site.running == [name]
    deploy_candidate(site.environment, service, declare(), packed("1"), print)
    require_clean(site, [name, "router-toy"])


@pytest.fixture
def foreign_lock(site):
    """Locks the stack for a process that is none of ours."""
    folder = site.environment.state / "state" / ".pulumi" / "locks" / "organization" / "mlgate" / "local"

    def lock(pid, host=None):
        folder.mkdir(parents=True, exist_ok=True)
        said = {"pid": pid, "username": "ada", "hostname": host or socket.gethostname(), "timestamp": datetime.now(UTC).isoformat()}
        (folder / "foreign.json").write_text(json.dumps(said))
        return folder / "foreign.json"

    yield lock
    (folder / "foreign.json").unlink(missing_ok=True)


def test_a_living_owner_is_waited_for_and_then_named(site, foreign_lock):
    path = foreign_lock(os.getpid())
    with pytest.raises(BusyError, match=f"process {os.getpid()} of ada"):
        clear(site.stack, print, patience_s=0.5)
    assert path.exists()
    threading.Timer(0.5, path.unlink).start()
    begin = time.monotonic()
    clear(site.stack, print, patience_s=30)
    assert time.monotonic() - begin < 30


def test_the_lock_of_another_machine_is_never_taken_away(site, foreign_lock):
    path = foreign_lock(1, host="elsewhere")
    with pytest.raises(BusyError, match="on elsewhere") as raised:
        recover(site.environment, print)
    assert 'if it is dead: eval "$(mlgate env local)" && pulumi cancel -s local' in raised.value.remedy
    assert path.exists()


def test_a_lock_that_somebody_takes_meanwhile_is_not_taken_away_with_the_dead_one(site, foreign_lock):
    owner = subprocess.Popen([sys.executable, "-c", ""])
    owner.wait()
    dead = foreign_lock(owner.pid)
    living = dead.with_name("living.json")

    def take(line):
        if "taking away the lock" in line:
            living.write_text(dead.read_text().replace(str(owner.pid), str(os.getpid())))

    clear(site.stack, take)
    assert not dead.exists()
    assert living.exists()
    living.unlink()


def test_a_state_whose_attributes_a_kill_left_empty_is_mended(site, packed, declare, service, digest_of):
    deploy_candidate(site.environment, service, declare(), packed("1"), print)
    (attributes,) = (site.environment.state / "state").glob(".pulumi/stacks/*/local.json.attrs")
    attributes.write_bytes(b"")
    deploy_candidate(site.environment, service, declare(), packed("1"), print)
    require_clean(site, [f"toy-{digest_of('1')[7:19]}", "router-toy"])


def test_nothing_to_clear_changes_nothing(site, packed, declare, service, digest_of):
    deploy_candidate(site.environment, service, declare(), packed("1"), print)
    said = []
    recover(site.environment, said.append)
    assert said == []
    require_clean(site, [f"toy-{digest_of('1')[7:19]}", "router-toy"])
