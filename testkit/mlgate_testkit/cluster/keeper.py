"""The one process of ours in a cluster: it holds the cluster's network, carries connections into it, and ends what its owner left.

`python -m mlgate_testkit.cluster.keeper FOLDER PORTS OBSTACLE OWNED`, started by the `Supervisor` as every other part is.

It listens on the machine's loopback first, then leaves for a network namespace of its own: what it accepts still comes from outside, and
what it connects to lies inside, so that each port of the cluster has the same number on both sides. Where no namespace is to be had it says
why and lets go of the ports, which are then the parts' own.

The owner of a cluster that is to end with it holds the lock `owner` in the cluster's folder, and the system lets go of it however the owner
ends. The keeper tries for that lock; once it has it, it ends every part and removes the folder.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
from contextlib import closing, suppress
from functools import partial
from pathlib import Path

from mlgate.errors import BusyError
from mlgate_testkit.cluster.namespace import leave_for_own_network
from mlgate_testkit.cluster.owner import owner_lock

_LOOK_EVERY_S = 0.25
_BLOCK_BYTES = 1 << 16
_BACKLOG = 256


def main(arguments: list[str]) -> None:
    """Runs until it is ended, or, for a cluster with an owner, until the owner is gone."""
    folder, ports, obstacle, owned = Path(arguments[0]), arguments[1], arguments[2], arguments[3] == "owned"
    listeners = [socket.create_server(("127.0.0.1", int(port)), backlog=_BACKLOG) for port in ports.split(",")]
    keeper, user, reason = os.getpid(), False, obstacle
    if not obstacle:
        try:
            user = leave_for_own_network()
        except OSError as error:
            reason = error.strerror or str(error)
    if reason:
        keeper = 0
        for listener in listeners:
            listener.close()
        listeners = []
    _tell(folder / "network.json", {"keeper": keeper or None, "user": user, "reason": reason})
    asyncio.run(_keep(folder, listeners, owned))


def _tell(path: Path, network: dict[str, object]) -> None:
    part = path.with_suffix(".part")
    part.write_text(json.dumps(network), encoding="utf-8")
    part.replace(path)


async def _keep(folder: Path, listeners: list[socket.socket], owned: bool) -> None:
    servers = [await asyncio.start_server(partial(_carry, listener.getsockname()[1]), sock=listener) for listener in listeners]
    try:
        while not (owned and _end_if_left(folder)):
            await asyncio.sleep(_LOOK_EVERY_S)
    finally:
        for server in servers:
            server.close()


def _end_if_left(folder: Path) -> bool:
    """Whether the owner was gone; then nothing of the cluster is there any more but this process."""
    with suppress(BusyError), owner_lock(folder):
        from mlgate_testkit.cluster.folders import clear  # takes 30 MB, and is needed once

        clear(folder, but=os.getpid())
        return True
    return False


async def _carry(port: int, outside: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
    """Carries what comes from outside to `port` inside, and back."""
    with closing(answer):
        try:
            inside, ask = await asyncio.open_connection("127.0.0.1", port)
        except OSError:  # nobody listens there yet, or any more
            return
        with closing(ask):
            await asyncio.gather(_pump(outside, ask), _pump(inside, answer))


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while block := await source.read(_BLOCK_BYTES):
            sink.write(block)
            await sink.drain()
    with suppress(OSError):
        if sink.can_write_eof():
            sink.write_eof()


if __name__ == "__main__":
    main(sys.argv[1:])
