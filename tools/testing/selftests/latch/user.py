# SPDX-License-Identifier: GPL-2.0
"""Functions that run on a host as another user, or in a user namespace."""

import ctypes
import os
import pickle

from latchapi import libc
from netns import CLONE_NEWNET

CLONE_NEWUSER = 0x10000000
PR_SET_DUMPABLE = 4


def _in_child(host, prepare, func):
    """Call func() in a child process on a host; its result or exception comes back."""
    inside, out = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            os.close(inside)
            host.__enter__()  # for good: there may be no way back
            prepare()
            result = True, func()
        except BaseException as e:  # pylint: disable=broad-exception-caught
            result = False, f"{type(e).__name__}: {e}"
        with os.fdopen(out, "wb") as pipe:
            pickle.dump(result, pipe)
        os._exit(0)
    os.close(out)
    with os.fdopen(inside, "rb") as pipe:
        good, result = pickle.load(pipe)
    os.waitpid(pid, 0)
    if not good:
        raise RuntimeError(result)
    return result


def as_nobody(host, func):
    """Call func() on a host without privilege."""

    def prepare():
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)

    return _in_child(host, prepare, func)


def in_user_namespace(host, func, own_net, uid=0):
    """Call func() as root of a new user namespace, outside this user, in a network of its own or the host's."""

    def prepare():
        if uid:
            os.setuid(uid)
            libc.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)
        if libc.unshare(CLONE_NEWUSER | (CLONE_NEWNET if own_net else 0)):
            raise OSError(ctypes.get_errno(), "unshare")
        with open("/proc/self/uid_map", "w", encoding="ascii") as f:
            f.write(f"0 {uid} 1\n")

    return _in_child(host, prepare, func)
