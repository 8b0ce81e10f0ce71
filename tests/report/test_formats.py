"""Numbers on the page: rounded, never to something else."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlgate_gates.report import formats

TIMES, MINUS = "\u00d7", "\u2212"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (formats.whole(1234567), "1,234,567"),
        (formats.whole(-3), f"{MINUS}3"),
        (formats.significant(0), "0"),
        (formats.significant(0.0012345), "0.00123"),
        (formats.significant(4.1), "4.1"),
        (formats.significant(12345.6), "12,346"),
        (formats.significant(-0.5), f"{MINUS}0.5"),
        (formats.power(-3), "10⁻³"),
        (formats.from_log(0), "1"),
        (formats.from_log(math.log(31.42)), "31.4"),
        (formats.from_log(math.log(125)), "125"),
        (formats.from_log(math.log(4.1e12)), f"4.1 {TIMES} 10¹²"),
        (formats.from_log(math.log(9.99e7)), f"1.0 {TIMES} 10⁸"),
        (formats.from_log(-1000), f"5.1 {TIMES} 10⁻⁴³⁵"),
        (formats.from_log(5000), f"3.0 {TIMES} 10²¹⁷¹"),
        (formats.from_log(-math.inf), "0"),
        (formats.from_log(math.inf), "∞"),
        (formats.chance(0.008), "0.008"),
        (formats.chance(0), "0"),
        (formats.chance(1.23e-7), f"1.2 {TIMES} 10⁻⁷"),
        (formats.percent(0.00423), "0.423 %"),
        (formats.accuracy(0.97333), "0.9733"),
        (formats.signed(0.0011), "+0.0011"),
        (formats.signed(-0.0011), f"{MINUS}0.0011"),
        (formats.duration(0), "0 ms"),
        (formats.duration(812), "812 ns"),
        (formats.duration(13_240_000), "13.2 ms"),
        (formats.duration(1_250_000_000), "1.25 s"),
        (formats.duration(90e9), "1.5 min"),
        (formats.instant(1_790_949_785 * 10**9), "2026-10-02 14:03:05 UTC"),
    ],
)
def test_a_number_is_written_as_people_read_it(written, expected):
    assert written == expected


@given(st.floats(1e-6, 1e9))
def test_three_digits_are_kept(value):
    assert float(formats.significant(value).replace(",", "")) == pytest.approx(value, rel=0.0051)


@given(st.floats(-2000, 2000))
def test_the_logarithm_of_what_is_written_is_the_one_given(log_value):
    text = formats.from_log(log_value)
    mantissa, _, exponent = text.partition(f" {TIMES} 10")
    digits = exponent.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")) or "0"
    assert math.log(float(mantissa.replace(",", ""))) + int(digits) * math.log(10) == pytest.approx(log_value, abs=0.06)


def test_a_line_does_not_end_between_a_number_and_its_unit():
    assert formats.unbroken("99 % within 200 ms, 5 missing, 3 sets") == "99\u00a0% within 200\u00a0ms, 5 missing, 3 sets"
