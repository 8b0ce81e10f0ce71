import subprocess
import sys
from pathlib import Path

import pytest

from mlgate import BusyError
from mlgate_delivery.candidate import deploy_candidate
from mlgate_delivery.down import down
from mlgate_delivery.promote import promote
from mlgate_delivery.recover import recover
from mlgate_delivery.rollback import rollback
from mlgate_delivery.turn import turn

HOLD = """
import sys
from pathlib import Path
from mlgate import Environment
from mlgate_delivery.turn import turn
with turn(Environment(name="local", home=Path(sys.argv[1])), "promoting toy"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def other(environment):
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(environment.home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"held\n"
    yield process
    process.kill()
    process.communicate()


def test_a_second_command_is_told_who_does_what_since_when(environment, other):
    with (
        pytest.raises(BusyError, match=rf"process {other.pid} of \S+ since .* is promoting toy") as raised,
        turn(environment, "going down"),
    ):
        pytest.fail("two at once")
    assert "wait" in raised.value.remedy


def test_a_killed_holder_holds_nothing(environment, other):
    other.kill()
    other.wait()
    with turn(environment, "going down"):
        assert "going down" in (environment.home / "locks" / "turn.json").read_text()


def test_an_ended_turn_can_be_taken_again(environment):
    for doing in ("going down", "going up"):
        with turn(environment, doing):
            assert doing in (environment.home / "locks" / "turn.json").read_text()


@pytest.mark.parametrize(
    "change",
    [
        lambda place, service, packed: deploy_candidate(place, service, Path("service.yaml"), packed("1"), print),
        lambda place, service, _packed: promote(place, service, Path("service.yaml"), "sha256:" + "0" * 64, print),
        lambda place, service, _packed: rollback(place, service, "complaints", print),
        lambda place, service, _packed: recover(place, print),
        lambda place, service, _packed: down(place, print),
    ],
    ids=["deploy", "promote", "rollback", "recover", "down"],
)
def test_every_command_that_changes_something_takes_its_turn_before_anything_else(environment, other, service, packed, change):
    before = sorted(environment.home.rglob("*"))
    with pytest.raises(BusyError, match=str(other.pid)):
        change(environment, service, packed)
    assert sorted(environment.home.rglob("*")) == before
