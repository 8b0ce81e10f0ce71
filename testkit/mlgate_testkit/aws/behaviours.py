"""What simulated AWS has and how faithful it is: its types, and a table of behaviours with the source of each and the test that shows it.

`python -m mlgate_testkit.aws.behaviours FILE` writes list and tables into a document, between the markers that say so.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from mlgate_testkit.aws.model import Behaviour, ResourceModel
from mlgate_testkit.aws.models import FUNCTIONS, MODELS

__all__ = ["BEHAVIOURS", "GENERAL", "document"]

_END = "<!-- end -->"
_BRIDGE = "pulumi-terraform-bridge, pkg/tfbridge"

GENERAL: tuple[Behaviour, ...] = (
    Behaviour(
        "an argument that the SDK does not know is refused in Check, with the nearest that it knows",
        f"{_BRIDGE}/provider.go, Check; the installed SDK's Args types",
        "test_every_type.py::test_a_misspelt_argument_names_the_nearest_right_one",
    ),
    Behaviour(
        "a required argument that is missing is refused in Check, inside of objects too",
        f"{_BRIDGE}/provider.go, Check; the installed SDK's Args types",
        "test_every_type.py::test_a_missing_required_argument_is_named",
    ),
    Behaviour(
        "a value of the wrong shape is refused in Check, by its place",
        f"{_BRIDGE}/provider.go, Check; the installed SDK's Args types",
        "test_properties.py::test_a_value_of_the_wrong_shape_is_named_by_its_place",
    ),
    Behaviour(
        "a value outside of its list is refused in Check, and so are arguments that do not go together",
        "documentation of each argument; terraform-plugin-sdk: ConflictsWith, ExactlyOneOf, ValidateFunc",
        "test_allowed.py::test_a_value_outside_of_its_list_is_refused_by_its_place",
        (
            "test_allowed.py::test_two_arguments_that_do_not_go_together_are_refused_by_the_second",
            "test_allowed.py::test_none_of_several_of_which_there_must_be_one_is_refused",
            "test_allowed.py::test_what_is_refused_is_what_the_real_provider_refuses",
        ),
    ),
    Behaviour(
        "without a name a resource is called like in the program, with a hyphen and seven hex digits; the name stays",
        f"{_BRIDGE}/names.go",
        "test_naming.py::test_a_resource_without_a_name_is_called_like_in_the_program_with_seven_digits",
        ("test_naming.py::test_an_automatic_name_stays_whatever_the_seed",),
    ),
    Behaviour(
        "a name of the program's own that does not change makes a replacement delete first",
        f"{_BRIDGE}/schema.go, nameRequiresDeleteBeforeReplace",
        "test_naming.py::test_a_replacement_under_a_name_of_the_programs_own_deletes_first",
        ("test_naming.py::test_a_name_of_the_programs_own_with_a_git_sha_is_no_automatic_one",),
    ),
    Behaviour(
        "a preview knows arguments, region and tagsAll; what only AWS knows is unknown",
        "terraform-plugin-sdk, schema: Computed",
        "test_properties.py::test_a_preview_knows_every_known_argument_and_no_computed_output",
    ),
    Behaviour(
        "nothing differs right after it was made, nor after a refresh",
        "terraform-plugin-sdk, acceptance tests: non-empty plan",
        "test_every_type.py::test_nothing_differs_right_after_it_was_made_nor_after_a_refresh",
    ),
    Behaviour(
        "a refresh shows what was changed by hand, and what is gone",
        f"{_BRIDGE}/provider.go, Read",
        "test_on_the_engine.py::test_what_was_changed_by_hand_is_seen_and_put_right",
        (
            "test_every_type.py::test_a_change_made_by_hand_is_seen_by_a_refresh",
            "test_every_type.py::test_it_is_gone_after_a_delete_and_deleting_it_again_is_no_error",
        ),
    ),
    Behaviour(
        "every type can be imported",
        "documentation of each resource, Import",
        "test_every_type.py::test_it_can_be_imported_by_its_id",
    ),
    Behaviour(
        "what is made but not finished is kept, and finished by the next run",
        f"{_BRIDGE}/provider.go, initializationError",
        "test_on_the_engine.py::test_a_create_that_is_half_done_is_kept_and_finished_by_the_next_run",
    ),
    Behaviour(
        "throttling is retried 25 times (maxRetries), then told in AWS's words; nothing here waits",
        "provider configuration, maxRetries; aws-sdk-go-v2",
        "test_controls.py::test_throttling_beyond_it_is_told_in_awss_words",
        ("test_controls.py::test_throttling_within_the_providers_patience_is_not_noticed",),
    ),
    Behaviour(
        "defaultTags reach every resource that has tags, ignoreTags hides tags, other default tags are a difference",
        "provider configuration; terraform-provider-aws, internal/tags",
        "test_config.py::test_default_tags_reach_the_cloud_and_the_resources_own_win",
        (
            "test_config.py::test_ignored_tags_are_neither_read_nor_drift",
            "test_config.py::test_other_default_tags_are_a_difference_of_every_resource",
        ),
    ),
    Behaviour(
        "a region that does not exist, a setting that does not, and an account that is not allowed are refused",
        "provider configuration",
        "test_config.py::test_a_region_that_does_not_exist_is_refused",
        (
            "test_config.py::test_a_setting_that_does_not_exist_names_the_nearest",
            "test_config.py::test_another_account_than_allowed_is_refused",
        ),
    ),
    Behaviour(
        "a resource's own region is where it lives; another one is a new resource",
        "pulumi-aws 7, enhanced region support",
        "test_config.py::test_a_resource_lives_in_its_own_region_and_moves_only_as_a_new_one",
    ),
)

BEHAVIOURS: dict[str, tuple[Behaviour, ...]] = {
    "every type": GENERAL,
    **{token: model.behaviours for token, model in MODELS.items()},
    **{token: function.behaviours for token, function in FUNCTIONS.items() if function.behaviours},
}


def document(text: str) -> str:
    """The document with its generated parts brought up to date. Raises ValueError where the markers of one are missing."""
    for part, lines in {"types": _list(), "tables": [*_behaviours(), "", *_types()]}.items():
        begin = f"<!-- begin {part}: python -m mlgate_testkit.aws.behaviours -->"
        head, found, rest = text.partition(begin)
        _, end, tail = rest.partition(_END)
        if not found or not end:
            raise ValueError(f"no {begin} ... {_END}")
        text = "\n".join([f"{head}{begin}", "", *lines, "", f"{_END}{tail}"])
    return text


def _list() -> Iterator[str]:
    services: dict[str, list[str]] = {}
    for token in MODELS:
        service, _, name = _plain(token).partition(".")
        services.setdefault(service, []).append(name)
    for service, names in sorted(services.items()):
        yield f"- `aws.{service}`: {', '.join(sorted(names))}"
    yield f"- functions: {', '.join(sorted(map(_short, FUNCTIONS)))}"


def _behaviours() -> Iterator[str]:
    yield "| of | behaviour | source | shown by |"
    yield "|---|---|---|---|"
    for owner, behaviours in BEHAVIOURS.items():
        for each in behaviours:
            tests = ", ".join(f"`{test.partition('::')[2]}`" for test in (each.test, *each.also))
            yield f"| {_short(owner)} | {_cell(each.does)} | {_cell(each.source)} | {tests} |"


def _types() -> Iterator[str]:
    yield "| type | a change needs a new one | kept in state, without effect or never read back | not simulated |"
    yield "|---|---|---|---|"
    for token, model in MODELS.items():
        yield f"| {_short(token)} | {_names(_fixed(model))} | {_names(model.state_only)} | {_names(model.absent)} |"


def _fixed(model: ResourceModel) -> frozenset[str]:
    return model.forces_new | set(model.name.instead if model.name else ())


def _short(owner: str) -> str:
    return f"`{_plain(owner)}`" if ":" in owner else owner


def _plain(token: str) -> str:
    """ "aws:s3/bucket:Bucket" as a program writes it: s3.Bucket."""
    module, _, name = token.rpartition(":")
    return f"{module.removeprefix('aws:').split('/')[0]}.{name}".removeprefix("index.")


def _names(names: frozenset[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names))


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(document(path.read_text()))
