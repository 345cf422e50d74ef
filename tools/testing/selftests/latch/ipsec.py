# SPDX-License-Identifier: GPL-2.0
"""The SAs and policies between two hosts, and the flows that they protect."""

import dataclasses
import itertools
import socket
import struct

from flow import Flow
from ktap import SLOW
from latchapi import L
from netns import INET


@dataclasses.dataclass(frozen=True)
class Suite:
    """How ip(8) calls an SA's algorithms, and how the latch must report them."""

    proto: str
    algs: tuple  # of (kind, name, bytes of key, rest of the words)
    encr: int = 0
    encr_bits: int = 0
    integ: int = 0
    integ_bits: int = 0
    icv_bits: int = 0

    def words(self, seed):
        out = []
        for kind, name, size, rest in self.algs:
            key = "0x" + f"{seed & 255:02x}" * size if size else '""'
            out.append(f"{kind} {name} {key} {rest}".strip())
        return " ".join(out)

    @property
    def protection(self):
        conf = L.LATCH_PROT_CONF if self.encr not in (0, 11, 21) else 0
        return conf | L.LATCH_PROT_INTEG

    def transform(self, mode, window):
        """struct latch_transform as a dictionary."""
        return {
            "proto": 50 if self.proto == "esp" else 51,
            "mode": {"transport": 0, "tunnel": 1, "beet": 4}[mode],
            "encr": self.encr,
            "encr_bits": self.encr_bits,
            "integ": self.integ,
            "integ_bits": self.integ_bits,
            "icv_bits": self.icv_bits,
            "replay_window": window,
        }


def _aead(name, salt, bits, encr, icv=128):
    return Suite("esp", (("aead", name, bits // 8 + salt, str(icv)),), encr, bits, 0, 0, icv)


def _etm(cipher, encr, bits, mac, integ, mac_bits, icv, extra=0):
    auth = ("auth-trunc", f"hmac({mac})", mac_bits // 8, str(icv))
    enc = ("enc", cipher, bits // 8 + extra, "")
    return Suite("esp", (enc, auth), encr, bits, integ, mac_bits, icv)


def _ah(mac, integ, mac_bits, icv):
    return Suite("ah", (("auth-trunc", f"hmac({mac})", mac_bits // 8, str(icv)),), 0, 0, integ, mac_bits, icv)


# Numbers: IKEv2 transform types 1 and 3, as in struct latch_suite.
SUITES = {
    "gcm128": _aead("rfc4106(gcm(aes))", 4, 128, 20),
    "gcm256": _aead("rfc4106(gcm(aes))", 4, 256, 20),
    "gcm128-64": _aead("rfc4106(gcm(aes))", 4, 128, 18, icv=64),
    "chacha": _aead("rfc7539esp(chacha20,poly1305)", 4, 256, 28),
    "cbc128": _etm("cbc(aes)", 12, 128, "sha256", 12, 256, 128),
    "cbc256": _etm("cbc(aes)", 12, 256, "sha256", 12, 256, 128),
    "cbc256-96": _etm("cbc(aes)", 12, 256, "sha256", 12, 256, 96),
    "cbc256-sha1": _etm("cbc(aes)", 12, 256, "sha1", 2, 160, 96),
    "cbc256-sha512": _etm("cbc(aes)", 12, 256, "sha512", 14, 256, 128),
    "ctr256": _etm("rfc3686(ctr(aes))", 13, 256, "sha256", 12, 256, 128, extra=4),
    "null": _etm("ecb(cipher_null)", 11, 0, "sha256", 12, 256, 128),
    "ah": _ah("sha256", 12, 256, 128),
    "ah-sha1": _ah("sha1", 2, 160, 96),
}


def set_socket_policy(sock, direction=1, action=0):
    """IP_XFRM_POLICY: a policy of the socket's own that lets all pass, or blocks all (1)."""
    never = 2**64 - 1
    selector = bytes(40) + struct.pack("=HBBBxxxiI", socket.AF_INET, 0, 0, 0, 0, 0)
    limits = struct.pack("=8Q", *[never] * 4, *[0] * 4) + bytes(32)
    selector = selector.ljust(56, b"\0")
    sock.setsockopt(socket.SOL_IP, 17, selector + limits + struct.pack("=IIBBBBxxxx", 0, 0, direction, action, 0, 0))


@dataclasses.dataclass
class SA:
    """One SA, as words for ip(8)."""

    src: str
    dst: str
    spi: int
    suite: str = "gcm128"
    mode: str = "transport"
    reqid: int = 1
    window: int = 32
    extra: str = ""  # flag, mark, if_id, encap, sel ...

    def _id(self):
        return f"src {self.src} dst {self.dst} proto {SUITES[self.suite].proto} spi {self.spi:#x}"

    def add(self):
        return (
            f"xfrm state add {self._id()} reqid {self.reqid} mode {self.mode} replay-window {self.window}"
            f" {SUITES[self.suite].words(self.spi)} {self.extra}"
        )

    def delete(self):
        mark = self.extra[self.extra.index("mark ") :] if "mark " in self.extra else ""
        return f"xfrm state delete {self._id()} {' '.join(mark.split()[:4])}"

    def key(self):
        """The attributes of a binding that name this SA."""
        fam = 6 if ":" in self.dst else 4
        return {
            "family": INET[fam],
            "dst": socket.inet_pton(INET[fam], self.dst),
            "proto": 50 if SUITES[self.suite].proto == "esp" else 51,
            "spi": self.spi,
        }

    def but(self, **changes):
        """The same SA with something else."""
        return dataclasses.replace(self, **changes)


class Ipsec:
    """IPsec between two hosts: SAs and policies, the same on both.

    suite:  one name, or several for a bundle, innermost first
    narrow: selector words ("proto tcp") that policies get besides the addresses
    level:  of the inbound templates: with "use" the kernel itself would accept
            clear text, so what is dropped then is the latch's work alone
    """

    _spi = itertools.count(0x1001)

    def __init__(
        self, a, b, fam=4, mode="transport", suite="gcm128", reqid=1, window=32, level="required",
        outer=None, narrow="", extra="", if_id=0, priority=100,
    ):  # fmt: skip
        self.a, self.b, self.fam, self.mode = a, b, fam, mode
        self.suites = [suite] if isinstance(suite, str) else list(suite)
        self.reqid, self.window, self.level = reqid, window, level
        self.outer = outer or fam
        self.narrow, self.if_id, self.priority = narrow, if_id, priority
        self.extra = f"{extra} if_id {if_id}" if if_id else extra
        self.sas = []

    def addr(self, host):
        """The address that the host's sockets use."""
        return host.inner(self.fam) if self.mode == "tunnel" else host.addr(self.fam)

    def other(self, host):
        return self.b if host is self.a else self.a

    def new_sas(self):
        """A fresh generation of SAs for both directions."""
        return [
            SA(x.addr(self.outer), y.addr(self.outer), next(self._spi), suite, self.mode, self.reqid, self.window,
               self.extra)
            for suite in self.suites
            for x, y in ((self.a, self.b), (self.b, self.a))
        ]  # fmt: skip

    def templates(self, x, y, level="required"):
        return " ".join(
            f"tmpl src {x.addr(self.outer)} dst {y.addr(self.outer)} proto {SUITES[suite].proto}"
            f" reqid {self.reqid} mode {self.mode} level {level}"
            for suite in self.suites
        )

    def selector(self, x, y):
        if self.if_id:
            return f"src {'0.0.0.0/0' if self.fam == 4 else '::/0'} dst {'0.0.0.0/0' if self.fam == 4 else '::/0'}"
        if self.mode == "tunnel":
            return f"src {x.inner_net(self.fam)} dst {y.inner_net(self.fam)} {self.narrow}"
        return f"src {x.addr(self.fam)} dst {y.addr(self.fam)} {self.narrow}"

    def policy(self, host, direction, verb="add"):
        """Words for ip(8) about the policy of a host in one direction."""
        x, y = (host, self.other(host)) if direction == "out" else (self.other(host), host)
        words = f"xfrm policy {verb} {self.selector(x, y)} dir {direction}"
        if self.if_id:
            words += f" if_id {self.if_id}"
        if verb == "delete":
            return words
        level = "required" if direction == "out" else self.level
        return f"{words} priority {self.priority} {self.templates(x, y, level)}"

    def policies(self, host, verb="add"):
        return [self.policy(host, d, verb) for d in ("out", "in")]

    def up(self, hosts=None):
        """Add policies and new SAs; also after a flush."""
        self.sas = self.new_sas()
        for host in hosts or (self.a, self.b):
            host.ip(*[sa.add() for sa in self.sas], *self.policies(host))
        return self

    def flush(self, hosts=None):
        """Delete the policies, then the SAs: what the RFC is about."""
        for host in hosts or (self.a, self.b):
            host.ip("xfrm policy flush", "xfrm state flush")

    def rekey(self):
        """Add new SAs on both hosts, then delete the old ones."""
        old, self.sas = self.sas, self.new_sas()
        for host in (self.b, self.a):
            host.ip(*[sa.add() for sa in self.sas])
        for host in (self.a, self.b):
            host.ip(*[sa.delete() for sa in old])

    def identify(self, hosts=None):
        """Bind the reqid at both ends to the peer's name and our own."""
        for host in hosts or (self.a, self.b):
            host.bind(self.other(host).name, host.name, reqid=self.reqid)
        return self

    def interface(self):
        """Make an XFRM interface at both ends, with routes to what is behind the other end."""
        for host in (self.a, self.b):
            peer = self.other(host)
            host.ip(
                f"link add ipsec{self.if_id} type xfrm dev eth0 if_id {self.if_id}",
                f"link set ipsec{self.if_id} up addrgenmode none",
                f"route replace {peer.inner_net(self.fam)} dev ipsec{self.if_id} src {host.inner(self.fam)}",
            )

    def no_interface(self):
        """Undo interface()."""
        for host in (self.a, self.b):
            peer = self.other(host)
            host.ip(
                f"link del ipsec{self.if_id}",
                f"route replace {peer.inner_net(self.fam)} via {peer.addr(self.fam)} dev eth0"
                f" src {host.inner(self.fam)} rto_min 20ms",
                fail=False,
            )

    # flows through it
    def listen(self, host=None, mapped=False, before=None, port=0):
        """A listener, at the second host by default; before: called with the socket before bind()."""
        host = host or self.b
        sock = host.socket(INET[6] if mapped else INET[self.fam])
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if before:
            before(sock)
        sock.bind((self.sock_addr(host, mapped), port))
        sock.listen(8)
        return sock

    def sock_addr(self, host, mapped=False):
        return ("::ffff:" if mapped else "") + self.addr(host)

    def tcp(self, mapped=False, before=None, listener=None, client=None, sock=None):
        """A TCP connection from the first host to the second; sock: bound already."""
        a, b = (self.a, self.b) if client is None else (client, self.other(client))
        server = listener or self.listen(b, mapped)
        if sock is None:
            sock = a.socket(INET[6] if mapped else INET[self.fam])
            sock.settimeout(10 * SLOW)
            sock.bind((self.sock_addr(a, mapped), 0))
        if before:
            before(sock)
        sock.connect(server.getsockname()[:2])
        server.settimeout(10 * SLOW)
        child = b.owns(server.accept()[0])
        if listener is None:
            server.close()
        return Flow(self, "tcp", sock, child)

    def udp(self, mapped=False, before=None, both=True, carry=True):
        """A pair of connected UDP sockets; carry: with a datagram each way."""
        socks = []
        for host in (self.a, self.b):
            sock = host.socket(INET[6] if mapped else INET[self.fam], socket.SOCK_DGRAM)
            sock.settimeout(10 * SLOW)
            sock.bind((self.sock_addr(host, mapped), 0))
            socks.append(sock)
        if before:
            before(socks[0])
        socks[0].connect(socks[1].getsockname()[:2])
        if both:
            socks[1].connect(socks[0].getsockname()[:2])
        flow = Flow(self, "udp", *socks)
        if carry:
            flow.exchange()
        return flow

    def flow(self, proto, **kwargs):
        """A flow of this protocol: tcp() or udp()."""
        return getattr(self, proto)(**kwargs)
