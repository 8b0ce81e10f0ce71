"""Faults on order, and what one command puts right afterwards."""

import os
import signal
import threading
from contextlib import suppress

import psutil
import pytest

from mlgate import BusyError, ProcessError, StackError, UsageError
from mlgate_serving.identity import is_running
from mlgate_testkit.engine import UNKNOWN, LeakError, UpdateError, locked, recover
from mlgate_testkit.engine.orphans import marked

from ..listening import listens
from .until import until

pytestmark = pytest.mark.engine
BOX = "box:index:Box"


def reached(cloud, *, creates):
    """Waits until that many creates have reached the cloud: an engine says that it begins before it writes that down and asks."""
    return until(lambda: len(cloud.calls("create", BOX)) >= creates)


def test_an_attached_provider_makes_plans_and_finds_drift(rack, cloud):
    dev = rack("a", "b", size="1")
    assert dev.preview().of("a").new_outputs["number"] is UNKNOWN
    assert dev.up().of("a").new_outputs["number"] == 1
    dev.change(config={"size": "2"})
    assert [(change.path, change.kind) for change in dev.preview().of("a").diff] == [("tags.size", "update")]
    dev.change(config={"size": "1", "label": "x"})
    assert dev.preview().of("a").replace_reasons == ("label",)
    cloud.lose(box="box-1")
    assert [step.name for step in dev.refresh().deleted(BOX)] == ["a"]
    assert cloud.calls("create", BOX)


def test_the_second_create_of_a_type_fails_and_the_next_run_goes_on(rack, cloud):
    dev = rack("a", "b", "c")
    cloud.fail("create", BOX, nth=2, message="no capacity in this zone")
    with pytest.raises(UpdateError, match=r"box:index:Box b: .*no capacity in this zone") as failure:
        dev.up()
    assert [step.name for step in failure.value.changes.failed()] == ["b"]
    assert failure.value.changes.of("a").phase == "ended"
    assert "c" not in {step.name for step in failure.value.changes}
    assert [step.name for step in dev.up().created()] == ["b", "c"]


def test_an_engine_killed_in_mid_create_is_put_right_by_recover(rack, cloud):
    dev = rack("a", "b", "c")
    cloud.fail("create", BOX, nth=2, how="hang")
    with pytest.raises(UpdateError, match=r"killed on order, at event .* create of box:index:Box b begun") as failure:
        dev.up(kill_at=lambda event: event.name == "b" and reached(cloud, creates=2))
    assert failure.value.changes.of("b").phase == "begun"
    assert dev.state.locks()
    with pytest.raises(UpdateError, match="currently locked"):
        dev.up()
    done = recover(dev)
    assert done.locks
    assert done.pending == ["box:index:Box b"]
    assert [step.name for step in dev.up().created()] == ["b", "c"]
    assert len(cloud.alive()) == 3
    assert dev.preview().nothing()
    assert not recover(dev)


def test_what_a_lost_answer_leaves_in_the_cloud_is_reaped(rack, cloud):
    dev = rack("a", "b")
    cloud.fail("create", BOX, how="refuse afterwards", message="connection reset")
    with pytest.raises(UpdateError, match="connection reset"):
        dev.up()
    (orphan,) = dev.orphans()
    assert (orphan.type, orphan.name, orphan.id) == (BOX, "a", "box-1")
    assert recover(dev).reaped == [orphan]
    dev.up()
    assert [made.id for made in cloud.alive()] == ["box-2", "box-3"]


def test_what_is_lost_in_the_cloud_fails_the_test_and_is_named(rack, cloud, stacks):
    dev = rack("a", "b")
    cloud.fail("create", BOX, how="refuse afterwards")
    with pytest.raises(UpdateError, match=r"box:index:Box a: .*refused on order"):
        dev.up()
    with pytest.raises(LeakError, match=r"box:index:Box a \(box-1\)"):
        stacks.close()


def test_a_stack_that_is_left_up_is_no_leak(rack, stacks):
    rack("a", "b").up()
    stacks.close()


def test_what_is_retained_on_purpose_is_no_leak(rack, stacks, cloud):
    dev = rack("a", retain="true")
    dev.up()
    dev.destroy()
    assert len(cloud.alive()) == 1
    stacks.close()


def test_a_protected_resource_is_not_destroyed_until_it_is_unprotected(rack):
    dev = rack("a", "b", protect="true")
    assert dev.up().of("a").new.protect
    with pytest.raises(UpdateError, match="protect") as failure:
        dev.destroy()
    assert "call `unprotect()` of the stack" in failure.value.remedy
    dev.unprotect()
    assert len(dev.destroy().deleted(BOX)) == 2


def test_what_goes_with_its_owner_is_no_leak(rack, stacks, cloud):
    dev = rack("a", "b", within="true")
    dev.up()
    dev.destroy()
    assert [made.name for made in cloud.alive()] == ["b"]
    assert not dev.orphans()
    stacks.close()


def test_what_goes_with_a_component_is_no_leak(rack, stacks, cloud):
    dev = rack("a", within="component")
    dev.up()
    dev.destroy()
    assert [made.name for made in cloud.alive()] == ["a"]
    assert not dev.orphans()
    stacks.close()


def test_a_resource_taken_out_of_the_state_is_an_orphan(rack, cloud):
    dev = rack("a", "b")
    dev.up()
    state = dev.export()
    state["deployment"]["resources"] = [item for item in state["deployment"]["resources"] if not item["urn"].endswith("::b")]
    dev.import_(state)
    assert [made.name for made in dev.orphans()] == ["b"]
    assert [made.name for made in recover(dev).reaped] == ["b"]


def test_a_provider_that_dies_is_named_and_started_anew(rack, cloud):
    dev = rack("a", "b")
    pid, port = cloud.pid, cloud.port
    cloud.fail("create", BOX, nth=2, how="die")
    with pytest.raises(UpdateError, match="box:index:Box b"):
        dev.up()
    with pytest.raises(StackError, match=f"nothing listens on port {port} .*\n.*comes back with its `reset"):
        dev.preview()
    assert not is_running(pid)
    assert not listens(port)
    cloud.reset()
    assert cloud.alive() == []
    assert [step.name for step in dev.refresh().deleted(BOX)] == ["a"]
    dev.up()
    assert [made.name for made in cloud.alive()] == ["a", "b"]
    assert dev.preview().nothing()


def test_a_provider_that_crashes_by_itself_is_no_fault_on_order(cloud):
    with pytest.raises(ProcessError, match="ended with 3; it said: out of boxes"):
        cloud.crash()
    with pytest.raises(ProcessError, match="out of boxes"):
        cloud.reset()
    assert cloud.alive() == []


@pytest.mark.parametrize(("owner", "who"), [("living", "process {pid}"), ("elsewhere", "on elsewhere")])
def test_the_lock_of_a_living_owner_stops_an_update_and_is_left_alone(rack, owner, who):
    dev = rack("a")
    with locked(dev, owner) as lock:
        with pytest.raises(UpdateError, match="currently locked"):
            dev.up()
        with pytest.raises(BusyError, match=who.format(pid=os.getpid())):
            recover(dev)
        assert lock.path.exists()
    dev.up()


def test_the_lock_of_a_dead_owner_is_taken_away(rack):
    dev = rack("a")
    with locked(dev, "dead") as lock:
        assert recover(dev).locks == [lock.pid]
        assert not lock.path.exists()
        dev.up()


def test_a_kill_that_never_comes_is_an_error_of_the_test(rack):
    dev = rack("a")
    with pytest.raises(UsageError, match="never came: the run went to its end"):
        dev.up(kill_at=500)
    with pytest.raises(UsageError, match="count from 1"):
        dev.up(kill_at=0)


def test_nothing_of_a_killed_engine_stays(rack, stacks):
    dev = rack("a", "b")
    working: list[psutil.Process] = []
    ports: set[int] = set()

    def at_the_second(event):
        if event.number == 2:
            working.extend(marked(lambda mark: mark.workspace == str(dev.workspace)))
            for one in working:
                with suppress(psutil.NoSuchProcess):  # the language host asks Python things in passing
                    ports.update(each.laddr.port for each in one.net_connections() if each.status == psutil.CONN_LISTEN)
        return event.number == 2

    with pytest.raises(UpdateError, match="killed on order") as failure:
        dev.up(kill_at=at_the_second)
    assert failure.value.killed_at.number == 2
    assert [event.number for event in failure.value.changes.events] == [1, 2]
    assert len(working) > 1
    assert ports
    assert [one for one in working if is_running(one.pid)] == []
    assert [port for port in ports if listens(port)] == []
    assert not marked(lambda mark: mark.workspace == str(dev.workspace))
    recover(dev)
    with pytest.raises(UpdateError, match="killed on order") as failure:
        dev.up(kill_at=2)
    assert failure.value.killed_at.number == 2
    recover(dev)


def test_a_state_whose_attributes_were_cut_short_by_a_kill_is_mended(rack):
    dev = rack("a")
    dev.up()
    (attributes,) = dev.site.state.glob(".pulumi/stacks/*/dev.json.attrs")
    attributes.write_bytes(b"")
    with pytest.raises(UpdateError, match="failed to load checkpoint: EOF"):
        dev.preview()
    recover(dev)
    assert dev.preview().nothing()


def test_a_run_that_takes_too_long_names_what_had_not_ended_and_what_it_said_last(rack, cloud, pulumi_engine, monkeypatch):
    monkeypatch.setattr(pulumi_engine, "timeout_s", 6)  # a second engine's end would be that of every provider of this process
    dev = rack("a", "b")
    cloud.fail("create", BOX, nth=2, how="hang", message="2 of 3 boxes are folded")
    with pytest.raises(UpdateError, match=f"did not end within 6 s, and was ended; what had not ended: create {BOX} b\n") as failure:
        dev.up()
    assert f"{BOX} b: " in failure.value.problem
    assert "2 of 3 boxes are folded" in failure.value.problem
    recover(dev)


def test_an_engine_that_others_kill_is_told(rack, cloud):
    dev = rack("a")
    cloud.fail("create", BOX, how="hang")

    def kill() -> None:
        reached(cloud, creates=1)
        (lock,) = dev.state.locks()
        os.kill(lock.pid, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    with pytest.raises(UpdateError, match="killed by signal 9"):
        dev.up()
    killer.join()
    recover(dev)


def test_a_run_that_fails_before_the_kill_is_an_error_of_the_test(rack, cloud):
    dev = rack("a", "b")
    cloud.fail("create", BOX, message="no room")
    with pytest.raises(UsageError, match="the run failed before") as raised:
        dev.up(kill_at=lambda event: event.name == "b")
    assert "no room" in str(raised.value.__cause__)
