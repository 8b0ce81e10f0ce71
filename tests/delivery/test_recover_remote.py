"""`mlgate env ENVIRONMENT --recover` after a kill -9 of the real engine: its lock, its state in S3 and its orphan on simulated AWS."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from moto.s3.models import S3Backend

from tests.core.platforms import varied, write
from tests.delivery.own_aws import own_aws
from tests.testkit.aws.cloud import by_hand

pytestmark = pytest.mark.engine
ACCOUNT = "123456789012"  # moto's own
BUCKET = f"mlgate-state-dev-{ACCOUNT}"
LOCKS = ".pulumi/locks/organization/ours/dev/"
STATE = ".pulumi/stacks/ours/dev.json"
PROGRAM = """\
import pulumi
import pulumi_aws as aws
tags = {"environment": "dev", "owner": "ml-platform", "managed-by": "mlgate"}
opts = pulumi.ResourceOptions(provider=aws.Provider("aws", region="eu-central-1"))
network = aws.ec2.Vpc("network", cidr_block="10.0.0.0/16", tags={**tags, "Name": "network"}, opts=opts)
aws.ec2.Subnet("private", vpc_id=network.id, cidr_block="10.0.0.0/24", tags={**tags, "Name": "private"}, opts=opts)
"""
OBJECTS = """\
import os
import pulumi
import pulumi_kubernetes as kubernetes
opts = pulumi.ResourceOptions(provider=kubernetes.Provider("cluster", kubeconfig=os.environ["CLUSTER"]))
kept = kubernetes.storage.v1.StorageClass("kept", metadata={"name": "recovered"}, provisioner="ebs.csi.aws.com", opts=opts)
opts.depends_on = [kept]
kubernetes.core.v1.ConfigMap("rest", metadata={"name": "recovered", "namespace": "default"}, data={"a": "b"}, opts=opts)
"""
EXPORTS = 'eval "$(mlgate env dev)"'
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def storage() -> Iterator[str]:
    """S3, in this process: a test can come between the engine and its state."""
    with own_aws() as endpoint:
        yield endpoint


@pytest.fixture
def program() -> str:
    return PROGRAM


@pytest.fixture
def run(simulated_aws: Any, kubernetes_standin: Any, storage: str, pulumi_engine: Any, tmp_path: Path, program: str) -> Run:
    """Runs a script in the shell of a project whose stack dev is on simulated AWS, and holds nothing yet."""
    (tmp_path / "Pulumi.yaml").write_text("name: ours\nruntime: python\nmain: program/\nstackConfigDir: stacks\n", encoding="utf-8")
    for folder in ("program", "stacks"):
        (tmp_path / folder).mkdir()
    (tmp_path / "program" / "__main__.py").write_text(program, encoding="utf-8")
    path = write(tmp_path / "stacks", "dev", varied({"account": ACCOUNT}))
    path.write_text("config:" + path.read_text(encoding="utf-8").split("config:")[1], encoding="utf-8")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PULUMI_"))}
    environment = {
        **kept,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PULUMI_HOME": str(tmp_path / "home"),
        "PULUMI_DEBUG_PROVIDERS": f"aws:{simulated_aws.port},kubernetes:{kubernetes_standin.port}",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "AWS_ENDPOINT_URL": simulated_aws.endpoint(),
        "AWS_ENDPOINT_URL_S3": storage,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
    }

    def run(script: str, *, fails: bool = False, **more: str) -> subprocess.CompletedProcess[str]:
        command, variables = ["bash", "-c", f"set -e\n{script}"], {**environment, **more}
        done = subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, text=True, check=False, timeout=300)
        assert (done.returncode != 0) == fails, done.stdout + done.stderr
        return done

    said = run("mlgate bootstrap dev").stdout + run("mlgate env dev").stderr
    (init,) = [line.split(", then ", 1)[1] for line in said.splitlines() if "once: mlgate bootstrap" in line]
    by_hand(storage, "s3").delete_bucket_policy(Bucket=BUCKET)  # moto takes "denied without TLS" for "denied"
    run(f"{EXPORTS}\n{init}")
    return run


@pytest.fixture
def ec2(simulated_aws: Any) -> Any:
    return by_hand(simulated_aws.endpoint(), "ec2")


@pytest.fixture
def killed(run: Run, storage: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., psutil.Process]]:
    """Ends the engine of a `pulumi up` by kill -9 when what is asked for was made and the state did not say so yet."""
    s3, write_object = by_hand(storage, "s3"), S3Backend.put_object
    engines: list[psutil.Process] = []
    plugins: list[psutil.Process] = []

    def kill(made: Callable[[], object], **variables: str) -> psutil.Process:
        def killing(backend: Any, bucket_name: str, key_name: str, *given: Any, **named: Any) -> Any:
            if key_name == STATE and not engines and made():
                (lock,) = s3.list_objects_v2(Bucket=BUCKET, Prefix=LOCKS)["Contents"]
                holder = json.loads(s3.get_object(Bucket=BUCKET, Key=lock["Key"])["Body"].read())["pid"]
                engines.append(psutil.Process(holder))
                plugins.extend(engines[0].children(recursive=True))
                engines[0].kill()
                raise ConnectionError("the engine is gone")
            return write_object(backend, bucket_name, key_name, *given, **named)

        with monkeypatch.context() as patched:
            patched.setattr(S3Backend, "put_object", killing)
            ended = run(f"{EXPORTS}\nexec pulumi up --yes --skip-preview >/dev/null 2>&1", fails=True, **variables)
        assert ended.returncode == -signal.SIGKILL
        return engines[0]

    yield kill
    for left in plugins:  # they would look for their engine every five minutes
        if left.is_running():
            left.kill()


def networks(ec2: Any) -> list[str]:
    found = ec2.describe_vpcs(Filters=[{"Name": "tag:Name", "Values": ["network"]}])["Vpcs"]
    return [each["VpcId"] for each in found]


def test_what_a_killed_engine_had_made_is_taken_over_by_its_tags_and_the_next_update_makes_only_the_rest(
    run: Run, killed: Callable[..., psutil.Process], storage: str, ec2: Any
) -> None:
    engine = killed(lambda: networks(ec2))
    s3 = by_hand(storage, "s3")
    left = json.loads(s3.get_object(Bucket=BUCKET, Key=STATE)["Body"].read())["checkpoint"]["latest"]
    (begun,) = left["pending_operations"]
    (network,) = networks(ec2)
    assert (begun["type"], begun["resource"]["type"]) == ("creating", "aws:ec2/vpc:Vpc")
    assert network not in json.dumps(left), "no state knows what was made"

    elsewhere = {"Bucket": BUCKET, "Key": f"{LOCKS}elsewhere.json"}
    said = {"pid": 1, "username": "ada", "hostname": "elsewhere", "timestamp": "2026-01-02T03:04:05Z"}
    s3.put_object(**elsewhere, Body=json.dumps(said).encode())
    refused = run("mlgate env dev --recover", fails=True).stderr
    assert "process 1 of ada on elsewhere, since 2026-01-02 03:04:05" in refused
    assert 'if it is dead: eval "$(mlgate env dev)" && pulumi cancel -s dev, and run the same command again' in refused
    s3.delete_object(**elsewhere)

    tags = [{"Key": "environment", "Value": "dev"}, {"Key": "managed-by", "Value": "mlgate"}]
    ec2.create_vpc(CidrBlock="10.9.0.0/16", TagSpecifications=[{"ResourceType": "vpc", "Tags": tags}])
    recovered = run("mlgate env dev --recover")
    assert f"taking away the lock of process {engine.pid}" in recovered.stderr
    assert f"took over aws:ec2/vpc:Vpc network ({network})" in recovered.stderr
    assert recovered.stderr.count("left to you: ") == 1
    assert "delete it: aws ec2 delete-vpc --vpc-id vpc-" in recovered.stderr
    assert "export PULUMI_BACKEND_URL=" in recovered.stdout
    assert not s3.list_objects_v2(Bucket=BUCKET, Prefix=LOCKS).get("Contents")

    went_on = run(f"{EXPORTS}\npulumi up --yes --skip-preview\npulumi preview --expect-no-changes").stdout
    assert "+ 1 created\n    3 unchanged" in went_on, "the subnet; stack, provider and network were there"
    assert networks(ec2) == [network]


@pytest.mark.cluster
@pytest.mark.parametrize("program", [OBJECTS])
def test_an_object_that_a_killed_engine_had_made_in_the_cluster_is_taken_over_by_its_name(
    run: Run, killed: Callable[..., psutil.Process], kubernetes_cluster: Any
) -> None:
    there = {"CLUSTER": kubernetes_cluster.kubeconfig.read_text(encoding="utf-8")}
    killed(lambda: kubernetes_cluster.objects.find("StorageClass", "recovered"), **there)
    told = run("mlgate env dev --recover", **there).stderr
    assert "took over kubernetes:storage.k8s.io/v1:StorageClass kept (recovered)" in told
    assert "left to you" not in told
    went_on = run(f"{EXPORTS}\npulumi up --yes --skip-preview\npulumi preview --expect-no-changes", **there).stdout
    assert "+ 1 created\n    3 unchanged" in went_on, "the other object; stack, provider and this one were there"
