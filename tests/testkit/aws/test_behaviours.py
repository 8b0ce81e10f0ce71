"""The faithfulness tables claim only what a test shows, and the document says what they say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mlgate_testkit.aws.behaviours import BEHAVIOURS, document
from mlgate_testkit.aws.models import FUNCTIONS, MODELS

HERE = Path(__file__).parent
PAGE = HERE.parents[2] / "docs" / "testkit-aws.md"


@pytest.mark.parametrize("token", MODELS)
def test_every_type_has_behaviours_of_its_own(token: str) -> None:
    assert BEHAVIOURS[token], "say what it does beyond what every type does, with source and test"


@pytest.mark.parametrize("owner", BEHAVIOURS)
def test_every_behaviour_has_a_source_and_a_test_that_exists(owner: str) -> None:
    for behaviour in BEHAVIOURS[owner]:
        assert behaviour.does
        assert behaviour.source
        for cited in (behaviour.test, *behaviour.also):
            file, _, test = cited.partition("::")
            assert re.search(rf"^def {test}\(", (HERE / file).read_text(), re.MULTILINE), cited


def test_the_page_has_the_tables_of_the_code() -> None:
    text = PAGE.read_text()
    assert document(text) == text, "run: python -m mlgate_testkit.aws.behaviours docs/testkit-aws.md"


def test_the_page_begins_with_every_type_and_function() -> None:
    listed = PAGE.read_text().partition("## Is my type simulated?")[2].partition("\n## ")[0]
    for token in MODELS:
        module, _, name = token.removeprefix("aws:").rpartition(":")
        assert re.search(rf"^- `aws\.{module.split('/')[0]}`: .*\b{name}\b", listed, re.MULTILINE), token
    for token in FUNCTIONS:
        assert f"{token.rpartition(':')[2]}`" in listed


def test_a_document_without_markers_is_told_so() -> None:
    with pytest.raises(ValueError, match="no <!-- begin"):
        document("# Simulated AWS")


def test_tables_are_about_types_and_functions_that_exist() -> None:
    assert set(BEHAVIOURS) - {"every type"} <= set(MODELS) | set(FUNCTIONS)
