from pathlib import Path

import pytest
import yaml

from mlgate import StackError
from mlgate_delivery.stackfile import StackFile


@pytest.fixture
def file(tmp_path):
    return StackFile(tmp_path / "Pulumi.local.yaml")


def test_a_service_is_written_and_read(file):
    file.set_service("toy", declaration="service.yaml", candidate="dist/toy-1", weight=None)
    assert file.services() == {"toy": {"declaration": "service.yaml", "candidate": "dist/toy-1"}}


def test_none_removes_a_value_and_what_is_not_named_stays(file):
    file.set_service("toy", declaration="service.yaml", candidate="dist/toy-1", port=8080)
    file.set_service("toy", candidate=None, stable="sha256:1")
    assert file.services() == {"toy": {"declaration": "service.yaml", "port": 8080, "stable": "sha256:1"}}


def test_other_services_other_keys_and_the_salt_stay(file):
    file.path.write_text("encryptionsalt: v1:abc\nconfig:\n  other:key: 1\n  mlgate:services:\n    faces: {declaration: f.yaml}\n")
    file.set_service("toy", declaration="service.yaml")
    content = yaml.safe_load(file.path.read_text())
    assert content["encryptionsalt"] == file.salt() == "v1:abc"
    assert content["config"]["other:key"] == 1
    assert file.services().keys() == {"faces", "toy"}


def test_nothing_written_means_nothing_configured(file):
    assert (file.salt(), file.services()) == (None, {})


@pytest.mark.parametrize("content", ["", "config:\n", "config: {mlgate:services: }\n"])
def test_empty_parts_of_the_file_are_as_good_as_missing(file, content):
    file.path.write_text(content)
    file.set_service("toy", declaration="service.yaml")
    assert file.services() == {"toy": {"declaration": "service.yaml"}}


@pytest.mark.parametrize("content", ["[toy]", "config: [toy]"])
def test_a_list_where_keys_should_be_is_refused_in_words(file, content):
    file.path.write_text(content)
    for reading in (file.salt, file.services, lambda: file.set_service("toy", weight=0), lambda: file.set_salt("v1:abc")):
        with pytest.raises(StackError, match=r"Pulumi\.local\.yaml: is no stack configuration"):
            reading()
    assert file.path.read_text() == content


def test_a_file_that_is_no_yaml_is_named(file):
    file.path.write_text("a: [")
    with pytest.raises(StackError, match=r"Pulumi\.local\.yaml"):
        file.services()


def test_the_salt_of_a_lost_file_can_be_put_back(file):
    file.set_service("toy", declaration="service.yaml")
    file.set_salt("v1:abc")
    assert file.salt() == "v1:abc"
    assert file.services() == {"toy": {"declaration": "service.yaml"}}


@pytest.mark.parametrize("services", ["[toy]", "{toy: 3}"])
def test_what_is_no_service_is_refused_and_kept(file, services):
    file.path.write_text(f"config: {{mlgate:services: {services}}}\n")
    with pytest.raises(StackError, match="mlgate:services"):
        file.set_service("toy", declaration="service.yaml")
    assert services in file.path.read_text()


def test_whoever_is_killed_while_writing_leaves_the_former_content_whole(file, monkeypatch):
    file.set_service("toy", declaration="service.yaml", stable="sha256:1")
    write_text = Path.write_text

    def killed_in_the_middle(path, content, **given):
        write_text(path, content[: len(content) // 2], **given)
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "write_text", killed_in_the_middle)
    with pytest.raises(KeyboardInterrupt):
        file.set_service("toy", stable="sha256:2")
    assert file.services() == {"toy": {"declaration": "service.yaml", "stable": "sha256:1"}}
