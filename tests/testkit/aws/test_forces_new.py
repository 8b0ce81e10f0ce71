"""What needs a new resource is what the real provider says, which was written down apart from our models."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlgate_testkit.aws.arguments import argument_names
from mlgate_testkit.aws.models import MODELS

PAGE = Path(__file__).parents[3] / "docs" / "testkit-aws.md"
SAID = json.loads(Path(__file__).with_name("forces_new.json").read_text())


@pytest.mark.parametrize("token", MODELS)
def test_what_needs_a_new_one_is_what_the_real_provider_says(token: str) -> None:
    model = MODELS[token]
    ours = model.forces_new | set(model.name.instead if model.name else ())
    differences = SAID["differences"].get(token, {})
    theirs = set(SAID["types"][token])
    assert ours ^ theirs == set(differences), "correct the model, or say why it differs"
    assert all(differences.values())


@pytest.mark.parametrize("token", MODELS)
def test_the_old_one_goes_first_where_the_real_provider_says_so(token: str) -> None:
    assert MODELS[token].replace_first == (token in SAID["old_one_first"])


@pytest.mark.parametrize("token", SAID["only_sometimes"])
def test_what_forces_a_new_one_only_sometimes_is_an_argument_that_ours_changes_in_place(token: str) -> None:
    said = set(SAID["only_sometimes"][token])
    assert {path.partition(".")[0] for path in said} <= set(argument_names(token))
    assert not said & MODELS[token].forces_new


@pytest.mark.parametrize("said", ["only_sometimes", "differences"])
def test_the_page_names_what_forces_a_new_one_otherwise_than_with_the_real_provider(said: str) -> None:
    told = PAGE.read_text().partition("## What is not simulated")[2].partition("\n## ")[0]
    for token, paths in SAID[said].items():
        module, _, name = token.removeprefix("aws:").rpartition(":")
        after = told.split(f"`{module.split('/')[0]}.{name}`")[1:]
        assert all(any(f"`{path}`" in part.partition(";")[0] for part in after) for path in paths), token


def test_it_was_written_down_for_every_type_with_its_source() -> None:
    assert set(SAID["types"]) == set(MODELS)
    assert set(SAID["differences"]) <= set(MODELS)
    assert "terraform-provider-aws" in SAID["source"]
    assert SAID["date"]
