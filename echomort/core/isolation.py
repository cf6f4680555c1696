"""What a process gives up before it reads what others wrote."""

import contextlib
import ctypes
import os

CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
"""Flags of unshare(2), from Linux's sched.h."""


def leave_network() -> bool:
    """Take this process, which has one thread, from the network; return whether that was possible.

    It and its children get a network of their own, without any interface. Root needs nothing else for it; another user
    needs a name space of users, and would keep no rights in it but those to files that are theirs anyway. Only Linux
    has it (unshare(2)), and some containers and distributions do not permit it.
    """
    flags = CLONE_NEWNET if os.geteuid() == 0 else CLONE_NEWUSER | CLONE_NEWNET
    with contextlib.suppress(OSError, AttributeError):  # a system without unshare
        return bool(ctypes.CDLL(None).unshare(flags) == 0)
    return False
