"""Promotions by a plan on the real engine: what is refused, what is left then, and that the way named goes on."""

import json
import os
import shlex
import signal
import subprocess
import threading
import time
import zipfile
from types import SimpleNamespace

import psutil
import pytest

from mlgate import Environment, Release, Service, StackError
from mlgate.digests import digest_bytes, digest_file, digest_of_files
from mlgate_delivery.approval import approve
from mlgate_delivery.candidate import deploy_candidate
from mlgate_delivery.engine import Engine
from mlgate_delivery.guarded_update import update_back, update_by_plan
from mlgate_delivery.promote import promote, settled
from mlgate_delivery.stack import LocalStack
from mlgate_delivery.stackfile import StackFile
from mlgate_evidence.signer import KeyFileSigner
from mlgate_evidence.trust import ensure_local_trust
from mlgate_serving.endpoint import endpoint_name

pytestmark = pytest.mark.engine


@pytest.fixture
def promote_it(site, declare, service, digest_of, recomputed):
    """Promotes the release with that version."""
    return lambda version: promote(site.environment, service, declare(), digest_of(version), print)


@pytest.fixture
def neighbour(site, declare, packed, tmp_path):
    """Another service of the stack, with a candidate; gives the name of its server."""
    declaration = tmp_path / "neighbour.yaml"
    declaration.write_text(declare().read_text().replace("name: toy", "name: neighbour"), encoding="utf-8")
    service, folder = Service.read(declaration), tmp_path / "dist" / "neighbour-1"
    folder.mkdir(parents=True)
    interface = service.interface.model_dump(mode="json", exclude={"auth"}) | {"model": service.name}
    files = {"interface.json": json.dumps(interface).encode(), "weights.pt": b"neighbour"}
    archive = folder / "neighbour-1.mar"
    with zipfile.ZipFile(archive, "w") as members:
        for name, content in files.items():
            members.writestr(name, content)
    digests = {name: digest_bytes(content) for name, content in files.items()}
    told = {"service": "neighbour", "digest": digest_of_files(digests), "files": digests}
    made = Release.read(packed("1")).model_copy(update={**told, "archive": archive.name, "archive_digest": digest_file(archive)})
    (folder / "release.json").write_text(made.model_dump_json())
    return deploy_candidate(site.environment, service, declaration, folder, print).name


def die(site, name):
    server = site.supervisor.get(name)
    os.kill(server.pid, signal.SIGKILL)
    psutil.wait_procs([psutil.Process(server.pid)] if psutil.pid_exists(server.pid) else [], timeout=10)


def typed(site, command):
    """What becomes of a remedy in the shell that it is for."""
    words = shlex.split(command.split("&& ", 1)[1])
    return subprocess.run(
        [*words, "--yes", "--skip-preview", "--non-interactive"],
        cwd=site.project.folder,
        env=dict(site.stack.engine.variables),
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_neighbour_that_died_is_named_before_the_ledger_says_anything_and_then_comes_up_as_told(
    site, deploy, promote_it, gated, packed, neighbour
):
    deploy("1")
    gated(packed("1"))
    die(site, neighbour)
    before = site.environment.ledger.read_bytes()
    with pytest.raises(StackError, match="the plan is not one for toy alone, so nothing was changed:") as raised:
        promote_it("1")
    process = f"mlgate:local:TorchServeEndpoint$pulumi-python:dynamic/mlgate:EndpointProcess::{neighbour}"
    assert f"  - update urn:pulumi:local::mlgate::{process}: no part of the endpoint of toy" in raised.value.problem
    assert site.environment.ledger.read_bytes() == before
    assert neighbour not in site.running

    done = typed(site, next(line for line in raised.value.remedy.splitlines() if "pulumi up" in line))
    assert done.returncode == 0, done.stdout + done.stderr
    assert neighbour in site.running
    assert settled(site.environment, promote_it("1"))
    assert not site.stack.preview().changed


def test_whatever_stops_a_plan_changes_nothing_and_once_it_is_gone_the_same_command_finishes(
    site, deploy, promote_it, gated, packed, digest_of, tmp_path, monkeypatch
):
    deploy("1")
    gated(packed("1"))
    state = site.stack.state.checkpoint()
    program, passphrase = tmp_path / "stacks" / "__main__.py", site.environment.state / "passphrase"
    added = '\npulumi.ComponentResource("acme:index:Thing", "by-hand")\n'
    refused = r"is stable in the ledger and does not have its traffic yet, but the update failed: [\s\S]*"
    for path, content, problem in (
        (
            program,
            program.read_text() + added,
            "- create urn:pulumi:local::mlgate::acme:index:Thing::by-hand: no part of the endpoint of toy",
        ),
        (passphrase, "another", "the preview failed, so nothing was changed: .*incorrect passphrase"),
    ):
        whole = path.read_text()
        path.write_text(content)
        with pytest.raises(StackError, match=refused + problem):
            promote_it("1")
        path.write_text(whole)
        assert site.stack.state.checkpoint() == state

    by_plan = LocalStack.up_by_plan

    def after_a_death(stack, progress):
        die(site, endpoint_name("toy", digest_of("1")))
        return by_plan(stack, progress)

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(LocalStack, "up_by_plan", after_a_death)
        with pytest.raises(StackError, match=refused + "update is not allowed by the plan") as raised:
            promote_it("1")
    assert "the same command" in raised.value.remedy
    assert settled(site.environment, promote_it("1"))
    assert not site.stack.preview().changed


def test_a_promotion_that_is_killed_or_interrupted_while_it_plans_is_finished_by_the_same_command(site, deploy, promote_it, gated, packed):
    deploy("1")
    gated(packed("1"))
    for end, said in (
        (lambda planning: planning.kill(), "killed by signal 9"),
        (lambda _planning: os.kill(os.getpid(), signal.SIGINT), ""),
    ):

        def end_it(end=end):
            while not (planning := [process for process in site.processes() if "--save-plan" in process.cmdline()]):
                time.sleep(0.02)
            end(planning[0])

        ending = threading.Thread(target=end_it)
        ending.start()
        with pytest.raises((StackError, KeyboardInterrupt)) as raised:
            promote_it("1")
        ending.join()
        assert raised.type is (StackError if said else KeyboardInterrupt)
        assert said in str(raised.value)
    assert settled(site.environment, promote_it("1"))
    assert not list(site.environment.state.glob("plan*"))
    assert not site.stack.preview().changed


def store():
    import pulumi
    import pulumi_aws as aws

    config = pulumi.Config()
    endpoint = pulumi.ComponentResource("mlgate:local:TorchServeEndpoint", "toy")
    inside = {"parent": endpoint}
    aws.s3.Bucket("kept", bucket=config.require("kept"), opts=pulumi.ResourceOptions(**inside, protect=True))
    if config.get_bool("old"):
        aws.s3.Bucket("old", bucket="toy-old", opts=pulumi.ResourceOptions(**inside))
    aws.sqs.Queue("jobs", name="jobs", tags={"release": config.require("release")}, opts=pulumi.ResourceOptions(**inside))
    pulumi.export("token", config.require_secret("token"))


@pytest.fixture
def cloud(stack, simulated_aws, tmp_path):
    """A stack with the endpoint `toy` on simulated AWS, as promotions see it."""
    config = {"aws:region": "eu-central-1", "kept": "toy-kept", "old": "true", "release": "1"}
    dev = stack("dev", program=store, config=config, secrets={"token": "not-a-real-one"})
    dev.up()
    environment = Environment(name="dev", home=tmp_path / "home" / "dev")
    ensure_local_trust(environment)
    engine = Engine(dev.site.folder, dev.engine.variables(dev.site), tmp_path / "logs")
    environment.state.mkdir(parents=True)
    seen = LocalStack(environment, SimpleNamespace(name=dev.project), engine, dev.state, StackFile(dev.workspace / "Pulumi.dev.yaml"))
    return SimpleNamespace(dev=dev, stack=seen, environment=environment)


def test_on_aws_nothing_stateful_is_lost_without_an_approval_and_a_document_cut_short_is_no_yes(cloud):
    before = cloud.dev.state.checkpoint()
    cloud.dev.change(config={"kept": "toy-other", "release": "2"})
    with pytest.raises(StackError, match=r"the preview failed, so nothing was changed: unable to replace resource .*Bucket::kept"):
        update_by_plan(cloud.stack, "toy", print)
    assert "marked for protection" in (cloud.stack.engine.logs / "plan.steps.json").read_text()
    assert cloud.dev.state.checkpoint() == before

    cloud.dev.change(config={"kept": "toy-kept", "old": "false"})
    urn = "urn:pulumi:dev::program::mlgate:local:TorchServeEndpoint$aws:s3/bucket:Bucket::old"
    for update in (update_by_plan, update_back):
        with pytest.raises(StackError, match="the plan is not one for toy alone") as raised:
            update(cloud.stack, "toy", print)
        lost = "it holds objects, and nothing brings that back; nobody has approved that"
        assert raised.value.problem.splitlines()[1:] == [f"  - delete {urn}: {lost}"]
        assert f"mlgate approve '{urn}' --id toy-old --operation delete" in raised.value.remedy
        assert not (cloud.environment.state / "plan.json").exists()
        assert cloud.dev.state.checkpoint() == before

    signer = KeyFileSigner(cloud.environment.signing_key)
    approve(cloud.environment, signer, urn=urn, id="toy-old", operation="delete", reason="empty", by="ada", lasts_ns=10**12)
    done = update_by_plan(cloud.stack, "toy", print)
    assert dict(done.changes) == {"same": 3, "update": 1, "delete": 1}
    assert cloud.dev.preview().nothing()
    said = [path for path in cloud.stack.engine.logs.iterdir() if "not-a-real-one" in path.read_text()]
    assert said == []
    assert cloud.stack.engine.logs.stat().st_mode & 0o777 == 0o700


def test_on_aws_a_rollback_says_what_it_does_by_the_way_and_is_not_stopped_by_what_cannot_be_judged(cloud, monkeypatch):
    told = []
    cloud.dev.change(config={"release": "2"})
    monkeypatch.setattr(LocalStack, "plan", lambda _stack: b"{}")
    assert update_back(cloud.stack, "toy", told.append).changes["update"] == 1
    assert told[0] == "done by the way, since a rollback does not wait: steps: Field required"

    def fails(_stack):
        raise StackError("the disk is full", where="pulumi preview", remedy="make room")

    cloud.dev.change(config={"release": "3"})
    monkeypatch.setattr(LocalStack, "plan", fails)
    assert update_back(cloud.stack, "toy", told.append).changes["update"] == 1
    assert told[1] == "what this update does cannot be known before it is done, and it is done all the same: the disk is full"
