"""What the page about policies tells people to type and to write is run as it stands there, and its table says what the rules say."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sysconfig
from pathlib import Path

import pytest

from mlgate_policies.exceptions import FILE, PolicyExceptions
from mlgate_policies.rule import ENVIRONMENTS, Rule
from mlgate_policies.rules import OWN_FILE, RULES, rules_of
from mlgate_tools import policies

from .page import PAGE, block

NAMES = [rule.name for rule in RULES]
PROGRAM = "import pulumi_aws as aws\naws.ec2.Vpc('net', cidr_block='10.99.0.0/16')\n"


def test_the_command_that_finds_the_pack_finds_it() -> None:
    (command,) = re.findall(r'--policy-pack "(.*)"$', PAGE, flags=re.MULTILINE)
    path = os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]])
    found = subprocess.run(["sh", "-c", f'echo "{command}"'], env={**os.environ, "PATH": path}, capture_output=True, text=True, check=True)
    assert Path(found.stdout.strip()) == policies._pack() / "mlgate-policies"


def test_the_levels_are_those_of_rules() -> None:
    levels = json.loads(block("json", "advisory"))
    assert set(levels) <= set(NAMES)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_table_says_of_each_rule_what_the_rule_says(rule: Rule) -> None:
    (row,) = [line for line in PAGE.splitlines() if line.startswith(f"| `{rule.name}`")]
    _, name, why, remedy, *levels, _ = row.split("|")
    assert name.strip() == f"`{rule.name}`" + (" †" if rule.at_end else "")
    assert (why.strip(), remedy.strip()) == (rule.why, rule.remedy)
    assert [level.strip() for level in levels] == [rule.levels.of(environment) for environment in ENVIRONMENTS]


def test_the_exceptions_are_read(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(block("yaml", "PolicyExceptions"), encoding="utf-8")
    (found,) = PolicyExceptions.of(tmp_path, NAMES).exceptions
    assert found.covers("mutable-tag", "images", "staging")


def test_the_rule_of_your_own_and_its_test_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / OWN_FILE).write_text(block("python", "without_peering"), encoding="utf-8")
    (tmp_path / "infra").mkdir()
    (tmp_path / "infra" / "Pulumi.yaml").write_text("name: infra\nruntime: python\n", encoding="utf-8")
    (tmp_path / "infra" / "__main__.py").write_text(PROGRAM, encoding="utf-8")
    rules = {rule.name: rule for rule in rules_of(tmp_path)}
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(block("python", "def test_"), names)  # noqa: S102 - it is ours
    test = names["test_a_network_of_another_block_is_told"]
    assert callable(test)
    test(rules)
