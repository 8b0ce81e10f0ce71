"""The providers as Pulumi calls them, without Pulumi: numbers are floats, what is None is missing, and any call may come twice."""

import json
import os
import random
import signal
import sys
import time
from types import SimpleNamespace

import pytest
from pulumi.dynamic.dynamic import serialize_provider

from mlgate import DeclarationError, EvidenceError, ProcessError, Release, Service
from mlgate_components.local import providers
from mlgate_components.local.providers import EndpointProcessProvider, StableUrlProvider, StoredReleaseProvider
from mlgate_components.local.store import store
from mlgate_serving.endpoint import find_endpoint, stop_endpoint
from mlgate_serving.envoy import LocalRouter
from mlgate_serving.identity import is_running
from mlgate_serving.ports import free_ports, port_is_free
from mlgate_serving.runtime import configuration_digest
from mlgate_serving.supervisor import Supervisor


@pytest.fixture
def supervisor(environment, links):
    """The processes of the environment; nothing of them is left."""
    found = Supervisor(environment.processes)
    yield found
    LocalRouter(found, environment.routers).remove("toy")
    for name in found.names():
        stop_endpoint(found, name)
    assert not links()


@pytest.fixture
def kill(supervisor):
    """Kills a process of that name, and returns when it is dead and its last thread has let go of its ports."""

    def kill_it(name):
        process = supervisor.get(name)
        os.kill(process.pid, signal.SIGKILL)
        while process.alive or not all(port_is_free(port) for port in process.spec.ports):
            time.sleep(0.01)

    return kill_it


@pytest.fixture
def place(environment):
    return {"home": str(environment.home), "stage": "local", "service": "toy"}


@pytest.fixture
def stored(place, packed, declare):
    """Inputs of a stored release."""

    def inputs(version):
        folder, declaration = packed(version), declare()
        return {
            **place,
            "release": Release.read(folder).digest,
            "source": str(folder),
            "declaration": str(declaration),
            "declaration_digest": Service.read(declaration).digest,
            "configuration": configuration_digest("toy", Service.read(declaration).serving),
        }

    return inputs


@pytest.fixture
def served(environment, place, packed, declare, standin, supervisor):
    """Inputs of an endpoint whose release is in the store."""

    def inputs(version):
        folder, declaration = packed(version), declare()
        service = Service.read(declaration)
        return {
            **place,
            "release": Release.read(folder).digest,
            "configuration": configuration_digest("toy", service.serving),
            "folder": str(store(environment, folder, declaration)),
        }

    return inputs


def test_what_the_state_keeps_of_a_provider_is_its_name_and_nothing_else():
    for provider in (StoredReleaseProvider(), EndpointProcessProvider(), StableUrlProvider()):
        assert provider.__dict__ == {}
        assert not provider.serialize_as_secret_always
        assert type(provider).__module__ == "mlgate_components.local.providers"
        assert len(serialize_provider(provider)) < 200


class TestStoredRelease:
    provider = StoredReleaseProvider()

    def test_it_is_created_read_found_unchanged_and_deleted(self, environment, stored):
        inputs = stored("1")
        assert not self.provider.check({}, inputs).failures
        created = self.provider.create(inputs)
        assert created.id == inputs["release"]
        assert created.outs["folder"] == str(environment.release_folder(inputs["release"]))
        assert self.provider.read(created.id, created.outs).id == created.id
        assert not self.provider.diff(created.id, created.outs, inputs).changes
        self.provider.delete(created.id, created.outs)
        assert self.provider.read(created.id, created.outs).id == ""

    def test_a_damaged_archive_fails_the_check_so_that_nothing_is_begun(self, stored, packed):
        inputs = stored("1")
        (packed("1") / "toy-1.mar").write_bytes(b"PK")
        (failure,) = self.provider.check({}, inputs).failures
        assert failure.property == "source"
        assert "toy-1.mar: the archive is sha256:" in failure.reason
        with pytest.raises(EvidenceError):
            self.provider.create(inputs)

    def test_without_a_source_it_must_be_in_the_store(self, stored):
        inputs = {**stored("1"), "source": None}
        assert [failure.property for failure in self.provider.check({}, inputs).failures] == ["release"]

    def test_where_it_comes_from_is_no_change_but_another_declaration_is(self, stored):
        inputs = stored("1")
        outs = self.provider.create(inputs).outs
        without = {name: value for name, value in inputs.items() if name != "source"}
        assert not self.provider.diff("", outs, without).changes
        assert self.provider.diff("", outs, {**inputs, "declaration_digest": "sha256:1"}).changes

    def test_a_damaged_copy_in_the_store_is_a_change(self, environment, stored):
        inputs = stored("1")
        outs = self.provider.create(inputs).outs
        (environment.release_folder(inputs["release"]) / "toy-1.mar").write_bytes(b"PK")
        assert self.provider.diff("", outs, inputs).changes

    def test_a_lost_declaration_is_a_change_and_is_put_back(self, environment, stored):
        inputs = stored("1")
        outs = self.provider.create(inputs).outs
        declaration = environment.declaration_file(inputs["release"], inputs["configuration"])
        declaration.unlink()
        assert self.provider.diff("", outs, inputs).changes
        assert self.provider.read("", outs).id == ""
        self.provider.update("", outs, inputs)
        assert declaration.is_file()

    def test_a_folder_packed_anew_under_the_update_is_refused(self, environment, stored, packed):
        inputs, other = stored("1"), stored("2")
        with pytest.raises(EvidenceError, match=f"{other['release']} is here, but {inputs['release']} was asked for"):
            self.provider.create({**inputs, "source": other["source"]})
        assert not environment.releases.exists()

    def test_a_declaration_edited_under_the_update_is_refused(self, environment, stored, declare):
        inputs = stored("1")
        declare(workers=2)
        with pytest.raises(EvidenceError, match="edited during the update"):
            self.provider.create(inputs)
        assert not environment.releases.exists()

    def test_a_release_that_was_promoted_stays_for_a_rollback(self, environment, stored, packed, promoted):
        inputs = stored("1")
        outs = self.provider.create(inputs).outs
        promoted(packed("1"))
        self.provider.delete(inputs["release"], outs)
        assert environment.release_folder(inputs["release"]).is_dir()

    def test_another_home_is_another_resource(self, stored):
        inputs = stored("1")
        outs = self.provider.create(inputs).outs
        assert self.provider.diff("", {**outs, "home": "/elsewhere"}, inputs).replaces == ["home"]


class TestEndpointProcess:
    provider = EndpointProcessProvider()

    def test_a_create_that_comes_twice_adopts_what_the_first_one_started(self, served):
        inputs = served("1")
        first, second = self.provider.create(inputs), self.provider.create(inputs)
        assert first.id == second.id
        assert first.outs == second.outs
        assert not self.provider.diff(first.id, first.outs, inputs).changes

    def test_a_dead_process_is_a_change_is_gone_on_refresh_and_comes_back_at_its_address(self, served, kill):
        inputs = served("1")
        created = self.provider.create(inputs)
        kill(created.id)
        assert self.provider.diff(created.id, created.outs, inputs).changes
        assert self.provider.read(created.id, created.outs).id == ""
        again = self.provider.update(created.id, created.outs, inputs).outs
        assert again["url"] == created.outs["url"]
        assert again["pid"] != created.outs["pid"]
        assert self.provider.read(created.id, created.outs).outs["pid"] == again["pid"]

    def test_another_configuration_restarts_it(self, environment, packed, declare, served):
        inputs = served("1")
        created = self.provider.create(inputs)
        folder = packed("1")
        store(environment, folder, declare(workers=2))
        configuration = configuration_digest("toy", Service.read(declare(workers=2)).serving)
        wanted = {**inputs, "configuration": configuration}
        assert self.provider.diff(created.id, created.outs, wanted).changes
        assert self.provider.update(created.id, created.outs, wanted).outs["pid"] != created.outs["pid"]

    def test_one_in_another_configuration_than_the_state_says_is_a_change_and_is_replaced(
        self, environment, packed, declare, served, supervisor
    ):
        inputs = served("1")
        created = self.provider.create(inputs)
        store(environment, packed("1"), declare(workers=2))
        other = configuration_digest("toy", Service.read(declare(workers=2)).serving)
        self.provider.update(created.id, created.outs, {**inputs, "configuration": other})  # killed before the state knew of it
        assert self.provider.diff(created.id, created.outs, inputs).changes
        outs = self.provider.update(created.id, created.outs, inputs).outs
        assert find_endpoint(supervisor, "toy", inputs["release"]).configuration == inputs["configuration"]
        assert not self.provider.diff(created.id, outs, inputs).changes

    def test_nothing_but_what_was_asked_for_is_started_or_adopted(self, environment, served, supervisor, declare):
        inputs, other = served("1"), served("2")
        running = self.provider.create(other)
        with pytest.raises(EvidenceError, match="packed anew"):
            self.provider.create({**inputs, "folder": other["folder"]})
        with pytest.raises(DeclarationError, match="service-"):
            self.provider.create({**inputs, "configuration": "sha256:" + "1" * 64})
        environment.declaration_file(inputs["release"], inputs["configuration"]).write_text(declare(workers=3).read_text())
        with pytest.raises(EvidenceError, match="edited"):
            self.provider.create(inputs)
        assert [process.spec.name for process in supervisor.list()] == [running.id]
        assert supervisor.get(running.id).alive

    def test_the_ports_of_a_dead_server_are_kept_for_it(self, served, supervisor, kill, monkeypatch):
        """Else the proxy would send what it has for the dead one to whoever got its port."""
        first, second = served("1"), served("2")
        dead = self.provider.create(first)
        kill(dead.id)
        offered = list(supervisor.get(dead.id).spec.ports)
        anywhere = random.SystemRandom().choice
        monkeypatch.setattr(random.SystemRandom, "choice", lambda _self, ports: offered.pop() if offered else anywhere(ports))
        other = self.provider.create(second)
        assert not offered
        assert not {*supervisor.get(dead.id).spec.ports} & {*supervisor.get(other.id).spec.ports}
        assert self.provider.update(dead.id, dead.outs, first).outs["url"] == dead.outs["url"]

    def test_the_port_of_a_url_is_kept_for_it_while_the_service_is_down(self, environment, served, supervisor, monkeypatch):
        (kept,) = free_ports(1)
        environment.routers.mkdir(parents=True)
        (environment.routers / "digits.port").write_text(str(kept))
        offered = [kept]
        anywhere = random.SystemRandom().choice
        monkeypatch.setattr(random.SystemRandom, "choice", lambda _self, ports: offered.pop() if offered else anywhere(ports))
        created = self.provider.create(served("1"))
        assert not offered
        assert kept not in supervisor.get(created.id).spec.ports

    @pytest.mark.parametrize("entry", ["an intent", "damaged", "lost"])
    def test_deleted_it_ends_also_what_was_started_and_never_registered(self, environment, served, supervisor, links, entry):
        created = self.provider.create(served("1"))
        path = environment.processes / f"{created.id}.json"
        if entry == "lost":
            path.unlink()
        else:
            path.write_text("{" if entry == "damaged" else json.dumps(json.loads(path.read_text()) | {"pid": None}))
        assert supervisor.get(created.id) is None
        self.provider.delete(created.id, created.outs)
        assert not is_running(created.outs["pid"])
        assert not path.exists()
        assert not links()
        assert [path.name for path in (environment.processes / created.id).iterdir()] == ["logs"]

    def test_deleted_it_leaves_no_process_and_no_port(self, served, supervisor):
        inputs = served("1")
        created = self.provider.create(inputs)
        ports = supervisor.get(created.id).spec.ports
        for _ in range(2):
            self.provider.delete(created.id, created.outs)
        assert find_endpoint(supervisor, "toy", inputs["release"]) is None
        assert all(port_is_free(port) for port in ports)


@pytest.mark.envoy
class TestStableUrl:
    provider = StableUrlProvider()

    @pytest.fixture
    def inputs(self, place, served):
        """Inputs of the URL of a service with both arms up."""

        def traffic(stable, candidate=None, weight=0.0):
            given = {**place, "weight": weight}
            for name, version in (("stable", stable), ("candidate", candidate)):
                if version:
                    endpoint = EndpointProcessProvider().create(served(version)).outs
                    given |= {name: endpoint["release"], f"{name}_url": endpoint["url"]}
            return given

        return traffic

    def test_it_is_created_moved_and_removed_on_one_url(self, environment, inputs, supervisor):
        created = self.provider.create(inputs("1", "2"))
        url = created.outs["url"]
        assert not self.provider.diff(created.id, created.outs, inputs("1", "2")).changes
        promoted = inputs("2")
        assert self.provider.diff(created.id, created.outs, promoted).changes
        moved = self.provider.update(created.id, created.outs, promoted).outs
        assert moved["url"] == url
        arms = LocalRouter(supervisor, environment.routers).arms("toy")
        assert (arms.stable.release, arms.candidate) == (promoted["stable"], None)
        for _ in range(2):
            self.provider.delete(created.id, moved)
        assert supervisor.get("router-toy") is None
        assert port_is_free(int(url.rsplit(":", 1)[1]))

    def test_a_weight_is_percent_and_comes_back_as_asked(self, environment, inputs, supervisor):
        created = self.provider.create(inputs("1", "2", weight=12.34))
        assert LocalRouter(supervisor, environment.routers).weights("toy")["candidate"] == pytest.approx(0.1234)
        assert self.provider.read(created.id, created.outs).outs == created.outs
        assert not self.provider.diff(created.id, created.outs, inputs("1", "2", weight=12.34)).changes

    def test_a_dead_proxy_is_a_change_and_gone_on_refresh(self, inputs, kill):
        created = self.provider.create(inputs("1"))
        kill("router-toy")
        assert self.provider.diff(created.id, created.outs, inputs("1")).changes
        assert self.provider.read(created.id, created.outs).id == ""
        assert self.provider.update(created.id, created.outs, inputs("1")).outs["url"] == created.outs["url"]

    def test_traffic_that_is_not_where_the_state_says_is_a_change_and_shows_on_refresh(self, environment, inputs, supervisor):
        created = self.provider.create(inputs("1", "2"))
        LocalRouter(supervisor, environment.routers).shift("toy", {"stable": 0.5, "candidate": 0.5}, 0.0)
        assert self.provider.diff(created.id, created.outs, inputs("1", "2")).changes
        assert self.provider.read(created.id, created.outs).outs["weight"] == pytest.approx(50)


def test_in_pulumis_host_our_errors_come_without_a_traceback_and_bugs_with_one(monkeypatch):
    monkeypatch.setattr(sys, "tracebacklimit", 1000, raising=False)
    with pytest.raises(KeyError):
        EndpointProcessProvider().delete("toy-1", {})
    host = SimpleNamespace(__spec__=SimpleNamespace(name="pulumi.dynamic.__main__"))
    monkeypatch.setitem(sys.modules, "__main__", host)
    with pytest.raises(KeyError):
        EndpointProcessProvider().delete("toy-1", {})
    assert sys.tracebacklimit == 1000
    monkeypatch.setattr(providers, "stop_endpoint", lambda *_: (_ for _ in ()).throw(ProcessError("no")))
    with pytest.raises(ProcessError):
        EndpointProcessProvider().delete("toy-1", {"home": "/nowhere", "stage": "local"})
    assert sys.tracebacklimit == 0
