# SPDX-License-Identifier: GPL-2.0
"""Destinations of UDP sockets that have latches of their own: IP_LATCH_DEST."""

import ctypes
import os
import socket
import struct

from latchapi import L, LatchInfo, LatchReq, level_of, libc, request

STORAGE = 128
assert STORAGE + ctypes.sizeof(LatchReq) == L.LATCH_DEST_SIZE_VER0


def sockaddr(addr, port, size=STORAGE):
    """struct sockaddr_in or sockaddr_in6."""
    if ":" in addr:
        raw = struct.pack("=HHI16sI", socket.AF_INET6, socket.htons(port), 0, socket.inet_pton(socket.AF_INET6, addr), 0)
    else:
        raw = struct.pack("=HH4s8x", socket.AF_INET, socket.htons(port), socket.inet_aton(addr))
    return raw.ljust(size, b"\0")


def latch_dest(sock, where, **fields):
    """setsockopt(IP_LATCH_DEST): what this destination has to prove; peer: the name that it has to have."""
    fields.setdefault("mode", L.LATCH_MODE_REQUIRE)
    if isinstance(fields.get("peer"), str):
        fields["peer_id"] = fields.pop("peer")
    sock.setsockopt(level_of(sock), L.IP_LATCH_DEST, sockaddr(*where) + bytes(request(**fields)))


def end_dest(sock, where):
    """Its latch goes."""
    latch_dest(sock, where, mode=L.LATCH_MODE_AUTO)


def dest_info(sock, where, size=ctypes.sizeof(LatchInfo)):
    """getsockopt(IP_LATCH_DEST)"""
    area = ctypes.create_string_buffer(sockaddr(*where, 0)[:size], size)
    length = ctypes.c_int(size)
    if libc.getsockopt(sock.fileno(), level_of(sock), L.IP_LATCH_DEST, area, ctypes.byref(length)):
        raise OSError(ctypes.get_errno(), "getsockopt")
    return LatchInfo.from_buffer_copy(area.raw.ljust(ctypes.sizeof(LatchInfo), b"\0"))


def send(sock, where, data=b"hello"):
    """errno of a datagram, 0 where it was sent."""
    try:
        sock.sendto(data, where)
    except OSError as e:
        return e.errno
    return 0


class Resolver:
    """Asks each zone's server, which has to be the peer of this name, and nobody else."""

    def __init__(self, sock, servers):
        self.sock, self.servers = sock, {zone: where for zone, (where, _) in servers.items()}
        for where, peer in servers.values():
            latch_dest(sock, where, peer=peer)

    def ask(self, name):
        """The answer to one question; None where the zone's server is not who it has to be."""
        query, server = os.urandom(2), self.servers[name.split(b".")[-1]]
        if send(self.sock, server, query + name):
            return None
        while True:
            data, sender = self.sock.recvfrom(512)
            if data[:2] == query and sender[:2] == server:
                return data[2:]
