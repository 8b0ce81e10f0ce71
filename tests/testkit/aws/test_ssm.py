"""Parameters."""

from __future__ import annotations

import pytest

from mlgate_testkit.provider.provider import ProviderError
from mlgate_testkit.provider.values import UNKNOWN

from .cloud import Cloud

PARAMETER = "aws:ssm/parameter:Parameter"


def test_a_value_that_ssm_does_not_take_is_refused(cloud: Cloud) -> None:
    with pytest.raises(ProviderError, match="ParameterPatternMismatchException"):
        cloud.up(PARAMETER, name="rate", type="String", value="fast", allowedPattern=r"^\d+$")
    with pytest.raises(ProviderError, match="maximum parameter value of 4096 characters"):
        cloud.up(PARAMETER, name="model", type="String", value="x" * 4097)
    assert cloud.up(PARAMETER, name="model", type="String", value="x" * 4097, tier="Advanced").id == "model"


def test_a_new_value_counts_the_version_up(cloud: Cloud) -> None:
    state = cloud.up(PARAMETER, name="rate", type="String", value="1")
    assert cloud.change(PARAMETER, state, preview=True, name="rate", type="String", value="2").outputs["version"] is UNKNOWN
    assert cloud.change(PARAMETER, state, name="rate", type="String", value="2").outputs["version"] == 2


def test_a_value_changed_by_hand_is_seen(cloud: Cloud) -> None:
    state = cloud.up(PARAMETER, name="rate", type="SecureString", value="1")
    cloud.boto("ssm").put_parameter(Name="rate", Value="2", Type="SecureString", Overwrite=True)
    found = cloud.refresh(PARAMETER, state)
    assert found
    assert found.inputs["value"] == "2"
