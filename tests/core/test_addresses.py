"""How a network's addresses are divided."""

from __future__ import annotations

from ipaddress import IPv4Network
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlgate.addresses import INTRA, PRIVATE, PUBLIC, divide, network_of, wrong_callers, wrong_division

ZONES = [f"eu-central-1{letter}" for letter in "abcdefgh"]
BLOCKS = st.builds(lambda first, bits: IPv4Network((first << 24, bits), strict=False), st.sampled_from([10, 100, 192]), st.integers(16, 28))


def test_three_zones_of_a_large_block_leave_room_for_a_fourth_and_for_what_comes_later() -> None:
    subnets = divide(IPv4Network("10.0.0.0/16"), ZONES[:3])
    assert {kind: [str(block) for block in zones.values()] for kind, zones in subnets.items()} == {
        PRIVATE: ["10.0.0.0/19", "10.0.32.0/19", "10.0.64.0/19"],
        INTRA: ["10.0.128.0/21", "10.0.136.0/21", "10.0.144.0/21"],
        PUBLIC: ["10.0.160.0/21", "10.0.168.0/21", "10.0.176.0/21"],
    }


@given(BLOCKS, st.integers(1, 8))
def test_no_two_subnets_overlap_and_each_is_one_that_aws_takes(block: IPv4Network, zones: int) -> None:
    if wrong_division(block, zones):
        with pytest.raises(ValueError, match="take"):
            divide(block, ZONES[:zones])
        return
    subnets = [subnet for kind in divide(block, ZONES[:zones]).values() for subnet in kind.values()]
    assert len(subnets) == 3 * zones
    assert all(subnet.subnet_of(block) and 16 <= subnet.prefixlen <= 28 for subnet in subnets)
    assert not any(one.overlaps(other) for one, other in combinations(subnets, 2))


@given(BLOCKS, st.integers(2, 4))
def test_a_zone_that_is_added_up_to_four_moves_no_other(block: IPv4Network, zones: int) -> None:
    if wrong_division(block, 4):
        return
    after = divide(block, ZONES[:4])
    for kind, subnets in divide(block, ZONES[:zones]).items():
        assert subnets.items() <= after[kind].items()


@pytest.mark.parametrize(
    ("block", "zones", "said"),
    [
        ("10.0.0.0/15", 2, "prefix of /16 to /28, not /15"),
        (
            "10.0.0.0/24",
            3,
            "too small: divided with room for 4 zones, an intra subnet would have a prefix of /29, and AWS's smallest is /28; take /23",
        ),
        ("10.0.0.0/23", 5, "too small: divided with room for 8 zones"),
        ("172.17.4.0/22", 3, "overlaps 172.17.0.0/16, which services of AWS use themselves"),
    ],
)
def test_a_block_that_cannot_be_divided_says_why(block: str, zones: int, said: str) -> None:
    assert said in wrong_division(IPv4Network(block), zones)


@pytest.mark.parametrize(
    ("text", "said"),
    [("10.0.0.5/16", "has bits below its prefix: write 10.0.0.0/16"), ("ten", "is no IPv4 block"), ("fd00::/48", "is no IPv4 block")],
)
def test_what_is_no_block_says_what_one_is(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        network_of(text)


@pytest.mark.parametrize(
    "block",
    [
        *("10.0.0.0/8", "10.20.0.0/16", "172.16.0.0/12", "192.168.7.0/24"),
        *("100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "239.1.1.1/32", "240.0.0.0/4", "0.0.0.0/8", "198.18.0.0/15"),
    ],
)
def test_from_where_no_address_of_the_internet_is_nobody_comes_to_an_endpoint_there(block: str) -> None:
    found, accepted = wrong_callers(block) or ("", "")
    assert found == f"is {block}, where no address of the internet is"
    assert "private ones reach the private endpoint" in accepted


@pytest.mark.parametrize("block", ["8.8.8.0/24", "52.0.0.0/8", "172.32.0.0/16", "192.0.2.0/24", "198.51.100.7/32", "203.0.113.0/24"])
def test_addresses_of_the_internet_and_those_of_examples_are_let_in(block: str) -> None:
    assert wrong_callers(block) is None


def test_everybody_is_not_let_in_nor_what_is_no_block() -> None:
    for block in ("0.0.0.0/0", "128.0.0.0/1", "16.0.0.0/7"):  # in halves as well as in one
        assert (wrong_callers(block) or ("",))[0] == f"is {block}, which is everybody"
    assert wrong_callers("198.51.100.1/24") == (
        "is '198.51.100.1/24'",
        "'198.51.100.1/24' has bits below its prefix: write 198.51.100.0/24",
    )
