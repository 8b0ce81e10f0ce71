"""The rules between environments: what each of them refuses, and that it says where and why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlgate.errors import DeclarationError
from mlgate.platform_files import platform_of, read_platforms
from mlgate.platform_rules import broken_rules, require_apart

from .platforms import LEAVE_OUT, USUAL, varied, write

BLOCK = "198.51.100.0/24"
SHARED = {"account": "111111111111"}


def environment(level: str, number: int, **changes: Any) -> dict[str, Any]:
    account = changes.get("account", str(number) * 12)
    own = {
        "level": level,
        "account": account,
        "network.cidr": f"10.{number}.0.0/16",
        "who.gate.pipelines": [{"repository": "acme/ml", "environment": f"{level}-gate"}],
        "who.ci.pipelines": [{"repository": "acme/ml", "environment": level}],
        "who.deployer.principals": [f"arn:aws:iam::{account}:role/platform-engineers"],
    }
    return varied({**own, **{path.replace("__", "."): value for path, value in changes.items()}})


def joe(number: int) -> str:
    return f"arn:aws:iam::{str(number) * 12}:user/joe"


def broken(tmp_path: Path, **environments: dict[str, Any]) -> list[str]:
    """What is said, each with the line that it names."""
    tmp_path.mkdir(exist_ok=True)
    for name, values in environments.items():
        write(tmp_path, name, values)
    found = []
    for problem in broken_rules(read_platforms(tmp_path)):
        file, line = problem.where.rsplit(":", 1)
        found.append(f"{Path(file).name} {Path(file).read_text(encoding='utf-8').splitlines()[int(line) - 1].strip()}: {problem.found}")
    return found


def test_environments_alike_but_for_account_block_and_pipeline_keep_all_of_them(tmp_path: Path) -> None:
    assert broken(tmp_path, dev=environment("dev", 1), staging=environment("staging", 2), prod=environment("prod", 3)) == []


@pytest.mark.parametrize(
    ("path", "less", "said"),
    [
        ("network.zones", ["eu-central-1a", "eu-central-1b"], "network.zones is 2 (eu-central-1a, eu-central-1b), less than staging's 3"),
        ("network.nat", "single", "network.nat is single, less than staging's per-zone"),
        ("cluster.system_nodes_min", 2, "cluster.system_nodes_min is 2, less than staging's 3"),
        ("cluster.deletion_protection", False, "cluster.deletion_protection is False, less than staging's True"),
        ("retention.evidence_days", 29, "retention.evidence_days is 29, less than staging's 40"),
        ("retention.evidence_lock", "governance", "retention.evidence_lock is governance, less than staging's compliance"),
        ("retention.models_days", 29, "retention.models_days is 29, less than staging's 40"),
        ("retention.logs_days", 30, "retention.logs_days is 30, less than staging's 60"),
        ("retention.audit_days", 90, "retention.audit_days is 90, less than staging's 100"),
        ("retention.images", 49, "retention.images is 49, less than staging's 60"),
        ("retention.keys_days", 7, "retention.keys_days is 7, less than staging's 29"),
        ("budget.alert_percents", [100], "budget.alert_percents lacks 50 %, 80 %, which staging has"),
    ],
)
def test_production_has_at_least_what_staging_has(tmp_path: Path, path: str, less: Any, said: str) -> None:
    more: dict[str, Any] = {
        "network__zones": ["eu-central-1a", "eu-central-1b", "eu-central-1c"],
        "network__nat": "per-zone",
        "cluster__system_nodes_min": 3,
        "retention": {
            "evidence_days": 40,
            "evidence_lock": "compliance",
            "models_days": 40,
            "logs_days": 60,
            "audit_days": 100,
            "images": 60,
            "keys_days": 29,
        },
    }
    staging = environment("staging", 2, **more)
    assert broken(tmp_path, staging=staging, prod=environment("prod", 3, **more)) == []
    (found,) = broken(tmp_path, staging=staging, prod=varied({path: less}, environment("prod", 3, **more)))
    assert found.startswith("Pulumi.prod.yaml")
    assert said in found
    assert f"{path.rsplit('.', maxsplit=1)[-1]}:" in found


@pytest.mark.parametrize(
    ("dev", "staging", "said"),
    [
        ({"retention__images": 51}, {}, "images: 50: retention.images is 50, less than dev's 51"),
        ({"network__nat": "per-zone"}, {}, "nat: single: network.nat is single, less than dev's per-zone"),
        (
            {},
            {"cluster__deletion_protection": False},
            "deletion_protection: false: cluster.deletion_protection is False, less than dev's True",
        ),
        ({"budget__alert_percents": [30, 50, 80, 100]}, {}, "budget:: budget.alert_percents lacks 30 %, which dev has"),
        ({}, {"cluster__public_from": [BLOCK]}, f"- {BLOCK}: cluster.public_from lets {BLOCK} in, which dev does not"),
        (
            {},
            {"who__promoter__principals": [joe(2)]},
            "- arn:aws:iam::222222222222:user/joe: who.promoter names user/joe, who is not promoter in dev",
        ),
        (
            {},
            {"who__deployer__principals": ["arn:aws:iam::111111111111:role/platform-engineers"]},
            "- arn:aws:iam::111111111111:role/platform-engineers: who.deployer.principals[0] is "
            "arn:aws:iam::111111111111:role/platform-engineers, of the account that dev is in",
        ),
        ({}, {"who__ci__session_s": 7200}, "session_s: 7200: who.ci.session_s is 7200, longer than dev's 3600"),
    ],
)
def test_staging_is_held_against_dev_whether_or_not_there_is_production(
    tmp_path: Path, dev: dict[str, Any], staging: dict[str, Any], said: str
) -> None:
    here = {"retention__images": 50, "cluster__deletion_protection": True, **staging}
    two = {"dev": environment("dev", 1, **dev), "staging": environment("staging", 2, **here)}
    (found,) = broken(tmp_path, **two)
    assert found.startswith(f"Pulumi.staging.yaml {said}")
    assert found in broken(tmp_path, **two, prod=environment("prod", 3, **here))


def test_without_staging_production_is_held_against_dev(tmp_path: Path) -> None:
    (found,) = broken(tmp_path, dev=environment("dev", 1, retention__images=51), prod=environment("prod", 3))
    assert "less than dev's 51" in found


def test_an_environment_is_held_against_all_of_the_level_below_and_none_of_its_own(tmp_path: Path) -> None:
    found = broken(
        tmp_path,
        eu=environment("prod", 1, retention__images=51),
        us=environment("prod", 2, retention__images=52),
        qa=environment("staging", 3, retention__images=53),
        trial=environment("staging", 4, retention__images=51),
    )
    assert sorted(line.split(": retention.images ")[1] for line in found) == ["is 51, less than qa's 53", "is 52, less than qa's 53"]


@pytest.mark.parametrize(
    ("staging", "prod", "said"),
    [
        ({}, {"cluster__public_from": [BLOCK]}, f"- {BLOCK}: cluster.public_from lets {BLOCK} in, which staging does not"),
        ({"cluster__public_from": [BLOCK]}, {"cluster__public_from": ["198.51.100.0/25"]}, ""),
        (
            {},
            {"who__promoter__principals": [joe(3)]},
            "- arn:aws:iam::333333333333:user/joe: who.promoter names user/joe, who is not promoter in staging",
        ),
        ({"who__gate__principals": [joe(2)]}, {"who__gate__principals": [joe(3)]}, ""),
        (
            {},
            {"cluster__admins": {"joe": joe(3).replace("user", "role")}},
            "joe: arn:aws:iam::333333333333:role/joe: cluster.admins names role/joe, who is no admin in staging",
        ),
        ({"who__ci": LEAVE_OUT}, {}, "- repository: acme/ml: who.ci names github's acme/ml, who is not ci in staging"),
        ({}, {"who__ci": LEAVE_OUT}, ""),
        ({"who__promoter__principals": [joe(9)]}, {"who__promoter__principals": [joe(9)]}, ""),
        ({"who__promoter__principals": [joe(3)]}, {"who__promoter__principals": [joe(3)]}, ""),
        (
            {"who__promoter__principals": [joe(2)]},
            {"who__promoter__principals": [joe(9)]},
            "- arn:aws:iam::999999999999:user/joe: who.promoter names arn:aws:iam::999999999999:user/joe, who is not promoter in staging",
        ),
        (
            {"who__promoter__principals": [joe(9)]},
            {"who__promoter__principals": [joe(3)]},
            "- arn:aws:iam::333333333333:user/joe: who.promoter names user/joe, who is not promoter in staging",
        ),
        (
            {},
            {"cluster__admins": {"joe": joe(9).replace("user", "role")}},
            "joe: arn:aws:iam::999999999999:role/joe: cluster.admins names arn:aws:iam::999999999999:role/joe, who is no admin in staging",
        ),
        (
            {},
            {"who__ci__pipelines": [{"repository": "acme/other", "environment": "prod"}]},
            "- repository: acme/other: who.ci names github's acme/other, who is not ci in staging",
        ),
        (
            {},
            {"who__ci__pipelines": [{"repository": "acme/ml", "environment": "staging"}]},
            "- repository: acme/ml: who.ci names github's acme/ml in staging, as staging's who.ci does",
        ),
        (
            {"who__ci__session_s": 3600},
            {"who__ci__session_s": 7200},
            "session_s: 7200: who.ci.session_s is 7200, longer than staging's 3600",
        ),
        ({}, {"who__auditor__session_s": 7200}, ""),
        (
            {},
            {"who__deployer__principals": ["arn:aws:iam::222222222222:role/platform-engineers"]},
            "- arn:aws:iam::222222222222:role/platform-engineers: who.deployer.principals[0] is "
            "arn:aws:iam::222222222222:role/platform-engineers, of the account that staging is in",
        ),
        (
            {},
            {"cluster__admins": {"platform": "arn:aws:iam::222222222222:role/platform-engineers"}},
            "platform: arn:aws:iam::222222222222:role/platform-engineers: cluster.admins.platform is "
            "arn:aws:iam::222222222222:role/platform-engineers, of the account that staging is in",
        ),
        ({}, {"account": "222222222222"}, "account: '222222222222': account is 222222222222, which is staging's too"),
        (
            {},
            {"network__cidr": "10.2.128.0/17"},
            "cidr: 10.2.128.0/17: network.cidr is 10.2.128.0/17, which overlaps staging's",
        ),
    ],
)
def test_production_lets_in_nobody_whom_staging_does_not_and_shares_nothing(
    tmp_path: Path, staging: dict[str, Any], prod: dict[str, Any], said: str
) -> None:
    found = broken(tmp_path, staging=environment("staging", 2, **staging), prod=environment("prod", 3, **prod))
    assert len(found) == bool(said)
    assert not said or found[0].startswith(f"Pulumi.prod.yaml {said}")


def test_who_is_of_a_lower_account_is_told_once_whatever_the_environments_between_know_of_him(tmp_path: Path) -> None:
    (found,) = broken(
        tmp_path,
        dev=environment("dev", 1, who__promoter__principals=[joe(1)]),
        staging=environment("staging", 2, who__promoter__principals=[joe(2)]),
        prod=environment("prod", 3, who__promoter__principals=[joe(1)]),
    )
    assert found.endswith("who.promoter.principals[0] is arn:aws:iam::111111111111:user/joe, of the account that dev is in")


def test_who_is_of_an_account_that_is_shared_or_of_a_higher_one_is_held_against_the_lower_environment(tmp_path: Path) -> None:
    shared_one = environment("staging", 2, **SHARED, who__existing_oidc_providers=["github"], who__promoter__principals=[joe(1)])
    (found,) = broken(tmp_path / "shared", dev=environment("dev", 1), staging=shared_one)
    assert found.endswith("who.promoter names user/joe, who is not promoter in dev")
    of_prod = {name: environment(name, number, who__promoter__principals=[joe(3)]) for number, name in ((2, "staging"), (3, "prod"))}
    (found,) = broken(tmp_path / "higher", dev=environment("dev", 1), **of_prod)
    assert found.endswith("who.promoter names arn:aws:iam::333333333333:user/joe, who is not promoter in dev")


def jobs(environment: str, repository: str = "acme/ml") -> list[dict[str, str]]:
    return [{"repository": repository, "environment": environment}]


def test_a_job_that_one_level_lets_in_is_nobody_in_another_one_in_no_role(tmp_path: Path) -> None:
    dev = environment("dev", 1, who__promoter__pipelines=jobs("c"))
    staging = environment("staging", 2, who__ci__pipelines=jobs("a"), who__promoter__pipelines=jobs("b"))
    prod = environment("prod", 3, who__ci__pipelines=jobs("c"), who__promoter__pipelines=jobs("a"))
    found = [
        "who.ci names github's acme/ml in c, as dev's who.promoter does",
        "who.promoter names github's acme/ml in a, as staging's who.ci does",
    ]
    write(tmp_path, "dev", dev)
    write(tmp_path, "staging", staging)
    assert shared(tmp_path, "prod", prod) == list(zip(("who.ci.pipelines[0]", "who.promoter.pipelines[0]"), found, strict=True))
    assert broken(tmp_path, prod=prod) == [f"Pulumi.prod.yaml - repository: acme/ml: {said}" for said in found]


def test_one_job_may_have_several_roles_of_an_environment_and_of_others_of_its_level(tmp_path: Path) -> None:
    both = {"who__ci__pipelines": jobs("a"), "who__promoter__pipelines": jobs("a")}
    assert broken(tmp_path, eu=environment("prod", 3, **both), us=environment("prod", 4, **both)) == []


def test_gitlab_whose_projects_have_five_tiers_carries_three_environments_with_a_project_for_the_gate(tmp_path: Path) -> None:
    tiers = {"dev": "development", "staging": "staging", "prod": "production"}
    on_gitlab = {
        level: {
            f"who__{role}__pipelines": [{"host": "gitlab", "repository": repository, "environment": tier}]
            for role, repository in (("ci", "acme/ml"), ("gate", "acme/ml-gate"), ("promoter", "acme/ml"))
        }
        for level, tier in tiers.items()
    }
    environments = {level: environment(level, number, **on_gitlab[level]) for number, level in enumerate(tiers, 1)}
    assert broken(tmp_path, **environments) == []


def test_dev_and_staging_may_share_an_account_of_which_one_makes_the_identity_provider(tmp_path: Path) -> None:
    there = environment("staging", 2, **SHARED, who__existing_oidc_providers=["github"])
    assert broken(tmp_path, dev=environment("dev", 1), staging=there) == []
    assert broken(tmp_path, dev=environment("dev", 1, who__existing_oidc_providers=["github"]), staging=there) == []


def test_who_is_of_an_account_that_is_shared_or_of_one_of_the_same_level_may_be_named(tmp_path: Path) -> None:
    mine = ["arn:aws:iam::111111111111:role/platform-engineers"]
    there = environment("staging", 2, **SHARED, who__existing_oidc_providers=["github"], who__deployer__principals=mine)
    assert broken(tmp_path, dev=environment("dev", 1), staging=there) == []
    eu, us = (environment("prod", number, who__deployer__principals=[joe(7 - number)]) for number in (3, 4))
    assert broken(tmp_path / "prods", eu=eu, us=us) == []


def test_two_environments_that_would_both_make_the_identity_provider_of_an_account_are_told(tmp_path: Path) -> None:
    (found,) = broken(tmp_path, dev=environment("dev", 1), staging=environment("staging", 2, **SHARED))
    where, said = found.split(": who ")
    assert where == "Pulumi.staging.yaml - repository: acme/ml"
    assert said == "has pipelines of github, whose identity provider dev makes in account 111111111111 too"
    (problem,) = broken_rules(read_platforms(tmp_path))
    assert problem.expected.startswith("who.existing_oidc_providers: [github] in the one that comes up second")


def test_pipelines_of_two_hosts_in_an_account_have_a_provider_each(tmp_path: Path) -> None:
    gitlab = {
        "who__ci__pipelines": [{"host": "gitlab", "repository": "acme/ml", "environment": "staging"}],
        "who__gate__pipelines": [{"host": "gitlab", "repository": "acme/ml", "environment": "testing"}],
    }
    found = broken(tmp_path, dev=environment("dev", 1), staging=environment("staging", 2, **SHARED, **gitlab))
    assert not [line for line in found if "identity provider" in line]


def test_usual_is_no_rule_breaker_alone(tmp_path: Path) -> None:
    assert broken(tmp_path, dev=USUAL) == []


def brought_up(folder: Path, name: str, values: dict[str, Any]) -> list[Path]:
    """The files that a program passes over, which has those values from its configuration."""
    return require_apart(name, platform_of(values, name, folder), folder)


def shared(folder: Path, name: str, values: dict[str, Any]) -> list[tuple[str, str]]:
    """Where and what it is told that it shares."""
    with pytest.raises(DeclarationError) as error:
        brought_up(folder, name, values)
    return [(problem.where, problem.found) for problem in error.value.problems]


def test_before_it_is_brought_up_an_environment_is_asked_all_that_it_shares_with_each_of_the_others(tmp_path: Path) -> None:
    dev = write(tmp_path, "dev", environment("dev", 1))
    write(tmp_path, "staging", environment("staging", 2))
    pipelines = [{"repository": "acme/ml", "environment": "staging"}]
    prod = environment("prod", 2, network__cidr="10.1.128.0/17", who__ci__pipelines=pipelines)
    block = dev.read_text(encoding="utf-8").splitlines().index("      cidr: 10.1.0.0/16") + 1
    found = [
        ("network.cidr", f"network.cidr is 10.1.128.0/17, which overlaps dev's 10.1.0.0/16 ({dev}:{block})"),
        ("account", "account is 222222222222, which is staging's too"),
        ("who.ci.pipelines[0]", "who.ci names github's acme/ml in staging, as staging's who.ci does"),
    ]
    assert shared(tmp_path, "prod", prod) == found
    lines = write(tmp_path, "prod", prod).read_text(encoding="utf-8").splitlines()
    standing = [
        lines.index(line) + 1 for line in ("      cidr: 10.1.128.0/17", "    account: '222222222222'", "        - repository: acme/ml")
    ]
    assert shared(tmp_path, "prod", prod) == [
        (f"{tmp_path / 'Pulumi.prod.yaml'}:{line}", said) for line, (_, said) in zip(standing, found, strict=True)
    ]


def test_a_lower_environment_is_asked_as_well(tmp_path: Path) -> None:
    write(tmp_path, "prod", environment("prod", 3))
    assert shared(tmp_path, "dev", environment("dev", 3, network__cidr="10.1.0.0/16")) == [
        ("account", "account is 333333333333, which is prod's too")
    ]


def test_what_an_environments_own_file_says_is_not_held_against_other_values_of_it(tmp_path: Path) -> None:
    write(tmp_path, "prod", environment("prod", 3))
    assert brought_up(tmp_path, "prod", environment("prod", 3, network__cidr="10.3.0.0/17")) == []
    (tmp_path / "Pulumi.prod.yaml").write_text("config: {", encoding="utf-8")
    assert brought_up(tmp_path, "prod", environment("prod", 3)) == []


def test_a_file_that_is_not_well_declared_stops_no_other_environment_and_is_named(tmp_path: Path) -> None:
    prod = environment("prod", 3)
    broken_yaml, unknown, unreadable = (tmp_path / f"Pulumi.{name}.yaml" for name in ("dev", "qa", "staging"))
    broken_yaml.write_text("config: {", encoding="utf-8")
    write(tmp_path, "qa", environment("staging", 3, region="nowhere"))
    unreadable.mkdir()
    (tmp_path / "Pulumi.local.yaml").write_text("config: {mlgate:services: {}}", encoding="utf-8")
    assert brought_up(tmp_path, "prod", prod) == [broken_yaml, unknown, unreadable]
    write(tmp_path, "trial", environment("dev", 4, network__cidr="10.3.0.0/16"))
    assert [where for where, _ in shared(tmp_path, "prod", prod)] == ["network.cidr"]


def test_protection_that_is_taken_off_before_a_destroy_is_not_asked_then(tmp_path: Path) -> None:
    write(tmp_path, "staging", environment("staging", 2))
    prod = environment("prod", 3, cluster__deletion_protection=False, retention__images=1, cluster__public_from=[BLOCK])
    assert brought_up(tmp_path, "prod", prod) == []
    write(tmp_path, "prod", prod)
    assert len(broken_rules(read_platforms(tmp_path))) == 3
