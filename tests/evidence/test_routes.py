from fractions import Fraction
from math import fsum

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlgate_evidence.routes import alpha_share


def test_the_shares_are_those_of_the_design() -> None:
    assert [alpha_share(route) for route in range(1, 6)] == [0.8, 0.1, 0.05, 0.025, 0.0125]


@settings(deadline=None)
@given(st.integers(1, 3000))
def test_no_number_of_routes_uses_more_than_all_of_alpha(routes: int) -> None:
    assert fsum(alpha_share(route) for route in range(1, routes + 1)) <= 1


@settings(deadline=None)
@given(st.integers(2, 900))
def test_every_later_route_gets_exactly_half_of_the_one_before(route: int) -> None:
    assert Fraction(alpha_share(route + 1)) * 2 == Fraction(alpha_share(route))


def test_a_route_beyond_all_numbers_gets_nothing_rather_than_an_error() -> None:
    assert alpha_share(5000) == 0.0


@pytest.mark.parametrize("route", [0, -1])
def test_there_is_no_route_before_the_first(route: int) -> None:
    with pytest.raises(ValueError, match="count from 1"):
        alpha_share(route)
