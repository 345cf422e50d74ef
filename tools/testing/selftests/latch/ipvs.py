# SPDX-License-Identifier: GPL-2.0
"""Service addresses that IPVS balances at a host, set by its netlink family (linux/ip_vs.h)."""

import os
import socket
import struct
import subprocess

from ktap import KsftSkipEx
from netns import HOST_BITS, INET

NEW_SERVICE, NEW_DEST, FLUSH = 1, 5, 17
NLM_F_REQUEST, NLM_F_ACK, NLMSG_ERROR, GENL_ID_CTRL, CTRL_CMD_GETFAMILY = 1, 4, 2, 16, 3
NETLINK_GENERIC = 16
MASQUERADING, ROUTING = 0, 3
NESTED = 0x8000


def attr(number, value):
    """A netlink attribute."""
    return struct.pack("HH", len(value) + 4, number) + value + bytes(-len(value) % 4)


def attrs(**values):
    """Attributes by number: attrs(_1=b"...")."""
    return b"".join(attr(int(name[1:]), value) for name, value in values.items())


class Ipvs:
    """One service at a host, and the one server behind it; all goes with the block.

    way: MASQUERADING rewrites the address and port, ROUTING only sends packets to the server
    """

    def __init__(self, host, fam, proto, service, server, way=MASQUERADING):
        self.host, self.fam = host, fam
        self.service, self.server, self.way = service, server, way
        self.proto = socket.getprotobyname(proto)
        self._family = None

    def _call(self, family, command, body=b""):
        """Send a command; the attributes of the answer, b"" for a mere acknowledgement."""
        message = struct.pack("BBH", command, 1, 0) + body
        with self.host.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_GENERIC) as sock:
            sock.send(struct.pack("IHHII", len(message) + 16, family, NLM_F_REQUEST | NLM_F_ACK, 1, 0) + message)
            answer = sock.recv(65536)
        if struct.unpack_from("H", answer, 4)[0] == NLMSG_ERROR:
            error = -struct.unpack_from("i", answer, 16)[0]
            if error:
                raise OSError(error, os.strerror(error))
        return answer[20:]

    def _family_id(self):
        answer = self._call(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, attrs(_2=b"IPVS\0"))
        while answer:
            size, number = struct.unpack_from("HH", answer)
            if number == 1:
                return struct.unpack_from("H", answer, 4)[0]
            answer = answer[size + -size % 4 :]
        raise KsftSkipEx("IPVS has no netlink family")

    def _address(self, text):
        return socket.inet_pton(INET[self.fam], text).ljust(16, b"\0")

    def __enter__(self):
        if subprocess.run(["modprobe", "-q", "-a", "ip_vs", "ip_vs_rr"], check=False).returncode:
            raise KsftSkipEx("the kernel has no IPVS")
        self._family = self._family_id()
        address, port = self.service
        service = attr(1 | NESTED, attrs(
            _1=struct.pack("H", INET[self.fam]), _2=struct.pack("H", self.proto),
            _3=self._address(address), _4=struct.pack(">H", port), _6=b"rr\0", _7=bytes(8), _8=bytes(4),
            _9=struct.pack("I", HOST_BITS[6]) if self.fam == 6 else b"\xff" * 4,
        ))  # fmt: skip
        address, port = self.server
        server = attr(2 | NESTED, attrs(
            _1=self._address(address), _2=struct.pack(">H", port), _3=struct.pack("I", self.way),
            _4=struct.pack("I", 1), _5=bytes(4), _6=bytes(4), _11=struct.pack("H", INET[self.fam]),
        ))  # fmt: skip
        self._call(self._family, NEW_SERVICE, service)
        self._call(self._family, NEW_DEST, service + server)
        return self

    def __exit__(self, *_):
        self._call(self._family, FLUSH)
