# SPDX-License-Identifier: GPL-2.0
"""A gateway: it forwards flows, which are protected on one side of it or on both."""

import socket
import struct

import forge
from flow import SECRET
from ipsec import Ipsec
from latchapi import L, module_loaded
from netns import INET, Net
from wire import clear_payload


class GatewayNet(Net):
    """Hosts on one link, of which `gate` forwards what the others send to one another's inner networks.

    Only the gateway latches; the ends are hosts without the module.
    """

    def __init__(self, *names, **options):
        super().__init__(*(names or ("alice", "gate", "bob", "mallory")), **options)
        for fam in (4, 6):
            family = "ipv4" if fam == 4 else "ipv6"
            self.gate.sysctl_of(f"net/{family}/conf/all/forwarding", 1)
            for host in self.ends:
                for other in self.ends:
                    if other is not host:
                        host.ip(
                            f"route replace {other.inner_net(fam)} via {self.gate.addr(fam)} dev eth0"
                            f" src {host.inner(fam)} rto_min 20ms"
                        )
        for device in ("all", "eth0"):
            self.gate.sysctl_of(f"net/ipv4/conf/{device}/send_redirects", 0)
        self.set_up()

    def set_up(self):
        """What the module forgets when it goes."""
        for host in self.ends:
            host.sysctl_default("auto", 0)

    @property
    def ends(self):
        return [host for host in self.hosts if host is not self.gate]

    def reset(self):
        for host in self.hosts:
            host.close_sockets()
        if module_loaded():
            self.gate.sysctl_default("forward", 0)
        super().reset()

    def clear(self, flow, host):
        """(frames, bytes of payload) of a flow in clear from or to a host since the capture was restarted."""
        self.wire.sync()
        proto = socket.IPPROTO_TCP if flow.proto == "tcp" else socket.IPPROTO_UDP
        frames = payload = 0
        for frame, orig in self.wire.frames:
            size = clear_payload(frame, orig, proto, set(flow.ports))
            if size is not None and host.mac in (frame[:6], frame[6:12]):
                frames += 1
                payload += size
        return frames, payload


class Tunnel(Ipsec):
    """A tunnel between a host and the gateway, for what the host exchanges with another one behind that.

    owner: whose inner network it is for, if not the host's own
    """

    def __init__(self, net, end, far, fam=4, owner=None, **kwargs):
        super().__init__(end, net.gate, fam=fam, mode="tunnel", **kwargs)
        self.far, self.owner = far, owner or end

    def selector(self, x, y):
        src, dst = ((self.owner if h is self.a else self.far).inner_net(self.fam) for h in (x, y))
        return f"src {src} dst {dst} {self.narrow}"

    def policies(self, host, verb="add"):
        return [self.policy(host, d, verb) for d in ("out", "fwd" if host is self.b else "in")]

    def identify(self, hosts=None):
        """The gateway knows who the end is."""
        return super().identify(hosts or (self.b,))


def ends(net, fam):
    """What makes flows from alice to bob: they know nothing of IPsec."""
    return Ipsec(net.alice, net.bob, fam=fam, mode="tunnel")


def side(flow, sock):
    """How the latch of a socket's side is called: (local address and port, remote ones)."""
    ours, other = sock.getsockname()[:2], flow.peer_of(sock).getsockname()[:2]
    return (*other, *ours)


def rows(host):
    """The latches of flows that a host forwards, by (local address and port, remote ones)."""
    got = {}
    for row in host.conns().values():
        if row["flags"] & L.LATCH_F_FORWARDED:
            local, remote = (socket.inet_ntop(row["family"], row[f"{end}-addr"]) for end in ("local", "remote"))
            got[(local, row["local-port"], remote, row["remote-port"])] = row
    return got


class PoolAddress:
    """Mallory gets the address that was alice's: the gateway has a tunnel to her for it, and none to alice."""

    def __init__(self, net, old, suite="gcm128"):
        self.net, self.old, self.fam = net, old, old.fam
        words = {"fam": old.fam, "level": old.level, "suite": suite}
        self.new = Tunnel(net, net.mallory, old.far, owner=net.alice, reqid=2, **words)
        self._raw = {}

    def start(self):
        """Everything but the SAs and policies at the gateway."""
        me, addr = self.net.mallory, self.net.alice.inner(self.fam)
        self.new.sas = self.new.new_sas()
        me.ip(
            f"addr add {addr}/{32 if self.fam == 4 else 128} dev lo {'' if self.fam == 4 else 'nodad'}",
            *[sa.add() for sa in self.new.sas],
            self.new.policy(me, "in"),
            # her own kernel knows no such connection and must not say so
            f"xfrm policy add src {addr} dir out action block priority 1",
        )
        family = INET[self.fam]
        self._raw = {
            "tcp": me.socket(family, socket.SOCK_RAW, socket.IPPROTO_TCP),
            "udp": me.socket(family, socket.SOCK_RAW, socket.IPPROTO_UDP),
        }
        for raw in self._raw.values():
            raw.setblocking(False)

    def take(self):
        """The gateway's key manager ends alice's tunnel and makes one with mallory."""
        gate = self.net.gate
        gate.ip(
            *self.old.policies(gate, "delete"),
            *[sa.delete() for sa in self.old.sas],
            *[sa.add() for sa in self.new.sas],
            *self.new.policies(gate),
        )

    def give_back(self):
        """And the other way round, with new SAs of alice."""
        gate, alice = self.net.gate, self.net.alice
        gate.ip(*self.new.policies(gate, "delete"), *[sa.delete() for sa in self.new.sas])
        old, self.old.sas = self.old.sas, self.old.new_sas()
        alice.ip(*[sa.add() for sa in self.old.sas], *[sa.delete() for sa in old])
        gate.ip(*[sa.add() for sa in self.old.sas], *self.old.policies(gate))

    def stolen(self, flow):
        """How many bytes of the flow mallory could read since the last call."""
        size = 0
        while True:
            try:
                packet = self._raw[flow.proto].recv(65536)
            except BlockingIOError:
                return size
            if self.fam == 4:
                packet = packet[(packet[0] & 15) * 4 :]
            data = packet[(packet[12] >> 4) * 4 :] if flow.proto == "tcp" else packet[8:]
            if set(struct.unpack_from(">HH", packet)) == set(flow.ports) and SECRET in data:
                size += len(data)

    def send(self, packet, number=1):
        """A packet through mallory's tunnel, which has the suite `null`; number: of the SA's packets."""
        sa = next(sa for sa in self.new.sas if sa.dst == self.net.gate.addr(self.fam))
        sealed = forge.protect(packet, sa.spi, number, (sa.src, sa.dst))
        self.net.mallory.frame(self.net.gate.mac, forge.ETHERTYPE[self.fam], sealed)

    def end(self):
        """Mallory has the address no more."""
        addr = self.net.alice.inner(self.fam)
        self.net.mallory.ip(f"addr del {addr}/{32 if self.fam == 4 else 128} dev lo", fail=False)
