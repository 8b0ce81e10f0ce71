"""What `up` and `destroy` do on the real engine, driven by mlgate and by hand."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from mlgate import EvidenceError, StackError
from mlgate_delivery.arms import service_url
from mlgate_delivery.candidate import deploy_candidate
from mlgate_delivery.down import down
from mlgate_delivery.exports import exports, prepare
from mlgate_serving.envoy import LocalRouter
from mlgate_serving.ports import free_ports, port_is_free

pytestmark = pytest.mark.engine
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def by_hand(site):
    """Runs pulumi in a shell that has only what `mlgate env local` exports."""

    def run(*arguments):
        variables = {**{name: os.environ[name] for name in ("HOME", "PYTHONPATH")}, **exports(site.environment)}
        answer = subprocess.run(
            ["pulumi", *arguments, "--non-interactive", "--color", "never"],
            cwd=site.project.folder,
            env=variables,
            capture_output=True,
            text=True,
            check=False,
        )
        return answer.returncode, answer.stdout + answer.stderr

    return run


def test_by_hand_a_release_comes_up_changes_in_sight_and_goes_without_a_trace(site, by_hand, packed, declare, digest_of, links):
    declare()
    first, second = packed("1"), packed("2")
    by_hand("config", "set", "--path", "mlgate:services.toy.declaration", "service.yaml", "-s", "local")
    by_hand("config", "set", "--path", "mlgate:services.toy.candidate", site.project.spelt(first), "-s", "local")
    code, said = by_hand("up", "--yes", "--skip-preview", "-s", "local")
    assert code == 0, said
    assert sorted(site.running) == ["router-toy", f"toy-{digest_of('1')[7:19]}"]
    ports = [port for process in site.supervisor.list() for port in process.spec.ports]
    assert list(site.environment.processes.glob("*/tmp/unpacked"))

    by_hand("config", "set", "--path", "mlgate:services.toy.candidate", site.project.spelt(second), "-s", "local")
    code, said = by_hand("preview", "--diff", "-s", "local")
    assert code == 0, said
    update = said[said.index("~ pulumi-python:dynamic/mlgate:StableUrl: (update)") :]
    assert f'"{digest_of("1")}" => "{digest_of("2")}"' in update

    by_hand("config", "set", "--path", "mlgate:services.toy.candidat", "dist/toy-3", "-s", "local")
    code, said = by_hand("up", "--yes", "--skip-preview", "-s", "local")
    assert code != 0
    assert "mlgate:services.toy: candidat is not a known key\n      -> did you mean candidate?" in said
    assert "Traceback" not in said

    code, said = by_hand("destroy", "--yes", "--skip-preview", "-s", "local")
    assert code == 0, said
    assert not site.processes()
    assert all(port_is_free(port) for port in ports)
    assert not site.supervisor.list()
    assert not list(site.environment.processes.glob("*/tmp"))
    assert not links()
    assert not list(site.environment.releases.iterdir())


def kill(process):
    """Returns when it is dead and its last thread has let go of its ports."""
    os.kill(process.pid, signal.SIGKILL)
    while process.alive or not all(port_is_free(port) for port in process.spec.ports):
        time.sleep(0.01)


@pytest.mark.parametrize("dead", ["endpoint", "router"])
def test_a_second_up_changes_nothing_and_a_dead_process_is_noticed_and_repaired(site, packed, declare, service, dead):
    endpoint = deploy_candidate(site.environment, service, declare(), packed("1"), print)
    assert not site.stack.up(print).changed
    url = service_url(site.environment, "toy")
    before = site.supervisor.get({"endpoint": endpoint.name, "router": "router-toy"}[dead])

    kill(before)
    repaired = site.stack.up(print, refresh=True)
    assert repaired.changes["create"] == 1
    again = site.supervisor.get(before.spec.name)
    assert again.alive
    assert again.pid != before.pid
    assert again.spec.labels["url"] == before.spec.labels["url"]
    assert service_url(site.environment, "toy") == url

    kill(again)
    assert [step.operation for step in site.stack.up(print).steps] == ["update", "update"]  # begun and done
    assert site.supervisor.get(before.spec.name).alive
    assert service_url(site.environment, "toy") == url
    assert not site.stack.preview().changed


def test_a_candidate_takes_the_place_of_the_one_before(site, packed, declare, service, digest_of):
    deploy_candidate(site.environment, service, declare(), packed("1"), print)
    deploy_candidate(site.environment, service, declare(), packed("2"), print)
    assert sorted(site.running) == ["router-toy", f"toy-{digest_of('2')[7:19]}"]
    assert [path.name for path in site.environment.releases.iterdir()] == [digest_of("2")[7:19]]


def test_a_declaration_edited_after_it_was_read_brings_nothing_up_in_its_name(site, packed, declare, service):
    folder = packed("1")
    with pytest.raises(EvidenceError, match="it was edited meanwhile"):
        deploy_candidate(site.environment, service, declare(workers=2), folder, print)


def test_what_is_wrong_is_said_before_anything_is_changed(site, packed, declare, service):
    archive = packed("1") / "toy-1.mar"
    content = bytearray(archive.read_bytes())
    content[10] ^= 1
    archive.write_bytes(content)
    with pytest.raises(StackError, match=r"toy-1\.mar: the archive is sha256:\w+, but sha256:\w+ was packed") as raised:
        deploy_candidate(site.environment, service, declare(), archive.parent, print)
    assert "Traceback" not in str(raised.value)
    assert not site.running
    assert not site.environment.releases.exists()


def test_a_taken_port_is_named_with_who_has_it_and_the_next_up_goes_on(site, packed, declare, service):
    (port,) = free_ports(1)
    holder = subprocess.Popen(["python3", "-m", "http.server", str(port), "--bind", "127.0.0.1"], stderr=subprocess.DEVNULL)
    site.stack.file.set_service("toy", declaration="service.yaml", port=port)
    try:
        while port_is_free(port):
            assert holder.poll() is None
        with pytest.raises(StackError, match=str(port)) as raised:
            deploy_candidate(site.environment, service, declare(), packed("1"), print)
        assert str(holder.pid) in str(raised.value)
        assert "Traceback" not in str(raised.value)
    finally:
        holder.kill()
        holder.wait()
    assert site.stack.up(print).changes["create"] == 1
    assert site.supervisor.get("router-toy").spec.ports == (port,)


def test_down_stops_everything_keeps_what_was_configured_and_is_no_error_twice(site, packed, declare, service):
    deploy_candidate(site.environment, service, declare(), packed("1"), print)
    url = service_url(site.environment, "toy")
    assert len(down(site.environment, print)) == 2
    assert not site.running
    assert down(site.environment, print) == []
    assert site.stack.up(print).changes["create"] == 5
    assert len(site.running) == 2
    assert service_url(site.environment, "toy") == url


def test_the_configuration_lies_with_the_state_and_is_restored_where_it_was_removed(site, packed, declare, service):
    link = site.project.folder / "stacks" / "Pulumi.local.yaml"
    assert link.is_symlink()
    salt = yaml.safe_load(link.read_text())["encryptionsalt"]
    deploy_candidate(site.environment, service, declare(), packed("1"), print)
    link.resolve().unlink()
    deploy_candidate(site.environment, service, declare(), packed("1"), print)
    assert yaml.safe_load(link.read_text())["encryptionsalt"] == salt
    assert not site.stack.preview().changed


def test_a_stack_whose_setting_up_was_killed_is_set_up_again(site):
    site.stack.file.path.unlink()
    prepare(site.environment, print)
    assert site.stack.file.salt()
    assert not site.stack.preview().changes.get("update")


def test_a_configuration_that_somebody_else_wrote_is_not_thrown_away(site):
    link = site.project.folder / "stacks" / "Pulumi.local.yaml"
    link.unlink()
    link.write_text("config: {}\n")
    with pytest.raises(StackError, match="not the configuration that mlgate keeps"):
        prepare(site.environment, print)
    assert link.read_text() == "config: {}\n"
    link.unlink()


@pytest.mark.parametrize("said", ["", "stackConfigDir: configuration/of/stacks\n"])
def test_by_hand_pulumi_finds_the_configuration_wherever_the_project_keeps_it(site, by_hand, said):
    shutil.rmtree(site.project.folder / "stacks")
    (site.project.folder / "Pulumi.yaml").write_text(f"name: mlgate\nruntime: python\n{said}")
    prepare(site.environment, print)
    by_hand("config", "set", "--path", "mlgate:services.toy.declaration", "service.yaml", "-s", "local")
    assert site.stack.file.services() == {"toy": {"declaration": "service.yaml"}}


@pytest.mark.parametrize("entries", ["right", "intents", "lost"])
def test_down_also_stops_what_the_stack_does_not_know(site, packed, declare, service, digest_of, links, entries):
    deploy_candidate(site.environment, service, declare(), packed("1"), print)
    shutil.rmtree(site.environment.state / "state")
    known = sorted(["router-toy", f"toy-{digest_of('1')[7:19]}"])
    for name in known if entries != "right" else ():
        entry = site.environment.processes / f"{name}.json"
        if entries == "lost":
            entry.unlink()
        else:
            entry.write_text(json.dumps(json.loads(entry.read_text()) | {"pid": None}))
    assert sorted(down(site.environment, print)) == (known if entries == "right" else [])
    assert not site.processes()
    assert site.supervisor.names() == []
    assert not (site.environment.routers / "toy").exists()
    assert not links()


def test_the_passphrase_stays_in_a_file_that_only_its_owner_reads(site):
    path = site.environment.state / "passphrase"
    assert path.stat().st_mode & 0o777 == 0o600
    assert not [value for value in exports(site.environment).values() if path.read_text() in value]


def test_by_hand_no_weight_opens_traffic_to_a_release_that_was_never_gated(site, by_hand, packed, declare, service):
    deploy_candidate(site.environment, service, declare(), packed("1"), print)
    by_hand("config", "set", "--path", "mlgate:services.toy.weight", "10", "-s", "local")
    code, said = by_hand("up", "--yes", "--skip-preview", "-s", "local")
    assert code != 0
    assert "never gated" in said
    assert LocalRouter(site.supervisor, site.environment.routers).weights("toy")["candidate"] == 0


def test_after_eval_of_what_env_prints_pulumi_works_by_hand_whatever_the_shell_had_before(tmp_path):
    project = tmp_path / "my project"
    (project / "stacks").mkdir(parents=True)
    shutil.copy(ROOT / "Pulumi.yaml", project)
    shutil.copy(ROOT / "stacks" / "__main__.py", project / "stacks")
    had = {"PULUMI_CONFIG_PASSPHRASE": "another stack's", "PULUMI_STACK": "prod", "PULUMI_BACKEND_URL": "file:///nowhere"}
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    shell = subprocess.run(
        ["bash", "-c", 'eval "$(mlgate env local)" && pulumi preview --non-interactive --color never && pulumi stack --show-name'],
        cwd=project,
        env={"HOME": os.environ["HOME"], "PATH": path, **had},
        capture_output=True,
        text=True,
        check=False,
    )
    assert shell.returncode == 0, shell.stderr + shell.stdout
    assert shell.stdout.endswith("\nlocal\n")


def test_a_stack_of_no_known_environment_is_refused_in_words(site, by_hand):
    by_hand("stack", "init", "dev")
    code, said = by_hand("preview", "-s", "dev")
    assert code != 0
    assert "there is no environment 'dev'" in said
    assert "Traceback" not in said
