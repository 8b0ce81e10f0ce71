import zipfile
from pathlib import Path

import pytest

from mlgate import EvidenceError, Release, Service
from mlgate.digests import digest_file
from mlgate_components.local.store import discard, is_stored, store
from mlgate_serving.archive import require_whole
from mlgate_serving.runtime import configuration_digest


def flip_a_byte(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_a_stored_release_is_the_packed_one_with_its_declaration(environment, packed, declare):
    folder = packed("1")
    target = store(environment, folder, declare())
    release = Release.read(folder)
    assert target == environment.release_folder(release.digest)
    declaration = environment.declaration_file(release.digest, configuration_digest("toy", Service.read(declare()).serving))
    assert sorted(path.name for path in target.iterdir()) == ["release.json", declaration.name, "toy-1.mar"]
    assert declaration.read_bytes() == declare().read_bytes()
    assert (target / "toy-1.mar").read_bytes() == (folder / "toy-1.mar").read_bytes()
    assert is_stored(environment, release.digest)


def test_an_archive_with_a_flipped_byte_is_refused_with_file_and_both_digests(environment, packed, declare):
    folder = packed("1")
    was = Release.read(folder).archive_digest
    flip_a_byte(folder / "toy-1.mar")
    with pytest.raises(EvidenceError) as raised:
        store(environment, folder, declare())
    assert str(folder / "toy-1.mar") in str(raised.value)
    assert was in str(raised.value)
    assert digest_file(folder / "toy-1.mar") in str(raised.value)
    assert not list(environment.releases.glob("*"))


def test_an_archive_that_was_replaced_together_with_its_digest_is_refused_by_its_files(environment, packed, declare):
    folder = packed("1")
    archive = folder / "toy-1.mar"
    with zipfile.ZipFile(archive, "a") as members:
        members.writestr("extra.py", "print('hello')")
    release = Release.read(folder).model_copy(update={"archive_digest": digest_file(archive)})
    (folder / "release.json").write_text(release.model_dump_json())
    with pytest.raises(EvidenceError, match=r"extra\.py in the archive is sha256:.* but release\.json says no such file"):
        store(environment, folder, declare())


def test_a_missing_archive_is_named(packed):
    folder = packed("1")
    (folder / "toy-1.mar").unlink()
    with pytest.raises(EvidenceError, match=r"toy-1\.mar"):
        require_whole(folder)


def test_a_damaged_stored_release_counts_as_missing_and_is_stored_anew_beside_its_declarations(environment, packed, declare):
    folder = packed("1")
    target = store(environment, folder, declare(workers=3))
    flip_a_byte(target / "toy-1.mar")
    digest = Release.read(folder).digest
    assert not is_stored(environment, digest)
    store(environment, folder, declare())
    assert is_stored(environment, digest)
    assert len(list(target.glob("service-*.yaml"))) == 2


@pytest.mark.parametrize("replaced", ["nothing", "the archive"])
def test_a_copy_that_is_killed_while_it_replaces_a_damaged_release_loses_no_declaration(
    environment, packed, declare, monkeypatch, replaced
):
    folder = packed("1")
    digest = Release.read(folder).digest
    target = store(environment, folder, declare(workers=3))
    declarations = set(target.glob("service-*.yaml"))
    flip_a_byte(target / "toy-1.mar")
    move = Path.replace

    def killed(path, to):
        if path.suffix == ".mar" and replaced == "the archive":
            return move(path, to)
        raise KeyboardInterrupt

    with monkeypatch.context() as killing:
        killing.setattr(Path, "replace", killed)
        killing.setattr(Path, "rename", killed)
        with pytest.raises(KeyboardInterrupt):
            store(environment, folder, declare())
    assert set(target.glob("service-*.yaml")) == declarations
    store(environment, folder, declare())
    assert is_stored(environment, digest)
    assert set(target.glob("service-*.yaml")) > declarations


def test_another_configuration_lies_beside_the_first_and_leaves_the_archive(environment, packed, declare):
    folder = packed("1")
    target = store(environment, folder, declare())
    written = (target / "toy-1.mar").stat().st_mtime_ns
    store(environment, folder, declare(workers=3))
    declared = sorted(Service.read(path).serving.workers for path in target.glob("service-*.yaml"))
    assert declared == [1, 3]
    assert (target / "toy-1.mar").stat().st_mtime_ns == written


def test_what_a_killed_copy_left_is_never_taken_for_a_release_and_goes_with_it(environment, packed, declare):
    folder = packed("1")
    digest = Release.read(folder).digest
    leftover = environment.releases / f".{environment.release_folder(digest).name}.abc"
    leftover.mkdir(parents=True)
    assert not is_stored(environment, digest)
    store(environment, folder, declare())
    discard(environment, digest)
    assert not list(environment.releases.iterdir())


def test_discarding_what_is_not_there_is_no_error(environment):
    digest = f"sha256:{'0' * 64}"
    discard(environment, digest)
    assert not is_stored(environment, digest)
