"""`mlgate remains`: what a destroy leaves, told from the program alone."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


def remains(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("mlgate")), "remains", *arguments]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False, timeout=120)


def test_an_environments_stores_keys_and_repositories_stay_with_their_dates() -> None:
    shown = remains("dev", "--json")
    assert shown.returncode == 0, shown.stderr
    told = {(each["type"].rsplit(":", 1)[1], each["name"]): each for each in json.loads(shown.stdout)["remains"]}
    until = told["Bucket", "evidence"]["until"]
    dates = re.search(r"30 days after it was written at the earliest \(GOVERNANCE\), one of (\S+) on (\S+)$", until)
    assert dates, until
    written, ends = map(date.fromisoformat, dates.groups())
    assert (ends - written).days == 30
    assert abs((datetime.now(UTC).date() - written).days) <= 1
    assert told["Key", "evidence-signing"]["until"] == "somebody schedules its deletion, and 30 days more"
    assert ("Repository", "digits") in told
    assert ("NatGateway", "network-eu-central-1a") not in told


def test_it_is_a_table_of_what_would_be_lost_and_a_count_of_the_rest() -> None:
    shown = remains("dev")
    assert shown.stdout.splitlines()[0].strip() == "dev: what `pulumi destroy --exclude-protected` leaves"
    assert "beside them what is set on them, and what they name: " in shown.stdout
    assert " BucketPolicy" in shown.stdout.splitlines()[-1], "dev looks its versions up"


def test_prod_is_told_before_all_of_it_is_pinned_and_that_its_cluster_goes_on_costing() -> None:
    shown = remains("prod")
    assert shown.returncode == 0, shown.stderr
    (cluster,) = [line for line in shown.stdout.splitlines() if line.strip().startswith("Cluster cluster")]
    assert "costs by the hour" in cluster
    last = shown.stdout.splitlines()[-1]
    assert last.startswith("not pinned yet, on which none of it depends: pins.eks_addons.vpc-cni")
    assert "pins.addons.prometheus-operator.digest" in last


def test_a_key_that_goes_is_told_to_wait(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: ours\nruntime: python\n", encoding="utf-8")
    (tmp_path / "__main__.py").write_text("import pulumi_aws as aws; aws.kms.Key('it', deletion_window_in_days=7)\n", encoding="utf-8")
    shown = remains("dev", "--project", str(tmp_path))
    (row,) = [line for line in shown.stdout.splitlines() if line.strip().startswith("Key it")]
    assert "7 days after it, and until then it can come back" in row
    assert "beside them" not in shown.stdout
    (waits,) = json.loads(remains("dev", "--project", str(tmp_path), "--json").stdout)["waits"]
    assert waits["name"] == "it"


def test_a_state_that_is_none_is_said_without_a_traceback(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_text("[]", encoding="utf-8")
    shown = remains("dev", "--deployed", str(path))
    assert shown.returncode == 2
    assert "is no exported state" in shown.stderr
    assert "Traceback" not in shown.stderr


def test_a_state_of_another_stack_is_refused_and_an_empty_one_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    stack = {"urn": "urn:pulumi:staging::ours::pulumi:pulumi:Stack::ours-staging", "type": "pulumi:pulumi:Stack"}
    path.write_text(json.dumps({"version": 3, "deployment": {"resources": [stack]}}), encoding="utf-8")
    shown = remains("dev", "--deployed", str(path))
    assert shown.returncode == 2
    assert "state.json: is of stack staging of project ours, and not of stack dev" in shown.stderr
    assert "pulumi stack export -s dev --file FILE" in shown.stderr
    path.write_text(json.dumps({"version": 3, "deployment": {}}), encoding="utf-8")
    assert json.loads(remains("dev", "--deployed", str(path), "--json").stdout)["remains"] == []
