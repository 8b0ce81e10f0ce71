"""`mlgate cost`: what an environment costs, from its program alone; whatever is wrong is told in words."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from mlgate.prices import price_book
from mlgate_cli.answers import Answers
from mlgate_cli.main import app
from mlgate_testkit.record import record
from tests.stacks.platforms import values

PROGRAM = """\
import pulumi

from mlgate_components.aws import Nat, Network

config = pulumi.Config()
print("a program may print")
zones = [f"{config.require('region')}{letter}" for letter in "ab"]
Network("core", {
    "cidr": "10.0.0.0/16", "zones": zones, "nat": Nat(config.get("nat") or "single"), "tags": {"environment": "dev", "owner": "platform"}
})
"""
USAGE = """\
apiVersion: mlgate/v1
kind: Usage
usage:
  core-us-east-1a: {nat-gateway-data: 100}
"""
PRICES = """\
apiVersion: mlgate/v1
kind: Prices
source: our contract
date: 2026-11-20
currency: USD
prices:
- {item: nat-gateway, region: us-east-1, amount: 0.01, unit: hour}
"""
Cost = Callable[..., Result]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A network in us-east-1 by the stack dev, in Frankfurt by the stack far."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "Pulumi.yaml").write_text("name: net\nruntime: python\n")
    (folder / "Pulumi.dev.yaml").write_text("config: {aws:region: us-east-1, net:region: us-east-1}\n")
    (folder / "Pulumi.far.yaml").write_text("config: {aws:region: eu-central-1, net:region: eu-central-1}\n")
    (folder / "__main__.py").write_text(PROGRAM)
    return folder


@pytest.fixture
def cost(project: Path) -> Cost:
    """Runs the verb on the project, with files that are given by their text."""

    def run(stack: str, *words: str, **files: str) -> Result:
        options = []
        for option, text in files.items():
            path = project / option
            path.write_text(text)
            options += [f"--{option}", str(path)]
        return CliRunner().invoke(app, ["cost", stack, "--project", str(project), *options, *words])

    return run


def document(done: Result) -> dict[str, Any]:
    assert done.exit_code == 0, done.output
    return dict(json.loads(done.stdout))


def test_the_bill_says_each_thing_its_sum_what_is_not_known_and_how_old_its_prices_are(cost: Cost) -> None:
    shown = cost("dev").stdout
    assert re.search(r"^ ?sum, at least +167\.90 +167\.90 +167\.90 *$", shown, re.MULTILINE)
    assert "NatGateway core-us-east-1a" in shown
    assert "depends on use: declare nat-gateway-data in GiB" in shown
    assert "prices of 2024-02-01 to 2026-09-20" in shown
    assert "a program may print" not in shown


def test_everything_that_the_program_makes_is_in_the_bill_and_everything_has_a_reason(cost: Cost) -> None:
    told = document(cost("dev", "--json"))
    assert (told["environment"], told["region"], told["currency"]) == ("dev", "us-east-1", "USD")
    assert told["total"] == {"min": 167.9, "expected": 167.9, "max": 167.9}
    assert told["at_least"] == {"min": True, "expected": True, "max": True}
    assert len({line["name"] for line in told["lines"]}) > 20
    assert not [line for line in told["lines"] if "not known here" in line["note"]], "every type of the network is known"
    assert all(line["prices"] or line["note"] for line in told["lines"])
    (nat,) = [line for line in told["lines"] if line["what"] == "NAT gateway"]
    assert nat["prices"][0]["source"]
    assert nat["prices"][0]["date"] == "2026-09-20"


def test_what_is_expected_and_prices_of_your_own_are_taken(cost: Cost) -> None:
    told = document(cost("dev", "--json", usage=USAGE, prices=PRICES))
    by_what = {line["what"]: line["cost"]["expected"] for line in told["lines"] if line["name"] == "core-us-east-1a"}
    assert by_what == {"NAT gateway": 7.3, "data through it": 4.5}
    assert told["prices"]["newest"] == "2026-11-20"


def test_prices_of_the_project_are_taken_unless_others_are_given(cost: Cost, project: Path) -> None:
    (project / "prices.yaml").write_text(PRICES.replace("0.01", "0.03"))
    prices = [line["prices"] for line in document(cost("dev", "--json"))["lines"] if line["what"] == "NAT gateway"]
    assert [(each["amount"], each["source"]) for (each,) in prices] == [(0.03, "our contract")]
    assert document(cost("dev", "--json", prices=PRICES))["total"] != document(cost("dev", "--json"))["total"]


def test_another_region_has_other_prices(cost: Cost) -> None:
    assert document(cost("far", "--json"))["total"]["expected"] == 199.29


def test_the_difference_to_what_is_deployed_is_told(cost: Cost) -> None:
    urn = "urn:pulumi:dev::net::mlgate:index:Network$aws:ec2/natGateway:NatGateway::"
    nat, stack = "aws:ec2/natGateway:NatGateway", "pulumi:pulumi:Stack"
    resources = [{"urn": f"urn:pulumi:dev::net::{stack}::net-dev", "type": stack}] + [
        {"urn": urn + name, "type": nat, "custom": True, "id": name, "inputs": {}} for name in ("core-us-east-1a", "core-us-east-1b")
    ]
    deployed = json.dumps({"version": 3, "deployment": {"resources": resources}})
    told = document(cost("dev", "--json", deployed=deployed, usage=USAGE))["difference"]
    assert told["total"]["expected"] == round(167.9 - 2 * 32.85, 4)
    gone = [change for change in told["changes"] if change["after"] is None]
    assert {change["name"] for change in gone} == {"core-us-east-1b"}
    shown = cost("dev", deployed=deployed).stdout
    assert "against what is deployed: min +102.20, expected +102.20, max +102.20, of what is known" in shown


def test_the_command_of_the_page_compares_with_what_the_engine_exports(project: Path, tmp_path: Path) -> None:
    (line,) = [line for block in blocks("") for line in block.splitlines() if "| mlgate" in line]
    stack = "pulumi:pulumi:Stack"
    (tmp_path / "state.json").write_text(exported(f"urn:pulumi:dev::net::{stack}::net-dev"))
    pulumi = tmp_path / "pulumi"
    pulumi.write_text(f'#!/bin/sh\n[ "$*" = "stack export -s dev" ] && cat {tmp_path}/state.json\n')
    pulumi.chmod(0o755)
    path = os.pathsep.join([str(tmp_path), str(Path(sys.executable).parent), os.environ["PATH"]])
    command = ["sh", "-c", line.replace("prod", "dev")]
    done = subprocess.run(command, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False, cwd=project, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "against what is deployed: min +167.90, expected +167.90, max +167.90, of what is known" in done.stdout


def exported(*urns: str) -> str:
    resources = [{"urn": urn, "type": urn.split("::")[2]} for urn in urns]
    return json.dumps({"version": 3, "deployment": {"resources": resources}})


@pytest.mark.parametrize(("stack", "name"), [("far", "net"), ("dev", "web")])
def test_what_is_deployed_of_another_stack_is_not_compared(cost: Cost, stack: str, name: str) -> None:
    done = cost("dev", deployed=exported(f"urn:pulumi:{stack}::{name}::pulumi:pulumi:Stack::{name}-{stack}"))
    assert done.exit_code == 2
    assert f"deployed: is of stack {stack} of project {name}, and not of stack dev of project net" in done.stderr
    assert "pulumi stack export -s dev --file FILE" in done.stderr


def test_against_a_stack_that_holds_nothing_all_of_it_is_new(cost: Cost) -> None:
    told = document(cost("dev", "--json", deployed=exported()))
    assert told["difference"]["total"] == told["total"]


@pytest.mark.parametrize(
    ("stack", "files", "said"),
    [
        ("dve", {}, "net:region"),
        ("dev", {"usage": USAGE.replace("core-us", "core-eu")}, "did you mean core-us-east-1a?"),
        ("dev", {"usage": USAGE.replace("100", "many")}, "usage:4: usage.core-us-east-1a.nat-gateway-data: 'many' is no number"),
        ("dev", {"prices": PRICES.replace("nat-gateway", "nat")}, "prices:7: prices[0].item: 'nat' is nothing that a bill asks for"),
        ("dev", {"deployed": "nothing"}, "is no JSON"),
        ("dev", {"deployed": "[]"}, "is no exported state"),
        ("dev", {"deployed": "{}"}, "pulumi stack export"),
    ],
)
def test_whatever_is_wrong_is_told_in_words(cost: Cost, stack: str, files: dict[str, str], said: str) -> None:
    done = cost(stack, **files)
    assert done.exit_code in {1, 2}
    assert said in done.stderr
    assert isinstance(done.exception, SystemExit), "and not by a traceback"


@pytest.mark.parametrize(
    ("program", "config", "said"),
    [
        ("1 / 0", "{}", "the program did not run to its end: ZeroDivisionError"),
        ("import sys; sys.exit(3)", "{}", "the program did not run to its end: SystemExit: 3"),
        ("import pulumi; raise pulumi.RunError('x is 1\\n  -> take 2')", "{}", ", stack dev: x is 1\n  -> take 2\n"),
        ("", "{}", "the program makes nothing for stack dev"),
        (
            "import pulumi_aws as aws; aws.ec2.Eip('x')",
            "{}",
            "no region is said\n  -> say which one the bill is of: pulumi config set -s dev ",
        ),
        (
            "import pulumi_aws as aws; [aws.Provider(r, region=r) for r in ('eu-west-1', 'eu-west-2')]",
            "{}",
            "providers of eu-west-1 and eu-",
        ),
        ("import pulumi_aws as aws; aws.ec2.Eip('x')", "{aws:region: eu-central-9}", "no price of region 'eu-central-9'"),
        ("import pulumi_aws as aws; aws.ec2.Eip('x', domian='vpc')", "{aws:region: us-east-1}", "domian"),
    ],
)
def test_a_program_that_fails_or_says_no_region_is_no_traceback_either(
    cost: Cost, project: Path, program: str, config: str, said: str
) -> None:
    (project / "__main__.py").write_text(program)
    (project / "Pulumi.dev.yaml").write_text(f"config: {config}\n")
    done = cost("dev")
    assert said in done.stderr, done.stderr
    assert isinstance(done.exception, SystemExit)


def test_the_region_may_be_that_of_the_one_provider_and_what_is_looked_up_costs_nothing(cost: Cost, project: Path) -> None:
    (project / "Pulumi.dev.yaml").write_text("config: {}\n")
    (project / "__main__.py").write_text(
        "import pulumi, pulumi_aws as aws\n"
        "ours = pulumi.ResourceOptions(provider=aws.Provider('ours', region='eu-west-1'))\n"
        "aws.ec2.NatGateway('new', subnet_id='subnet-1', opts=ours)\n"
        "aws.ec2.NatGateway.get('old', 'nat-1', opts=ours)\n"
    )
    told = document(cost("dev", "--json"))
    assert (told["region"], told["total"]["expected"]) == ("eu-west-1", 35.04)


def test_a_program_may_look_things_up_and_take_apart_what_only_the_cloud_knows(cost: Cost, project: Path) -> None:
    (project / "Pulumi.dev.yaml").write_text("config: {aws:region: us-east-1}\n")
    (project / "__main__.py").write_text(
        "import pulumi_aws as aws\n"
        "account = aws.get_caller_identity_output().arn.apply(lambda arn: arn.split(':')[4])\n"
        "image = aws.ssm.get_parameter_output(name='/aws/service/eks/ami').value\n"
        "disk = {'ebs': {'volume_size': 50, 'volume_type': 'gp3'}}\n"
        "template = aws.ec2.LaunchTemplate('nodes', image_id=image, block_device_mappings=[disk])\n"
        "role = aws.iam.Role('nodes', assume_role_policy='{}')\n"
        "aws.iam.Policy('it', policy=role.arn.apply(lambda arn: arn.split(':')[5]))\n"
        "sizes = {'min_size': 1, 'desired_size': 1, 'max_size': 2}\n"
        "aws.eks.NodeGroup('nodes', cluster_name='ml', node_role_arn=role.arn, subnet_ids=['subnet-1'], instance_types=['m5.large'],\n"
        "    scaling_config=sizes, launch_template={'id': template.id, 'version': template.latest_version.apply(str)})\n"
    )
    told = document(cost("dev", "--json"))
    assert {line["what"]: line["cost"]["max"] for line in told["lines"] if line["type"].endswith("NodeGroup")} == {
        "machines, m5.large": 140.16,
        "disks, 50 GiB gp3": 8,
    }


def test_every_type_of_an_environment_that_comes_with_the_project_is_known() -> None:
    done = CliRunner().invoke(app, ["cost", "staging", "--json", "--project", str(Path(__file__).parents[2])])
    told = document(done)
    assert len(told["lines"]) > 200
    assert [line["type"] for line in told["lines"] if "of this type" in line["note"]] == []
    assert [line["note"] for line in told["lines"] if "no price of" in line["note"]] == []


def test_prod_costs_the_same_before_all_of_it_is_pinned_and_what_is_missing_is_told_beneath_the_sum() -> None:
    project = Path(__file__).parents[2]
    shown = CliRunner().invoke(app, ["cost", "prod", "--project", str(project)])
    assert shown.exit_code == 0, shown.output
    beneath = shown.stdout.partition("\n sum, at least ")[2]
    assert "not pinned yet, which costs nothing: `pulumi up` asks for it" in beneath
    assert "crane digest public.ecr.aws/karpenter/karpenter:1.15.1" in beneath
    bare = record(project, stack="prod", config={"platform": values("prod")}, preview=True, invokes=Answers())
    told = document(CliRunner().invoke(app, ["cost", "prod", "--json", "--project", str(project)]))
    pins = values("prod")["pins"]
    asked = {f"pins.eks_addons.{name}" for name in pins["eks_addons"]}
    asked |= {f"pins.addons.{name}.{setting}" for name, pinned in pins["addons"].items() for setting in pinned}
    assert sorted(each["path"] for each in told["unpinned"]) == sorted(asked)
    assert {line["name"] for line in told["lines"]} == {found.name for found in bare.resources if found.custom and not found.read}


def test_a_folder_without_a_project_is_told() -> None:
    done = CliRunner().invoke(app, ["cost", "dev", "--project", "tests"])
    assert "there is no Pulumi.yaml" in done.stderr


def test_the_command_itself_answers_one_document(project: Path) -> None:
    command = [str(Path(sys.executable).with_name("mlgate")), "cost", "dev", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=project, timeout=120)
    assert json.loads(done.stdout)["total"]["expected"] == 167.9
    assert "a program may print" in done.stderr


def blocks(language: str) -> list[str]:
    """Those of the page in that language."""
    page = Path(__file__).parents[2] / "docs" / "platform-cost.md"
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


def test_the_files_of_the_page_are_taken(cost: Cost) -> None:
    usage, prices = blocks("yaml")
    told = document(cost("dev", "--json", usage=usage, prices=prices))
    paid = [line for line in told["lines"] if line["name"] in {"core-us-east-1a", "core-flow-log"} and line["cost"]["expected"] != 0]
    assert {line["what"]: line["quantity"]["expected"] for line in paid} == {
        "NAT gateway": 730,
        "data through it": 500,
        "logs written": 40,
        "logs kept": 120,
    }


def test_the_program_of_the_page_runs() -> None:
    (program,) = blocks("python")
    made: dict[str, Any] = {}
    exec(program, made)  # noqa: S102 - it is ours
    bill = made["bill"]
    assert [(line.name, line.what, line.known) for line in bill.lines] == [
        ("core", "NAT gateway", True),
        ("core", "data through it", False),
        ("digits", "images kept", False),
    ]
    assert (f"{bill.total.expected:.2f}", bill.at_least.expected) == ("32.85", 1)


def test_the_page_names_the_sources_and_days_of_the_book() -> None:
    page = (Path(__file__).parents[2] / "docs" / "platform-cost.md").read_text(encoding="utf-8")
    book = price_book()
    used = {row["source"] for row in book.data["prices"]} | {table["source"] for table in book.data["instances"].values()}
    days = {book.data["sources"][source]["date"] for source in used}
    assert [day for day in days if day not in page and not day.startswith("2024-0")] == []
    assert f"{len(book.data['instances']) - 1} others" in page
