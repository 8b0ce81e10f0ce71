"""The clock: it follows the monotonic one, and knows when the system's wall clock left it."""

from __future__ import annotations

import pytest

from mlgate_loadtests.clock import STEP_NS, Clock

START = 1_800_000_000_000_000_000


class System:
    """A wall and a monotonic clock under a test's control; each reading takes a while."""

    def __init__(self, reading_ns: int = 100) -> None:
        self.wall, self.monotonic, self.reading_ns = START, 5_000, reading_ns
        self.preempt_ns: list[int] = []

    def pass_time(self, ns: int) -> None:
        self.wall += ns
        self.monotonic += ns

    def read_wall(self) -> int:
        self.pass_time(self.reading_ns + (self.preempt_ns.pop() if self.preempt_ns else 0))
        return self.wall

    def read_monotonic(self) -> int:
        self.pass_time(self.reading_ns)
        return self.monotonic


def test_an_instant_is_the_wall_clocks_at_the_start_and_the_monotonic_one_since():
    system = System()
    clock = Clock(system.read_wall, system.read_monotonic)
    system.wall += 3_600_000_000_000  # somebody sets the clock: rows do not move
    assert abs(clock.wall(5_000) - START) <= 2 * system.reading_ns


@pytest.mark.parametrize("step", [STEP_NS, -STEP_NS, 3_600 * 10**9, -86_400 * 10**9])
def test_a_step_of_the_wall_clock_is_seen_with_its_size_and_sign(step):
    system = System()
    clock = Clock(system.read_wall, system.read_monotonic)
    assert clock.stepped_ns() == 0
    system.pass_time(90 * 10**9)
    assert clock.stepped_ns() == 0
    system.wall += step + (10_000 if step > 0 else -10_000)
    assert abs(clock.stepped_ns() - step) <= 20_000


def test_a_step_is_told_once_and_the_next_one_counts_from_there():
    system = System()
    clock = Clock(system.read_wall, system.read_monotonic)
    system.wall += 5 * 10**9
    assert abs(clock.stepped_ns() - 5 * 10**9) <= 1_000
    assert clock.stepped_ns() == 0
    system.wall -= 3 * 10**9
    assert abs(clock.stepped_ns() + 3 * 10**9) <= 1_000


def test_clocks_that_drift_apart_do_not_jump():
    """As on a system whose monotonic clock is not corrected with the wall clock: 100 ms in all, 0.1 ms at a time."""
    system = System()
    clock = Clock(system.read_wall, system.read_monotonic)
    for _ in range(1000):
        system.pass_time(25_000_000)
        system.wall += 100_000
        assert clock.stepped_ns() == 0


def test_being_preempted_between_two_readings_is_no_step():
    system = System()
    clock = Clock(system.read_wall, system.read_monotonic)
    system.preempt_ns = [50_000_000]
    assert clock.stepped_ns() == 0


def test_a_suspended_machine_counts_as_a_step():
    system = System()
    clock = Clock(system.read_wall, system.read_monotonic)
    system.wall += 10 * 10**9  # the monotonic clock stood still meanwhile
    assert abs(clock.stepped_ns() - 10 * 10**9) <= 1_000
