# SPDX-License-Identifier: GPL-2.0
"""Scenes with real IKE daemons, played with the module, without it, and in the demonstration."""

import socket
import struct
import subprocess

import forge
from ipsec import Ipsec
from ktap import wait
from netns import INET
from scenes import AddressTakeover

IP_PROTO = {"tcp": socket.IPPROTO_TCP, "udp": socket.IPPROTO_UDP}

# A packet filter of the attacker: its kernel knows no such connection and must not say so.
SILENT = """table inet silent {
	chain out {
		type filter hook output priority 0;
		tcp flags & rst == rst drop
		icmp type destination-unreachable drop
		icmpv6 type destination-unreachable drop
	}
}
"""


def trap_policies(net, fam=4, remote=None, mode="transport", answer="trap", **kwargs):
    """Give alice and bob trap policies for each other; returns what opens flows between them.

    answer="none": bob has no policies but those of SAs.
    """
    return trap_policies_between(net, net.alice, net.bob, fam, remote=remote, mode=mode, answer=answer, **kwargs)


def trap_policies_between(net, a, b, fam=4, remote=None, mode="transport", answer="trap", **kwargs):
    """The same for any two hosts."""
    net.ike(b).to(a, fam=fam, mode=mode, start=answer, **kwargs)
    net.ike(a).to(b, fam=fam, mode=mode, remote=remote, **kwargs)
    return Ipsec(a, b, fam=fam, mode=mode)


def carry_data(flow, size=1050):
    """Send data both ways; the first datagrams may be lost while SAs are made."""
    flow.pump(flow.moved(size if flow.proto == "tcp" else size // 105), deadline=30)


def connect(ipsec, proto, **kwargs):
    """Open a flow whose first packet meets a trap policy, and so makes SAs."""
    if proto == "tcp":
        flow = ipsec.tcp(**kwargs)
    else:
        flow = ipsec.udp(carry=False, **kwargs)
        # one end alone makes SAs, and none answers in clear
        flow.reach()
    carry_data(flow)
    return flow


def any_member(net):
    """For remote=: whoever has a certificate of the CA."""
    return {"id": "%any", "cacerts": [net.pki.ca().der]}


# --- a NAT ---------------------------------------------------------------------
PRIVATE = "192.168.7.1"
MASQUERADE = """table ip nat {{
	chain post {{
		type nat hook postrouting priority 100;
		ip saddr 192.168.7.0/24 udp sport 1-65535 snat to 10.9.0.3{ports}
	}}
}}
"""


class BehindNat(Ipsec):
    """Flows of alice from her private address."""

    def addr(self, host):
        return PRIVATE if host is self.a and self.mode != "tunnel" else super().addr(host)


def pair_behind_nat(net, mode):
    """Give alice a private address and make mallory her NAT on the way to bob."""
    set_up_nat(net)
    net.ike(net.bob).to(net.alice, mode=mode, start="none", remote_addrs=["%any"])
    net.ike(net.alice).to(net.bob, mode=mode, local_addrs=[PRIVATE])
    return BehindNat(net.alice, net.bob, mode=mode)


def set_up_nat(net):
    """Set up the NAT and the routes through it, but no policies."""
    alice, bob, router = net.alice, net.bob, net.mallory
    alice.ip(
        f"addr add {PRIVATE}/32 dev eth0",
        f"route replace {bob.addr(4)}/32 via {router.addr(4)} dev eth0 src {PRIVATE} rto_min 20ms",
        f"route replace {bob.inner_net(4)} via {router.addr(4)} dev eth0 src {alice.inner(4)} rto_min 20ms",
    )
    router.ip(
        f"route add {PRIVATE}/32 dev eth0",
        f"neigh replace {PRIVATE} lladdr {alice.mac.hex(':')} dev eth0 nud permanent",
    )
    bob.ip(f"route replace {alice.inner_net(4)} via {router.addr(4)} dev eth0 src {bob.inner(4)} rto_min 20ms")
    with router:
        for name, value in (("ip_forward", 1), ("conf/all/send_redirects", 0), ("conf/eth0/send_redirects", 0)):
            with open(f"/proc/sys/net/ipv4/{name}", "w", encoding="ascii") as f:
                f.write(f"{value}\n")
    restart_nat(router)


def restart_nat(router, ports=""):
    """Switch the NAT off and on: it forgets its connections, and takes ports of this range from then on."""
    subprocess.run(["modprobe", "-q", "nf_conntrack_netlink"], check=True)
    done = router.run("nft", "-f", "-", input="flush ruleset\n" + MASQUERADE.format(ports=ports and ":" + ports))
    if done.returncode:
        raise RuntimeError(done.stderr)
    with router, socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12) as netfilter:
        # IPCTNL_MSG_CT_DELETE of all, with NLM_F_REQUEST | NLM_F_ACK
        netfilter.send(struct.pack("=IHHIIBBH", 20, 0x102, 5, 1, 0, 0, 0, 0))
        error = struct.unpack_from("=i", netfilter.recv(4096), 16)[0]
    if error:
        raise OSError(-error, "conntrack flush")


def remove_nat(net):
    """Undo set_up_nat()."""
    alice, bob, router = net.alice, net.bob, net.mallory
    router.run("nft", "flush", "ruleset")
    router.ip(f"route del {PRIVATE}/32 dev eth0", f"neigh del {PRIVATE} dev eth0", fail=False)
    # the routes from the address go with it
    alice.ip(f"addr del {PRIVATE}/32 dev eth0", fail=False)
    for host, peer in ((alice, bob), (bob, alice)):
        host.ip(f"route replace {peer.inner_net(4)} via {peer.addr(4)} dev eth0 src {host.inner(4)} rto_min 20ms")


# --- the attacker --------------------------------------------------------------
class StrongSwanTakeover(AddressTakeover):
    """A third host, certified by the same CA, that takes over the address of alice's peer.

    It is an honest daemon's peer in all but the address: it proves its own identity.
    """

    def __init__(self, net, ipsec):  # pylint: disable=super-init-not-called
        self.net, self.ipsec = net, ipsec
        self.me, self.victim, self.peer = net.mallory, ipsec.a, ipsec.b
        self.ike = net.ike(self.me)
        self._raw = None

    def start(self):
        self.me.run("nft", "-f", "-", input=SILENT)
        self.take_address()

    def authenticate(self):
        """Make SAs with the victim, in mallory's own name, from the address of the peer."""
        mine, theirs = self.peer.addr(self.ipsec.fam), self.victim.addr(self.ipsec.fam)
        self.ike.to(self.victim, fam=self.ipsec.fam, start="none", local_addrs=[mine], remote_addrs=[theirs])
        # charon hears of the address from the kernel
        wait(lambda: mine in self.ike.log(), "charon to know its new address")
        self.ike.initiate(self.victim.name)

    @property
    def sas(self):
        """Her SAs, as frames_seen() takes them."""
        return [Spi(int(kid[k], 16)) for kid in self.ike.children() for k in ("spi-in", "spi-out")]

    def answer_stolen(self, flow, packet, data):
        """Answer a stolen packet of the flow as the peer would."""
        mine, theirs = self.peer.addr(self.ipsec.fam), self.victim.addr(self.ipsec.fam)
        sport, dport = struct.unpack_from(">HH", packet)
        if flow.proto == "tcp":
            seq, ack = struct.unpack_from(">II", packet, 4)
            size = len(packet) - (packet[12] >> 4) * 4
            answer = forge.tcp(mine, theirs, dport, sport, ack, seq + size, forge.PSH | forge.ACK, data)
        else:
            answer = forge.udp(mine, theirs, dport, sport, data)
        raw = self.me.socket(INET[self.ipsec.fam], socket.SOCK_RAW, IP_PROTO[flow.proto])
        raw.bind((mine, 0))
        raw.sendto(answer, (theirs, 0))

    def send(self, flow, data):
        """Into the flow as its peer, with numbers that the victim's socket takes."""
        _, packet = forge.into(flow, forge.PSH | forge.ACK, data)
        mine, theirs = self.peer.addr(self.ipsec.fam), self.victim.addr(self.ipsec.fam)
        raw = self.me.socket(INET[self.ipsec.fam], socket.SOCK_RAW, IP_PROTO[flow.proto])
        raw.bind((mine, 0))
        raw.sendto(packet[20 if self.ipsec.fam == 4 else 40 :], (theirs, 0))

    def withdraw_sas(self):
        """End the SAs, as an honest peer does."""
        self.ike.terminate(ike=self.victim.name)

    def end(self):
        self.me.run("nft", "flush", "ruleset")
        super().end()


class Spi:
    """What frames_seen() asks an SA for."""

    def __init__(self, spi):
        self.spi = spi
