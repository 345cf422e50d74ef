# SPDX-License-Identifier: GPL-2.0
"""Hosts on one link, the SAs and policies between them, and what runs there.

Every host is a network namespace without a name, held by this process and its
`ip` co-process, so nothing is left over when a test dies and several runs do
not meet.  All hosts hang on a bridge in a namespace of its own, where tcpdump
sees what is on the wire.
"""

import ctypes
import dataclasses
import ipaddress
import itertools
import os
import pickle
import re
import select
import signal
import socket
import struct
import subprocess
import tempfile

import latchapi
from ktap import SLOW, wait
from latchapi import L, Netlink, info, libc

CLONE_NEWNET = 0x40000000
CLONE_NEWUSER = 0x10000000
INET = {4: socket.AF_INET, 6: socket.AF_INET6}
HOST_BITS = {4: 32, 6: 128}
SECRET = b"latch-secret-"


def setns(fd):
    if libc.setns(fd, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


def netns_fd():
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


# --- hosts ---------------------------------------------------------------------
class Host:
    """A network namespace.  `with host:` enters it."""

    def __init__(self, name, number=0):
        self.name, self.number = name, number
        self.mac = bytes([2, 0, 0, 0, 0, number])
        self._entered = []
        self._sockets = []
        self._netlink = None
        self._dirty = False
        self._records = {}
        self._sysctls = {}
        home = netns_fd()
        if libc.unshare(CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "unshare")
        self.fd = netns_fd()
        setns(home)
        os.close(home)
        self._start_ip()
        self.pid = self._ip.pid

    def _start_ip(self):
        # One `ip` for the life of the host: starting a process costs more than
        # what it does.
        with self:
            self._ip = subprocess.Popen(
                ["ip", "-force", "-batch", "-"],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            )
        self._line = 0

    def __enter__(self):
        self._entered.append(netns_fd())
        setns(self.fd)
        return self

    def __exit__(self, *_):
        home = self._entered.pop()
        setns(home)
        os.close(home)

    # addresses: on the link, and those behind a tunnel
    def addr(self, fam):
        return f"10.9.0.{self.number}" if fam == 4 else f"fd09::{self.number}"

    def inner(self, fam):
        return f"10.8{self.number}.0.1" if fam == 4 else f"fd8{self.number}::1"

    def inner_net(self, fam):
        return f"10.8{self.number}.0.0/24" if fam == 4 else f"fd8{self.number}::/64"

    def ip(self, *commands, fail=True, settled=True):
        """Run commands of ip(8), until the module has dealt with them if settled; what it said of those that failed."""
        # stderr is not buffered: a last command that cannot be understood makes
        # it say that everything before is done.
        self._ip.stdin.write("".join(c + "\n" for c in commands).encode() + b"done?\n")
        self._ip.stdin.flush()
        first, self._line = self._line + 1, self._line + len(commands) + 1
        end = f"Command failed -:{self._line}\n".encode()
        said = b""
        self._dirty |= any(c.startswith("xfrm") for c in commands)
        while not said.endswith(end):
            if not select.select([self._ip.stderr], [], [], 20 * SLOW)[0]:
                raise RuntimeError(f"ip on {self.name} is stuck: {commands} {said}")
            more = os.read(self._ip.stderr.fileno(), 65536)
            if not more:
                # `ip xfrm` ends the process when the kernel refuses
                self._ip.wait()
                self._start_ip()
                break
            said += more
        errors = said.decode().removesuffix('Object "done?" is unknown, try "ip help".\n' + end.decode())
        if errors and fail:
            failed = [int(n) - first for n in re.findall(r"^Command failed -:(\d+)", errors, re.M)]
            raise RuntimeError(f"{self.name}: {[commands[n] for n in failed] or commands}: {errors}")
        if settled and any(c.startswith("xfrm") for c in commands):
            # a namespace is watched some moments after its first SA or policy;
            # who reads the counters waits for that
            self.stat()
        return errors

    def run(self, *args, **kwargs):
        """A program in this namespace."""
        with self:
            return subprocess.run(args, text=True, capture_output=True, check=False, **kwargs)

    def socket(self, family=socket.AF_INET, kind=socket.SOCK_STREAM, proto=0):
        with self:
            sock = socket.socket(family, kind, proto)
        self._sockets.append(sock)
        return sock

    def owns(self, sock):
        """A socket to close at the end of the case."""
        self._sockets.append(sock)
        return sock

    def frame(self, dst_mac, ethertype, payload):
        """Put a frame of our own making on the wire."""
        with self, socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as raw:
            raw.bind(("eth0", 0))
            raw.send(dst_mac + self.mac + struct.pack(">H", ethertype) + payload)

    # the module
    @property
    def nl(self):
        if self._netlink is None:
            self._netlink = Netlink(self)
        return self._netlink

    def stat(self, name="latch_stat"):
        with self:
            return latchapi.counters(name)

    def conns(self):
        """The table of latches, by number."""
        return {c["id"]: c for c in self.nl.dump("conn-get")}

    def peer(self, name):
        """Number of the record of a peer or of ourselves, named by FQDN."""
        if name not in self._records:
            got = self.nl.do("peer-new", id_type=L.LATCH_ID_FQDN, id_value=name.encode(), auth=L.LATCH_AUTH_MANUAL)
            self._records[name] = got["id"]
        return self._records[name]

    def _forget(self, command, **attrs):
        """Some go by themselves meanwhile."""
        if self.nl.error(command, **attrs)[0] not in ("0", "ENOENT"):
            self.nl.do(command, **attrs)

    def bind(self, peer, local=None, **key):
        """Say whose SAs those of a reqid are, or one (sa=)."""
        self.nl.do("binding-new", **self._binding(peer, local, **key))

    def unbind(self, peer, local=None, **key):
        self.nl.do("binding-del", **self._binding(peer, local, **key))

    def _binding(self, peer, local, sa=None, reqid=None):
        attrs = {"peer": self.peer(peer)}
        if local:
            attrs["local"] = self.peer(local)
        return {**attrs, **(sa.key() if sa else {"reqid": reqid})}

    def sysctl(self, name, value=None):
        """Read net.latch.NAME, or write it; it gets its old value at the end of the case."""
        path = f"/proc/sys/net/latch/{name}"
        with self:
            with open(path, encoding="ascii") as f:
                old = f.read().strip()
            if value is not None:
                self._sysctls.setdefault(name, old)
                with open(path, "w", encoding="ascii") as f:
                    f.write(f"{value}\n")
        return old

    # the end of a case, and of everything
    def close_sockets(self):
        for sock in self._sockets:
            if sock.fileno() >= 0:
                if sock.type == socket.SOCK_STREAM:
                    # no orphans that wait for an answer, no TIME_WAIT
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                sock.close()
        self._sockets.clear()

    def reset(self):
        """Make the host what it was before the case."""
        if self._dirty:
            self.ip("xfrm policy flush", "xfrm state flush")
            self._dirty = False
        for name, value in self._sysctls.items():
            self.sysctl(name, value)
        self._sysctls.clear()
        if latchapi.module_loaded() and (self._netlink or self._records):
            for binding in self.nl.dump("binding-get"):
                for flag in ("ambiguous", "with-sa"):
                    binding.pop(flag, None)
                if "dst" in binding:
                    binding["dst"] = ipaddress.ip_address(binding["dst"]).packed
                self._forget("binding-del", **binding)
            for peer in self.nl.dump("peer-get"):
                self._forget("peer-del", id=peer["id"])
        self._records.clear()

    def close_netlink(self):
        if self._netlink:
            self._netlink.close()
            self._netlink = None

    def forget_module(self):
        """The module was loaded anew: its netlink family has another number."""
        self.close_netlink()
        Netlink.forget()

    def close(self):
        self.close_sockets()
        self.close_netlink()
        self._ip.stdin.close()
        self._ip.wait(20 * SLOW)
        os.close(self.fd)


class Net:
    """Hosts on one link: the environment of the cases of a test file."""

    def __init__(self, *names):
        self.sw = Host("sw")
        self.hosts = [Host(name, n) for n, name in enumerate(names, 1)]
        self._wire = None
        self.flows = itertools.count(1)
        sw = ["link set lo up", "link add br0 type bridge", "link set br0 up addrgenmode none"]
        # the switch sends as the hosts do, so that what it sends is behind what they sent before
        sw += ["link add p-sw type veth peer name eth0", "link set eth0 up addrgenmode none"]
        sw += ["link set p-sw master br0 up addrgenmode none"]
        for host in self.hosts:
            setattr(self, host.name, host)
            mac = host.mac.hex(":")
            sw += [
                f"link add p-{host.name} type veth peer name eth0 address {mac} netns {host.pid}",
                f"link set p-{host.name} master br0 up addrgenmode none",
            ]
        self.sw.ip(*sw)
        for host in self.hosts:
            host.ip("link set lo up", "link set eth0 up addrgenmode none")
            for fam in (4, 6):
                # A short retransmission time-out: many cases wait for one.
                net = "10.9.0.0/24" if fam == 4 else "fd09::/64"
                dad = "" if fam == 4 else "nodad"
                host.ip(
                    f"addr add {host.addr(fam)}/{net[-2:]} dev eth0 noprefixroute {dad}",
                    f"addr add {host.inner(fam)}/{HOST_BITS[fam]} dev lo {dad}",
                    f"route add {net} dev eth0 rto_min 20ms",
                )
                for peer in self.hosts:
                    if peer is not host:
                        host.ip(
                            f"neigh replace {peer.addr(fam)} lladdr {peer.mac.hex(':')} dev eth0 nud permanent",
                            f"route add {peer.inner_net(fam)} via {peer.addr(fam)} dev eth0"
                            f" src {host.inner(fam)} rto_min 20ms",
                        )

    @property
    def wire(self):
        """The capture on the link, started when it is first asked for."""
        if self._wire is None:
            self._wire = Wire(self.sw)
        return self._wire

    def unplug(self, host):
        self.sw.ip(f"link set p-{host.name} nomaster")

    def plug(self, host):
        self.sw.ip(f"link set p-{host.name} master br0")

    def reset(self):
        """After a case: nothing of it is left, and no latch outlived its socket (2.3-6)."""
        try:
            for host in self.hosts:
                host.close_sockets()
            wait(lambda: not any(self._latches().values()), "latches")
            for host in self.hosts:
                host.reset()
        except TimeoutError:
            live = {h.name: list(h.conns().values()) for h in self.hosts if h.stat().get("LatchLatches")}
            self.renew()
            raise AssertionError(f"latches outlived their sockets: {live}") from None
        except BaseException:
            self.renew()
            raise

    def _latches(self):
        return {h.name: h.stat().get("LatchLatches", 0) for h in self.hosts}

    def renew(self):
        """Other hosts in place of those that are not clean any more."""
        self.close()
        self.__init__(*[h.name for h in self.hosts])

    def close(self):
        if self._wire:
            self._wire.close()
        for host in self.hosts + [self.sw]:
            host.close()


# --- other users ------------------------------------------------------------------
def _in_child(host, prepare, func):
    """Call func() in a child process on a host; its result or exception comes back."""
    inside, out = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            os.close(inside)
            host.__enter__()  # for good: there may be no way back
            prepare()
            result = True, func()
        except BaseException as e:  # pylint: disable=broad-exception-caught
            result = False, f"{type(e).__name__}: {e}"
        with os.fdopen(out, "wb") as pipe:
            pickle.dump(result, pipe)
        os._exit(0)
    os.close(out)
    with os.fdopen(inside, "rb") as pipe:
        good, result = pickle.load(pipe)
    os.waitpid(pid, 0)
    if not good:
        raise RuntimeError(result)
    return result


def as_nobody(host, func):
    """Without privilege."""

    def prepare():
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)

    return _in_child(host, prepare, func)


def in_user_namespace(host, func, own_net):
    """As root of a new user namespace: over a network namespace of its own, or the host's."""

    def prepare():
        if libc.unshare(CLONE_NEWUSER | (CLONE_NEWNET if own_net else 0)):
            raise OSError(ctypes.get_errno(), "unshare")
        with open("/proc/self/uid_map", "w", encoding="ascii") as f:
            f.write("0 0 1\n")

    return _in_child(host, prepare, func)


# --- SAs and policies -------------------------------------------------------------
@dataclasses.dataclass(frozen=True)
class Suite:
    """How ip(8) calls an SA's algorithms, and how the latch must report them."""

    proto: str
    algs: tuple  # of (kind, name, octets of key, rest of the words)
    encr: int = 0
    encr_bits: int = 0
    integ: int = 0
    integ_bits: int = 0
    icv_bits: int = 0

    def words(self, seed):
        out = []
        for kind, name, octets, rest in self.algs:
            key = "0x" + f"{seed & 255:02x}" * octets if octets else '""'
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
        x, y = (host, self.other(host)) if direction == "out" else (self.other(host), host)
        words = f"xfrm policy {verb} {self.selector(x, y)} dir {direction}"
        if self.if_id:
            words += f" if_id {self.if_id}"
        if verb == "delete":
            return words
        level = self.level if direction == "in" else "required"
        return f"{words} priority {self.priority} {self.templates(x, y, level)}"

    def policies(self, host, verb="add"):
        return [self.policy(host, d, verb) for d in ("out", "in")]

    def up(self, hosts=None):
        """Put SAs and policies in; again after a flush, with new SAs."""
        self.sas = self.new_sas()
        for host in hosts or (self.a, self.b):
            host.ip(*[sa.add() for sa in self.sas], *self.policies(host))
        return self

    def flush(self, hosts=None):
        """What the RFC is about: policies gone, then SAs."""
        for host in hosts or (self.a, self.b):
            host.ip("xfrm policy flush", "xfrm state flush")

    def rekey(self):
        """New SAs on both hosts, then the old ones go."""
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
        """An XFRM interface at both ends with the routes to what is behind the other."""
        for host in (self.a, self.b):
            peer = self.other(host)
            host.ip(
                f"link add ipsec{self.if_id} type xfrm dev eth0 if_id {self.if_id}",
                f"link set ipsec{self.if_id} up addrgenmode none",
                f"route replace {peer.inner_net(self.fam)} dev ipsec{self.if_id} src {host.inner(self.fam)}",
            )

    def no_interface(self):
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
        return getattr(self, proto)(**kwargs)


# --- flows ------------------------------------------------------------------------
def content(start, size):
    """Octets of the endless text that transfers carry: each 21 say where they are."""
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

    def exchange(self):
        """One message each way."""
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

    def pump(self, until, deadline=20, ways=None, window=8192):
        """Keep both directions busy until a condition holds; each octet is checked.

        UDP datagrams may be lost (and are counted), TCP's octets not.
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
                    raise AssertionError(f"at octet {self._got[y]}: {got[:80]!r}")
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

    def catch_up(self, sock):
        """Take what came in time, so that silent() sees only what comes after."""
        sock.setblocking(False)
        self._receive(sock)

    def moved(self, size):
        """For pump(): so much more arrived at both ends."""
        goal = {s: n + size for s, n in self._got.items()}
        return lambda: all(self._got[s] >= goal[s] for s in goal)

    def drained(self):
        """Everything that was sent has arrived, in order and once (TCP)."""
        pairs = ((self.a, self.b), (self.b, self.a))

        def done():
            for _, y in pairs:
                self._receive(y)
            return all(self._got[y] == self._sent[x] for x, y in pairs)

        return wait(done, "the rest of the transfer", 30)

    def silent(self, sock=None):
        """Is there neither data nor an error at the socket?"""
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


# --- the wire -----------------------------------------------------------------------
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
        """(frames, octets of payload) of a flow seen in clear since restart(); of one of its sockets only."""
        self.sync()
        proto = socket.IPPROTO_TCP if flow.proto == "tcp" else socket.IPPROTO_UDP
        mine = sender and flow.ports[sender is flow.b]
        frames = octets = 0
        for frame, orig in self.frames:
            size = clear_payload(frame, orig, proto, set(flow.ports))
            if sender and size is not None and struct.unpack_from(">H", frame, ip_proto(frame)[1])[0] != mine:
                continue
            if size is not None:
                frames += 1
                octets += size
        return frames, octets

    def protected(self):
        """How many frames carried ESP or AH since restart()."""
        self.sync()
        return sum(ip_proto(frame)[0] in (50, 51) for frame, _ in self.frames)

    def close(self):
        self._dump.send_signal(signal.SIGTERM)
        self._dump.wait(10 * SLOW)
        self._file.close()
        self._dir.cleanup()


def ip_proto(frame):
    """(IP protocol, offset of what it carries) of an Ethernet frame."""
    kind = frame[12:14]
    if kind == b"\x08\x00":
        return frame[23], 14 + (frame[14] & 15) * 4
    if kind == b"\x86\xdd":
        return frame[20], 54
    return None, 0


def clear_payload(frame, orig, proto, ports):
    """Octets of payload, where the frame carries the flow unprotected, else None."""
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
    header = (frame[start + 12] >> 4) * 4 if proto == socket.IPPROTO_TCP else 8
    return end - start - header
