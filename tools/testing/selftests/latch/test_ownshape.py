#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""A policy of the flow's own, whatever protects the flow: bundles of SAs, IPComp, tunnels in tunnels.

RFC 5660 2.3-14, 2.4-2, 2.2-6.
"""

import dataclasses

import runner
from expect import Moves, both_are, is_state
from flow import FLOWS, Flow
from ipsec import SA, Ipsec
from ktap import case, ksft_eq, ksft_true, wait
from latchapi import L, ask_to_wait, info, watch
from test_ownpol import (
    ask_own,
    connected,
    gets_own,
    has_own,
    off,
    owned,
    silent_in_clear,
    socket_policies,
)

HOSTS = ("alice", "bob", "mallory")
PROTOS = [{"proto": p} for p in ("tcp", "udp")]


@dataclasses.dataclass
class Comp(SA):
    """An SA of IPComp."""

    def _id(self):
        return f"src {self.src} dst {self.dst} proto comp spi {self.spi:#x}"

    def add(self):
        return f"xfrm state add {self._id()} reqid {self.reqid} mode {self.mode} comp deflate"


@dataclasses.dataclass(frozen=True)
class Hop:
    """One SA of a bundle; middle: between addresses that an outer tunnel leads to."""

    proto: str
    mode: str = "transport"
    reqid: int = 1
    middle: bool = False


SHAPES = {
    "ah_esp": (Hop("esp"), Hop("ah")),
    "ah_esp_of_two_reqids": (Hop("esp"), Hop("ah", reqid=2)),
    "esp_tunnel_in_ah": (Hop("esp", "tunnel"), Hop("ah")),
    "tunnel_in_a_tunnel": (Hop("esp", "tunnel", 1, True), Hop("esp", "tunnel", 2)),
    "ipcomp": (Hop("comp"), Hop("esp")),
    "ipcomp_tunnel": (Hop("comp", "tunnel"), Hop("esp")),
    "ipcomp_of_its_own_reqid": (Hop("comp", "tunnel", 3), Hop("esp")),
    "five_sas": (Hop("comp"), Hop("esp"), Hop("ah", reqid=2), Hop("esp", reqid=3), Hop("ah", reqid=4)),
}
SUITE = {"esp": "gcm128", "ah": "ah", "comp": "gcm128"}


class Bundle(Ipsec):
    """Policies of several templates between two hosts."""

    def __init__(self, a, b, what, fam=4, **kwargs):
        self.hops = SHAPES[what]
        super().__init__(a, b, fam=fam, mode=self.hops[0].mode, **kwargs)
        for host in (a, b):
            if any(h.middle for h in self.hops):
                host.ip(f"address replace {self.end(host, self.hops[0])}/{24 if fam == 4 else 64} dev eth0")

    def end(self, host, hop):
        if not hop.middle:
            return host.addr(self.fam)
        return f"10.9.77.{host.number}" if self.fam == 4 else f"fd09:77::{host.number}"

    def sa(self, hop, x, y):
        kind = Comp if hop.proto == "comp" else SA
        return kind(self.end(x, hop), self.end(y, hop), next(self._spi), SUITE[hop.proto], hop.mode, hop.reqid)

    def new_sas(self):
        return [self.sa(h, x, y) for h in self.hops for x, y in ((self.a, self.b), (self.b, self.a))]

    def templates(self, x, y, level="required"):
        words = []
        for h in self.hops:
            use = "use" if h.proto == "comp" and y is self._inward else level
            ends = f"src {self.end(x, h)} dst {self.end(y, h)}"
            words.append(f"tmpl {ends} proto {h.proto} reqid {h.reqid} mode {h.mode} level {use}")
        return " ".join(words)

    def policy(self, host, direction, verb="add"):
        # daemons have IPComp as a template that need not be used by what comes in
        self._inward = host if direction == "in" else None
        return super().policy(host, direction, verb)

    def identify(self, hosts=None):
        for host in hosts or (self.a, self.b):
            for reqid in {h.reqid for h in self.hops if h.proto != "comp"}:
                host.bind(self.other(host).name, host.name, reqid=reqid)
        return self

    def policies(self, host, verb="add"):
        return super().policies(host, verb) + (self.gate(host) if verb == "add" else [])

    def gate(self, host):
        """What an outer tunnel brings is for an inner one: an XFRM interface anywhere has the kernel ask the SPD."""
        if not any(h.middle for h in self.hops):
            return []
        inner, outer = self.hops
        x, y = self.other(host), host
        ends = f"src {self.end(x, inner)} dst {self.end(y, inner)} proto esp"
        tmpl = f"src {self.end(x, outer)} dst {self.end(y, outer)} proto esp reqid {outer.reqid} mode tunnel"
        return [f"xfrm policy add {ends} dir in tmpl {tmpl}"]

    def take_policies(self):
        """No policy for the flow is left at either end; another tunnel's own stays."""
        for host in (self.a, self.b):
            host.ip(*(self.policies(host, "delete") if self.gate(host) else ["xfrm policy flush"]))

    @property
    def ipcomp(self):
        return any(h.proto == "comp" for h in self.hops)


def rows(**more):
    """Each shape with each kind of flow."""
    return [{"what": w, **f, **more} for w in SHAPES for f in FLOWS]


def enough(flow):
    """For pump(): so much that IPComp has something to do, and that the connection is in full flight."""
    return flow.moved(6000 if flow.proto == "tcp" else 6)


def goes_on(env, flow):
    """Data passes in both directions, protected, and not a byte in clear."""
    env.wire.restart()
    flow.pump(enough(flow))
    both_are(flow, "ESTABLISHED", "NONE", [])
    ksft_eq(env.wire.clear(flow), (0, 0), "(frames, bytes) in clear")
    ksft_true(env.wire.protected(), "protected")


@case("2.3-14_policies_go_under_{what}_{flow}", rows())
def outlives(env, what, proto, fam):
    """All policies go at both ends under traffic: the flow goes on under all that was latched, and nothing is lost."""
    ipsec = Bundle(env.alice, env.bob, what, fam).up().identify()
    flow = owned(ipsec.flow(proto))
    ksft_eq(bool(info(flow.a).flags & L.LATCH_F_IPCOMP), ipsec.ipcomp)
    ksft_eq([socket_policies(h) for h in (env.alice, env.bob)], [2, 2])
    env.wire.restart()
    flow.pump(enough(flow))
    with Moves(env.alice), Moves(env.bob):
        ipsec.take_policies()
        goes_on(env, flow)
    ksft_eq(flow.lost, 0)


@case("2.3-14_unknown_peer_under_{what}_{flow}", rows())
def unknown(env, what, proto, fam):
    """The same where nobody says who the peer is: the SAs of the reqids that were seen are taken."""
    ipsec = Bundle(env.alice, env.bob, what, fam).up()
    flow = owned(ipsec.flow(proto))
    with Moves(env.alice), Moves(env.bob):
        ipsec.take_policies()
        goes_on(env, flow)


@case("2.4-2_rekeys_without_policies_under_{what}_{flow}", rows())
def rekeys(env, what, proto, fam):
    """New SAs are taken for the flow, though no policy is left that leads to them."""
    ipsec = Bundle(env.alice, env.bob, what, fam).up().identify()
    flow = owned(ipsec.flow(proto))
    ipsec.take_policies()
    env.wire.restart()
    for _ in range(3):
        flow.pump(enough(flow))
        ipsec.rekey()
    flow.pump(enough(flow))
    both_are(flow, "ESTABLISHED", "NONE", [])
    ksft_eq(env.wire.clear(flow), (0, 0))


@case("2.3-14_no_sa_is_silence_under_{what}_{proto}", [{"what": w, **p} for w in SHAPES for p in PROTOS])
def no_sa(env, what, proto):
    """One SA of the bundle is missing: nothing leaves, neither in clear nor under the others."""
    ipsec = Bundle(env.alice, env.bob, what).up().identify()
    flow = owned(ipsec.flow(proto))
    ipsec.take_policies()
    gone = [sa for sa in ipsec.sas if not isinstance(sa, Comp)][-2:]
    for host in (env.alice, env.bob):
        host.ip(*[sa.delete() for sa in gone])
    silent_in_clear(env, flow)
    ksft_eq(env.wire.protected(), 0)
    both_are(flow, "ESTABLISHED", "NONE", [])
    for host in (env.alice, env.bob):
        host.ip(*[sa.add() for sa in gone])
    flow.pump(enough(flow))
    both_are(flow, "ESTABLISHED", "NONE", [])


@case("2.3-14_peers_clear_text_is_dropped_under_{what}_{flow}", rows())
def clear_text(env, what, proto, fam):
    """The peer has lost policies and the module's protection: what it sends in clear does not come in."""
    ipsec = Bundle(env.alice, env.bob, what, fam).up().identify()
    flow = Flow(ipsec, proto, *connected(ipsec, proto, ask_own, off))
    flow.exchange()
    gets_own(flow.a)
    ipsec.take_policies()
    before = env.alice.stat()["LatchInClear"]
    flow.b.send(b"in clear")
    wait(lambda: env.alice.stat()["LatchInClear"] > before, "the clear text")
    ksft_true(flow.silent(flow.a))
    is_state(flow.a, "ESTABLISHED", "NONE", [])


@case("2.3-14_part_of_it_is_dropped_under_{what}_{flow}",
      [r for r in rows() if r["what"] in ("ah_esp", "ah_esp_of_two_reqids", "esp_tunnel_in_ah")])  # fmt: skip
def part(env, what, proto, fam):
    """The peer sends under ESP alone, without AH."""
    ipsec = Bundle(env.alice, env.bob, what, fam).up().identify()
    flow = Flow(ipsec, proto, *connected(ipsec, proto, ask_own, off))
    flow.exchange()
    gets_own(flow.a)
    ipsec.take_policies()
    esp = ipsec.hops[0]
    ends = f"src {ipsec.end(env.bob, esp)} dst {ipsec.end(env.alice, esp)}"
    env.bob.ip(
        f"xfrm policy add {ipsec.selector(env.bob, env.alice)} dir out"
        f" tmpl {ends} proto esp reqid {esp.reqid} mode {esp.mode}"
    )
    before = env.alice.stat()["LatchInProto"]
    flow.b.send(b"half of it")
    wait(lambda: env.alice.stat()["LatchInProto"] > before, "the packet")
    ksft_true(flow.silent(flow.a))
    is_state(flow.a, "ESTABLISHED", "NONE", [])


STRANGERS = [
    {"what": w, "n": n, **f}
    for w in ("ah_esp_of_two_reqids", "tunnel_in_a_tunnel", "esp_tunnel_in_ah")
    for n in (0, 1)
    for f in FLOWS
]


@case("2.2-6_stranger_in_place_{n}_under_{what}_{flow}", STRANGERS)
def stranger(env, what, n, proto, fam):
    """Another peer's SA that the policy could choose for one of its templates breaks the flow, until it goes."""
    ipsec = Bundle(env.alice, env.bob, what, fam).up().identify()
    flow = owned(ipsec.flow(proto)).ask_to_wait()
    ipsec.take_policies()
    hers = ipsec.sa(ipsec.hops[n], env.bob, env.alice)
    env.alice.bind("mallory", "alice", sa=hers)
    env.alice.ip(hers.add())
    is_state(flow.a, "BROKEN", "PEER", ["PEER"])
    env.alice.ip(hers.delete())
    flow.pump(enough(flow))
    is_state(flow.a, "ESTABLISHED", "PEER", [])


@case("2.3-14_receiver_under_{what}_{fam}", [{"what": w, "fam": f} for w in ("ipcomp", "ipcomp_tunnel") for f in (4, 6)])
def receiver(env, what, fam):
    """Who has only received does not know yet how IPComp is used by what it will send: its policy waits for that."""
    ipsec = Bundle(env.alice, env.bob, what, fam).up().identify()
    flow = ipsec.udp(before=ask_own, carry=False)
    ask_own(flow.b)
    text = b"compress me" * 100
    for _ in range(3):
        flow.a.send(text)
        ksft_eq(flow.b.recv(2000), text)
    ksft_true(not has_own(flow.b))
    flow.b.send(text)
    ksft_eq(flow.a.recv(2000), text)
    gets_own(flow.a, flow.b)
    ipsec.take_policies()
    with Moves(env.alice), Moves(env.bob):
        for size in (10, 1000):
            for x, y in ((flow.a, flow.b), (flow.b, flow.a)):
                x.send(text[:size])
                ksft_eq(y.recv(2000), text[:size])


# --- SAs of another peer ------------------------------------------------------------------------
@case("2.3-12_stranger_is_no_conflict_for_a_policy_of_its_own_{mode}_{flow}",
      [{"mode": m, **f} for m in ("transport", "tunnel") for f in FLOWS])  # fmt: skip
def stranger_beside(env, mode, proto, fam):
    """Another peer's SAs and policies cover the flow: it is as if they were narrowed to leave it out."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam, mode=mode).up().identify()
    flow = owned(ipsec.flow(proto))
    other = ipsec.flow(proto).ask_to_wait()
    for host, name in ((env.alice, "alice"), (env.bob, "bob")):
        host.bind("mallory", name, reqid=2)
    Ipsec(env.alice, env.bob, fam=fam, mode=mode, reqid=2, priority=1, narrow=f"proto {proto}").up()
    both_are(other, "BROKEN", "PEER")
    spi = info(flow.a).spi_out
    with Moves(env.alice), Moves(env.bob):
        goes_on(env, flow)
    ksft_eq(info(flow.a).spi_out, spi)


# --- where there can be none -----------------------------------------------------------------
@case("2.3-14_none_through_an_interface_{flow}", FLOWS)
def interface(env, proto, fam):
    """The kernel asks no socket for what leaves by an XFRM interface: the flow keeps its latch, and one can see why."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam, mode="tunnel", if_id=7).up().identify()
    ipsec.interface()
    nl = watch(env.alice)
    try:
        flow = ipsec.flow(proto, before=ask_to_wait)
        flow.exchange()
        nl.events()
        with Moves(env.alice, LatchOwnPolicyFailed=1):
            ask_own(flow.a)
        ksft_eq((info(flow.a).own_none, has_own(flow.a)), (L.LATCH_OWN_NONE_INTERFACE, False))
        (event,) = [msg for _, msg in nl.events()]
        ksft_eq((event["id"], event["own-none"]), (info(flow.a).id, L.LATCH_OWN_NONE_INTERFACE))
        ksft_eq(env.alice.conns()[info(flow.a).id]["own-none"], L.LATCH_OWN_NONE_INTERFACE)
        ksft_eq(socket_policies(env.alice), 0)
        goes_on(env, flow)
        env.alice.ip("xfrm policy flush")
        is_state(flow.a, "BROKEN", "POLICY_OUT")
        silent_in_clear(env, flow)
        env.alice.ip(*ipsec.policies(env.alice))
        flow.tolerated = ()
        flow.pump(enough(flow))
        is_state(flow.a, "ESTABLISHED", "POLICY_OUT", [])
    finally:
        nl.close()
        env.alice.close_sockets()
        env.bob.close_sockets()
        ipsec.no_interface()


if __name__ == "__main__":
    runner.main()
