"""What may be a program of a stack, and what is said of what may not."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlgate import StackError, UsageError
from mlgate_testkit.engine.configuration import merged, read_configuration
from mlgate_testkit.engine.program import Program

FACTOR = 6


def alone():
    import pathlib

    pathlib.Path("made").write_text(str(sum(number for number in range(4))))


def of_its_module():
    return FACTOR


def in_a_class_of_it():
    class Inner:
        size = FACTOR

    return Inner


def with_parameter(_size):
    pass


async def later():
    pass


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "infra"
    made.mkdir()
    return made


def run(program):
    """The program's main, as the language host runs it."""
    return subprocess.run([sys.executable, "__main__.py"], cwd=program.folder, capture_output=True, text=True, check=False)


def test_a_project_runs_where_it_lies(folder, tmp_path):
    (folder / "Pulumi.yaml").write_text("name: shop\nruntime: python\nstackConfigDir: stacks\n")
    found = Program.find(folder, tmp_path / "work")
    assert found == Program(folder, "shop", folder / "stacks", runs_in=folder)
    assert not (tmp_path / "work").exists()


@pytest.mark.parametrize("main", ["program", "program/", "program/__main__.py"])
def test_the_main_program_of_a_project_is_that_project(folder, tmp_path, main):
    (folder / "program").mkdir()
    (folder / "program" / "__main__.py").write_text("")
    (folder / "Pulumi.yaml").write_text(f"name: shop\nruntime: python\nmain: {main}\n")
    found = Program.find(folder / "program", tmp_path / "work")
    assert (found.folder, found.runs_in) == (folder, folder / "program")


AS_NEW = """\
name: shop
runtime:
  name: python
  options:
    toolchain: pip
    virtualenv: venv
"""


def test_the_virtual_environment_that_a_project_names_is_asked_for_where_it_is_missing(folder, tmp_path):
    (folder / "Pulumi.yaml").write_text(AS_NEW)
    with pytest.raises(UsageError, match="runs in the virtual environment 'venv', and there is none") as refused:
        Program.find(folder, tmp_path / "work")
    assert refused.value.where == str(folder / "Pulumi.yaml")
    assert f"`python -m venv {folder}/venv && {folder}/venv/bin/pip install -r {folder}/requirements.txt`" in refused.value.remedy


@pytest.mark.parametrize("named", ["venv", "absolute"])
def test_the_virtual_environment_that_a_project_names_is_found(folder, tmp_path, named):
    place = folder / "venv" if named == "venv" else tmp_path / "elsewhere"
    (place / "bin").mkdir(parents=True)
    (place / "bin" / "python").touch()
    (folder / "Pulumi.yaml").write_text(AS_NEW.replace("venv\n", f"{named if named == 'venv' else place}\n"))
    assert Program.find(folder, tmp_path / "work").virtualenv == place


@pytest.mark.parametrize("runtime", ["python", "{name: python}", "{name: python, options: {toolchain: pip}}"])
def test_a_project_that_names_no_virtual_environment_runs_where_the_tests_do(folder, tmp_path, runtime):
    (folder / "Pulumi.yaml").write_text(f"name: shop\nruntime: {runtime}\n")
    assert Program.find(folder, tmp_path / "work").virtualenv is None


def test_a_folder_without_a_project_runs_in_place(folder, tmp_path):
    (folder / "__main__.py").write_text("import beside, pathlib\npathlib.Path('made').write_text(__file__ + __name__)\n")
    (folder / "beside.py").write_text("")
    found = Program.find(folder, tmp_path / "work")
    assert found.project == "program"
    assert run(found).returncode == 0
    assert (folder / "made").read_text() == f"{folder}/__main__.py__main__"
    assert not list(folder.glob("Pulumi*"))


def test_a_file_is_a_program(folder, tmp_path):
    (folder / "buckets.py").write_text("open('made', 'w').write(__name__)\n")
    assert run(Program.find(folder / "buckets.py", tmp_path / "work")).returncode == 0
    assert (folder / "made").read_text() == "__main__"


def test_a_function_runs_from_its_source(tmp_path):
    found = Program.find(alone, tmp_path)
    assert run(found).returncode == 0
    assert (found.folder / "made").read_text() == "6"


def test_an_error_in_a_function_names_the_line_of_the_test(tmp_path):
    def failing():
        raise RuntimeError("here")

    found = Program.find(failing, tmp_path)
    line = failing.__code__.co_firstlineno + 1
    assert f'{__file__}", line {line}, in failing' in run(found).stderr


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda: None, "no function with a name"),
        (print, "no function with a name"),
        (of_its_module, "uses FACTOR of its module"),
        (in_a_class_of_it, "uses FACTOR of its module"),
        (with_parameter, "has parameters"),
        (later, "coroutine"),
        (pytest.fixture(name="x")(alone), "no function with a name"),
    ],
)
def test_a_function_that_cannot_stand_alone_is_refused_with_the_reason(tmp_path, function, words):
    with pytest.raises(UsageError, match=words) as refused:
        Program.find(function, tmp_path)
    assert refused.value.remedy


def test_a_function_that_uses_what_is_around_it_is_refused(tmp_path):
    outer = 3

    def inner():
        return outer

    with pytest.raises(UsageError, match="uses outer of its module or of a function around it"):
        Program.find(inner, tmp_path)


def test_a_program_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UsageError, match="there is no program infar"):
        Program.find("infar", tmp_path)
    with pytest.raises(UsageError, match=r"neither Pulumi\.yaml nor __main__\.py"):
        Program.find(tmp_path, tmp_path / "work")


@pytest.mark.parametrize("text", ["name: [", "runtime: python", "- name", "\udcff"])
def test_a_project_file_that_is_none_is_named(folder, tmp_path, text):
    (folder / "Pulumi.yaml").write_bytes(text.encode("utf-8", errors="surrogateescape"))
    with pytest.raises(StackError, match=r"Pulumi\.yaml"):
        Program.find(folder, tmp_path / "work")


def test_what_the_test_says_lies_over_the_stack_file(folder):
    file = folder / "Pulumi.prod.yaml"
    file.write_text("config:\n  shop:size: 3\n  aws:region: eu-west-1\n  shop:password:\n    secure: v1:abc\n")
    own = read_configuration(file)
    found = merged(own, {"size": 5, "aws:region": "us-west-2"}, ["password"], project="shop", file=file)
    assert found == {"shop:size": 5, "aws:region": "us-west-2"}


def test_none_takes_a_key_away():
    assert merged({"shop:size": 3, "shop:kind": "a"}, {"size": None}, [], project="shop", file=None) == {"shop:kind": "a"}


@pytest.mark.parametrize("value", [{"secure": "v1:abc"}, {"inner": [{"secure": "v1:abc"}]}])
def test_a_secret_of_somebody_elses_key_is_asked_for(folder, value):
    with pytest.raises(UsageError, match="shop:password is encrypted there") as refused:
        merged({"shop:password": value}, {}, [], project="shop", file=folder / "Pulumi.prod.yaml")
    assert "secrets={'shop:password'" in refused.value.remedy


@pytest.mark.parametrize("text", ["config: [", "- config", "config: 3", "config: [1]"])
def test_a_stack_file_that_is_none_is_named(folder, text):
    (folder / "Pulumi.prod.yaml").write_text(text)
    with pytest.raises(StackError, match=r"Pulumi\.prod\.yaml"):
        read_configuration(folder / "Pulumi.prod.yaml")


@given(st.dictionaries(st.text("ab:", min_size=1), st.integers()), st.dictionaries(st.text("ab:", min_size=1), st.integers()))
def test_every_value_of_the_test_wins_and_no_other_is_lost(own, given_):
    own = {key if ":" in key else f"shop:{key}": value for key, value in own.items()}
    found = merged(own, given_, [], project="shop", file=None)
    assert found == {**own, **{key if ":" in key else f"shop:{key}": value for key, value in given_.items()}}
