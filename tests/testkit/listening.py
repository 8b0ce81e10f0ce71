"""Whether somebody listens on a port: what a process that is gone no longer does.

Whether the port is free is another question: one that the system chose may be the near end of somebody else's connection a moment later.
"""

from __future__ import annotations

import socket


def listens(port: int) -> bool:
    """Whether a connection to it comes about."""
    with socket.socket() as connection:
        return connection.connect_ex(("127.0.0.1", port)) == 0
