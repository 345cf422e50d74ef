# SPDX-License-Identifier: GPL-2.0
"""What is on the link: tcpdump on it, and what of a flow it saw in clear."""

import itertools
import os
import signal
import socket
import struct
import subprocess
import tempfile

from ktap import SLOW, wait


class Wire:
    """tcpdump on the link, and what it saw of a flow in clear."""

    MARK = 0x88B5  # EtherType for local experiments

    def __init__(self, sw):
        self.sw = sw
        self._dir = tempfile.TemporaryDirectory(prefix="latch-wire-")
        path = os.path.join(self._dir.name, "pcap")
        with sw:
            self._dump = subprocess.Popen(
                ["tcpdump", "-i", "br0", "-n", "--immediate-mode", "-U", "-s", "160", "-Z", "root",
                 "-w", path, "not arp"],
                stderr=subprocess.DEVNULL,
            )  # fmt: skip
        wait(lambda: os.path.exists(path) and os.path.getsize(path) >= 24, "tcpdump to start", 30)
        self._file = open(path, "rb")  # pylint: disable=consider-using-with
        self._file.read(24)
        self._rest = b""
        self._marks = itertools.count(1)
        self.frames = []
        self.restart()

    def sync(self):
        """Read until a frame of our own, sent now, has been seen."""
        mark = struct.pack(">Q", next(self._marks))
        seen = False

        def read():
            nonlocal seen
            self._rest += self._file.read()
            while len(self._rest) >= 16:
                size, orig = struct.unpack_from("II", self._rest, 8)
                if len(self._rest) < 16 + size:
                    break
                frame, self._rest = self._rest[16 : 16 + size], self._rest[16 + size :]
                if frame[12:14] == struct.pack(">H", self.MARK):
                    seen |= frame[14:22] == mark
                else:
                    self.frames.append((frame, orig))
            return seen

        def beat():
            self.sw.frame(b"\xff" * 6, self.MARK, mark.ljust(46, b"\0"))
            try:
                return wait(read, "tcpdump", 1)
            except TimeoutError:
                return False

        wait(beat, "tcpdump to see our mark", 20)

    def restart(self):
        self.sync()
        self.frames.clear()

    def clear(self, flow, sender=None):
        """(frames, bytes of payload) of a flow seen in clear since restart(); of one of its sockets only."""
        self.sync()
        proto = socket.getprotobyname(flow.proto)
        mine = sender and flow.ports[sender is flow.b]
        frames = payload = 0
        for frame, orig in self.frames:
            size = clear_payload(frame, orig, proto, set(flow.ports))
            if sender and size is not None and struct.unpack_from(">H", frame, ip_proto(frame)[1])[0] != mine:
                continue
            if size is not None:
                frames += 1
                payload += size
        return frames, payload

    def protected(self):
        """How many frames carried ESP or AH since restart()."""
        self.sync()
        return sum(ip_proto(frame)[0] in (50, 51) for frame, _ in self.frames)

    def close(self):
        self._dump.send_signal(signal.SIGTERM)
        self._dump.wait(10 * SLOW)
        self._file.close()
        self._dir.cleanup()


# Bytes of a header that always has the same; SCTP's chunks are its payload.
HEADERS = {socket.IPPROTO_UDP: 8, socket.IPPROTO_SCTP: 12}


def ip_proto(frame):
    """(IP protocol, offset of what it carries) of an Ethernet frame."""
    kind = frame[12:14]
    if kind == b"\x08\x00":
        return frame[23], 14 + (frame[14] & 15) * 4
    if kind == b"\x86\xdd":
        return frame[20], 54
    return None, 0


def clear_payload(frame, orig, proto, ports):
    """Bytes of payload, where the frame carries the flow unprotected, else None."""
    seen, start = ip_proto(frame)
    if seen != proto or len(frame) < start + (14 if proto == socket.IPPROTO_TCP else 8):
        return None
    if set(struct.unpack_from(">HH", frame, start)) != ports:
        return None
    if frame[12:14] == b"\x08\x00":
        end = 14 + struct.unpack_from(">H", frame, 16)[0]
    else:
        end = 54 + struct.unpack_from(">H", frame, 18)[0]
    if end in (14, 54):  # the length of a super-frame does not fit
        end = orig
    header = (frame[start + 12] >> 4) * 4 if proto == socket.IPPROTO_TCP else HEADERS[proto]
    return end - start - header
