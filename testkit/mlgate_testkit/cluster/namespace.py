"""A network of a cluster's own: a Linux network namespace, in which nothing can be reached from outside and no port is taken.

Some parts of a cluster listen on every interface, and in a namespace of their own that is nobody's interface but the cluster's. Root may
make one; another user may where the system allows user namespaces. It lives as long as a process in it: the keeper's.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import shutil
import socket
import struct
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

# <sched.h>, <linux/sockios.h>, <net/if.h>. Python knows `os.unshare` from 3.12 on only.
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 0x1
NETWORK_OF_ITS_OWN = "a network namespace of its own"
_ALLOW = (
    "run as root, or allow user namespaces (sysctl: kernel.unprivileged_userns_clone=1, kernel.apparmor_restrict_unprivileged_userns=0, "
    "user.max_user_namespaces and user.max_net_namespaces above 0); in a container: --cap-add SYS_ADMIN, or --privileged"
)


@dataclass(frozen=True, slots=True)
class Network:
    """Where a cluster's processes have their ports.

    `keeper`: the process whose namespace it is; None on the machine's own loopback, and then `reason` says why. `user`: entering the
    namespace means entering a user namespace too.
    """

    keeper: int | None
    user: bool = False
    reason: str = ""

    @property
    def own(self) -> bool:
        """Whether it is a namespace of the cluster's own."""
        return self.keeper is not None

    def enter(self, command: tuple[str, ...]) -> tuple[str, ...]:
        """The command that runs `command` there, with the same process id."""
        if self.keeper is None:
            return command
        # Not by `--target`: what fails to be opened would be every namespace of a process that is gone, without a word which.
        spaces = f"/proc/{self.keeper}/ns"
        user = (f"--user={spaces}/user", "--preserve-credentials") if self.user else ()
        return ("nsenter", *user, f"--net={spaces}/net", "--", *command)


def way_to_one() -> str:
    """What makes a network namespace possible on this machine, for a person."""
    if sys.platform != "linux":
        return "run the tests on Linux, in a virtual machine or in CI"
    return "install util-linux" if shutil.which("nsenter") is None else _ALLOW


def obstacle() -> str | None:
    """Why nobody needs to try to make a namespace on this machine, in words; None where it is worth trying."""
    if sys.platform != "linux":
        return f"{sys.platform} has no network namespaces"
    if shutil.which("nsenter") is None:
        return "nsenter, by which a process enters a network namespace, is not on PATH (package util-linux)"
    return None


def leave_for_own_network() -> bool:
    """Move this process, which must have one thread, into a new network namespace with its loopback up; its open sockets stay behind.

    Returns whether that took a user namespace. Raises OSError with what is not permitted.
    """
    user = False
    try:
        _unshare(_CLONE_NEWNET)
    except PermissionError:
        _unshare_as_user()
        user = True
    _loopback_up()
    return user


def _unshare_as_user() -> None:
    uid, gid = os.geteuid(), os.getegid()
    _unshare(_CLONE_NEWUSER | _CLONE_NEWNET)
    # One identity, mapped to itself: files keep their owner, and the kernel wants setgroups off before it takes a group from a user.
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
    Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")


def _unshare(flags: int) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    if library.unshare(flags) != 0:
        number = ctypes.get_errno()
        kind = PermissionError if number in {errno.EPERM, errno.EACCES} else OSError
        raise kind(number, f"no network namespace: {os.strerror(number)}")


def _loopback_up() -> None:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as control:
        asked = struct.pack("16sH14s", b"lo", 0, b"")
        (flags,) = struct.unpack_from("H", fcntl.ioctl(control, _SIOCGIFFLAGS, asked), 16)
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sH14s", b"lo", flags | _IFF_UP, b""))
