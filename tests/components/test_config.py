from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlgate import DeclarationError
from mlgate_components.local.config import ServiceConfig, read_services

DIGEST = "sha256:" + "0" * 64


def test_a_stack_without_services_is_empty_and_not_wrong():
    assert read_services(None) == {}


def test_every_key_is_read_as_pulumi_gives_it():
    given_by_pulumi = {"digits": {"declaration": "s.yaml", "stable": DIGEST, "candidate": "dist/digits-2", "weight": 10, "port": 8080}}
    assert read_services(given_by_pulumi)["digits"] == ServiceConfig(
        declaration="s.yaml", stable=DIGEST, candidate="dist/digits-2", weight=10.0, port=8080
    )


def test_all_problems_of_all_services_are_said_at_once_with_the_path_to_set():
    wrong = {
        "digits": {"declaration": "s.yaml", "candidat": "dist"},
        "faces": {"declaration": "s.yaml", "weight": 101, "stable": "digits-1"},
        "No Service": {"declaration": "s.yaml"},
    }
    with pytest.raises(DeclarationError) as raised:
        read_services(wrong)
    said = str(raised.value)
    assert "mlgate:services.digits: candidat is not a known key\n  -> did you mean candidate?" in said
    assert "mlgate:services.faces: weight is 101" in said
    assert "mlgate:services.faces: stable is 'digits-1'" in said
    assert "mlgate:services.No Service: 'No Service' cannot name a service" in said


def test_services_must_stand_by_name():
    with pytest.raises(DeclarationError, match=r"mlgate:services: is \['digits'\]"):
        read_services(["digits"])


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
)


@given(st.dictionaries(st.sampled_from(["digits", "A", ""]) | st.text(max_size=5), json_values, max_size=3) | json_values)
def test_whatever_stands_in_the_configuration_is_read_or_refused_in_words(value):
    with suppress(DeclarationError):
        assert all(isinstance(config, ServiceConfig) for config in read_services(value).values())
