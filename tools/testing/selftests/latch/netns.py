# SPDX-License-Identifier: GPL-2.0
"""Hosts on one link.

Every host is a network namespace without a name, held by this process and its
`ip` co-process, so nothing is left over when a test dies and several runs do
not meet.  All hosts hang on a bridge in a namespace of its own, where tcpdump
sees what is on the wire.
"""

import ctypes
import ipaddress
import itertools
import os
import re
import select
import socket
import struct
import subprocess

import latchapi
from ktap import SLOW, wait
from latchapi import L, Netlink, libc
from wire import Wire

CLONE_NEWNET = 0x40000000
INET = {4: socket.AF_INET, 6: socket.AF_INET6}
HOST_BITS = {4: 32, 6: 128}


def setns(fd):
    if libc.setns(fd, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


def netns_fd():
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


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
        """Run commands of ip(8) and return the errors; settled: wait until the module has dealt with them."""
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
        """Close this socket at the end of the case; returns it."""
        self._sockets.append(sock)
        return sock

    def frame(self, dst_mac, ethertype, payload):
        """Put a frame on the link as if from this host."""
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
        """The number of the record with this FQDN, which is made when first asked for."""
        if name not in self._records:
            got = self.nl.do("peer-new", id_type=L.LATCH_ID_FQDN, id_value=name.encode(), auth=L.LATCH_AUTH_MANUAL)
            self._records[name] = got["id"]
        return self._records[name]

    def _forget(self, command, **attrs):
        """Delete a record or binding, unless it has gone by itself."""
        if self.nl.error(command, **attrs)[0] not in ("0", "ENOENT"):
            self.nl.do(command, **attrs)

    def bind(self, peer, local=None, more=None, **key):
        """Bind the SAs of a reqid (reqid=), or one SA (sa=), to a peer; more: attributes."""
        self.nl.do("binding-new", **self._binding(peer, local, **key), **(more or {}))

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

    def sysctl_of(self, path, value):
        """Write a setting of the kernel's own, below /proc/sys."""
        with self, open(f"/proc/sys/{path}", "w", encoding="ascii") as f:
            f.write(f"{value}\n")

    def sysctl_default(self, name, value):
        """Write net.latch.NAME for all cases, where the module is there."""
        if latchapi.module_loaded():
            with self, open(f"/proc/sys/net/latch/{name}", "w", encoding="ascii") as f:
                f.write(f"{value}\n")

    def pin(self):
        """Latch a flow whose peer nobody knows to its very SAs, until the end of the case."""
        self.sysctl("unidentified", "pin")

    # the end of a case, and of everything
    def close_sockets(self):
        for sock in self._sockets:
            if sock.fileno() >= 0:
                if sock.type in (socket.SOCK_STREAM, socket.SOCK_SEQPACKET):
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
            self.nl.do("policy-flush")
            for binding in self.nl.dump("binding-get"):
                for flag in ("ambiguous", "with-sa", "natt-addr"):
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
        """Forget the number of the netlink family: the module is loaded anew."""
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
            # who is told of a break is told at once; see test_grace.py
            host.sysctl_default("break_grace_ms", 0)
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
        """End a case: close and delete what it left, and see that no latch outlived its socket (2.3-6)."""
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
        """Replace hosts that are not clean any more."""
        self.close()
        self.__init__(*[h.name for h in self.hosts])

    def close(self):
        if self._wire:
            self._wire.close()
        for host in self.hosts + [self.sw]:
            host.close()
