# SPDX-License-Identifier: GPL-2.0
"""Mounts that one process and its children alone see."""

import ctypes

from latchapi import libc

CLONE_NEWNS = 0x20000
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 1 << 18


def own_mounts():
    """Let this process and its children alone see what is mounted from now on."""
    if libc.unshare(CLONE_NEWNS):
        raise OSError(ctypes.get_errno(), "unshare")
    mount("none", "/", "", MS_REC | MS_PRIVATE)


def mount(what, where, kind="", flags=0, options=""):
    if libc.mount(str(what).encode(), str(where).encode(), kind.encode() or None, flags, options.encode() or None):
        raise OSError(ctypes.get_errno(), f"mount {what} {where}")
