# SPDX-License-Identifier: GPL-2.0
"""Datagrams with the numbers of their tags, by each way in which the kernel hands them out."""

import ctypes
import mmap
import os
import socket
import struct

from latchapi import L, LatchInfo, level_of, libc

SPACE = socket.CMSG_SPACE(4)
SCM_TXTIME = 61


def ask_for_tags(sock, on=1):
    """setsockopt(IP_LATCH_TAG)"""
    sock.setsockopt(level_of(sock), L.IP_LATCH_TAG, on)


def tag_info(sock, number):
    """getsockopt(IP_LATCH_TAG_INFO): what a number stands for."""
    area = ctypes.create_string_buffer(struct.pack("=I", number), ctypes.sizeof(LatchInfo))
    _get(sock, L.IP_LATCH_TAG_INFO, area)
    return LatchInfo.from_buffer_copy(area.raw)


def tag_peer(sock, number):
    """getsockopt(IP_LATCH_TAG_PEER_ID): the value of the peer's identity."""
    area = ctypes.create_string_buffer(struct.pack("=I", number), 1024)
    size = _get(sock, L.IP_LATCH_TAG_PEER_ID, area)
    return area.raw[:size]


def _get(sock, option, area):
    size = ctypes.c_int(len(area))
    if libc.getsockopt(sock.fileno(), level_of(sock), option, area, ctypes.byref(size)):
        raise OSError(ctypes.get_errno(), "getsockopt")
    return size.value


def number_in(ancillary):
    """The number in what recvmsg() returned; None where there is none."""
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SO_MARK):
            return struct.unpack("=I", data)[0]
    return None


class Msghdr(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_void_p),
        ("namelen", ctypes.c_uint32),
        ("iov", ctypes.c_void_p),
        ("iovlen", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("controllen", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    ]


class Mmsghdr(ctypes.Structure):
    _fields_ = [("hdr", Msghdr), ("len", ctypes.c_uint32)]


class Room:
    """Room for a datagram and its control messages, as C has it."""

    def __init__(self):
        self.data = ctypes.create_string_buffer(2048)
        self.control = ctypes.create_string_buffer(64)
        self.iov = (ctypes.c_size_t * 2)(ctypes.addressof(self.data), len(self.data))
        self.hdr = Msghdr(None, 0, ctypes.addressof(self.iov), 1, ctypes.addressof(self.control), 64, 0)

    def got(self, size, hdr):
        """(data, number), after a call has filled it."""
        number = None
        if hdr.controllen:
            length, level, kind = struct.unpack_from("=Qii", self.control.raw)
            number = number_in([(level, kind, self.control.raw[16:length])])
        return self.data.raw[:size], number


def recvmsg(sock):
    """(data, number) of one datagram."""
    data, ancillary, _, _ = sock.recvmsg(2048, SPACE)
    return data, number_in(ancillary)


def recvmmsg(sock):
    """The same by recvmmsg(2)."""
    room = Room()
    many = (Mmsghdr * 1)(Mmsghdr(room.hdr, 0))
    if libc.recvmmsg(sock.fileno(), many, 1, 0, None) != 1:
        raise OSError(ctypes.get_errno(), "recvmmsg")
    return room.got(many[0].len, many[0].hdr)


SETUP, ENTER = 425, 426
OP_RECVMSG, GETEVENTS = 10, 1
SQES = 0x10000000  # where io_uring has its entries


def uring_recvmsg(sock):
    """The same by io_uring(7): one submission, one completion."""
    params = ctypes.create_string_buffer(120)
    ring = libc.syscall(SETUP, 1, params)
    if ring < 0:
        raise OSError(ctypes.get_errno(), "io_uring_setup")
    try:
        room = Room()
        # struct io_sqring_offsets and struct io_cqring_offsets, behind ten words
        sq_tail, sq_array = struct.unpack_from("=I", params, 44)[0], struct.unpack_from("=I", params, 64)[0]
        cqes = struct.unpack_from("=I", params, 100)[0]
        with mmap.mmap(ring, 4096) as rings, mmap.mmap(ring, 4096, offset=SQES) as entries:
            head = struct.pack("=BBHiQQI", OP_RECVMSG, 0, 0, sock.fileno(), 0, ctypes.addressof(room.hdr), 1)
            entries[:64] = head.ljust(64, b"\0")
            struct.pack_into("=I", rings, sq_array, 0)
            struct.pack_into("=I", rings, sq_tail, 1)
            if libc.syscall(ENTER, ring, 1, 1, GETEVENTS, None, 0) != 1:
                raise OSError(ctypes.get_errno(), "io_uring_enter")
            size = struct.unpack_from("=i", rings, cqes + 8)[0]
    finally:
        os.close(ring)
    if size < 0:
        raise OSError(-size, "io_uring")
    return room.got(size, room.hdr)


class Names:
    """Who is behind a number: asked once for each."""

    def __init__(self, sock):
        self.sock, self.known = sock, {}

    def __getitem__(self, number):
        if number not in self.known:
            self.known[number] = b"nobody" if number == 0 else self._ask(number)
        return self.known[number]

    def _ask(self, number):
        try:
            return tag_peer(self.sock, number)
        except OSError:
            return b"somebody"


def dns_answer(sock, names, zone):
    """A server of names, of which some are for some peers only: one question, one answer."""
    data, ancillary, _, client = sock.recvmsg(512, SPACE)
    query, name = data[:2], data[2:]
    peer = names[number_in(ancillary)]
    address, friends = zone.get(name, (b"no such name", None))
    allowed = friends is None or peer in friends
    sock.sendto(query + (address if allowed else b"refused"), client)
    return peer


def dns_ask(sock, server, name, trusted):
    """Its client: takes an answer from the server that it trusts, and from nobody else."""
    names = Names(sock)
    query = os.urandom(2)
    sock.sendto(query + name, server)
    while True:
        data, ancillary, _, _ = sock.recvmsg(512, SPACE)
        if data[:2] == query and names[number_in(ancillary)] == trusted:
            return data[2:]


class QuicServer:
    """Many peers on one socket: a connection ID in front says whose a datagram is, and its tag has to agree."""

    def __init__(self, sock):
        self.sock, self.names = sock, Names(sock)
        self.connections = {}  # connection ID: (name of the peer, bytes so far)
        self.refused = 0

    def serve(self):
        """One datagram: opens a connection, or goes on with it; the answer says how much came."""
        data, ancillary, _, client = self.sock.recvmsg(2048, SPACE)
        number, cid = number_in(ancillary), data[:8]
        peer, size = self.connections.get(cid, (self.names[number], 0))
        if self.names[number] != peer:
            self.refused += 1
            return
        self.connections[cid] = (peer, size + len(data) - 8)
        self.sock.sendto(cid + struct.pack(">I", self.connections[cid][1]), client)
