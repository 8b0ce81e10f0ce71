"""Configuration that a test gives lies over the project's own, as for a stack of the engine; what is misspelt does not pass for given."""

import warnings
from pathlib import Path

import pulumi
import pytest

from mlgate.errors import UsageError
from mlgate_testkit.record import Secret, record


def retention() -> None:
    pulumi.export("days", pulumi.Config().get_int("retention_days") or 30)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with one stack, which keeps logs for 90 days."""
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\nconfig:\n  size: {default: 1}\n")
    (tmp_path / "Pulumi.prod.yaml").write_text('config: {"shop:retention_days": "90", "shop:token": {secure: x}}\n')
    main = (
        "import pulumi\nc = pulumi.Config()\npulumi.export('days', c.get_int('retention_days'))\npulumi.export('t', c.get_secret('token'))"
    )
    (tmp_path / "__main__.py").write_text(main)
    return tmp_path


def test_secrets_are_given_with_their_values_and_need_no_other_word():
    def program() -> None:
        pulumi.export("seen", pulumi.Config().require_secret("password"))

    graph = record(program, secrets={"password": "hunter2"})
    assert graph.outputs == {"seen": Secret("hunter2")}
    assert graph.config == {"program:password": Secret("hunter2")}


def test_names_of_secrets_alone_are_refused_with_what_is_taken():
    with pytest.raises(UsageError, match=r"secrets is \['password'\], and it takes keys with their values"):
        record(lambda: None, config={"password": "x"}, secrets=["password"])


def test_what_a_test_gives_lies_over_the_file_of_the_stack_and_none_takes_away(project):
    assert record(project, stack="prod").outputs == {"days": 90, "t": Secret("<config shop:token>")}
    assert record(project, stack="prod", config={"retention_days": 7, "token": "x"}).outputs == {"days": 7, "t": Secret("x")}
    assert record(project, stack="prod", config={"shop:retention_days": None}, secrets={"token": None}).outputs == {}


def test_what_has_no_project_is_called_as_the_engines_side_calls_it():
    graph = record(retention, config={"program:retention_days": 3})
    assert (graph.project, graph.outputs) == ("program", {"days": 3})


@pytest.mark.parametrize("given", ["retentoin_days", "retention-day", "retentionDays"])
def test_a_misspelt_key_is_named_with_the_one_that_the_program_reads(given):
    with pytest.raises(UsageError, match=f"program:{given} is given, and nothing reads it\n.*is 'program:retention_days' meant"):
        record(retention, config={given: 3})


def test_a_misspelt_key_is_named_where_the_program_requires_it_as_well():
    with pytest.raises(pulumi.ConfigMissingError, match="'program:password'") as refused:
        record(lambda: pulumi.Config().require("password") and None, secrets={"pasword": "x"})
    assert refused.value.__notes__[0].endswith("or is 'program:pasword' meant?")


@pytest.mark.parametrize(("method", "table"), [("require", "config"), ("require_secret", "secrets")])
def test_a_value_that_is_missing_is_told_with_how_a_recording_is_given_it(project, method, table):
    (project / "__main__.py").write_text(f"import pulumi\npulumi.Config().{method}('retention_dayz')\n")
    with pytest.raises(pulumi.ConfigMissingError) as caught:
        record(project, stack="prod")
    given = f"record(..., {table}={{'retention_dayz': ...}})"
    assert caught.value.__notes__ == [f"in a recording a test gives it: {given}; or is 'shop:retention_days' meant?"]


def test_a_key_that_is_only_given_in_the_wrong_namespace_is_misspelt_too():
    with pytest.raises(UsageError, match=r"program:region is given, and nothing reads it\n.*is 'aws:region' meant"):
        record(lambda: pulumi.Config("aws").get("region") and None, config={"region": "eu-west-1"})


def test_a_program_that_fails_for_another_reason_fails_with_that():
    def program() -> None:
        raise RuntimeError(f"no bucket in {pulumi.Config().get('bucket_names')}")

    with pytest.raises(RuntimeError, match="no bucket in None"):
        record(program, config={"bucket_name": "logs"})


def test_two_keys_of_which_both_may_be_meant_are_told_how_the_one_that_is_missing_is_given():
    def program() -> None:
        pulumi.export("least", pulumi.Config().require_int("min_replicas"))
        pulumi.export("most", pulumi.Config().require_int("max_replicas"))

    with pytest.raises(pulumi.ConfigMissingError, match="'program:min_replicas'") as refused:
        record(program, config={"max_replicas": 3})
    assert "a test gives it: record(..., config={'min_replicas': ...})" in refused.value.__notes__[0]
    assert record(program, config={"max_replicas": 3, "min_replicas": 2}).outputs == {"least": 2, "most": 3}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"colour": "red"}, "program:colour is given, and nothing reads it"),
        ({"retention_day": 3, "retention_days": 3}, "program:retention_day is given, .* is 'program:retention_days' meant"),
        ({"retention_day": None, "retention_days": 3}, "program:retention_day is given"),
        ({"other:retention_days": 3}, "other:retention_days is given, .* is 'program:retention_days' meant"),
        ({"aws:regoin": "x"}, "aws:regoin is given, and neither the program nor the provider of aws reads it.* is 'aws:region' meant"),
    ],
)
def test_a_key_that_nothing_reads_is_refused_with_the_nearest_and_those_that_are_read(given, said):
    with pytest.raises(UsageError, match=rf"(?s){said}.*the program reads program:retention_days"):
        record(retention, config=given)


def test_a_secret_that_nothing_reads_is_refused_too():
    with pytest.raises(UsageError, match=r"program:password is given.*\n.*leave it out: the program reads no key at all"):
        record(lambda: None, secrets={"password": "x"})


@pytest.mark.parametrize("key", ["aws:region", "aws:defaultTags", "kubernetes:context", "pulumi:disable-default-providers"])
def test_what_a_provider_or_the_engine_reads_may_be_given(key):
    assert record(retention, config={key: "x"}).outputs == {"days": 30}


def test_what_the_projects_own_files_say_need_not_be_read(project):
    assert "shop:size" in record(project, stack="prod").config
    with pytest.raises(UsageError, match="shop:size is given, and nothing reads it"):
        record(project, stack="prod", config={"size": 2})


def test_a_misspelt_stack_is_doubted_with_the_nearest_that_has_a_file(project):
    with pytest.warns(UserWarning, match=r"there is no Pulumi\.prdo\.yaml in .*: is 'prod' meant\?") as caught:
        assert record(project, stack="prdo").outputs == {}
    assert caught[0].filename == __file__


@pytest.mark.parametrize("stack", ["prod", "test", "review"])
def test_a_stack_that_has_a_file_or_is_like_none_that_has_is_taken_as_it_is(project, stack):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert record(project, stack=stack).stack == stack


def test_a_folder_that_is_not_there_is_refused_with_where_paths_start():
    with pytest.raises(UsageError, match="relative paths start where pytest was started"):
        record("no-such-folder/")
