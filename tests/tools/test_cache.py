"""A slot of the cache is whole or not there, whatever ends the run that fills it."""

import errno
import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import given, settings
from hypothesis import strategies as st

from mlgate.errors import ToolError
from mlgate_tools import cache as cache_module
from mlgate_tools.cache import Slot, find_installed, install, require_room


def slot_in(folder: Path, name: str = "tool") -> Slot:
    return Slot(name=name, version="1.2.3", platform="linux-x64", root=folder / "tools")


def fill_one_file(folder: Path, workspace: Path) -> str:
    (workspace / "object").write_bytes(b"x" * 100)
    (folder / "bin").mkdir()
    (folder / "bin" / "program").write_text("the whole program")
    return "somewhere"


def never(_folder: Path, _workspace: Path) -> str:
    raise AssertionError("filled again")


def left_in(slot: Slot) -> set[str]:
    """What lies in the cache besides locks."""
    return {path.name for path in slot.root.iterdir() if path.suffix != ".lock"}


def test_a_slot_is_filled_once_and_then_found(tmp_path: Path, said: list[str]) -> None:
    slot = slot_in(tmp_path)
    assert find_installed(slot) is None
    installed = install(slot, fill_one_file, said.append)
    assert installed.source == "somewhere"
    assert install(slot, never, said.append) == installed == find_installed(slot)
    assert (slot.folder / "bin" / "program").read_text() == "the whole program"
    assert left_in(slot) == {slot.folder.name}


def test_a_slot_is_invisible_until_it_is_whole(tmp_path: Path, said: list[str]) -> None:
    slot = slot_in(tmp_path)

    def look_while_filling(folder: Path, workspace: Path) -> str:
        source = fill_one_file(folder, workspace)
        assert not slot.folder.exists()
        return source

    install(slot, look_while_filling, said.append)
    assert slot.folder.exists()


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), ToolError("the build failed"), RuntimeError("a bug")], ids=lambda error: type(error).__name__
)
def test_a_fill_that_ends_early_leaves_nothing(tmp_path: Path, said: list[str], error: BaseException) -> None:
    slot = slot_in(tmp_path)

    def interrupted(folder: Path, workspace: Path) -> str:
        fill_one_file(folder, workspace)
        raise error

    with pytest.raises(type(error)):
        install(slot, interrupted, said.append)
    assert left_in(slot) == set()
    assert install(slot, fill_one_file, said.append).source == "somewhere"


def test_a_full_disk_names_the_place_and_both_remedies(tmp_path: Path, said: list[str]) -> None:
    slot = slot_in(tmp_path)

    def fill_the_disk(folder: Path, workspace: Path) -> str:
        fill_one_file(folder, workspace)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder / "bin"))

    with pytest.raises(ToolError) as caught:
        install(slot, fill_the_disk, said.append)
    assert "tool 1.2.3 failed: the disk is full" in str(caught.value)
    assert str(tmp_path) in caught.value.where
    assert "free room" in caught.value.remedy
    assert "MLGATE_CACHE" in caught.value.remedy
    assert left_in(slot) == set()


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path, said: list[str]) -> None:
    (tmp_path / "tools").write_text("a file where the folder should be")
    with pytest.raises(ToolError, match="cannot be written") as caught:
        install(slot_in(tmp_path), never, said.append)
    assert caught.value.where == str(tmp_path / "tools")
    assert "set MLGATE_CACHE" in caught.value.remedy


def test_too_little_room_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match=r"the build takes 1000000000\.0 GB for a while"):
        require_room(tmp_path, 10**18, "the build")
    require_room(tmp_path, 1, "the build")


@contextmanager
def being_filled(slot: Slot, said: list[str]) -> Iterator[Callable[[str], None]]:
    """Another thread fills the slot until somebody says, by what is given here, that they wait for it."""
    filling, go_on = threading.Event(), threading.Event()

    def slowly(folder: Path, workspace: Path) -> str:
        filling.set()
        assert go_on.wait(30)
        return fill_one_file(folder, workspace)

    first = threading.Thread(target=install, args=(slot, slowly, lambda _line: None))
    first.start()
    assert filling.wait(30)

    def said_waiting(line: str) -> None:
        said.append(line)
        go_on.set()

    yield said_waiting
    first.join()


def test_a_second_run_waits_says_for_whom_and_builds_nothing(tmp_path: Path, said: list[str]) -> None:
    slot = slot_in(tmp_path)
    with being_filled(slot, said) as said_waiting:
        installed = install(slot, never, said_waiting)
    assert installed.source == "somewhere"
    assert len(said) == 1
    assert f"another mlgate (process {os.getpid()}, since " in said[0]


def test_another_version_waits_too_and_one_lock_stays_for_both(tmp_path: Path, said: list[str]) -> None:
    slot = slot_in(tmp_path)
    newer = replace(slot, version="1.2.4")
    with being_filled(slot, said) as said_waiting:
        install(newer, fill_one_file, said_waiting)
    assert f"another mlgate (process {os.getpid()}, since " in said[0]
    assert left_in(slot) == {slot.folder.name, newer.folder.name}
    assert len(list(slot.root.glob("*.lock"))) == 1


def test_what_a_killed_run_left_is_removed_and_nothing_else(tmp_path: Path, said: list[str]) -> None:
    slot, other = slot_in(tmp_path), slot_in(tmp_path, "other")
    for owner in (slot, other):
        half = owner.root / f".{owner.folder.name}.partial-abc"
        (half / "folder" / "bin").mkdir(parents=True)
        (half / "folder" / "bin" / "program").write_text("half")
    install(slot, fill_one_file, said.append)
    assert left_in(slot) == {slot.folder.name, f".{other.folder.name}.partial-abc"}
    assert said == ["tool: removing what an interrupted run left behind"]


def test_a_run_killed_while_it_cleaned_up_is_cleaned_up_after(tmp_path: Path, said: list[str]) -> None:
    slot = slot_in(tmp_path)
    install(slot, fill_one_file, said.append)
    (slot.root / f".{slot.folder.name}.partial-abc" / "workspace").mkdir(parents=True)
    install(slot, never, said.append)
    assert left_in(slot) == {slot.folder.name}


def test_a_found_tool_waits_for_nobody(tmp_path: Path, said: list[str]) -> None:
    slot = slot_in(tmp_path)
    install(slot, fill_one_file, said.append)
    cleaning = slot.root / f".{slot.folder.name}.partial-abc"
    cleaning.mkdir()
    with FileLock(slot.root / f"{slot.name}-{slot.platform}.lock"):
        install(slot, never, said.append)
    assert cleaning.exists()
    assert said == []


def test_a_compiler_that_still_writes_does_not_keep_the_leftovers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: list[str]) -> None:
    slot = slot_in(tmp_path)
    half = slot.root / f".{slot.folder.name}.partial-abc"
    half.mkdir(parents=True)
    remove, tries = cache_module.shutil.rmtree, []

    def raced(folder: Path, **options: bool) -> None:
        remove(folder, **options)
        tries.append(folder)
        if len(tries) == 1:
            folder.mkdir()

    monkeypatch.setattr(cache_module.shutil, "rmtree", raced)
    install(slot, fill_one_file, said.append)
    assert not half.exists()


NAMES = st.text("abcdefgh", min_size=1, max_size=3)
TREES = st.dictionaries(st.tuples(NAMES, NAMES).map("/".join), st.binary(max_size=50), min_size=1, max_size=5)


@settings(max_examples=30, deadline=None)
@given(tree=TREES, damage=st.sampled_from(["removed", "cut short", "manifest removed", "manifest cut short"]), data=st.data())
def test_a_damaged_slot_is_not_taken_for_a_good_one_and_is_filled_again(tree: dict[str, bytes], damage: str, data: st.DataObject) -> None:
    def fill(folder: Path, _workspace: Path) -> str:
        for name, content in tree.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content + b"!")
        return "somewhere"

    with tempfile.TemporaryDirectory() as root:
        slot = slot_in(Path(root))
        install(slot, fill, lambda _line: None)
        victim = slot.folder / ("installed.json" if "manifest" in damage else data.draw(st.sampled_from(sorted(tree))))
        if "removed" in damage:
            victim.unlink()
        else:
            victim.write_bytes(victim.read_bytes()[: data.draw(st.integers(0, victim.stat().st_size - 3))] if "manifest" in damage else b"")
        assert find_installed(slot) is None
        install(slot, fill, lambda _line: None)
        assert {name: (slot.folder / name).read_bytes() for name in tree} == {name: content + b"!" for name, content in tree.items()}
        assert left_in(slot) == {slot.folder.name}


@pytest.mark.parametrize("manifest", ["[]", "{}", '{"source": "x", "files": 3}', '{"source": "x", "files": {"a": "b"}}', "\x00"])
def test_a_manifest_of_nonsense_is_no_manifest(tmp_path: Path, manifest: str) -> None:
    slot = slot_in(tmp_path)
    slot.folder.mkdir(parents=True)
    (slot.folder / "installed.json").write_text(manifest)
    assert find_installed(slot) is None
