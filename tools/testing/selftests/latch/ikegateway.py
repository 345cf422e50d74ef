# SPDX-License-Identifier: GPL-2.0
"""A gateway with strongSwan: what it does for road warriors with addresses from a pool, and between sites."""

import socket
import struct

from flow import SECRET
from gateway import GatewayNet
from ikenet import IkeNet
from ikescenes import SILENT
from ipsec import Ipsec
from ktap import wait
from netns import INET

# a pool of one address: whoever asks next gets it
POOL = {4: "10.40.0.1", 6: "fd40::1"}
ANY = {4: "0.0.0.0", 6: "::"}
BITS = {4: 32, 6: 128}


class IkeGatewayNet(GatewayNet, IkeNet):
    """Alice and mallory are certified by the CA of the gateway, behind which bob is."""

    def __init__(self, *names, **options):
        super().__init__(*names, **options)
        for fam in (4, 6):
            pool = f"{POOL[fam]}/{BITS[fam]}"
            self.bob.ip(f"route replace {pool} via {self.gate.addr(fam)} dev eth0 rto_min 20ms")
            # any route does: policy has it replaced
            self.gate.ip(f"route replace {pool} dev eth0")


class RoadWarrior(Ipsec):
    """A client whom the gateway gives the pool's address, and its flows to bob."""

    def __init__(self, net, client, fam=4):
        super().__init__(client, net.bob, fam=fam, mode="tunnel")
        self.net, self.client = net, client

    def addr(self, host):
        return POOL[self.fam] if host is self.client else host.inner(self.fam)

    def up(self):
        """Ask the gateway for SAs and an address."""
        net, fam, name = self.net, self.fam, self.client.name + ".example"
        ike, cert = net.ike(self.client), net.pki.cert(name)
        ike.identity(cert)
        ike.connection("gate", {
            "version": 2, "mobike": False, "proposals": [ike.IKE], "vips": [ANY[fam]],
            "local_addrs": [self.client.addr(fam)], "remote_addrs": [net.gate.addr(fam)],
            "local": {"auth": "pubkey", "id": name, "certs": [cert.der]},
            "remote": {"auth": "pubkey", "id": "gate.example"},
            "children": {"gate": {"mode": "tunnel", "start_action": "none", "esp_proposals": [ike.ESP],
                                  "remote_ts": [net.bob.inner_net(fam)]}},
        })  # fmt: skip
        ike.initiate("gate")
        have = f"addr show to {POOL[fam]}"
        wait(lambda: POOL[fam] in self.client.run("ip", *have.split()).stdout, "the address from the pool")
        return self

    def down(self):
        """Tell the gateway that the client goes, as it does that is switched off."""
        self.net.ike(self.client).terminate(ike="gate")


def serve_pool(net, fam=4):
    """The gateway gives one address to whoever has a certificate of the CA."""
    ike, cert = net.ike(net.gate), net.pki.cert("gate.example")
    ike.identity(cert)
    ike.load("load-pool", {"pool": {"addrs": f"{POOL[fam]}/{BITS[fam]}"}})
    ike.connection("warriors", {
        "version": 2, "mobike": False, "proposals": [ike.IKE], "pools": ["pool"],
        "local_addrs": [net.gate.addr(fam)], "remote_addrs": ["%any"],
        "local": {"auth": "pubkey", "id": "gate.example", "certs": [cert.der]},
        "remote": {"auth": "pubkey", "id": "%any", "cacerts": [net.pki.ca().der]},
        "children": {"warriors": {"mode": "tunnel", "start_action": "none", "esp_proposals": [ike.ESP],
                                  "local_ts": [net.bob.inner_net(fam)]}},
    })  # fmt: skip


def sites(net, fam=4, gate=None, bob=None, **conn):
    """Bob and the gateway protect what alice's site, in clear behind the gateway, and bob's exchange; returns its flows.

    gate, bob: more for their children; conn: more for both connections
    """
    here, there = [net.alice.inner_net(fam)], [net.bob.inner_net(fam)]
    net.ike(net.bob).to(net.gate, fam=fam, mode="tunnel", child={"remote_ts": here, **(bob or {})}, **conn)
    net.ike(net.gate).to(
        net.bob, fam=fam, mode="tunnel", child={"local_ts": here, "remote_ts": there, **(gate or {})}, **conn
    )
    return Ipsec(net.alice, net.bob, fam=fam, mode="tunnel")


class Newcomer:
    """What mallory's host is sent of a flow that it does not know."""

    def __init__(self, net, flow, fam):
        self.flow, self.fam = flow, fam
        net.mallory.run("nft", "-f", "-", input=SILENT)
        self.host = net.mallory
        number = socket.IPPROTO_TCP if flow.proto == "tcp" else socket.IPPROTO_UDP
        self._raw = net.mallory.socket(INET[fam], socket.SOCK_RAW, number)
        self._raw.setblocking(False)

    def read(self):
        """How many bytes of the flow came since the last call."""
        size = 0
        while True:
            try:
                packet = self._raw.recv(65536)
            except BlockingIOError:
                return size
            if self.fam == 4:
                packet = packet[(packet[0] & 15) * 4 :]
            data = packet[(packet[12] >> 4) * 4 :] if self.flow.proto == "tcp" else packet[8:]
            if set(struct.unpack_from(">HH", packet)) == set(self.flow.ports) and SECRET in data:
                size += len(data)

    def end(self):
        self.host.run("nft", "flush", "ruleset")
