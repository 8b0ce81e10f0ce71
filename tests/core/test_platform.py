"""Environments on AWS: what their stack files may say, and that all that is wrong comes with file and line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from mlgate import DeclarationError, UsageError
from mlgate.log_days import LOG_DAYS
from mlgate.platform import Platform
from mlgate.platform_diff import Difference, differences
from mlgate.platform_files import platform_of, read_platform, read_platforms
from mlgate.platform_rules import read_ruled
from mlgate.regions import REGIONS, region_of, unknown_region

from .platforms import LEAVE_OUT, USUAL, varied, write

ENGINEERS = USUAL["cluster"]["admins"]["platform"]
ACCOUNT = "arn:aws:iam::111122223333"
GATES = f"{ACCOUNT}:role/access-gate-1a2b3c4"
SERVICE = {"namespace": "digits", "service_account": "digits"}
PROJECT = Path(__file__).resolve().parents[2]


def reserved(**other: str) -> dict[str, str]:
    return {"id": "cr-1", "zone": "eu-central-1a", "instance_type": "g6.xlarge", **other}


def refused(tmp_path: Path, changes: dict[str, Any]) -> list[tuple[str, str, str]]:
    """What is said: the line that is named, as it stands in the file, what was found, what would be accepted."""
    path = write(tmp_path, "dev", varied(changes))
    with pytest.raises(DeclarationError) as error:
        read_platform(path)
    lines = path.read_text(encoding="utf-8").splitlines()
    found = []
    for problem in error.value.problems:
        file, line = problem.where.rsplit(":", 1)
        assert file == str(path)
        found.append((lines[int(line) - 1].strip(), problem.found, problem.expected))
    return found


def test_what_stands_in_the_file_is_what_the_environment_is(tmp_path: Path) -> None:
    platform, _ = read_platform(write(tmp_path, "dev", USUAL))
    assert platform.model_dump(exclude_unset=True) == USUAL
    with pytest.raises(ValidationError):
        platform.region = "eu-west-1"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("changes", "line", "said"),
    [
        ({"level": "production"}, "level: production", "one of 'dev', 'staging' or 'prod'"),
        ({"account": "1234"}, "account: '1234'", r"'^[0-9]{12}$'"),
        ({"account": 111122223333}, "account: 111122223333", "valid string"),
        ({"region": "eu-centrl-1"}, "region: eu-centrl-1", "did you mean eu-central-1?"),
        ({"regoin": "eu-central-1"}, "regoin: eu-central-1", "did you mean region?"),
        ({"budget": LEAVE_OUT}, "mlgate:platform:", "budget is missing"),
        ({"network.cidr": "10.0.0.0/24"}, "cidr: 10.0.0.0/24", "take /23 or larger"),
        ({"network.cidr": "10.0.0.1/16"}, "cidr: 10.0.0.1/16", "write 10.0.0.0/16"),
        ({"network.zones": ["eu-central-1a"]}, "zones:", "2 or more"),
        ({"network.zones": ["eu-central-1a", "eu-central-1a"]}, "- eu-central-1a", "each zone once"),
        ({"network.zones": ["eu-west-1a", "eu-west-1b"]}, "- eu-west-1a", "a zone of eu-central-1"),
        ({"cluster.version": 1.35}, "version: 1.35", "write it as text, such as '1.35'"),
        ({"cluster.version": "latest"}, "version: latest", "no minor version of Kubernetes"),
        ({"cluster.public_from": ["0.0.0.0/0"]}, "- 0.0.0.0/0", "is everybody"),
        ({"cluster.public_from": ["here"]}, "- here", "no IPv4 block"),
        ({"cluster.system_nodes_min": 5}, "system_nodes_min: 5", "at most system_nodes_max, which is 4"),
        ({"retention.logs_days": 31}, "logs_days: 31", "CloudWatch Logs keeps for"),
        ({"retention.keys_days": 5}, "keys_days: 5", "greater than or equal to 7"),
        (
            {"who.promoter.principals": [f"{ACCOUNT}:role/*"]},
            f"- {ACCOUNT}:role/*",
            "no role or user by whole name",
        ),
        (
            {"who.promoter.principals": [f"{ACCOUNT}:root"]},
            f"- {ACCOUNT}:root",
            "no role or user by whole name",
        ),
        ({"who.ci.pipelines": [{"repository": "*", "environment": "dev"}]}, "- repository: '*'", "match pattern"),
        ({"budget.monthly_usd": 0}, "monthly_usd: 0", "greater than 0"),
        ({"budget.notify": ["nobody"]}, "- nobody", "match pattern"),
        ({"pools.l4.replicas": 0}, "replicas: 0", "greater than or equal to 1"),
        ({"pools.l4.capacity": [{"buy": "cheap"}]}, "- buy: cheap", "one of 'reservation', 'block', 'spot' or 'on-demand'"),
        ({"pools.l4.capacity": []}, "capacity: []", "at least 1 item"),
        ({"who.gate": {}}, "gate: {}", "somebody must be able to sign evidence"),
        ({"pins": {}}, "pins: {}", "the image of the nodes of l4"),
        ({"cluster.admins.deployer": f"{ACCOUNT}:role/x"}, f"deployer: {ACCOUNT}:role/x", "is the name of a role of `who`"),
        ({"cluster.admins": {}}, "admins: {}", "at least 1 item"),
        ({"who.gate.session_s": 60}, "session_s: 60", "greater than or equal to 3600"),
        ({"who.break_glass": {"principals": [f"{ACCOUNT}:role/on-call"]}}, f"- {ACCOUNT}:role/on-call", "a user, who has one"),
        ({"who.break_glass": {"pipelines": [{"repository": "a/b", "environment": "c"}]}}, "- repository: a/b", "a user, who has one"),
        ({"who.gate": USUAL["who"]["deployer"]}, f"- {ACCOUNT}:role/platform-engineers", "who signs evidence must not act on it"),
        ({"pools.l4.accelerator": "l5"}, "accelerator: l5", "pools.l4.accelerator: is 'l5' one of a100-40g, a100-80g, a10g"),
        (
            {"pools.l4.accelerator": "b200"},
            "accelerator: b200",
            "is 'b200', and network.zones are in eu-central-1, where b200 is not offered it is in eu-north-1",
        ),
        ({"pools.l4.count": 3}, "count: 3", "machines with l4 carry pods of 1, 2, 4 or 8"),
        ({"pools.l4.share": {"mig_profile": "1g.5gb"}}, "mig_profile: 1g.5gb", "l4 cannot be partitioned"),
        ({"pools.l4.capacity": [{"buy": "block"}]}, "capacity:", "machines with l4 are sold on-demand or spot"),
        (
            {"pools.l4.capacity": [{"buy": "reservation", "reservations": [reserved(zone="eu-central-1c")]}]},
            "zone: eu-central-1c",
            "a zone of the network, eu-central-1a, eu-central-1b",
        ),
        (
            {"pools.l4.capacity": [{"buy": "reservation", "reservations": [reserved(instance_type="g5.xlarge")]}]},
            "instance_type: g5.xlarge",
            "is 'g5.xlarge', which has a10g one of g6.xlarge",
        ),
        (
            {"pools.l4.floor": {"rate_per_s": 50, "replica_rate_per_s": 10, "node_start_s": 100, "image_pull_s": 60, "model_start_s": 9}},
            "floor:",
            "comes to 5 replicas, more than replicas, which are 4 5 replicas or more",
        ),
        (
            {"pins.gpu_ami.architecture": "arm64"},
            "accelerator: l4",
            "is 'l4', and pins.gpu_ami.architecture is arm64 machines with l4 are amd64",
        ),
        ({"pools.l4.least_zones": 3}, "least_zones: 3", "is 3, more than the zones of the network, eu-central-1a, eu-central-1b"),
        (
            {"pools.l4.accelerator": "a100-80g", "pools.l4.least_zones": 3, "network.zones": [f"eu-central-1{zone}" for zone in "abc"]},
            "least_zones: 3",
            "pools.l4.least_zones: are 3 a100-80g is offered in 2 zones of eu-central-1",
        ),
        ({"pools.l4.least_zones": 0}, "least_zones: 0", "greater than or equal to 1"),
        ({"pools": {"l" * 49: USUAL["pools"]["l4"]}}, f"{'l' * 49}:", "has 49 characters 48 at most"),
        (
            {"who.gate": {"principals": [ENGINEERS]}, "who.deployer": LEAVE_OUT},
            f"platform: {ENGINEERS}",
            "cluster.admins.platform: takes the gate's role too",
        ),
        (
            {"cluster.admins.ours": GATES},
            f"ours: {GATES}",
            f"cluster.admins.ours: is {GATES}, which is called as the gate's role is somebody else: who signs evidence must not act on it",
        ),
        ({"who.promoter.principals": [GATES]}, f"- {GATES}", f"is {GATES}, which is called as the role of gate is"),
        (
            {"who.gate.principals": [f"{ACCOUNT}:role/access-promoter-1a2b3c4"]},
            f"- {ACCOUNT}:role/access-promoter-1a2b3c4",
            "which is called as the role of promoter is somebody else",
        ),
        (
            {"who.gate.principals": [f"{ACCOUNT}:role/access-break-glass-1a2b3c4"]},
            f"- {ACCOUNT}:role/access-break-glass-1a2b3c4",
            "which is called as the role of break_glass is somebody else",
        ),
        ({"cluster.admins.me": "arn:aws:iam::111122223333:user/me"}, "me: arn:aws:iam::111122223333:user/me", "a role, which a user takes"),
        ({"cluster.admins.twice": ENGINEERS}, f"twice: {ENGINEERS}", "is the role of platform too each role once"),
        ({"services": {"d" * 57: SERVICE}}, f"{'d' * 57}:", "has 57 characters 56 at most, since its role is called after it"),
        ({"services": {"": SERVICE}}, "? ''", "'' is no name lower-case letters"),
        ({"services": {"Digits_X": SERVICE}}, "Digits_X:", "'Digits_X' is no name lower-case letters"),
        ({"services": {"digits": {**SERVICE, "namespace": "vision-"}}}, "namespace: vision-", "match pattern"),
        (
            {"services": {"one": SERVICE, "two": {**SERVICE}}},
            "service_account: digits",
            "services.two.service_account: is 'digits' in the namespace digits, as one's is one of its own",
        ),
        ({"budget.alert_percents": [80, 50, 80]}, "- 80", "80 stands here a second time each once"),
        ({"budget.alert_percents": [*range(1, 12)]}, "alert_percents:", "at most 10 items"),
        ({"budget.notify": ["ml@example.com", "ml@example.com"]}, "- ml@example.com", "stands here a second time"),
        ({"budget.notify": [f"{number}@example.com" for number in range(11)]}, "notify:", "at most 10 items"),
        ({"cost_center": ""}, "cost_center: ''", "match pattern"),
        ({"cost_center": "x" * 257}, f"cost_center: {'x' * 257}", "at most 256 characters"),
        ({"who.ci.pipelines": [{"repository": "acme//ml", "environment": "dev"}]}, "- repository: acme//ml", "match pattern"),
        (
            {"who.ci.pipelines": [{"host": "gitlab", "repository": "acme/ml", "environment": "dev"}]},
            "environment: dev",
            "who.ci.pipelines[0].environment: is 'dev' a tier of GitLab: production, staging",
        ),
    ],
)
def test_what_cannot_be_names_its_line_and_what_would_be_accepted(tmp_path: Path, changes: dict[str, Any], line: str, said: str) -> None:
    problems = refused(tmp_path, changes)
    assert any(at in {line, "public_from:", "principals:", "notify:"} and said in f"{found} {expected}" for at, found, expected in problems)
    assert len({at for at, _, _ in problems}) <= 2


def test_the_same_person_twice_is_refused(tmp_path: Path) -> None:
    twice = USUAL["who"]["deployer"]["principals"] * 2
    assert "stands here a second time" in refused(tmp_path, {"who.deployer.principals": twice})[0][1]


def test_all_that_is_wrong_in_all_files_comes_at_once(tmp_path: Path) -> None:
    write(tmp_path, "dev", varied({"region": "nowhere", "network.cidr": "10.0.0.0/30", "pools.l4.replicas": 0}))
    write(tmp_path, "prod", varied({"level": "production"}))
    with pytest.raises(DeclarationError) as error:
        read_platforms(tmp_path)
    named = [(Path(problem.where.rsplit(":", 1)[0]).name, problem.found.split(" ")[0].rstrip(":")) for problem in error.value.problems]
    assert named == [
        ("Pulumi.dev.yaml", "region"),
        ("Pulumi.dev.yaml", "network.cidr"),
        ("Pulumi.dev.yaml", "pools.l4.replicas"),
        ("Pulumi.prod.yaml", "level"),
    ]


def test_stacks_that_are_no_environment_on_aws_are_left_alone_and_none_at_all_is_said(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.local.yaml").write_text("encryptionsalt: v1:x\n", encoding="utf-8")
    with pytest.raises(UsageError, match="no stack file has mlgate:platform"):
        read_platforms(tmp_path)
    write(tmp_path, "prod", varied({"level": "prod"}))
    write(tmp_path, "dev", USUAL)
    assert list(read_platforms(tmp_path)) == ["dev", "prod"]
    with pytest.raises(DeclarationError, match="has no mlgate:platform under config"):
        read_platform(tmp_path / "Pulumi.local.yaml")


@pytest.mark.parametrize(
    "most",
    [
        {"pools": {"l" * 48: USUAL["pools"]["l4"]}},
        {"services": {"d" * 56: SERVICE}},
        {"services": {"digits": {"namespace": "n" * 63, "service_account": "s" * 63}}},
        {"cost_center": "x" * 256},
        {"budget.notify": [f"{number}@example.com" for number in range(10)], "budget.alert_percents": [*range(1, 11)]},
        {"who.ci.pipelines": [{"repository": "acme@12/ml@345", "environment": "dev"}]},
        {"who.ci.pipelines": [{"host": "gitlab", "repository": "acme/team/ml", "environment": "development"}]},
        {"who.ci.principals": [GATES], "who.auditor.principals": [GATES]},
        {"who.gate.principals": [f"{ACCOUNT}:role/access-ci-1a2b3c4"]},
        {"cluster.admins.ours": f"{ACCOUNT}:role/access-gate-keepers", "who.promoter.principals": [f"{ACCOUNT}:role/access-gate"]},
    ],
)
def test_what_aws_takes_and_keeps_signing_and_acting_apart_may_be_said(tmp_path: Path, most: dict[str, Any]) -> None:
    assert read_platform(write(tmp_path, "dev", varied(most)))


@pytest.mark.parametrize(
    "other",
    [{"account": "１１１１２２２２３３３３"}, {"who.promoter.principals": [f"{ACCOUNT}:role/ä"]}, {"cost_center": "\t"}],  # noqa: RUF001
)
def test_signs_that_aws_does_not_take_are_refused(other: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Platform.model_validate(varied(other))


def test_a_service_is_declared_once(tmp_path: Path) -> None:
    path = write(tmp_path, "dev", varied({"services": {"digits": SERVICE}}))
    text = path.read_text(encoding="utf-8")
    path.write_text(f"{text}      digits: {{namespace: a, service_account: a}}\n", encoding="utf-8")
    with pytest.raises(
        DeclarationError, match=r"services\.digits stands here a second time \(first in line \d+\)\n  -> keep one of the two"
    ):
        read_platform(path)


def test_on_is_the_word_that_pulumi_reads(tmp_path: Path) -> None:
    path = write(tmp_path, "dev", varied({"pins.addons": {"keda": {"on": False}}}))
    path.write_text(path.read_text(encoding="utf-8").replace("'on': false", "on: false"), encoding="utf-8")
    assert "          on: false" in path.read_text(encoding="utf-8")
    assert read_platform(path)[0].pins.addons["keda"].on is False
    path.write_text(path.read_text(encoding="utf-8").replace("on: false", "on: off"), encoding="utf-8")
    with pytest.raises(DeclarationError, match=r"pins\.addons\.keda\.on is 'off'"):
        read_platform(path)


def test_what_the_catalogue_has_may_be_asked_for(tmp_path: Path) -> None:
    ways = [{"buy": "reservation", "reservations": [reserved()]}, {"buy": "spot"}]
    floor = {"rate_per_s": 40, "replica_rate_per_s": 10, "node_start_s": 100, "image_pull_s": 60, "model_start_s": 9}
    assert read_platform(write(tmp_path, "dev", varied({"pools.l4.capacity": ways, "pools.l4.floor": floor})))


@pytest.mark.parametrize(
    ("name", "level", "said"),
    [
        ("Prod_EU", "dev", "the environment is called 'Prod_EU', as its file is\n  -> lower-case letters, digits and single hyphens"),
        ("e" * 38, "dev", "which has 38 characters\n  -> 37 at most: the bucket of its state is called after it"),
        ("dev", "prod", ": level is prod, and the environment is called dev\n  -> level dev, or another name: policies go by that"),
    ],
)
def test_an_environment_is_called_as_its_bucket_can_be_and_as_policies_take_it(tmp_path: Path, name: str, level: str, said: str) -> None:
    values = varied({"level": level, "region": "nowhere"})
    path = write(tmp_path, name, values)
    for read in (lambda: read_platform(path), lambda: read_platforms(tmp_path), lambda: platform_of(values, name, tmp_path)):
        with pytest.raises(DeclarationError) as error:
            read()
        assert said in str(error.value)
        assert "region: 'nowhere'" in str(error.value), "and all else that is wrong"
    assert read_platform(write(tmp_path, "e" * 37, USUAL))


def test_an_environment_that_is_not_there_names_those_that_are(tmp_path: Path) -> None:
    write(tmp_path, "dev", USUAL)
    with pytest.raises(DeclarationError, match=r"there is no such file\n  -> the folder has Pulumi\.dev\.yaml"):
        read_platform(tmp_path / "Pulumi.prod.yaml")


def test_a_program_names_the_line_of_its_stacks_file_and_only_the_key_of_values_from_elsewhere(tmp_path: Path) -> None:
    wrong = varied({"region": "nowhere"})
    path = write(tmp_path, "dev", wrong)
    line = path.read_text(encoding="utf-8").splitlines().index("    region: nowhere") + 1
    with pytest.raises(DeclarationError) as error:
        platform_of(wrong, "dev", tmp_path)
    assert error.value.problems[0].where == f"{path}:{line}"
    with pytest.raises(DeclarationError) as error:
        platform_of(varied({"who.gate.pipelines": [{"repository": "*", "environment": "e"}]}), "dev", tmp_path)
    (problem,) = error.value.problems
    assert (problem.where, problem.found) == ("mlgate:platform:1", "who.gate.pipelines[0].repository is '*'")


def test_a_program_is_told_the_place_of_its_values_the_line_in_its_stacks_file_or_else_the_path(tmp_path: Path) -> None:
    path = write(tmp_path, "dev", USUAL)
    line = path.read_text(encoding="utf-8").splitlines().index("    account: '111122223333'") + 1
    changed = varied({"account": "444455556666"})
    for values, stack, place in ((USUAL, "dev", f"{path}:{line}"), (changed, "dev", "account"), (USUAL, "qa", "account")):
        platform, source = platform_of(values, stack, tmp_path)
        assert (platform.account, source.place("account")) == (values["account"], place)
    path.write_text("config: {", encoding="utf-8")
    assert platform_of(USUAL, "dev", tmp_path)[1].place("network", "cidr") == "network.cidr"


def test_the_environments_that_come_with_the_project_are_well_declared() -> None:
    assert list(read_ruled(PROJECT / "stacks")) == ["dev", "staging", "prod"]


def test_environments_differ_by_path_in_what_was_left_out_too() -> None:
    one = Platform.model_validate(USUAL)
    changes = {"cluster.system_nodes_max": 9, "who.ci": LEAVE_OUT, "who.auditor": USUAL["who"]["deployer"], "pins.nodes_release": "1"}
    other = Platform.model_validate(varied(changes))
    assert differences(one, other) == [
        Difference("cluster.system_nodes_max", "4", "9"),
        Difference("who.ci.pipelines[0].host", "github", None),
        Difference("who.ci.pipelines[0].repository", "acme/ml", None),
        Difference("who.ci.pipelines[0].environment", "dev", None),
        Difference("who.auditor.principals[0]", None, "arn:aws:iam::111122223333:role/platform-engineers"),
        Difference("pins.nodes_release", None, "1"),
    ]
    assert differences(one, one) == []


def test_a_zone_is_of_its_region() -> None:
    assert {region_of(f"{region}a") for region in REGIONS} == set(REGIONS)
    assert [region_of(name) for name in ("us-west-2-lax-1a", "eu-central-1", "")] == [None, None, None]
    assert unknown_region("eu-central-1") == ""
    assert "us-east-1" in unknown_region("?")


def test_days_of_logs_go_up() -> None:
    assert list(LOG_DAYS) == sorted(set(LOG_DAYS))
