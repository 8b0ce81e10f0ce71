"""What is rendered for TorchServe, and which changes of a declaration make another configuration."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlgate import Release, Service, UsageError
from mlgate.digests import digest_json
from mlgate.service import Serving
from mlgate_serving.rows import RELEASE_VARIABLE
from mlgate_serving.runtime import Place, Rendered, configuration_digest
from mlgate_serving.torchserve import NO_PROGRAMS, TorchServe

PLACE = Place("127.0.0.1", 8080, 8081, 8082, 7070, 7071, Path("/own"), Path("/own/tmp"), Path("/store/digits-1.mar"))


@pytest.fixture
def render(packed: tuple[Release, Path], service: Service) -> Callable[..., Rendered]:
    def render(serving: dict[str, Any] | None = None, place: Place = PLACE) -> Rendered:
        declared = Serving.model_validate(service.serving.model_dump(mode="json") | (serving or {}))
        return TorchServe(NO_PROGRAMS).render(packed[0], declared, place)

    return render


def properties(rendered: Rendered) -> dict[str, str]:
    return dict(line.split("=", maxsplit=1) for line in rendered.files["config.properties"].splitlines())


def test_every_address_is_loopback_and_every_port_is_the_place_s_own(render: Callable[..., Rendered]) -> None:
    found = properties(render())
    assert found["inference_address"] == "http://127.0.0.1:8080"
    assert found["management_address"] == "http://127.0.0.1:8081"
    assert found["metrics_address"] == "http://127.0.0.1:8082"
    assert (found["grpc_inference_address"], found["grpc_management_address"]) == ("127.0.0.1", "127.0.0.1")
    assert (found["grpc_inference_port"], found["grpc_management_port"]) == ("7070", "7071")
    probes = render().probes
    assert probes.ready_url == "http://127.0.0.1:8081/models/digits"
    assert probes.live_url == "http://127.0.0.1:8080/ping"


@pytest.mark.parametrize("address", ["0.0.0.0", "192.168.1.7", "::", "example.com"])  # noqa: S104
def test_without_tokens_nothing_is_bound_beyond_loopback(render: Callable[..., Rendered], address: str) -> None:
    with pytest.raises(UsageError, match=re.escape(address)):
        render(place=Place(address, 1, 2, 3, 4, 5, PLACE.folder, PLACE.temporary, PLACE.archive))


def test_loopback_has_an_ipv6_form(render: Callable[..., Rendered]) -> None:
    found = properties(render(place=Place("::1", 1, 2, 3, 4, 5, PLACE.folder, PLACE.temporary, PLACE.archive)))
    assert found["inference_address"] == "http://[::1]:1"
    assert found["grpc_inference_address"] == "::1"


def test_the_declaration_decides_batch_delay_workers_and_devices(render: Callable[..., Rendered]) -> None:
    found = properties(render({"batch": {"size": 16, "delay": "3 ms"}, "workers": 4}))
    (model,) = json.loads(found["models"]).values()
    (version,) = model.values()
    assert {"batchSize": 16, "maxBatchDelay": 3, "minWorkers": 4, "maxWorkers": 4}.items() <= version.items()
    assert found["number_of_gpu"] == "0"
    assert properties(render({"resources": {"accelerator": "l4", "count": 2}}))["number_of_gpu"] == "2"


@pytest.mark.parametrize("delay", ["500 us", "0 ms", "1.5 ms"])
def test_a_delay_that_torchserve_cannot_count_is_an_error(render: Callable[..., Rendered], delay: str) -> None:
    with pytest.raises(UsageError, match="whole milliseconds"):
        render({"batch": {"size": 16, "delay": delay}})


def test_what_may_be_loaded_and_changed_is_narrow(render: Callable[..., Rendered]) -> None:
    found = properties(render())
    assert found["enable_model_api"] == "false"
    assert found["allowed_urls"] == "file:///store/.*"
    assert found["load_models"] == "digits=digits-1.mar"
    assert int(found["job_queue_size"]) >= 1000
    assert found["metrics_mode"] == "prometheus"


def test_the_handler_is_told_which_release_it_must_be(render: Callable[..., Rendered], packed: tuple[Release, Path]) -> None:
    assert render().environment[RELEASE_VARIABLE] == packed[0].digest


def test_rendering_is_pure(render: Callable[..., Rendered]) -> None:
    assert render() == render()


@pytest.mark.parametrize(
    ("place", "version"),
    [
        (Place("127.0.0.1", 18080, 18081, 18082, 17070, 17071, Path("/one"), Path("/one/tmp"), Path("/store/digits-7.mar")), "7.7.7"),
        (Place("127.0.0.1", 28080, 28081, 28082, 27070, 27071, Path("/two"), Path("/short"), Path("/else/digits-8.mar")), "8.8.8"),
    ],
)
def test_the_configuration_is_what_is_rendered_but_for_place_and_release(
    packed: tuple[Release, Path], service: Service, place: Place, version: str
) -> None:
    release = packed[0].model_copy(update={"version": version, "archive": place.archive.name, "digest": f"sha256:{version}"})
    rendered = TorchServe(NO_PROGRAMS).render(release, service.serving, place)
    left_out = {
        **{str(port): "0" for port in place.ports},
        str(place.temporary): "/folder/tmp",
        str(place.folder): "/folder",
        str(place.archive): "/folder/archive.mar",
        str(place.archive.parent): "/folder",
        place.archive.name: "archive.mar",
        release.digest: "",
        version: "0",
    }

    def without(text: str) -> str:
        for value, placeholder in left_out.items():
            text = text.replace(value, placeholder)
        return text

    whole = {
        "files": {name: without(content) for name, content in rendered.files.items()},
        "command": [without(word) for word in rendered.command],
        "environment": {name: without(value) for name, value in rendered.environment.items()},
        "resources": service.serving.resources.model_dump(mode="json"),
    }
    assert configuration_digest(service.name, service.serving) == digest_json(whole)


def test_a_configuration_keeps_its_digest_since_evidence_names_it(service: Service) -> None:
    """Change this only together with how releases are served: evidence for the former configuration then opens no traffic."""
    assert configuration_digest(service.name, service.serving) == "sha256:7a111a68e58e009cfb9cb9a7b6103391c4e83ad58df5e894f4b62112c4fe7971"


@pytest.mark.parametrize(
    "change",
    [
        {"workers": 2},
        {"batch": {"size": 4, "delay": "1 ms"}},
        {"batch": {"size": 8, "delay": "2 ms"}},
        {"resources": {"accelerator": "l4", "count": 1}},
    ],
)
def test_whatever_changes_how_a_release_serves_is_another_configuration(service: Service, change: dict[str, Any]) -> None:
    changed = Serving.model_validate(service.serving.model_dump(mode="json") | change)
    assert configuration_digest(service.name, changed) != configuration_digest(service.name, service.serving)


def test_a_configuration_can_be_named_without_java_or_torchserve(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: Any) -> None:
        pytest.fail("looked for programs")

    monkeypatch.setattr("mlgate_serving.torchserve.local_programs", missing)
    configuration_digest(service.name, service.serving)
