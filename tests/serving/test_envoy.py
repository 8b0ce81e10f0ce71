"""The local router under traffic: a real Envoy between counted requests and backends that slow down, fail and are killed."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from mlgate.errors import EndpointError, UsageError
from mlgate_serving.envoy import ArmCounters, LocalRouter
from mlgate_serving.router import Arm, Arms
from mlgate_serving.supervisor import Supervisor

from .processes import eventually

pytestmark = pytest.mark.envoy


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def router(home: Path) -> Iterator[LocalRouter]:
    supervisor = Supervisor(home / "processes")
    router = LocalRouter(supervisor, home / "routers")
    router.ensure("digits", None)
    yield router
    router.remove("digits")
    assert supervisor.list() == []
    assert supervisor.reap() == []


@pytest.fixture
def url(router: LocalRouter) -> Iterator[str]:
    yield router.ensure("digits", None)
    router.set_arms("digits", None, None, 0)


def arm(backend: Any) -> Arm:
    return Arm(f"sha256:{backend.name}", backend.url)


def test_promotions_under_load_fail_no_request(router: LocalRouter, url: str, backends: Any, load_on: Any) -> None:
    stable = backends("v1")
    router.set_arms("digits", arm(stable), None, 0)
    with load_on(url) as load:
        for version in range(2, 7):
            candidate = backends(f"v{version}")
            router.set_arms("digits", arm(stable), arm(candidate), 0)
            for weight in (0.01, 0.5):
                router.shift("digits", {"stable": 1 - weight, "candidate": weight}, 0)
            router.set_arms("digits", arm(candidate), None, 0)
            stable.close()  # nothing leaves before it is drained: whoever promotes may stop it at once
            stable = candidate
        eventually(lambda: len(load.answers) >= 3_000)
    assert load.failed == []
    assert {answer.body.split()[0] for answer in load.answers} == {f"v{version}" for version in range(1, 7)}
    assert load.answers[-1].body.startswith("v6 ")
    assert router.arms("digits") == Arms(arm(stable), None)


def test_a_new_stable_that_was_no_candidate_and_a_swap_fail_no_request(router: LocalRouter, url: str, backends: Any, load_on: Any) -> None:
    one, two, three = backends("one"), backends("two"), backends("three")
    targets = [
        Arms(arm(three), arm(two), 0.5),  # stable replaced beside a candidate that stays
        Arms(arm(two), arm(three), 0.5),  # swapped
        Arms(arm(two), arm(one), 0.5),  # candidate replaced while it has traffic
        Arms(arm(one), None),
    ]
    router.set_arms("digits", arm(one), arm(two), 0.5)
    with load_on(url) as load:
        for target in targets:
            router.set_arms("digits", target.stable, target.candidate, target.candidate_weight)
            assert router.arms("digits") == target
    assert load.failed == []


@pytest.mark.parametrize(("weight", "requests"), [(0.0, 400), (0.01, 3_000), (0.5, 1_000), (1.0, 400)])
def test_the_candidate_gets_its_share(router: LocalRouter, url: str, backends: Any, load_on: Any, weight: float, requests: int) -> None:
    router.set_arms("digits", arm(backends("old")), arm(backends("new")), weight)
    assert router.weights("digits") == {"stable": 1 - weight, "candidate": weight}
    with load_on(url, at_most=requests, pause_s=0) as load:
        eventually(lambda: len(load.answers) >= requests)
    assert load.failed == []
    shares = load.by(lambda answer: answer.arm)
    spread = 6 * (len(load.answers) * weight * (1 - weight)) ** 0.5  # binomial: one false alarm in half a billion
    assert abs(shares["candidate"] - weight * len(load.answers)) <= spread
    assert all(answer.body.split()[0] == {"stable": "old", "candidate": "new"}[answer.arm] for answer in load.answers)


def test_a_client_cannot_choose_its_arm(router: LocalRouter, url: str, backends: Any, ask: Any) -> None:
    router.set_arms("digits", arm(backends("old")), arm(backends("new")), 0)
    assert ask(url, headers="x-mlgate-arm: candidate\r\n").body.startswith("old ")


def test_a_backend_killed_with_a_request_under_way_costs_a_second_attempt(router: LocalRouter, url: str, backends: Any, ask: Any) -> None:
    backend = backends("only")
    router.set_arms("digits", arm(backend), None, 0)
    with ThreadPoolExecutor(1) as pool:
        under_way = pool.submit(ask, url, "/slow?1.5")
        eventually(lambda: ask(backend.url, "/seen").body != "0")
        first = backend.process.pid
        backend.kill()
        backend.restart()
        answer = under_way.result()
    assert (answer.status, answer.attempts) == (200, 2)
    assert answer.body == f"only {backend.process.pid}" != f"only {first}"


@pytest.mark.parametrize("fault", [500, 507, 0], ids=["500", "507", "a cut connection"])
@pytest.mark.parametrize("size", [0, 2 << 20], ids=["no body", "2 MiB"])
def test_a_lost_request_is_tried_once_more_and_counted(
    router: LocalRouter, url: str, backends: Any, ask: Any, fault: int, size: int
) -> None:
    router.set_arms("digits", arm(backends("only")), None, 0)
    before = router.counters("digits")["stable"]
    answer = ask(url, f"/first/x/{fault}", b"x" * size)
    assert (answer.status, answer.arm, answer.attempts) == (200, "stable", 2)
    now = router.counters("digits")["stable"]
    assert now == ArmCounters(before.requests + 1, before.failed, before.retries + 1)


def test_what_is_lost_twice_is_passed_on_and_counted_as_failed(router: LocalRouter, url: str, backends: Any, ask: Any) -> None:
    router.set_arms("digits", arm(backends("old")), arm(backends("new")), 1)
    before = router.counters("digits")
    answer = ask(url, "/always/507")
    assert (answer.status, answer.arm, answer.attempts) == (507, "candidate", 2)
    now = router.counters("digits")
    assert now["stable"] == before["stable"]
    assert now["candidate"] == ArmCounters(
        before["candidate"].requests + 1, before["candidate"].failed + 1, before["candidate"].retries + 1
    )


@pytest.mark.parametrize("status", [400, 502, 503])
def test_another_error_is_passed_on_at_once(router: LocalRouter, url: str, backends: Any, ask: Any, status: int) -> None:
    router.set_arms("digits", arm(backends("only")), None, 0)
    answer = ask(url, f"/first/x/{status}")
    assert (answer.status, answer.attempts) == (status, 1)


@pytest.mark.parametrize("leaves", ["stable", "candidate"])
def test_an_arm_leaves_only_after_its_slow_requests(router: LocalRouter, url: str, backends: Any, ask: Any, leaves: str) -> None:
    old, new = backends("old"), backends("new")
    router.set_arms("digits", arm(old), arm(new), 0 if leaves == "stable" else 1)
    leaving = old if leaves == "stable" else new
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(ask, url, "/slow?2")
        eventually(lambda: ask(leaving.url, "/seen").body == "1")
        assert not slow.done()
        if leaves == "stable":
            router.set_arms("digits", arm(new), None, 0)
        else:
            router.set_arms("digits", arm(old), None, 0)
        leaving.close()
        assert slow.result().status == 200
        assert slow.result().body.startswith(f"{leaving.name} ")
        assert slow.result().attempts == 1


def test_copies_reach_the_candidate_and_their_answers_nobody(router: LocalRouter, url: str, backends: Any, ask: Any) -> None:
    old, new = backends("old"), backends("new")
    router.set_arms("digits", arm(old), arm(new), 0)
    router.shift("digits", {"stable": 1, "candidate": 0}, mirror=1)
    served = router.arms("digits")
    assert served
    assert served.mirror == 1
    assert {ask(url).body.split()[0] for _ in range(20)} == {"old"}
    eventually(lambda: int(ask(new.url, "/seen").body) == 20)
    newer = backends("newer")
    router.set_arms("digits", arm(old), arm(newer), 0)
    assert router.arms("digits") == Arms(arm(old), arm(newer), 0, mirror=0)
    router.shift("digits", {"stable": 1, "candidate": 0}, mirror=0.5)
    router.set_arms("digits", None, arm(newer), 0)
    assert router.arms("digits") == Arms(None, arm(newer), 0, mirror=0)


def test_a_killed_envoy_comes_back_with_the_same_url_arms_and_weights(
    router: LocalRouter, url: str, home: Path, backends: Any, ask: Any
) -> None:
    target = Arms(arm(backends("old")), arm(backends("new")), 0.3)
    router.set_arms("digits", target.stable, target.candidate, 0.3)
    kill_envoy(home)
    assert router.arms("digits") is None
    assert router.weights("digits") == {}
    assert router.counters("digits") == {}
    assert router.ensure("digits", None) == url
    assert router.arms("digits") == target
    assert ask(url).status == 200


def test_a_change_starts_a_killed_envoy_again(router: LocalRouter, url: str, home: Path, backends: Any, ask: Any) -> None:
    old, new = backends("old"), backends("new")
    router.set_arms("digits", arm(old), arm(new), 0.3)
    kill_envoy(home)
    router.set_arms("digits", arm(new), None, 0)
    assert router.arms("digits") == Arms(arm(new))
    assert ask(url).body.startswith("new ")


def kill_envoy(home: Path) -> None:
    running = Supervisor(home / "processes").get("router-digits")
    assert running
    os.kill(running.pid, signal.SIGKILL)
    eventually(lambda: not running.alive)


class Killed(BaseException):
    """Ends a change where it stands, as kill -9 of its caller does: there is nothing in it that would run afterwards."""


@pytest.mark.parametrize(
    ("new_stable", "kept", "deaths"),
    [("two", None, range(7)), ("three", "two", [2, 5, 8])],
    ids=["promotion", "stable beside a candidate that stays"],
)
def test_a_caller_killed_at_any_step_fails_no_request_and_the_next_call_converges(
    router: LocalRouter,
    url: str,
    backends: Any,
    load_on: Any,
    monkeypatch: pytest.MonkeyPatch,
    new_stable: str,
    kept: str | None,
    deaths: Iterable[int],
) -> None:
    arms = {name: arm(backends(name)) for name in ("one", "two", "three")}
    confirm = LocalRouter._confirm

    def change(dies_at: int) -> None:
        """Dies when the step was done, before it is known to be: what the files say may not be served yet."""
        calls: list[object] = []

        def counted(self: LocalRouter, files: Any) -> None:
            if len(calls) == dies_at:
                raise Killed
            calls.append(files)
            confirm(self, files)

        with monkeypatch.context() as patch:
            patch.setattr(LocalRouter, "_confirm", counted)
            router.set_arms("digits", arms[new_stable], arms.get(kept or ""), 0)

    router.set_arms("digits", arms["one"], arms["two"], 0.3)
    with load_on(url, clients=4) as load:
        for step in deaths:
            with pytest.raises(Killed):
                change(dies_at=step)
            router.set_arms("digits", arms[new_stable], arms.get(kept or ""), 0)
            assert router.arms("digits") == Arms(arms[new_stable], arms.get(kept or ""))
            router.set_arms("digits", arms["one"], arms["two"], 0.3)
    assert load.failed == []


DIES = """
    import os
    from pathlib import Path
    from mlgate_serving.envoy import LocalRouter
    from mlgate_serving.envoy_files import EnvoyFiles
    from mlgate_serving.router import Arm
    from mlgate_serving.supervisor import Supervisor
    home, write_slot = Path({home!r}), EnvoyFiles.write_slot
    def crash(self, slot, arm):
        write_slot(self, slot, arm)
        os.kill(os.getpid(), 9)
    EnvoyFiles.write_slot = crash
    LocalRouter(Supervisor(home / "processes"), home / "routers").set_arms("digits", {stable!r}, None, 0)
"""


def test_a_caller_ended_by_kill_9_in_a_promotion_blocks_nobody(
    router: LocalRouter, url: str, home: Path, backends: Any, load_on: Any
) -> None:
    one, two = arm(backends("one")), arm(backends("two"))
    router.set_arms("digits", one, two, 0.3)
    with load_on(url, clients=4) as load:
        script = textwrap.dedent(DIES).format(home=str(home), stable=two)
        assert subprocess.run([sys.executable, "-c", script], check=False, timeout=60).returncode == -signal.SIGKILL
        assert router.arms("digits") == Arms(two, two, 1.0)
        router.set_arms("digits", two, None, 0)
    assert load.failed == []
    assert router.arms("digits") == Arms(two)


def test_callers_at_the_same_moment_take_turns(router: LocalRouter, url: str, home: Path, backends: Any, load_on: Any) -> None:
    one, two = arm(backends("one")), arm(backends("two"))
    router.set_arms("digits", one, two, 0.5)
    targets = [Arms(one), Arms(two), Arms(one, two, 0.5), Arms(two, one, 0.5)]
    barrier = threading.Barrier(len(targets))

    def change(target: Arms) -> None:
        own = LocalRouter(Supervisor(home / "processes"), home / "routers")
        barrier.wait()
        own.set_arms("digits", target.stable, target.candidate, target.candidate_weight)

    with load_on(url) as load, ThreadPoolExecutor(len(targets)) as pool:
        for future in [pool.submit(change, target) for target in targets]:
            future.result()
    assert load.failed == []
    assert router.arms("digits") in targets


def test_a_weight_is_refused_without_the_arm_that_would_get_it(router: LocalRouter, url: str, backends: Any) -> None:
    old, new = arm(backends("old")), arm(backends("new"))
    router.set_arms("digits", old, None, 0)
    with pytest.raises(UsageError, match="no candidate"):
        router.shift("digits", {"stable": 0.9, "candidate": 0.1}, 0)
    with pytest.raises(UsageError, match="no candidate"):
        router.set_arms("digits", old, None, 0.1)
    router.set_arms("digits", None, new, 0)
    with pytest.raises(UsageError, match="no stable"):
        router.shift("digits", {"stable": 0.9, "candidate": 0.1}, 0)
    assert router.arms("digits") == Arms(None, new)


def test_an_arm_that_does_not_answer_gets_no_traffic(router: LocalRouter, url: str, backends: Any, ask: Any) -> None:
    old, dead = backends("old"), backends("dead")
    router.set_arms("digits", arm(old), arm(dead), 0)
    dead.close()
    served = router.arms("digits")
    changes: list[Callable[[], None]] = [
        lambda: router.shift("digits", {"stable": 0.5, "candidate": 0.5}, 0),
        lambda: router.set_arms("digits", arm(dead), None, 0),
        lambda: router.set_arms("digits", arm(old), Arm("sha256:other", dead.url), 0),
    ]
    for change in changes:
        with pytest.raises(EndpointError, match=r"takes no connection.*traffic stays as it was") as caught:
            change()
        assert caught.value.where == dead.url
    assert router.arms("digits") == served
    router.set_arms("digits", arm(old), arm(dead), 0)  # nothing new for it
    router.set_arms("digits", arm(old), None, 0)
    assert ask(url).status == 200


def test_a_bad_url_is_refused_before_anything_moves(router: LocalRouter, url: str, backends: Any) -> None:
    old, new = arm(backends("old")), arm(backends("new"))
    router.set_arms("digits", old, new, 0.5)
    with pytest.raises(UsageError, match="cannot be an arm's URL"):
        router.set_arms("digits", old, Arm("sha256:x", "https://example.org"), 0.5)
    assert router.arms("digits") == Arms(old, new, 0.5)


def test_without_any_arm_the_url_says_so(router: LocalRouter, url: str, ask: Any) -> None:
    assert router.arms("digits") == Arms()
    answer = ask(url)
    assert (answer.status, answer.body) == (503, "no healthy upstream")
