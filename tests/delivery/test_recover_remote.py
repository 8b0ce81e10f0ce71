"""`mlgate env ENVIRONMENT --recover` with the real engine: state, lock and orphan on simulated AWS, as a killed engine leaves them."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.core.platforms import varied, write
from tests.testkit.aws.cloud import by_hand

pytestmark = pytest.mark.engine
ACCOUNT = "123456789012"  # moto's own
BUCKET = f"mlgate-state-dev-{ACCOUNT}"
LOCKS = ".pulumi/locks/organization/ours/dev/"
PROGRAM = """\
import pulumi
import pulumi_aws as aws
tags = {"Name": "network", "environment": "dev", "owner": "ml-platform", "managed-by": "mlgate"}
opts = pulumi.ResourceOptions(provider=aws.Provider("aws", region="eu-central-1"))
aws.ec2.Vpc("network", cidr_block="10.0.0.0/16", tags=tags, opts=opts)
"""
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(simulated_aws: Any, pulumi_engine: Any, tmp_path: Path) -> Run:
    """Runs a script in the shell of a project whose stack dev is on simulated AWS, and has been brought up."""
    (tmp_path / "Pulumi.yaml").write_text("name: ours\nruntime: python\nmain: program/\nstackConfigDir: stacks\n", encoding="utf-8")
    for folder in ("program", "stacks"):
        (tmp_path / folder).mkdir()
    (tmp_path / "program" / "__main__.py").write_text(PROGRAM, encoding="utf-8")
    path = write(tmp_path / "stacks", "dev", varied({"account": ACCOUNT}))
    path.write_text("config:" + path.read_text(encoding="utf-8").split("config:")[1], encoding="utf-8")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PULUMI_"))}
    environment = {
        **kept,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PULUMI_HOME": str(tmp_path / "home"),
        "PULUMI_DEBUG_PROVIDERS": f"aws:{simulated_aws.port}",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "AWS_ENDPOINT_URL": simulated_aws.endpoint(),
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
    }

    def run(script: str, *, fails: bool = False) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            ["bash", "-c", f"set -e\n{script}"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=300
        )
        assert (done.returncode != 0) == fails, done.stdout + done.stderr
        return done

    said = run("mlgate bootstrap dev").stdout + run("mlgate env dev").stderr
    (init,) = [line.split(", then ", 1)[1] for line in said.splitlines() if "once: mlgate bootstrap" in line]
    by_hand(simulated_aws.endpoint(), "s3").delete_bucket_policy(Bucket=BUCKET)  # moto takes "denied without TLS" for "denied"
    run(f'eval "$(mlgate env dev 2>/dev/null)"\n{init}\npulumi up --yes --skip-preview')
    return run


def test_what_a_killed_engine_had_begun_is_taken_over_and_the_next_update_makes_nothing(
    run: Run, simulated_aws: Any, tmp_path: Path
) -> None:
    s3, ec2 = (by_hand(simulated_aws.endpoint(), service) for service in ("s3", "ec2"))
    stored = {"Bucket": BUCKET, "Key": ".pulumi/stacks/ours/dev.json"}
    state = json.loads(s3.get_object(**stored)["Body"].read())
    latest = state["checkpoint"]["latest"]
    *rest, vpc = latest["resources"]
    made = vpc.pop("id")
    del vpc["outputs"]
    latest |= {"resources": rest, "pending_operations": [{"resource": vpc, "type": "creating"}]}
    s3.put_object(**stored, Body=json.dumps(state).encode())
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()

    def lock(pid: int, host: str = socket.gethostname()) -> None:
        said = {"pid": pid, "username": "ada", "hostname": host, "timestamp": "2026-01-02T03:04:05Z"}
        s3.put_object(Bucket=BUCKET, Key=f"{LOCKS}dead.json", Body=json.dumps(said).encode())

    lock(1, "elsewhere")
    refused = run("mlgate env dev --recover", fails=True).stderr
    assert "process 1 of ada on elsewhere, since 2026-01-02 03:04:05" in refused
    assert 'if it is dead: eval "$(mlgate env dev)" && pulumi cancel -s dev, and run the same command again' in refused

    lock(ended.pid)
    tags = [{"Key": "environment", "Value": "dev"}, {"Key": "managed-by", "Value": "mlgate"}]
    ec2.create_vpc(CidrBlock="10.9.0.0/16", TagSpecifications=[{"ResourceType": "vpc", "Tags": tags}])
    said = run("mlgate env dev --recover")
    assert f"taking away the lock of process {ended.pid}" in said.stderr
    assert f"took over aws:ec2/vpc:Vpc network ({made})" in said.stderr
    assert said.stderr.count("left to you: ") == 1
    assert "delete it: aws ec2 delete-vpc --vpc-id vpc-" in said.stderr
    assert "export PULUMI_BACKEND_URL=" in said.stdout
    assert not s3.list_objects_v2(Bucket=BUCKET, Prefix=LOCKS).get("Contents")
    run('eval "$(mlgate env dev)"\npulumi up --yes --skip-preview --expect-no-changes')
    assert len(ec2.describe_vpcs(Filters=[{"Name": "tag:Name", "Values": ["network"]}])["Vpcs"]) == 1
