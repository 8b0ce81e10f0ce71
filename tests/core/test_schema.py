"""The published JSON Schema takes what is read and refuses what an editor should mark: whoever types by it types a declaration."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

ROOT = Path(__file__).parents[2]
PUBLISHED = json.loads((ROOT / "docs" / "service.schema.json").read_text(encoding="utf-8"))


@pytest.fixture
def declared(declaration: str) -> Any:
    """The declaration with every part in it, to vary."""
    return yaml.safe_load(declaration)


def marked(declared: Any) -> list[str]:
    """Where the schema objects, such as "load.rate"."""
    return [".".join(map(str, error.absolute_path)) for error in Draft202012Validator(PUBLISHED).iter_errors(declared)]


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(PUBLISHED)


def test_it_takes_the_example_and_a_declaration_with_every_part_in_it(declared: Any) -> None:
    assert marked(yaml.safe_load((ROOT / "examples" / "digits" / "service.yaml").read_text(encoding="utf-8"))) == []
    assert marked(declared) == []


def test_it_marks_an_unknown_key(declared: Any) -> None:
    declared["serving"]["wrkers"] = 2
    assert marked(declared) == ["serving"]


@pytest.mark.parametrize("objective", [0, 1], ids=["a time", "a share"])
def test_it_marks_a_bound_without_its_unit(declared: Any, objective: int) -> None:
    declared["objectives"][objective]["at_most"] = 200
    assert marked(declared) == [f"objectives.{objective}"]


def test_it_marks_a_rate_without_its_unit_and_a_missing_key(declared: Any) -> None:
    declared["load"]["rate"] = "200"
    del declared["metadata"]["owner"]
    assert sorted(marked(declared)) == ["load", "metadata"]
