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
    assert caught.value.remedy == "give one of them"
