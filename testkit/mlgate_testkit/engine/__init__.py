"""Rung 3: the real Pulumi engine, its stacks, what a run did and in which order, faults on order, and recovery from them."""

from mlgate_testkit.engine.changes import Changes, Operation, Step
from mlgate_testkit.engine.engine import Engine
from mlgate_testkit.engine.environment import no_clouds
from mlgate_testkit.engine.errors import UpdateError
from mlgate_testkit.engine.events import SECRET, Diagnostic, Event, EventLog, Order, PropertyChange, ResourceState
from mlgate_testkit.engine.faults import locked
from mlgate_testkit.engine.recover import Recovery, recover
from mlgate_testkit.engine.simulated import Attached, Port, Simulated
from mlgate_testkit.engine.stack import KillAt, Stack
from mlgate_testkit.engine.stacks import LeakError, Stacks
from mlgate_testkit.engine.tracked import Made, Tracked
from mlgate_testkit.provider.values import UNKNOWN
from mlgate_tools.pulumi_state import Lock

__all__ = [
    "SECRET",
    "UNKNOWN",
    "Attached",
    "Changes",
    "Diagnostic",
    "Engine",
    "Event",
    "EventLog",
    "KillAt",
    "LeakError",
    "Lock",
    "Made",
    "Operation",
    "Order",
    "Port",
    "PropertyChange",
    "Recovery",
    "ResourceState",
    "Simulated",
    "Stack",
    "Stacks",
    "Step",
    "Tracked",
    "UpdateError",
    "locked",
    "no_clouds",
    "recover",
]
