"""The overview of the platform: what it says of the project's prod is what the code says, and it leads to every page."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from mlgate_cli.recorded import recorded_program

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGE = (DOCS / "platform.md").read_text(encoding="utf-8")


def test_what_is_generated_is_what_the_code_says() -> None:
    command = [sys.executable, str(DOCS / "generate.py"), "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert "docs/platform.md" not in done.stderr
    assert "Traceback" not in done.stderr


def test_it_says_a_sum_a_role_and_what_stays() -> None:
    tables = dict(re.findall(r"<!-- begin (\w+) -->\n(.*?)<!-- end -->", PAGE, flags=re.DOTALL))
    assert re.search(r"\| `prod` \| (at least )?[\d,.]+ \| (at least )?[\d,.]+ \| (at least )?[\d,.]+ \|", tables["sums"])
    assert "signs evidence" in tables["roles"]
    assert "COMPLIANCE" in tables["remains"]
    assert all(text.strip() for text in tables.values())


def test_every_role_of_prod_is_told_once() -> None:
    tables = dict(re.findall(r"<!-- begin (roles|controllers) -->\n(.*?)<!-- end -->", PAGE, flags=re.DOTALL))
    told = [
        name.strip("`") for table in tables.values() for name in re.findall(r"^\| (?:service )?(`[\w-]+`) \|", table, flags=re.MULTILINE)
    ]
    made = recorded_program(ROOT, "prod").graph.all("aws:iam/role:Role")
    assert made
    duties = {role.name: role.inputs["tags"].get("duty", role.name).replace("break-glass", "break_glass") for role in made}
    assert sorted(told) == sorted(duties.values())


def test_it_says_which_policies_a_role_has_and_what_may_be_deleted_by_them() -> None:
    _, _, after = PAGE.partition("<!-- begin controllers -->\n")
    rows = {row.split(" | ")[0]: row.split(" | ")[1:] for row in after.partition("<!-- end -->")[0].splitlines()}
    taken, policies, deleted = rows["| `cluster-node`"]
    assert taken == "`ec2.amazonaws.com`"
    assert "`AmazonSSMManagedInstanceCore`" in policies
    assert "volumes" not in deleted
    assert "`ec2:TerminateInstances`" in rows["| `addons-karpenter`"][-1]
    assert "`elasticloadbalancing:DeleteLoadBalancer`" in rows["| `addons-aws-load-balancer-controller`"][-1]
    assert rows["| `network-flow-log`"][1:] == ["its own, of logs", "nothing |"]


def test_it_says_who_needs_a_second_factor_and_for_how_long_a_session_lasts() -> None:
    (row,) = re.findall(r"^\| `break_glass` .*$", PAGE, flags=re.MULTILINE)
    assert "after a second factor (MFA)" in row
    assert PAGE.count("second factor (MFA)") == 1
    assert re.search(r"A session of [^.]*`break_glass`\slasts\s1\sh\sat\smost\.", PAGE)


def test_it_leads_to_every_page_about_the_platform_and_the_readme_leads_to_it() -> None:
    linked = set(re.findall(r"\]\(([\w-]+\.md)", PAGE))
    assert {path.name for path in DOCS.glob("platform-*.md")} | {"environments.md", "policies.md", "plan-guard.md"} <= linked
    assert "(docs/platform.md)" in (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([\w-]+\.md#[\w-]+)\)", PAGE))))
def test_its_links_into_pages_find_their_headings(link: str) -> None:
    page, _, anchor = link.partition("#")
    headings = re.findall(r"^#+ (.*)$", (DOCS / page).read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert anchor in {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
