# SPDX-License-Identifier: GPL-2.0
"""Two connected sockets, and the data that goes between them."""

import ctypes
import fcntl
import socket
import sys
import termios

from ktap import SLOW, wait
from latchapi import ask_to_wait, info, libc

SECRET = b"latch-secret-"
FLOWS = [{"flow": f"{proto}{fam}", "proto": proto, "fam": fam} for proto in ("tcp", "udp") for fam in (4, 6)]


def content(start, size):
    """Bytes of the endless text that transfers carry: each 21 say where they are."""
    first = start // 21
    text = b"".join(SECRET + b"%07d\n" % (n % 10**7) for n in range(first, (start + size) // 21 + 1))
    return text[start - first * 21 :][:size]


class Flow:
    """Two connected sockets: a on the first host, b on the second."""

    def __init__(self, ipsec, proto, a, b):
        self.ipsec, self.proto, self.a, self.b = ipsec, proto, a, b
        self.ports = (a.getsockname()[1], b.getsockname()[1])
        self._sent = {a: 0, b: 0}
        self._got = {a: 0, b: 0}
        self.lost = 0
        self.tolerated = ()  # errors of a datagram that is not sent

    def info(self, sock=None):
        return info(sock or self.a)

    def peer_of(self, sock):
        return self.b if sock is self.a else self.a

    def ask_to_wait(self):
        """Both ends wait for the end of a conflict; returns the flow."""
        for sock in (self.a, self.b):
            ask_to_wait(sock)
        return self

    def exchange(self):
        """Send one message each way, and check it. No acknowledgement is under way afterwards."""
        for x, y in ((self.a, self.b), (self.b, self.a)):
            text = content(self._sent[x], 105)
            if self.proto == "udp" or x.fileno() >= 0:
                x.send(text)
            self._sent[x] += 105
            got = b""
            y.settimeout(10 * SLOW)
            while len(got) < 105:
                more = y.recv(105 - len(got))
                if not more:
                    raise AssertionError("end of file in the middle of the transfer")
                got += more
            if got != text:
                raise AssertionError(f"received {got!r} instead of {text!r}")
            self._got[y] += 105
        if self.proto == "tcp":
            self._acknowledge()

    def _acknowledge(self):
        """A delayed acknowledgement would come after what the test does next: a break, or another SA."""
        open_ends = [sock for sock in (self.a, self.b) if sock.fileno() >= 0]
        for sock in open_ends:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        for sock in open_ends:
            wait(lambda s=sock: outq(s) == 0, "the peer's acknowledgement")

    def pump(self, until, deadline=20, ways=None, window=8192):
        """Keep both directions busy until a condition holds; each byte is checked.

        UDP datagrams may be lost (and are counted), TCP's bytes not.
        """
        ways = ways or ((self.a, self.b), (self.b, self.a))
        for sock in (self.a, self.b):
            sock.setblocking(False)

        def turn():
            for x, y in ways:
                self._send(x, y, window)
                self._receive(y)
            return until()

        return wait(turn, "the transfer", deadline)

    def _send(self, x, y, window):
        if self.proto == "udp":
            # As long as nothing comes back, a slow beat will do.
            try:
                x.send(content(self._sent[x] * 105, 105))
            except OSError as e:
                if e.errno not in self.tolerated:
                    raise
            self._sent[x] += 1
        elif self._sent[x] - self._got[y] < window:
            try:
                self._sent[x] += x.send(content(self._sent[x], 2048))
            except BlockingIOError:
                pass

    def _receive(self, y):
        try:
            while True:
                got = y.recv(65536)
                if self.proto == "udp":
                    number = int(got[len(SECRET) : len(SECRET) + 7]) // 5
                    if got != content(number * 105, 105):
                        raise AssertionError(f"datagram {number} was changed: {got!r}")
                    self.lost += number - self._got[y]
                    self._got[y] = number + 1
                elif not got:
                    raise AssertionError("end of file in the middle of the transfer")
                elif got != content(self._got[y], len(got)):
                    raise AssertionError(f"at byte {self._got[y]}: {got[:80]!r}")
                else:
                    self._got[y] += len(got)
        except BlockingIOError:
            pass

    def reach(self, deadline=30):
        """Send until something arrives; nothing is sent back."""

        def turn():
            self._send(self.a, self.b, 8192)
            return not self.silent(self.b)

        for sock in (self.a, self.b):
            sock.setblocking(False)
        wait(turn, "the first datagram", deadline)

    def push(self):
        """Send something in each direction, whatever becomes of it."""
        for x, y in ((self.a, self.b), (self.b, self.a)):
            x.setblocking(False)
            self._send(x, y, 8192)

    def catch_up(self, sock):
        """Read what is there, so that silent() sees only what comes later."""
        sock.setblocking(False)
        self._receive(sock)

    def moved(self, size):
        """For pump(): so much more arrived at both ends."""
        goal = {s: n + size for s, n in self._got.items()}
        return lambda: all(self._got[s] >= goal[s] for s in goal)

    def drained(self):
        """Wait until everything that was sent has arrived, in order and once (TCP)."""
        pairs = ((self.a, self.b), (self.b, self.a))
        for sock in (self.a, self.b):
            sock.setblocking(False)

        def done():
            for _, y in pairs:
                self._receive(y)
            return all(self._got[y] == self._sent[x] for x, y in pairs)

        return wait(done, "the rest of the transfer", 30)

    def silent(self, sock=None):
        """Does the socket have neither data nor an error?"""
        sock = sock or self.a
        timeout = sock.gettimeout()
        sock.setblocking(False)
        try:
            return sock.recv(1, socket.MSG_PEEK) is None
        except BlockingIOError:
            return True
        finally:
            sock.settimeout(timeout)

    def close(self):
        self.a.close()
        self.b.close()


def outq(sock):
    """Bytes that the peer has not acknowledged yet."""
    return int.from_bytes(fcntl.ioctl(sock, termios.TIOCOUTQ, bytes(4)), sys.byteorder)


def disconnect(sock):
    """Dissolve the association of a socket."""
    if libc.connect(sock.fileno(), ctypes.create_string_buffer(16), 16):
        raise OSError(ctypes.get_errno(), "connect(AF_UNSPEC)")


def error_of(sock, deadline=10):
    """The errno that the next call on a socket gives, waiting for one."""
    sock.setblocking(False)

    def look():
        try:
            # what came before the error is read first
            return -1 if sock.recv(65536) == b"" else 0
        except BlockingIOError:
            return 0
        except OSError as e:
            return e.errno

    return wait(look, "an error at the socket", deadline)


def wait_for_text(sock, text, deadline=10):
    """Wait until this text is in what a socket receives."""
    got = bytearray()
    sock.setblocking(False)

    def look():
        try:
            got.extend(sock.recv(65536))
        except BlockingIOError:
            pass
        return text in got

    return wait(look, f"{text!r} at the socket", deadline)
