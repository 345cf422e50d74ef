# SPDX-License-Identifier: GPL-2.0
"""A server and a client of NFS, both in the kernel; no program of nfs-utils is needed."""

import contextlib
import ctypes
import os
import subprocess
import tempfile

from ktap import KsftSkipEx
from latchapi import libc
from mounts import mount

PORT = 2049
NEVER = 2**31 - 1
EXPORT_FLAGS = 0x2000 | 0x400 | 0x10 | 0x2  # FSID, no subtree check, asynchronous, any port
MNT_FORCE, MNT_DETACH = 1, 2


def unmount(where, flags=0):
    if libc.umount2(where.encode(), flags):
        raise OSError(ctypes.get_errno(), f"umount {where}")


class Nfs:
    """What one host serves to another; files are the server's directory, mounted the client's.

    The kernel asks mountd who may have what; here it is told before it asks.  Nobody has to run
    rpcbind, which only NFS 3 needs.  Files can be opened when the server has run for 90 seconds,
    links can be made and read at once.
    """

    def __init__(self, server, client, fam):
        self.server, self.client, self.fam = server, client, fam
        self._undo = contextlib.ExitStack()

    def _directory(self):
        return self._undo.enter_context(tempfile.TemporaryDirectory(prefix="latch-nfs-"))

    def _mount(self, *args):
        mount(*args)
        self._undo.callback(unmount, args[1], MNT_DETACH)

    @staticmethod
    def _write(path, text):
        with open(path, "w", encoding="ascii") as f:
            f.write(text + "\n")

    def _serve(self):
        self.files, control = self._directory(), self._directory()
        self._mount("tmpfs", self.files, "tmpfs")
        self._mount("nfsd", control, "nfsd")
        rpc = "/proc/thread-self/net/rpc"
        for cache, words in (
            ("auth.unix.ip", f"nfsd {self.client.addr(self.fam)} {NEVER} latch"),
            ("nfsd.export", f"latch {self.files} {NEVER} {EXPORT_FLAGS} 65534 65534 0"),
            ("nfsd.fh", f"latch 1 \\x00000000 {NEVER} {self.files}"),
        ):
            self._write(f"{rpc}/{cache}/channel", words)
        with contextlib.suppress(OSError):  # not every kernel has version 2
            self._write(f"{control}/versions", "-2")
        self._write(f"{control}/versions", "-3 +4")
        self._write(f"{control}/portlist", f"tcp {PORT}")
        self._undo.callback(self._stop, control)
        self._write(f"{control}/threads", "1")

    def _stop(self, control):
        with self.server:
            self._write(f"{control}/threads", "0")

    def __enter__(self):
        for name in ("nfsd", "nfsv4"):
            if subprocess.run(["modprobe", "-q", name], check=False).returncode:
                raise KsftSkipEx(f"the kernel has no {name}")
        try:
            with self.server:
                self._serve()
            self.mounted = self._directory()
        except BaseException:
            self._undo.close()
            raise
        return self

    def mount(self):
        """Connect, and mount what is served."""
        addr, own = (h.addr(self.fam) for h in (self.server, self.client))
        options = f"addr={addr},clientaddr={own},vers=4.2,proto=tcp{6 * (self.fam == 6) or ''},port={PORT},sec=sys"
        where = f"[{addr}]:/" if self.fam == 6 else f"{addr}:/"
        with self.client:
            mount(where, self.mounted, "nfs4", 0, options)
        self._undo.callback(unmount, self.mounted, MNT_FORCE | MNT_DETACH)

    def __exit__(self, *_):
        self._undo.close()
