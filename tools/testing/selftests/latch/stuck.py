# SPDX-License-Identifier: GPL-2.0
"""A socket whose owner sleeps in the kernel and does not give it back."""

import contextlib
import ctypes
import errno
import fcntl
import mmap
import os
import select
import struct
import threading

from ktap import SLOW, KsftSkipEx, ksft_true
from latchapi import libc

SYS_USERFAULTFD = 323
UFFDIO_API = 0xC018AA3F
UFFDIO_REGISTER = 0xC020AA00


class _Page:
    """A page of memory that is not there: whoever touches it waits until the file of this object is closed."""

    def __init__(self):
        self._fd = libc.syscall(SYS_USERFAULTFD, os.O_CLOEXEC | os.O_NONBLOCK)
        if self._fd < 0:
            if ctypes.get_errno() == errno.ENOSYS:
                raise KsftSkipEx("the kernel has no userfaultfd")
            raise OSError(ctypes.get_errno(), "userfaultfd")
        fcntl.ioctl(self._fd, UFFDIO_API, struct.pack("QQQ", 0xAA, 0, 0))
        self._map = mmap.mmap(-1, mmap.PAGESIZE)
        self.address = ctypes.addressof(ctypes.c_char.from_buffer(self._map))
        fcntl.ioctl(self._fd, UFFDIO_REGISTER, struct.pack("QQQQ", self.address, mmap.PAGESIZE, 1, 0))

    def touched(self):
        """Wait until somebody waits for the page."""
        ksft_true(select.select([self._fd], [], [], 10 * SLOW)[0], "the page was touched")

    def give(self):
        """It is there."""
        os.close(self._fd)


@contextlib.contextmanager
def in_use(sock):
    """While the block runs, a task that sends on the socket sleeps in a page fault and has it locked."""
    page = _Page()
    sock.settimeout(None)
    task = threading.Thread(target=libc.send, args=(sock.fileno(), ctypes.c_void_p(page.address), 16, 0))
    task.start()
    try:
        page.touched()
        yield
    finally:
        page.give()
        task.join()


def in_time(func, *args, **kwargs):
    """What func() returns, which it has to do while the socket is in use."""
    got = []
    task = threading.Thread(target=lambda: got.append(func(*args, **kwargs)), daemon=True)
    task.start()
    task.join(5 * SLOW)
    if task.is_alive():
        raise TimeoutError(f"{func} waits for the socket")
    return got[0]
