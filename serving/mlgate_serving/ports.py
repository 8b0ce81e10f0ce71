"""TCP ports of this machine: which are free, and who holds one that is not."""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Collection, Iterable
from contextlib import closing

import psutil

from mlgate.errors import ProcessError

# Below the range that Linux (32768 up) and macOS (49152 up) hand to outgoing connections: a load generator's sockets must not take a
# port between its choice and the server's start, nor while a server that keeps its ports is being restarted.
_CHOICE = range(15_000, 32_768)
_ATTEMPTS = 1_000
_POLL_S = 0.02
_LOOPBACK = "127.0.0.1"


def port_is_free(port: int) -> bool:
    """Whether a server could listen on 127.0.0.1:`port` now."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as probe:
        # As servers do: connections of a former server still in TIME_WAIT do not make a port taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_LOOPBACK, port))
        except OSError:
            return False
        return True


def free_ports(count: int, *, but: Collection[int] = ()) -> tuple[int, ...]:
    """`count` different ports that are free now, chosen at random so that callers at the same moment differ. Raises ProcessError.

    `but`: ports that are somebody's though nobody listens there now.
    """
    chooser = random.SystemRandom()
    chosen: list[int] = []
    for _ in range(_ATTEMPTS):
        if len(chosen) == count:
            return tuple(chosen)
        port = chooser.choice(_CHOICE)
        if port not in chosen and port not in but and port_is_free(port):
            chosen.append(port)
    raise ProcessError(
        f"found {len(chosen)} free ports of the {count} needed in {_ATTEMPTS} attempts",
        where=f"ports {_CHOICE.start} to {_CHOICE.stop - 1} of {_LOOPBACK}",
        remedy="see what listens there (`ss -ltn`) and stop what is not needed",
    )


def become_free(ports: Iterable[int], *, wait_s: float) -> bool:
    """Whether all of `ports` are free within `wait_s`: a killed server is dead for a moment before the last of its threads lets go."""
    until = time.monotonic() + wait_s
    wanted = tuple(ports)
    while not all(port_is_free(port) for port in wanted):
        if time.monotonic() >= until:
            return False
        time.sleep(_POLL_S)
    return True


def require_free(ports: Iterable[int], *, where: str, wait_s: float = 0, another: str = "choose another port") -> None:
    """Raises ProcessError, naming `where`, who listens and how to get `another` port, if one of `ports` is still taken after `wait_s`."""
    wanted = tuple(ports)
    if become_free(wanted, wait_s=wait_s):
        return
    taken = next((port for port in wanted if not port_is_free(port)), None)
    if taken is not None:
        raise ProcessError(
            f"port {taken} is taken by {port_holder(taken)}",
            where=where,
            remedy=f"end it (`ss -ltnp sport = :{taken}` shows it) or {another}",
        )


def port_holder(port: int) -> str:
    """Who listens on `port`, for an error message: process id and name as far as this user may see them."""
    try:
        connections = psutil.net_connections("tcp")
    except psutil.AccessDenied:  # macOS shows other processes' sockets to root only
        return "another process"
    for connection in connections:
        if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port and connection.pid:
            try:
                return f"process {connection.pid} ({psutil.Process(connection.pid).name()})"
            except psutil.NoSuchProcess:
                continue
    return "another process"
