#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Another authenticated peer does not get a latched flow.

RFC 5660 2-6, 2.2-6, 2.3-11, 2.3-12, 2.3.1-1, 2.3.2 (the worked example).
"""

import errno
import socket

import forge
import runner
from expect import Moves, is_state
from flow import FLOWS, Flow, error_of
from ipsec import Ipsec
from ktap import case, ksft_eq, ksft_true, times
from latchapi import L, ask, ask_to_wait, info
from netns import INET
from scenes import AddressTakeover, OffloadDevice

HOSTS = ("alice", "bob", "mallory")


# What else moves when a connection is reset.
GOING = ["LatchLatches", "LatchClosed", "LatchOutBroken", "LatchOutClosed", "LatchInClosed"]


def prepare_takeover(env, fam, name, **kwargs):
    """(IPsec between alice and bob, the takeover of his address by mallory), with identities as `name` says."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam, **kwargs).up()
    if name == "identified":
        ipsec.identify()
    else:
        env.alice.pin()
    attack = AddressTakeover(env, ipsec)
    if name == "identified":
        # strongSwan gives both peers one reqid: what counts is said of each SA,
        # before it is there
        for sa in attack.sas:
            env.alice.bind("mallory", "alice", sa=sa)
    return ipsec, attack


class Neighbour(Ipsec):
    """One of several peers behind one NAT: it is told from the others by a mark at alice's, by its port at bob's.

    That is what strongSwan makes of mark_out=%unique and set_mark_in=%same.
    """

    def __init__(self, env, fam, mark):
        super().__init__(env.alice, env.bob, fam=fam, reqid=mark)
        self.mark, self.port = mark, 5000 + mark

    def _policies(self, host):
        for way in ("out", "in"):
            words = self.policy(host, way)
            if host is self.a:
                yield words.replace(" priority", f" mark {self.mark} priority")
            else:
                yield words.replace(" dir", f" proto tcp {'sport' if way == 'out' else 'dport'} {self.port} dir")

    def _sas(self, host):
        for sa in self.sas:
            if host is self.b:
                yield sa
            else:
                yield sa.but(extra=f"mark {self.mark}" if sa.src == host.addr(self.fam) else f"output-mark {self.mark}")

    def up(self, hosts=None):
        self.sas = self.new_sas()
        for host in hosts or (self.a, self.b):
            host.ip(*[sa.add() for sa in self._sas(host)], *self._policies(host))
        return self

    def rekey(self):
        old = {host: list(self._sas(host)) for host in (self.a, self.b)}
        self.sas = self.new_sas()
        for host in (self.b, self.a):
            host.ip(*[sa.add() for sa in self._sas(host)])
        for host in (self.a, self.b):
            host.ip(*[sa.delete() for sa in old[host]])

    def connect(self, listener):
        """A connection from this peer to a listener of alice's; the accepted socket comes first."""
        sock = self.b.socket(INET[self.fam])
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.settimeout(10)
        sock.bind((self.b.addr(self.fam), self.port))
        sock.connect(listener.getsockname()[:2])
        return Flow(self, "tcp", self.a.owns(listener.accept()[0]), sock)


def fwmark_accept(host, value):
    """Does an accepted socket send with the mark that its SYN came with?"""
    with host, open("/proc/sys/net/ipv4/tcp_fwmark_accept", "w", encoding="ascii") as f:
        f.write(f"{value}\n")


@case("2.2-6_two_peers_behind_one_nat_{flow}", FLOWS[:2])
def behind_one_nat(env, fam):
    """Marks tell two peers with one address and the same selectors apart: neither locks the other out, nor by a rekey."""
    fwmark_accept(env.alice, 1)
    first, second = Neighbour(env, fam, 1), Neighbour(env, fam, 2)
    for mark, name in ((1, "bob"), (2, "mallory")):
        env.alice.bind(name, "alice", reqid=mark)
        env.bob.bind("alice", name, reqid=mark)
    listener = first.listen(env.alice)
    listener.settimeout(10)
    flows = [first.up().connect(listener)]
    flows.append(second.up().connect(listener))
    for step in (None, second.rekey, first.rekey, second.rekey):
        if step:
            step()
        for flow, name in zip(flows, ("bob", "mallory")):
            flow.exchange()
            got = is_state(flow.a, "ESTABLISHED", "NONE", [])
            ksft_eq((got.peer, got.breaks), (env.alice.peer(name), 0))
    fwmark_accept(env.alice, 0)


SCENES = [
    {**f, "name": n, "reason": r} for f in FLOWS for n, r in (("identified", "PEER"), ("unidentified", "UNIDENTIFIED"))
]


@case("2.2-6_stranger_{name}_{flow}_reset", SCENES)
def reset_disposition(env, proto, fam, name, reason):
    """A third host takes the peer's address: broken when its SAs come, no byte to it, the owner is told."""
    ipsec, attack = prepare_takeover(env, fam, name)
    flow = ipsec.flow(proto)
    if proto == "udp":
        ask(flow.a, disposition=L.LATCH_DISP_RESET)
    flow.pump(flow.moved(2000 if proto == "tcp" else 10))
    attack.start()
    env.wire.restart()
    with Moves(env.alice, LatchBroken=1, may=GOING):
        attack.add_sas()
    is_state(flow.a, "CLOSED" if proto == "tcp" else "BROKEN", reason)
    ksft_eq(error_of(flow.a), errno.ECONNRESET)
    ksft_eq((attack.stolen(flow), attack.frames_seen(), env.wire.clear(flow)), ([], 0, (0, 0)))
    attack.end()


@case("2.2-6_stranger_{name}_{flow}_wait", SCENES)
def wait_disposition(env, proto, fam, name, reason):
    """With `wait` there is silence until the stranger's SAs are gone; then not a byte is missing."""
    ipsec, attack = prepare_takeover(env, fam, name)
    flow = ipsec.flow(proto, before=ask_to_wait)
    flow.pump(flow.moved(2000 if proto == "tcp" else 10))
    attack.start()
    env.wire.restart()
    attack.add_sas()
    is_state(flow.a, "BROKEN", reason, [reason])
    flow.catch_up(flow.a)
    flow.pump(lambda: info(flow.a).out_drops >= 3, ways=((flow.a, flow.b),))
    ksft_true(flow.silent(flow.a))
    ksft_eq((attack.stolen(flow), attack.frames_seen(), env.wire.clear(flow)), ([], 0, (0, 0)))
    attack.delete_sas()
    attack.end()
    is_state(flow.a, "ESTABLISHED", conflicts=[])
    flow.pump(flow.moved(2000 if proto == "tcp" else 10))
    if proto == "tcp":
        flow.drained()
    ksft_eq(info(flow.a).breaks, 1)


@case("2.3.1-1_stranger_is_not_heard_{flow}", FLOWS)
def data_not_heard(env, proto, fam):
    """Data that the stranger sends into the flow under its own SA is dropped."""
    ipsec, attack = prepare_takeover(env, fam, "identified", suite="null")
    flow = ipsec.flow(proto, before=ask_to_wait)
    flow.exchange()
    attack.start()
    attack.add_sas()
    inward = next(sa for sa in attack.sas if sa.dst == env.alice.addr(fam))
    with Moves(env.alice, LatchInBroken=3):
        for seq in (1, 2, 3):
            kind, packet = forge.into(flow, forge.PSH | forge.ACK, b"from mallory")
            env.mallory.frame(env.alice.mac, kind, forge.protect(packet, inward.spi, seq))
    ksft_eq(info(flow.a).in_drops, 3)
    ksft_true(flow.silent(flow.a))
    attack.end()


@case("2.4-1_sa_in_the_memory_of_one_that_went_{flow}", FLOWS, limit=120)
def sa_memory_used_again(env, proto, fam):
    """SAs that policy does not take come where SAs of the flow lay: what they protect is not taken for judged."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam, suite="null").up().identify()
    flow = ipsec.flow(proto)
    for _ in range(times(20)):
        ipsec.rekey()
        flow.exchange()
        new = [sa for _ in range(4) for sa in ipsec.new_sas() if sa.dst == env.alice.addr(fam)]
        aliens = [sa.but(reqid=ipsec.reqid + 1) for sa in new]
        for sa in aliens:
            env.alice.bind("mallory", "alice", sa=sa)
        with Moves(env.alice, LatchInPeer=len(aliens)):
            env.alice.ip(*[sa.add() for sa in aliens])
            for sa in aliens:
                kind, packet = forge.into(flow, forge.PSH | forge.ACK, b"from mallory")
                env.mallory.frame(env.alice.mac, kind, forge.protect(packet, sa.spi, 1))
        env.alice.ip(*[sa.delete() for sa in aliens])
    flow.exchange()


@case("2.4-1_sas_that_go_with_their_device_{flow}", FLOWS)
def sas_of_a_device(env, proto, fam):
    """A device goes down, and its SAs go without an event: only what comes after them counts."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up([env.bob])
    outward, inward = ipsec.sas
    with OffloadDevice(env.alice) as device:
        env.alice.ip(outward.add(), device.sa(inward).add(), *ipsec.policies(env.alice))
        ipsec.identify()
        flow = ipsec.flow(proto, before=ask_to_wait)
        flow.exchange()
        env.alice.ip(outward.delete())
        device.down()
        ksft_eq(env.alice.run("ip", "xfrm", "state").stdout, "")
        ipsec.sas = ipsec.new_sas()
        for sa in ipsec.sas:
            env.alice.bind("mallory", "alice", sa=sa)
        for host in (env.bob, env.alice):
            host.ip(*[sa.add() for sa in ipsec.sas])
        is_state(flow.a, "BROKEN", "PEER", ["PEER"])
        flow.pump(lambda: info(flow.a).in_drops >= 3, ways=((flow.b, flow.a),))
        ksft_true(flow.silent(flow.a))
        newcomer = ipsec.flow(proto)
        newcomer.exchange()
        is_state(newcomer.a, "ESTABLISHED", conflicts=[])


@case("2.3-11_no_latch_over_conflicting_sas_{flow}", FLOWS)
def born_broken(env, proto, fam):
    """SAs of two peers are there already: the latch is born broken and nothing passes."""
    ipsec, attack = prepare_takeover(env, fam, "identified")
    attack.add_sas()
    env.wire.restart()
    family, kind = ipsec.listen().family, 1 if proto == "tcp" else 2
    sock = env.alice.socket(family, kind)
    ask_to_wait(sock)
    sock.bind((env.alice.addr(fam), 0))
    sock.setblocking(False)
    peer = ipsec.listen()
    sock.connect_ex(peer.getsockname()[:2])
    if proto == "udp":
        sock.send(b"first")
    got = is_state(sock, "BROKEN", "PEER", ["PEER"])
    ksft_eq(env.wire.protected(), 0)
    # the kernel chose one of the two; the other one is in conflict with it
    chosen = got.peer == env.alice.peer("bob")
    env.alice.ip(*[sa.delete() for sa in (attack.sas if chosen else ipsec.sas)])
    is_state(sock, "ESTABLISHED", conflicts=[])


@case("2.3-12_stranger_of_other_protocol_or_mode_{what}", [
    {"what": "ah", "change": {"suite": "ah"}, "reason": "PROTO"},
    {"what": "tunnel", "change": {"mode": "tunnel"}, "reason": "MODE"},
])  # fmt: skip
def other_kind(env, change, reason):
    """SAs of the template's reqid, but of a kind that the policy does not take yet, break at once."""
    ipsec, attack = prepare_takeover(env, 4, "identified")
    flow = ipsec.tcp(before=ask_to_wait)
    attack.sas = [sa.but(**change) for sa in attack.sas]
    attack.add_sas()
    is_state(flow.a, "BROKEN", reason)
    attack.delete_sas()
    is_state(flow.a, "ESTABLISHED", conflicts=[])


# --- the RFC's worked example ----------------------------------------------------
@case("2.3.2_example_{who}_latch", [
    {"who": "both", "latching": "alice bob"},
    {"who": "only_a", "latching": "alice"},
    {"who": "only_b", "latching": "bob"},
])  # fmt: skip
def example(env, latching):
    """A and B talk, C takes B's address at A: A is safe where A latches, whatever B does."""
    for host in (env.alice, env.bob):
        if host.name not in latching:
            host.sysctl("auto", 0)
    ipsec, attack = prepare_takeover(env, 4, "identified")
    flow = ipsec.tcp()
    is_state(flow.a, "ESTABLISHED" if "alice" in latching else "NONE")
    is_state(flow.b, "ESTABLISHED" if "bob" in latching else "NONE")
    flow.exchange()
    attack.start()
    attack.add_sas()
    if "alice" in latching:
        ksft_eq(error_of(flow.a), errno.ECONNRESET)
        ksft_eq(attack.stolen(flow), [])
    else:
        stolen = []
        flow.pump(lambda: stolen.extend(attack.stolen(flow)) or stolen, ways=((flow.a, flow.b),))
    # C has no SA with B: B's latch has no conflict
    is_state(flow.b, "ESTABLISHED" if "bob" in latching else "NONE", "NONE", [])
    attack.end()


@case("2.3.2_example_c_impersonates_a_to_b")
def example_mirrored(env):
    """The same at the other end: the passive opener's latch breaks."""
    ipsec = Ipsec(env.bob, env.alice).up().identify()
    flow = ipsec.tcp(client=env.alice)
    attack = AddressTakeover(env, ipsec)
    for sa in attack.sas:
        env.bob.bind("mallory", "bob", sa=sa)
    attack.start()
    attack.add_sas()
    ksft_eq(error_of(flow.b), errno.ECONNRESET)
    is_state(flow.b, "CLOSED", "PEER")
    attack.end()


# --- what looks alike and is no conflict ---------------------------------------
@case("2.2-6_two_tunnels_are_no_conflict_{flow}", FLOWS)
def two_tunnels(env, proto, fam):
    """Tunnels to two peers for different subnets: their SAs say `any`, the policies tell them apart."""
    tunnels = [
        Ipsec(env.alice, peer, fam=fam, mode="tunnel", reqid=reqid).up().identify()
        for reqid, peer in enumerate((env.bob, env.mallory), 1)
    ]
    flows = [ipsec.flow(proto) for ipsec in tunnels]
    for ipsec in tunnels:
        ipsec.rekey()
    for flow, ipsec in zip(flows, tunnels):
        flow.exchange()
        ksft_eq(is_state(flow.a, "ESTABLISHED", "NONE", []).peer, env.alice.peer(ipsec.b.name))


@case("2.2-6_two_tunnels_unidentified_are_no_conflict_{flow}", FLOWS)
def two_tunnels_unidentified(env, proto, fam):
    """The same where nobody says whose the SAs are."""
    bob = Ipsec(env.alice, env.bob, fam=fam, mode="tunnel", reqid=1).up()
    first = bob.flow(proto)
    second = Ipsec(env.alice, env.mallory, fam=fam, mode="tunnel", reqid=2).up().flow(proto)
    for flow in (first, second):
        flow.exchange()
        is_state(flow.a, "ESTABLISHED", "NONE", [])


@case("2.2-6_two_xfrm_interfaces_are_no_conflict")
def two_interfaces(env):
    """Two XFRM interfaces between the same hosts: the interface tells their SAs apart."""
    one = Ipsec(env.alice, env.bob, mode="tunnel", if_id=7, reqid=1).up()
    one.interface()
    flow = one.tcp()
    try:
        Ipsec(env.alice, env.bob, mode="tunnel", if_id=8, reqid=1, suite="cbc256").up()
        flow.exchange()
        is_state(flow.a, "ESTABLISHED", "NONE", [])
        is_state(flow.b, "ESTABLISHED", "NONE", [])
    finally:
        flow.close()
        one.no_interface()


APART = [
    {"what": "reqid", "change": {"reqid": 77}},
    {"what": "if_id", "change": {"extra": "if_id 77"}},
    {"what": "mark", "change": {"extra": "mark 77"}},
    {"what": "selector", "change": {"extra": "sel proto tcp dport 9"}},
    {"what": "address", "change": {"dst": "10.9.0.99"}},
]


@case("2.2-6_sa_that_does_not_cover_the_flow_{what}", APART)
def not_covering(env, change):
    """SAs of a stranger that the kernel would never take for this flow break nothing."""
    ipsec, attack = prepare_takeover(env, 4, "unidentified")
    flow = ipsec.tcp()
    sas = [sa.but(**change) for sa in attack.sas]
    with Moves(env.alice):
        env.alice.ip(*[sa.add() for sa in sas])
        is_state(flow.a, "ESTABLISHED", "NONE", [])
        flow.exchange()
        env.alice.ip(*[sa.delete() for sa in sas])
        is_state(flow.a, "ESTABLISHED", "NONE", [])


@case("2.2-6_outer_sa_for_another_port_{flow}", FLOWS)
def outer_selector(env, proto, fam):
    """Of AH around ESP, another peer's AH SA is for a port that the flow does not use: the kernel never takes it."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam, suite=["gcm128", "ah"]).up().identify()
    flow = ipsec.flow(proto)
    flow.exchange()
    for sa in ipsec.new_sas()[2:]:
        other = sa.but(extra=f"sel proto {proto} {'dport' if sa.src == env.alice.addr(fam) else 'sport'} 9")
        env.alice.bind("mallory", "alice", sa=other)
        with Moves(env.alice):
            env.alice.ip(other.add())
            flow.exchange()
            is_state(flow.a, "ESTABLISHED", "NONE", [])


@case("2.2-6_sa_with_the_mark_of_the_packet_alone_{flow}", FLOWS)
def mark_of_the_packet(env, proto, fam):
    """The policy names no mark, so an SA with the mark that the socket gives its packets is never taken."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up().identify()
    flow = ipsec.flow(proto, before=lambda s: s.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, 77))
    flow.exchange()
    other = next(sa for sa in ipsec.new_sas() if sa.src == env.alice.addr(fam)).but(extra="mark 77")
    hers = {"peer": env.alice.peer("mallory"), "local": env.alice.peer("alice")}
    env.alice.nl.do("binding-new", **other.key(), mark=77, mark_mask=0xFFFFFFFF, **hers)
    with Moves(env.alice):
        env.alice.ip(other.add())
        flow.exchange()
        is_state(flow.a, "ESTABLISHED", "NONE", [])


@case("2.2-6_sa_with_the_mark_of_the_policy_{flow}", FLOWS)
def mark_of_the_policy(env, proto, fam):
    """The policy takes packets by a part of their mark, and an SA by that part: it covers the flow."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam)
    ipsec.up([env.bob])
    out = ipsec.policy(env.alice, "out").replace(" priority", " mark 2 mask 0xff priority")
    env.alice.ip(*[sa.add() for sa in ipsec.sas], out, ipsec.policy(env.alice, "in"))
    ipsec.identify()

    def marked(sock):
        ask_to_wait(sock)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, 0x102)

    flow = ipsec.flow(proto, before=marked)
    flow.exchange()
    other = next(sa for sa in ipsec.new_sas() if sa.src == env.alice.addr(fam)).but(extra="mark 2 mask 0xffff")
    hers = {"peer": env.alice.peer("mallory"), "local": env.alice.peer("alice")}
    env.alice.nl.do("binding-new", **other.key(), mark=2, mark_mask=0xFFFF, **hers)
    env.alice.ip(other.add())
    is_state(flow.a, "BROKEN", "PEER", ["PEER"])
    env.alice.ip(other.delete())
    is_state(flow.a, "ESTABLISHED", conflicts=[])
    flow.exchange()


COVERED = [
    {"what": "template_without_reqid", "reqid": 0, "change": {"reqid": 77}},
    {"what": "same_selector", "reqid": 1, "change": {"extra": "sel src 10.9.0.0/24 dst 10.9.0.0/24"}},
    {"what": "outbound_only", "reqid": 1, "change": {}, "only": "out"},
    {"what": "inbound_only", "reqid": 1, "change": {}, "only": "in"},
]


@case("2.2-6_sa_that_covers_the_flow_{what}", COVERED)
def covering(env, reqid, change, only=""):
    """Coverage is judged as the kernel chooses: policy, template, SA, in both directions."""
    ipsec, attack = prepare_takeover(env, 4, "unidentified", reqid=reqid)
    flow = ipsec.tcp(before=ask_to_wait)
    flow.exchange()
    sas = [sa.but(**change) for sa in attack.sas]
    if only:
        sas = [sa for sa in sas if (sa.dst == env.alice.addr(4)) == (only == "in")]
    env.alice.ip(*[sa.add() for sa in sas])
    is_state(flow.a, "BROKEN", "UNIDENTIFIED", ["UNIDENTIFIED"])
    env.alice.ip(*[sa.delete() for sa in sas])
    is_state(flow.a, "ESTABLISHED", conflicts=[])
    flow.exchange()


if __name__ == "__main__":
    runner.main()
