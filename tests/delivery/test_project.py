import pytest

from mlgate import StackError, local
from mlgate_delivery.project import Project


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "Pulumi.yaml").write_text("name: mlgate\nruntime: python\n")
    (tmp_path / "examples" / "digits").mkdir(parents=True)
    return tmp_path


def test_the_project_is_found_from_any_folder_inside(folder):
    assert Project.find(folder / "examples" / "digits") == Project(folder, "mlgate", stack_files=folder)


def test_the_configuration_of_its_stacks_lies_where_pulumi_looks_for_it(folder):
    (folder / "Pulumi.yaml").write_text("name: mlgate\nruntime: python\nstackConfigDir: stacks\n")
    assert Project.find(folder).stack_files == folder / "stacks"


def test_every_folder_of_a_project_means_one_environment(folder, monkeypatch, tmp_path_factory):
    monkeypatch.delenv("MLGATE_HOME", raising=False)
    for inside in (folder, folder / "examples" / "digits"):
        monkeypatch.chdir(inside)
        assert local().home == folder / ".mlgate" / "local"
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    monkeypatch.chdir(elsewhere)
    assert local().home == elsewhere / ".mlgate" / "local"


def test_no_project_above_is_said_with_what_to_do(tmp_path):
    with pytest.raises(StackError, match="there is no Pulumi") as raised:
        Project.find(tmp_path)
    assert raised.value.remedy


@pytest.mark.parametrize("content", ["name: [", "runtime: python", "[]"])
def test_a_project_without_a_name_is_refused(folder, content):
    (folder / "Pulumi.yaml").write_text(content)
    with pytest.raises(StackError, match=r"Pulumi\.yaml"):
        Project.find(folder)


def test_paths_inside_are_spelt_from_the_project_and_others_in_full(folder, tmp_path_factory):
    project = Project.find(folder)
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    assert project.spelt(folder / "examples" / "digits" / "service.yaml") == "examples/digits/service.yaml"
    assert project.spelt(elsewhere) == str(elsewhere)
