# SPDX-License-Identifier: GPL-2.0
"""A RADIUS server that lets everybody in by EAP-MD5, whatever name and password they say (RFC 2865, 3579)."""

import hashlib
import hmac
import struct
import threading

REQUEST, ACCEPT, CHALLENGE = 1, 2, 11
EAP_MESSAGE, AUTHENTICATOR = 79, 80
EAP_REQUEST, EAP_SUCCESS = 1, 3
IDENTITY, MD5 = 1, 4


class Radius:
    """It answers on the loopback address of a host from the call of start() to that of close()."""

    SECRET = b"of server and gateway"

    def __init__(self, host, port=1812):
        self.names = []
        self._sock = host.socket(kind=2)
        self._sock.bind(("127.0.0.1", port))
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def start(self):
        self._thread.start()
        return self

    def _serve(self):
        while True:
            packet, peer = self._sock.recvfrom(4096)
            if not packet:
                return
            eap = b"".join(value for kind, value in self._attributes(packet) if kind == EAP_MESSAGE)
            self._sock.sendto(self._answer(packet, eap), peer)

    @staticmethod
    def _attributes(packet):
        at = 20
        while at < len(packet):
            yield packet[at], packet[at + 2 : at + packet[at + 1]]
            at += packet[at + 1]

    def _answer(self, packet, eap):
        number = eap[1]
        if eap[4] == IDENTITY:
            self.names.append(eap[5:])
            request = struct.pack(">BBHBB", EAP_REQUEST, (number + 1) & 0xFF, 22, MD5, 16) + bytes(range(16))
            return self._packet(CHALLENGE, packet, request)
        return self._packet(ACCEPT, packet, struct.pack(">BBH", EAP_SUCCESS, number, 4))

    def _packet(self, code, asked, eap):
        attributes = bytes([EAP_MESSAGE, 2 + len(eap)]) + eap + bytes([AUTHENTICATOR, 18])
        head = struct.pack(">BBH", code, asked[1], 20 + len(attributes) + 16)
        mac = hmac.new(self.SECRET, head + asked[4:20] + attributes + bytes(16), hashlib.md5).digest()
        attributes += mac
        return head + hashlib.md5(head + asked[4:20] + attributes + self.SECRET).digest() + attributes

    def close(self):
        self._sock.sendto(b"", self._sock.getsockname())
        self._thread.join()
        self._sock.close()
