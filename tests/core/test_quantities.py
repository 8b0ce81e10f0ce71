"""Quantities are read with their unit or not at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlgate.quantities import (
    format_duration,
    format_rate,
    format_share,
    parse_duration,
    parse_rate,
    parse_share,
)


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("50 ms", 50_000_000),
        ("1ms", 1_000_000),
        ("1.5 s", 1_500_000_000),
        ("2 min", 120_000_000_000),
        ("7 d", 604_800_000_000_000),
        ("3 us", 3000),
    ],
)
def test_a_duration_is_read_in_nanoseconds(text: str, nanoseconds: int) -> None:
    assert parse_duration(text) == nanoseconds


@pytest.mark.parametrize("text", ["50", "ms", "50 m", "-5 ms", "1e3 ms", "50 msec", "1.0000000001 ns", ""])
def test_what_is_no_duration_is_refused_with_its_text(text: str) -> None:
    with pytest.raises(ValueError, match="is not a"):
        parse_duration(text)


@pytest.mark.parametrize(("text", "per_second"), [("200/s", 200.0), ("30 / min", 0.5), ("0.5/s", 0.5)])
def test_a_rate_is_read_per_second(text: str, per_second: float) -> None:
    assert parse_rate(text) == per_second


@pytest.mark.parametrize("text", ["200", "200 rps", "200/h", "/s"])
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a rate"):
        parse_rate(text)


def test_a_share_is_exact_to_the_last_digit() -> None:
    assert parse_share("1 %") == 0.01
    assert parse_share("99.9 %") == 0.999
    assert parse_share("0.07%") == 0.0007


@pytest.mark.parametrize("text", ["0.01", "1 percent", "100.1 %", "-1 %"])
def test_what_is_no_share_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"(not a share|more than 100)"):
        parse_share(text)


@given(st.integers(min_value=0, max_value=10**18))
def test_a_written_duration_reads_back_unchanged(nanoseconds: int) -> None:
    assert parse_duration(format_duration(nanoseconds)) == nanoseconds


@given(st.floats(min_value=1e-6, max_value=1e9))
def test_a_written_rate_reads_back_unchanged(per_second: float) -> None:
    assert parse_rate(format_rate(per_second)) == per_second


@given(st.integers(min_value=0, max_value=10**6))
def test_a_written_share_reads_back_unchanged(millionths: int) -> None:
    share = millionths / 10**6
    assert parse_share(format_share(share)) == share
