"""Bringing a candidate up, where the stack does as it is told."""

from types import SimpleNamespace

import pytest

from mlgate import ProcessError
from mlgate_delivery.candidate import bring_up


def test_a_candidate_that_ended_as_soon_as_it_was_up_is_named_with_what_to_do(environment, service, declare, packed, digest_of):
    stack = SimpleNamespace(
        environment=environment,
        project=SimpleNamespace(spelt=str),
        file=SimpleNamespace(set_service=lambda _service, **_settings: None),
        up=lambda _progress: None,  # and nothing runs
    )
    with pytest.raises(ProcessError, match="came up and has ended since") as caught:
        bring_up(stack, service, declare(), packed("1"), print)
    assert caught.value.where == f"process toy-{digest_of('1')[7:19]}"
    assert "mend what its log complains of" in caught.value.remedy
    assert "run the same command again" in caught.value.remedy
