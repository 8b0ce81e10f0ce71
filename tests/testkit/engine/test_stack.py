"""A stack's life through the real engine: what each operation did, and that nothing of it touches what is the user's."""

import json

import pytest

from mlgate_testkit.engine import SECRET, UpdateError

pytestmark = pytest.mark.engine
BOX, SHELF = "pulumi-python:dynamic/test:Box", "test:index:Shelf"


def test_a_stack_goes_up_stays_and_goes_down(shelf, folder):
    dev = shelf("a", "b", size="3")
    planned = dev.preview()
    assert {step.name for step in planned.created(BOX)} == {"a", "b"}
    assert not list(folder.iterdir())

    changes = dev.up()
    assert changes.types == (BOX, SHELF)
    assert [step.name for step in changes.created(BOX)] == ["a", "b"]
    assert changes.of("shelf").operation == "create"
    assert not changes.nothing()
    assert sorted(path.name for path in folder.iterdir()) == ["a-plain", "b-plain"]
    assert dev.outputs["size"] == "3"
    assert dev.preview().nothing()

    gone = dev.destroy()
    assert len(gone.deleted(BOX)) == 2
    assert not list(folder.iterdir())
    assert dev.preview().created(BOX)


def test_a_change_shows_property_by_property(shelf):
    dev = shelf("a", "b", size="3")
    dev.up()
    dev.change(config={"size": "4"})
    changes = dev.up()
    step = changes.of("a")
    assert step.operation == "update"
    assert [(change.path, change.kind, change.replaces) for change in step.diff] == [("size", "update", False)]
    assert (step.old_inputs["size"], step.new_inputs["size"], step.new_outputs["size"]) == ("3", "4", "4")
    assert changes.same(SHELF)


def test_a_replacement_is_one_step_with_its_reason(shelf, folder):
    dev = shelf("a", "b", label="x")
    dev.up()
    dev.change(config={"label": "y"})
    for changes in (dev.preview(), dev.up()):
        assert [step.name for step in changes.replaced(BOX)] == ["a", "b"]
        assert changes.of("a").replace_reasons == ("label",)
        assert [change.path for change in changes.of("a").diff if change.replaces] == ["label"]
        assert not changes.created(BOX)
        assert not changes.deleted(BOX)
    assert sorted(path.name for path in folder.iterdir()) == ["a-y", "b-y"]


def test_refresh_tells_what_was_changed_and_removed_by_hand(shelf, folder):
    dev = shelf("a", "b", "c", size="3")
    dev.up()
    (folder / "a-plain").write_text("9")
    (folder / "b-plain").unlink()
    found = dev.refresh()
    assert [step.name for step in found.updated()] == ["a"]
    assert found.of("a").new_outputs["size"] == "9"
    assert [step.name for step in found.deleted()] == ["b"]
    assert [step.name for step in found.same(BOX)] == ["c"]
    assert [step.name for step in dev.up().created()] == ["b"]


def test_a_secret_is_masked_wherever_it_shows(shelf):
    dev = shelf("a", secrets={"password": "hunter2"})
    changes = dev.up()
    assert changes.of("a").new_inputs["password"] == SECRET
    assert dev.outputs["password"] == SECRET
    assert "hunter2" not in repr(changes) + json.dumps(dev.export()) + repr(list(changes.events))
    assert not [path for path in dev.workspace.parent.rglob("*") if path.is_file() and "hunter2" in path.read_text(errors="replace")]


def test_a_state_goes_out_and_comes_back(shelf):
    dev = shelf("a", "b")
    dev.up()
    state = dev.export()
    kept = [item for item in state["deployment"]["resources"] if not item["urn"].endswith("::b")]
    state["deployment"]["resources"] = kept
    dev.import_(state)
    assert [step.name for step in dev.preview().created(BOX)] == ["b"]
    dev.up()


def test_a_refused_create_carries_its_diagnostic_and_what_was_done_by_then(shelf, folder):
    dev = shelf("a", "b", refused="b")
    with pytest.raises(UpdateError, match="no room for b") as failure:
        dev.up()
    (said,) = failure.value.diagnostics
    assert said.resource == f"{BOX} b"
    done = failure.value.changes
    assert done.of("a").phase == "ended"
    assert [step.name for step in done.failed()] == ["b"]
    assert "no room for b" in done.of("b").diagnostics[0].message
    assert [path.name for path in folder.iterdir()] == ["a-plain"]


def test_a_program_that_raises_is_told_with_its_line_in_the_test(shelf):
    dev = shelf("a", **{"raise": "the sky is falling"})
    with pytest.raises(UpdateError, match="ValueError: the sky is falling") as failure:
        dev.up()
    assert "programs.py" in str(failure.value)
    assert dev.destroy().deleted(BOX)


def test_what_is_deleted_first_can_be_asked_for(shelf):
    dev = shelf("network", "database", "api")
    up, down = dev.up().events, dev.destroy().events
    assert up.before("network", "api")
    assert down.before("api", "database", operation="delete")
    wrong = down.before("network", "api")
    assert not wrong
    assert "and not before delete of api began" in repr(wrong)
