# SPDX-License-Identifier: GPL-2.0
"""The control protocol of strongSwan."""

import select
import socket
import struct

from ktap import SLOW


class ViciError(Exception):
    """The daemon said no."""


class Vici:
    """One connection to charon's control socket.  Messages are dictionaries."""

    REQUEST, RESPONSE, UNKNOWN, REGISTER, _, CONFIRM, EVENT_UNKNOWN, EVENT = range(8)
    SECTION, END, VALUE, LIST, ITEM, LIST_END = range(1, 7)

    def __init__(self, path):
        self._sock = socket.socket(socket.AF_UNIX)
        self._sock.settimeout(60 * SLOW)
        self._sock.connect(str(path))
        self._events, self._streams = [], set()

    # messages
    @classmethod
    def pack(cls, message):
        out = b""
        for name, value in message.items():
            key = bytes([len(name)]) + name.encode()
            if isinstance(value, dict):
                out += bytes([cls.SECTION]) + key + cls.pack(value) + bytes([cls.END])
            elif isinstance(value, (list, tuple)):
                items = b"".join(bytes([cls.ITEM]) + cls._value(v) for v in value)
                out += bytes([cls.LIST]) + key + items + bytes([cls.LIST_END])
            elif value is not None:
                out += bytes([cls.VALUE]) + key + cls._value(value)
        return out

    @staticmethod
    def _value(value):
        if isinstance(value, bool):
            value = "yes" if value else "no"
        raw = value if isinstance(value, bytes) else str(value).encode()
        return struct.pack(">H", len(raw)) + raw

    @classmethod
    def unpack(cls, raw):
        stack, at = [{}], 0

        def take():
            nonlocal at
            size = struct.unpack_from(">H", raw, at)[0]
            at += 2 + size
            data = raw[at - size : at]
            try:
                return data.decode()
            except UnicodeDecodeError:
                return data

        while at < len(raw):
            kind, at = raw[at], at + 1
            if kind in (cls.SECTION, cls.VALUE, cls.LIST):
                name, at = raw[at + 1 : at + 1 + raw[at]].decode(), at + 1 + raw[at]
            if kind == cls.SECTION:
                stack.append(stack[-1].setdefault(name, {}))
            elif kind == cls.END:
                stack.pop()
            elif kind == cls.VALUE:
                stack[-1][name] = take()
            elif kind == cls.LIST:
                items = stack[-1].setdefault(name, [])
            elif kind == cls.ITEM:
                items.append(take())
        return stack[0]

    # packets
    def _send(self, kind, name, message=None):
        packet = bytes([kind, len(name)]) + name.encode() + self.pack(message or {})
        self._sock.sendall(struct.pack(">I", len(packet)) + packet)

    def _exact(self, size):
        data = b""
        while len(data) < size:
            more = self._sock.recv(size - len(data))
            if not more:
                raise ConnectionResetError("charon closed its control socket")
            data += more
        return data

    def _receive(self):
        packet = self._exact(struct.unpack(">I", self._exact(4))[0])
        if packet[0] != self.EVENT:
            return packet[0], "", self.unpack(packet[1:])
        end = 2 + packet[1]
        return packet[0], packet[2:end].decode(), self.unpack(packet[end:])

    def request(self, command, message=None, event=None):
        """The answer; with event= the list of those events that came before it."""
        if event and event not in self._streams:
            self.register(event)
            self._streams.add(event)
        self._send(self.REQUEST, command, message)
        rows = []
        while True:
            kind, name, body = self._receive()
            if kind == self.EVENT:
                (rows if name == event else self._events).append(body if name == event else (name, body))
                continue
            if kind != self.RESPONSE:
                raise ViciError(f"{command}: not known")
            if body.get("success", "yes") != "yes":
                raise ViciError(f"{command}: {body.get('errmsg', 'failed')}")
            return rows if event else body

    def register(self, *events):
        for event in events:
            self._send(self.REGISTER, event)
            while True:
                kind, name, body = self._receive()
                if kind != self.EVENT:
                    break
                self._events.append((name, body))
            if kind != self.CONFIRM:
                raise ViciError(f"event {event}: not known")

    def events(self):
        """The events that came so far: list of (name, message)."""
        while select.select([self._sock], [], [], 0)[0]:
            self._events.append(self._receive()[1:])
        got, self._events = self._events, []
        return got

    def close(self):
        self._sock.close()
