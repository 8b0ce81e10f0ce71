"""What the model store must hold of a release that gets the traffic again."""

import zipfile

import pytest

from mlgate import EvidenceError, Release
from mlgate.digests import digest_file
from mlgate_components.local.store import store
from mlgate_delivery.store import require_servable
from mlgate_evidence.history import Promotion
from mlgate_serving.runtime import configuration_digest


@pytest.fixture
def folder(environment, packed, declare):
    """Where release 1 lies in the store."""
    return store(environment, packed("1"), declare())


@pytest.fixture
def former(digest_of, service):
    """The promotion of release 1."""
    configuration = configuration_digest(service.name, service.serving)
    return Promotion("toy", "local", digest_of("1"), configuration, "attempt", "sha256:" + "0" * 64, "ada", 0)


def test_a_release_that_was_stored_can_be_served_again(environment, folder, former):
    require_servable(environment, former)


def test_one_whose_archive_was_altered_together_with_its_digest_cannot_as_no_update_would_take_it(environment, folder, former):
    with zipfile.ZipFile(folder / "toy-1.mar", "a") as members:
        members.writestr("extra.py", "print('hello')")
    forged = Release.read(folder).model_copy(update={"archive_digest": digest_file(folder / "toy-1.mar")})
    (folder / "release.json").write_text(forged.model_dump_json())
    with pytest.raises(EvidenceError, match=r"cannot be served again: .*extra\.py in the archive is"):
        require_servable(environment, former)


def test_another_release_in_its_place_is_named(environment, folder, former, packed, digest_of):
    for path in packed("2").iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    with pytest.raises(EvidenceError, match=f"cannot be served again: {folder} holds {digest_of('2')}"):
        require_servable(environment, former)


def test_a_declaration_that_was_edited_is_named(environment, folder, former, declare):
    declaration = environment.declaration_file(former.release, former.configuration)
    declaration.write_text(declare(workers=2).read_text())
    with pytest.raises(EvidenceError, match=f"{declaration} is not what it was promoted with"):
        require_servable(environment, former)
