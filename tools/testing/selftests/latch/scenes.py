# SPDX-License-Identifier: GPL-2.0
"""Attacks and late packets, played with the module, without it, and in the demonstration."""

import contextlib
import ipaddress
import socket
import struct
import subprocess
from pathlib import Path

import forge
import latchapi
from ktap import KsftSkipEx, wait
from netns import INET
from wire import ip_proto


class AddressTakeover:
    """Mallory takes over the address of a flow's peer.

    She is authenticated, but as herself: the victim's key manager gets SAs with
    her for the old address and the old reqid, as strongSwan would make them.
    """

    def __init__(self, net, ipsec):
        self.net, self.ipsec = net, ipsec
        self.me, self.victim, self.peer = net.mallory, ipsec.a, ipsec.b
        self.sas = ipsec.new_sas()
        self._raw = None

    def start(self):
        """Unplug the peer; mallory has its address and SAs of her own for it."""
        self.take_address()
        addr, victim = self.peer.addr(self.ipsec.fam), self.victim.addr(self.ipsec.fam)
        self.me.ip(
            *[sa.add() for sa in self.sas],
            # her own kernel knows no such connection and must not say so
            f"xfrm policy add src {addr} dst {victim} dir out action block priority 1",
        )

    def take_address(self):
        """Unplug the peer, and receive what is sent to its address."""
        addr, fam = self.peer.addr(self.ipsec.fam), self.ipsec.fam
        self.net.unplug(self.peer)
        mac = self.me.mac.hex(":")
        self.victim.ip(f"neigh replace {addr} lladdr {mac} dev eth0 nud permanent")
        self.me.ip(
            f"neigh replace {addr} lladdr {self.victim.mac.hex(':')} dev eth0 nud permanent",
            f"addr add {addr}/{32 if fam == 4 else 128} dev eth0 {'' if fam == 4 else 'nodad'}",
        )
        family = socket.AF_INET if fam == 4 else socket.AF_INET6
        self._raw = {
            p: self.me.socket(family, socket.SOCK_RAW, n)
            for p, n in ((p, socket.getprotobyname(p)) for p in ("tcp", "udp", "sctp"))
        }
        for raw in self._raw.values():
            raw.setblocking(False)

    def add_sas(self):
        """The victim's key manager adds the SAs with mallory."""
        self.victim.ip(*[sa.add() for sa in self.sas])

    def delete_sas(self):
        """The victim's key manager deletes them."""
        self.victim.ip(*[sa.delete() for sa in self.sas])

    def end(self):
        """Plug the peer in again; mallory keeps nothing."""
        addr, fam = self.peer.addr(self.ipsec.fam), self.ipsec.fam
        self.me.ip(
            f"addr del {addr}/{32 if fam == 4 else 128} dev eth0", "xfrm policy flush", "xfrm state flush", fail=False
        )
        self.me.ip(f"neigh replace {addr} lladdr {self.peer.mac.hex(':')} dev eth0 nud permanent")
        self.victim.ip(f"neigh replace {addr} lladdr {self.peer.mac.hex(':')} dev eth0 nud permanent")
        self.net.plug(self.peer)

    def stolen(self, flow):
        """What of the flow mallory could read since the last call: a list of (packet, payload)."""
        got = []
        while True:
            try:
                packet = self._raw[flow.proto].recv(65536)
            except BlockingIOError:
                return got
            if packet[0] >> 4 == 4 and self.ipsec.fam == 4:
                packet = packet[(packet[0] & 15) * 4 :]
            ports = struct.unpack_from(">HH", packet)
            head = (packet[12] >> 4) * 4 if flow.proto == "tcp" else 8 if flow.proto == "udp" else 12
            data = packet[head:]
            if set(ports) == set(flow.ports) and data:
                got.append((packet, data))

    def frames_seen(self):
        """How many frames the link carried under mallory's SAs since the capture was restarted."""
        self.net.wire.sync()
        spis = {sa.spi for sa in self.sas}
        count = 0
        for frame, _ in self.net.wire.frames:
            proto, start = ip_proto(frame)
            if proto == 50:
                count += struct.unpack_from(">I", frame, start)[0] in spis
        return count


class TimeWait:
    """A TCP connection of which one end, the first to close, is in TIME_WAIT.

    end:  that end; the other one's host can still send late segments
    kept: its descriptor is still open
    """

    def __init__(self, flow, end, kept=False):
        self.flow, self.ipsec = flow, flow.ipsec
        first = end is flow.a
        self.host, self.far = (self.ipsec.a, self.ipsec.b) if first else (self.ipsec.b, self.ipsec.a)
        self.ports = flow.ports if first else flow.ports[::-1]
        peer = flow.peer_of(end)
        if kept:
            end.shutdown(socket.SHUT_WR)
        else:
            end.close()
        peer.settimeout(10)
        peer.recv(1)
        peer.close()
        wait(self.in_time_wait, "TIME_WAIT")
        wait(lambda: not self._states(self.far, self.ports[::-1]), "the other end's last ACK")
        # each late segment is to be answered, and no RST is to end it
        for name, value in (("tcp_invalid_ratelimit", 0), ("tcp_rfc1337", 1)):
            with self.host, open(f"/proc/sys/net/ipv4/{name}", "w", encoding="ascii") as f:
                f.write(f"{value}\n")

    def known_at(self, host, ports):
        """Does a host still know a connection of these ports (its own one first)?"""
        return bool(self._states(host, ports))

    def _states(self, host, ports):
        table = "tcp" if self.ipsec.fam == 4 else "tcp6"
        with host, open(f"/proc/thread-self/net/{table}", encoding="ascii") as f:
            rows = [line.split()[1:4] for line in f.readlines()[1:]]
        return [state for local, remote, state in rows if (int(local[-4:], 16), int(remote[-4:], 16)) == ports]

    def in_time_wait(self):
        """Does the host still keep the connection in TIME_WAIT?"""
        return "06" in self._states(self.host, self.ports)

    def old_segment(self):
        """(source, destination, segment of an old window): TCP answers it with an ACK."""
        src, dst = (self.ipsec.addr(h) for h in (self.far, self.host))
        return src, dst, forge.tcp(src, dst, *self.ports[::-1], 1, 1, forge.ACK)

    def send_old_segment(self):
        """Send it from the other host, which protects it."""
        src, dst, segment = self.old_segment()
        with self.far.socket(INET[self.ipsec.fam], socket.SOCK_RAW, socket.IPPROTO_TCP) as raw:
            raw.bind((src, 0))
            raw.sendto(segment, (dst, 0))

    def send_old_segment_in_clear(self, host):
        """Send it from a third host, not protected."""
        src, dst, segment = self.old_segment()
        ethertype = forge.ETHERTYPE[self.ipsec.fam]
        host.frame(self.host.mac, ethertype, forge.ip(src, dst, socket.IPPROTO_TCP, segment))


class FouPort:
    """A UDP port whose datagrams the host unpacks (ip-fou(8)), and what a third host sends to it.

    kind:  "gue", or "fou" for one that takes only one protocol
    proto: what the datagrams carry
    """

    def __init__(self, net, host, fam, kind, proto, port=5555):
        self.net, self.host, self.fam, self.kind, self.port = net, host, fam, kind, port
        self.proto = socket.getprotobyname(proto)

    def _ip(self, verb, *words):
        return self.host.run("ip", f"-{self.fam}", "fou", verb, "port", str(self.port), *words)

    def __enter__(self):
        if subprocess.run(["modprobe", "-q", "fou"], check=False).returncode:
            raise KsftSkipEx("the kernel has no FOU")
        done = self._ip("add", *(("gue",) if self.kind == "gue" else ("ipproto", str(self.proto))))
        if done.returncode:
            raise RuntimeError(done.stderr)
        return self

    def __exit__(self, *_):
        self._ip("del")

    def datagram(self, src, dst, inner):
        """A UDP datagram for the port with this segment in it."""
        return forge.udp(src, dst, 4444, self.port, forge.gue(self.proto, inner) if self.kind == "gue" else inner)

    def send(self, src, dst, inner):
        """Mallory sends it in clear, as if from `src`."""
        packet = forge.ip(src, dst, socket.IPPROTO_UDP, self.datagram(src, dst, inner))
        self.net.mallory.frame(self.host.mac, forge.ETHERTYPE[self.fam], packet)

    def send_into(self, flow, data, within=None):
        """Send a forgery into a flow; within: another port, which unpacks it before this one does."""
        _, packet = forge.into(flow, forge.PSH | forge.ACK, data)
        src, dst = (sock.getsockname()[0] for sock in (flow.b, flow.a))
        segment = packet[20 if self.fam == 4 else 40 :]
        if within:
            within.send(src, dst, self.datagram(src, dst, segment))
        else:
            self.send(src, dst, segment)


class OffloadDevice:
    """A device of a host that takes the SAs which the host gives to it (latch/tests/offload.c)."""

    def __init__(self, host):
        self.host = host

    def __enter__(self):
        test = Path(latchapi.MODULE).with_name("latch_offload_test.ko")
        subprocess.run(["insmod", str(test)], check=True)
        self.host.ip("link add offload0 type latch_offload", "link set offload0 up addrgenmode none")
        return self

    def __exit__(self, *_):
        self.host.ip("link del offload0")
        subprocess.run(["rmmod", "latch_offload_test"], check=True)

    def sa(self, sa):
        """An inbound SA, but the device carries it out.

        A socket's bundle would keep an outbound one, and Linux 6.1 waits for that before the device can go.
        """
        return sa.but(extra="offload dev offload0 dir in")

    def down(self):
        """Take the device down: the kernel deletes the device's SAs and sends no event."""
        self.host.ip("link set offload0 down")


class Switch:
    """The switch between the hosts as a host of its own, where netfilter sees what the bridge passes on."""

    def __init__(self, net):
        self.net, self.sw = net, net.sw

    def _netfilter(self, on):
        for words in ("iptables", "ip6tables"):
            path = f"/proc/sys/net/bridge/bridge-nf-call-{words}"
            with self.sw, open(path, "w", encoding="ascii") as f:
                f.write(f"{on:d}\n")

    def __enter__(self):
        if subprocess.run(["modprobe", "-q", "br_netfilter"], check=False).returncode:
            raise KsftSkipEx("the kernel has no br_netfilter")
        self.sw.number = 9
        self.sw.mac = bytes([2, 0, 0, 0, 0, 9])
        self.sw.ip(
            f"link set br0 address {self.sw.mac.hex(':')}",
            f"addr add {self.sw.addr(4)}/24 dev br0",
            f"addr add {self.sw.addr(6)}/64 dev br0 nodad",
        )
        self._netfilter(True)
        return self.sw

    def __exit__(self, *_):
        self.sw.close_sockets()
        for host in self.net.hosts:
            host.close_sockets()
        self.sw.reset()
        self.sw.ip("addr flush dev br0")
        self.sw.number = 0
        subprocess.run(["rmmod", "br_netfilter"], check=True)


def migrate(ipsec, host, direction, old, new):
    """XFRM_MSG_MIGRATE: the policy of a direction and its SA get other ends, pairs of source and destination."""
    fam = INET[ipsec.fam]
    x, y = (host, ipsec.other(host)) if direction == "out" else (ipsec.other(host), host)
    src, dst = (ipaddress.ip_network(h.inner_net(ipsec.fam)) for h in (x, y))

    def packed(addr):
        return ipaddress.ip_address(addr).packed.ljust(16, b"\0")

    selector = packed(dst[0]) + packed(src[0]) + bytes(8)
    selector += struct.pack("=HBBBxxxiI", fam, dst.prefixlen, src.prefixlen, 0, 0, 0)
    body = selector + struct.pack("=IBxxx", 0, ("in", "out").index(direction))
    moves = b"".join(packed(a) for a in (*old[::-1], *new[::-1]))
    moves += struct.pack("=BBHIHH", socket.IPPROTO_ESP, 1, 0, ipsec.reqid, fam, fam)
    body += struct.pack("=HH", 4 + len(moves), 17) + moves
    with host, socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 6) as sock:
        sock.send(struct.pack("=IHHII", 16 + len(body), 0x21, 5, 1, 0) + body)
        error = -struct.unpack_from("=i", sock.recv(4096), 16)[0]
    if error:
        raise OSError(error, f"XFRM_MSG_MIGRATE on {host.name}")
    host.stat()


@contextlib.contextmanager
def ruleset(host, text):
    """Rules of nft(8) while a block runs."""
    done = host.run("nft", "-f", "-", input=text)
    if done.returncode:
        raise RuntimeError(done.stderr)
    try:
        yield
    finally:
        host.run("nft", "flush", "ruleset")
