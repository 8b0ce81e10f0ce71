"""What a gate is asked must not contradict itself, nor what is known."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mlgate import Environment, Service, UsageError
from mlgate_gates.request import GateRequest, Subject


def test_a_stable_that_was_named_is_not_left_out_as_if_it_were_the_first_release(
    service_from: Callable[..., Service], tmp_path: Path
) -> None:
    candidate, stable = Subject("http://127.0.0.1:1"), Subject("http://127.0.0.1:2")
    request = GateRequest(service_from(), Environment("local", tmp_path), candidate, stable, first_release=True)
    with pytest.raises(UsageError, match=r"--stable names http://127\.0\.0\.1:2") as caught:
        request.check(known_stable=None)
    assert (caught.value.where, caught.value.remedy) == ("--first-release and --stable", "give one of them")


@pytest.mark.parametrize(
    ("candidate", "stable"),
    [
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://localhost:8080", "http://127.0.0.1:8080"),
        ("http://127.0.0.1:8080/v1", "http://127.0.0.1:8080/v1/"),
        ("http://127.0.0.1", "http://127.0.0.1:80"),
        ("https://models.example.com", "https://Models.example.com:443/"),
    ],
)
def test_one_endpoint_is_not_compared_with_itself_however_it_is_spelt(
    service_from: Callable[..., Service], tmp_path: Path, candidate: str, stable: str
) -> None:
    request = GateRequest(service_from(), Environment("local", tmp_path), Subject(candidate), Subject(stable))
    with pytest.raises(UsageError, match=r"candidate and stable are both https?://[a-z0-9.]+:\d+(/v1)?\n") as caught:
        request.check(known_stable=None)
    assert (caught.value.where, caught.value.remedy) == ("--candidate and --stable", "give each arm its own address")


def test_two_paths_of_one_host_are_two_endpoints(service_from: Callable[..., Service], tmp_path: Path) -> None:
    candidate, stable = (Subject(f"https://models.example.com/{path}") for path in ("v2", "v1"))
    GateRequest(service_from(), Environment("local", tmp_path), candidate, stable).check(known_stable=None)


def test_what_compares_with_stable_is_named_with_its_service_where_there_is_none(
    service_from: Callable[..., Service], tmp_path: Path
) -> None:
    request = GateRequest(service_from(), Environment("local", tmp_path), Subject("http://127.0.0.1:1"))
    with pytest.raises(UsageError, match="no-worse compares with stable") as caught:
        request.check(known_stable=None)
    assert caught.value.where == "service digits, quality"
