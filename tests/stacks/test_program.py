import ast
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]


def test_the_program_stays_a_page_on_the_public_api():
    text = (ROOT / "stacks" / "__main__.py").read_text()
    assert len(text.splitlines()) < 100
    imported = {node.module.split(".")[0] for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ImportFrom)}
    assert imported == {"pathlib", "mlgate", "mlgate_components"}


def test_the_project_says_nothing_that_belongs_to_one_environment_or_machine():
    project = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())
    assert (project["main"], project["stackConfigDir"]) == ("stacks/", "stacks")
    assert "backend" not in project
    assert "Pulumi.local.yaml" in (ROOT / ".gitignore").read_text()
