"""The state of an environment on AWS with the real engine, on moto's S3 and KMS: who holds the lock is said, and secrets need the key."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto.kms.models import kms_backends

from mlgate_tools.pulumi import ensure_pulumi
from tests.core.platforms import varied, write
from tests.delivery.own_aws import own_aws

pytestmark = pytest.mark.engine
ACCOUNT = "123456789012"  # moto's own
PROGRAM = """\
import pathlib, time
import pulumi
here = pathlib.Path(__file__).parent
(here / "running").touch()
while not (here / "go-on").exists():
    time.sleep(0.05)
pulumi.export("token", pulumi.Config().require_secret("token"))
"""


KILLED = """\
import os, signal, sys
from botocore.client import BaseClient

real, last = BaseClient._make_api_call, sys.argv[1]


def call(client, name, given):
    answer = real(client, name, given)
    if name == last:
        os.kill(os.getpid(), signal.SIGKILL)
    return answer


BaseClient._make_api_call = call
sys.argv = ["mlgate", "bootstrap", "dev"]
from mlgate_cli.main import app

app()
"""


@pytest.fixture
def endpoint() -> Iterator[str]:
    """An AWS of its own, empty."""
    with own_aws() as endpoint:
        yield endpoint


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with one environment, whose program waits until it is told to go on."""
    (tmp_path / "Pulumi.yaml").write_text("name: ours\nruntime: python\nmain: program/\nstackConfigDir: stacks\n", encoding="utf-8")
    for folder in ("program", "stacks"):
        (tmp_path / folder).mkdir()
    (tmp_path / "program" / "__main__.py").write_text(PROGRAM, encoding="utf-8")
    path = write(tmp_path / "stacks", "dev", varied({"account": ACCOUNT}))
    path.write_text("config:" + path.read_text(encoding="utf-8").split("config:")[1], encoding="utf-8")  # nobody has made the stack yet
    return tmp_path


def test_a_stack_made_as_the_commands_say_though_they_were_killed_is_locked_by_who_updates_it_and_keeps_its_secrets_under_the_key(
    endpoint: str, project: Path
) -> None:
    ensure_pulumi(print)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PULUMI_"))}
    environment = {
        **kept,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PULUMI_HOME": str(project / "home"),
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
    }

    def shell(script: str) -> subprocess.Popen[str]:
        lines = ["set -e", 'eval "$(mlgate env dev)"', script]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(["bash", "-c", "\n".join(lines)], cwd=project, env=environment, **pipes)  # type: ignore[call-overload, no-any-return]

    def done(script: str) -> str:
        process = shell(script)
        output, errors = process.communicate(timeout=120)
        assert process.returncode == 0, output + errors
        return output

    for last in ("CreateKey", "CreateBucket"):
        killed = subprocess.run([sys.executable, "-c", KILLED, last], cwd=project, env=environment, check=False)
        assert killed.returncode == -signal.SIGKILL, last
    made = shell("mlgate bootstrap dev")
    said = made.communicate(timeout=120)[1]
    assert made.returncode == 0, said
    client = {"endpoint_url": endpoint, "region_name": "eu-central-1", "aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
    s3, kms, bucket = boto3.client("s3", **client), boto3.client("kms", **client), f"mlgate-state-dev-{ACCOUNT}"
    assert len(kms.list_keys()["Keys"]) == 1
    s3.delete_bucket_policy(Bucket=bucket)  # moto takes "denied without TLS" for "denied"
    (once,) = [line for line in said.splitlines() if line.startswith("dev has no stack yet; once: ")]
    done(once.split(", then ", 1)[1])
    content = (project / "stacks" / "Pulumi.dev.yaml").read_text(encoding="utf-8")
    assert "encryptedkey: " in content
    assert "awskms://alias/mlgate-state-dev?region=eu-central-1" in content
    done("printf hunter2 | pulumi config set --secret token")

    first = shell("pulumi up --yes --skip-preview")
    until = time.monotonic() + 60
    while not (project / "program" / "running").exists():
        assert first.poll() is None and time.monotonic() < until, first.communicate()  # noqa: PT018 - whichever comes first
        time.sleep(0.05)
    second = shell("pulumi up --yes --skip-preview")
    refused = "".join(second.communicate(timeout=120))
    (lock,) = s3.list_objects_v2(Bucket=bucket, Prefix=".pulumi/locks/")["Contents"]
    holder = json.loads(s3.get_object(Bucket=bucket, Key=lock["Key"])["Body"].read())["pid"]
    assert second.returncode != 0
    assert "the stack is currently locked by 1 lock(s)" in refused
    assert f"created by {os.environ.get('USER', 'root')}@" in refused
    assert f"(pid {holder})" in refused
    assert "wait for the other process(es) to end or delete the lock file with `pulumi cancel`" in refused, "Pulumi's own remedy"
    ours = shell("mlgate env dev --recover")
    told = ours.communicate(timeout=120)[1]
    assert ours.returncode != 0
    assert f"the stack is being updated by process {holder} of " in told
    assert 'wait for it to end; if it is dead: eval "$(mlgate env dev)" && pulumi cancel -s dev, and run the same command again' in told
    (project / "program" / "go-on").touch()
    output, errors = first.communicate(timeout=120)
    assert first.returncode == 0, output + errors

    assert done("pulumi stack output token --show-secrets").strip() == "hunter2"
    names = [each["Key"] for each in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    stored = {name: s3.get_object(Bucket=bucket, Key=name)["Body"].read() for name in names}
    assert any(name.endswith("stacks/ours/dev.json") for name in stored)
    assert not [name for name, body in stored.items() if b"hunter2" in body]
    key = kms.describe_key(KeyId="alias/mlgate-state-dev")["KeyMetadata"]["KeyId"]
    del kms_backends[ACCOUNT]["eu-central-1"].keys[key]  # moto decrypts under keys that are disabled or waiting to be deleted
    without = shell("pulumi stack output token --show-secrets")
    output, errors = without.communicate(timeout=120)
    assert without.returncode != 0
    assert "operation error KMS: Decrypt" in output + errors
    assert "hunter2" not in output + errors
