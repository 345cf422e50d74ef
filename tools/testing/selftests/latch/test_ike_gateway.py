#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""A gateway with strongSwan latches the flows that it forwards (RFC 5660 2.5-1).

Without the module the same scenes leak: test_ike_gateway_leak.py.
"""

import errno
import functools

import ktap
import runner
from expect import Moves
from flow import FLOWS, error_of
from gateway import rows, side
from ikegateway import IkeGatewayNet, Newcomer, RoadWarrior, serve_pool, sites
from ikescenes import carry_data
from ipsec import Ipsec
from ktap import ksft_eq, ksft_true, times, wait

IKE = True

# idle time costs nothing, and goes fast while the host reads
case = functools.partial(ktap.case, limit=600)


def setup():
    return IkeGatewayNet(plugin=True)


def name_of(env, row):
    """The name of a latch's peer."""
    (peer,) = (p for p in env.gate.nl.dump("peer-get") if p["id"] == row["peer"])
    return bytes(peer["id-value"]).decode()


@case("2.5-1_ike_pool_{flow}", FLOWS)
def pool(env, proto, fam):
    """Alice goes, mallory gets her address from the pool: she gets no byte of alice's flow, and hers are fine."""
    env.gate.sysctl("forward", 1)
    serve_pool(env, fam)
    alice = RoadWarrior(env, env.alice, fam).up()
    flow = alice.flow(proto)
    flow.exchange()
    ((called, row),) = rows(env.gate).items()
    ksft_eq((called, row["state"], name_of(env, row)), (side(flow, flow.a), "established", "alice.example"))
    alice.down()
    mallory = RoadWarrior(env, env.mallory, fam).up()
    newcomer = Newcomer(env, flow, fam)
    wait(lambda: rows(env.gate)[side(flow, flow.a)]["state"] == "broken", "the break")
    flow.b.send(b"what alice is not there for")
    if proto == "tcp":
        ksft_eq(error_of(flow.b), errno.ECONNRESET)
    else:
        wait(lambda: rows(env.gate)[side(flow, flow.a)]["out-drops"], "the datagram to be dropped")
    own = mallory.flow(proto)
    own.exchange()
    ksft_eq(name_of(env, rows(env.gate)[side(own, own.a)]), "mallory.example")
    ksft_eq(newcomer.read(), 0, "bytes of alice's flow")
    newcomer.end()


# --- from site to site ---------------------------------------------------------------
FLOWS_OF_A_SITE = times(100)
EVENTS = [{"fam": f, "what": w} for f in (4, 6) for w in ("child", "child_by_peer", "ike", "ike_by_peer", "reauth")]


def hundred(env, pair):
    """So many flows of a site, half of them TCP, each latched at the gateway."""
    first = pair.tcp()
    carry_data(first)
    flows = [first] + [pair.tcp() if n % 2 else pair.udp() for n in range(1, FLOWS_OF_A_SITE)]
    for flow in flows:
        carry_data(flow)
    have = rows(env.gate)
    ksft_eq(set(have), {side(flow, flow.b) for flow in flows})
    ksft_eq({(row["state"], name_of(env, row)) for row in have.values()}, {("established", "bob.example")})
    return flows


@case("2.5-1_ike_sites_{what}_with_a_hundred_flows_{fam}", EVENTS)
def rekeys(env, fam, what):
    """Rekeys and reauthentication under traffic: no latch breaks, and nothing goes in clear."""
    env.gate.sysctl("forward", 1)
    flows = hundred(env, sites(env, fam))
    before = {name: row["id"] for name, row in rows(env.gate).items()}
    by, name = (env.ike(env.bob), "gate") if what.endswith("by_peer") else (env.ike(env.gate), "bob")
    env.wire.restart()
    # charon keeps the old SAs for a while
    may = ["LatchBindings"]
    if what == "reauth":
        # a packet on its way while its SA went
        may += ["LatchInPending", "LatchOutPending", "XfrmInNoStates", "XfrmOutNoStates"]
    with Moves(env.gate, may=may):
        old = {k["spi-in"] for k in by.children()} | {i["initiator-spi"] for i in by.ikes()}
        if what.startswith("child"):
            by.rekey(child=name)
        else:
            by.rekey(ike=name, reauth=what == "reauth")

        def done():
            spis, ikes = {k["spi-in"] for k in by.children()}, {i["initiator-spi"] for i in by.ikes()}
            return spis and ikes and not (spis if what.startswith("child") else ikes) & old

        flows[0].pump(done, deadline=30)
        for flow in flows:
            carry_data(flow)
    ksft_eq({name: row["id"] for name, row in rows(env.gate).items()}, before)
    ksft_eq({row["state"] for row in rows(env.gate).values()}, {"established"})
    ksft_eq({env.clear(flow, env.bob) for flow in flows}, {(0, 0)})


@case("2.5-1_ike_sites_dead_peer_with_a_hundred_flows_{fam}", [{"fam": 4}, {"fam": 6}])
def dead(env, fam):
    """Dead peer detection breaks the latches of that peer for good: the site's connections are reset.

    Not before there are SAs again: without them XFRM drops what the site sends before anybody else sees it.
    """
    for host in (env.gate, env.bob):
        env.ike(host).other(settings="retransmit_tries = 4\nretransmit_timeout = 1\nretransmit_base = 1")
    env.gate.sysctl("forward", 1)
    flows = hundred(env, sites(env, fam, gate={"dpd_action": "clear"}, dpd_delay=2))
    env.unplug(env.bob)
    wait(lambda: {row["reason"] for row in rows(env.gate).values()} == {"dpd"}, "the daemon to find its peer dead", 60)
    env.plug(env.bob)
    for flow in flows:
        flow.a.send(b"to a dead peer")
    for flow in flows:
        if flow.proto == "tcp":
            ksft_eq(error_of(flow.a, 60), errno.ECONNRESET)


@case("2.5-1_ike_two_tunnels_{flow}", FLOWS)
def two_tunnels(env, proto, fam):
    """A flow that is protected on both sides has a latch for each, with its peer; the end of one breaks that one."""
    env.gate.sysctl("forward", 1)
    nets = {h: [h.inner_net(fam)] for h in (env.alice, env.bob)}
    for host, other in ((env.alice, env.bob), (env.bob, env.alice)):
        env.ike(host).to(env.gate, fam=fam, mode="tunnel", child={"remote_ts": nets[other]})
        env.ike(env.gate).to(host, fam=fam, mode="tunnel", start="none",
                             child={"local_ts": nets[other], "remote_ts": nets[host]})  # fmt: skip
        env.ike(host).initiate("gate")
    flow = Ipsec(env.alice, env.bob, fam=fam, mode="tunnel").flow(proto)
    carry_data(flow)
    have = rows(env.gate)
    ksft_eq(
        {name: (row["state"], name_of(env, row)) for name, row in have.items()},
        {side(flow, flow.a): ("established", "alice.example"), side(flow, flow.b): ("established", "bob.example")},
    )
    with Moves(env.gate, may=["LatchInPending", "LatchOutPending", "LatchBindings"]):
        env.ike(env.gate).rekeyed("alice")
        env.ike(env.gate).rekeyed("bob")
        carry_data(flow)
    ksft_eq({name: row["id"] for name, row in rows(env.gate).items()}, {name: row["id"] for name, row in have.items()})
    env.ike(env.bob).terminate(ike="gate")
    wait(lambda: rows(env.gate)[side(flow, flow.b)]["state"] == "broken", "the break")
    ksft_eq(rows(env.gate)[side(flow, flow.a)]["state"], "established")
    env.wire.restart()
    flow.a.send(b"what bob is not there for")
    if proto == "tcp":
        ksft_eq(error_of(flow.a), errno.ECONNRESET)
    ksft_true(env.clear(flow, env.bob) == (0, 0), "nothing in clear")


# --- a container ---------------------------------------------------------------------
class Container(Ipsec):
    """Flows of a host behind the gateway's NAT to bob's own address."""

    def addr(self, host):
        return host.inner(self.fam) if host is self.a else host.addr(self.fam)


MASQUERADE = """table inet nat {{
	chain post {{
		type nat hook postrouting priority 100;
		ip{six} saddr {net} masquerade
	}}
}}
"""


@case("2.5-1_ike_container_behind_nat_{flow}", FLOWS)
def container(env, proto, fam):
    """A container sends by its host's address and under its host's SAs: that is what its flow is latched to."""
    env.gate.sysctl("forward", 1)
    gate, inner = env.gate.addr(fam), env.alice.inner(fam)
    bits = 32 if fam == 4 else 128
    env.ike(env.bob).to(env.gate, fam=fam)
    env.ike(env.gate).to(env.bob, fam=fam)
    done = env.gate.run("nft", "-f", "-", input=MASQUERADE.format(six="6" if fam == 6 else "", net=inner))
    ksft_eq(done.stderr, "")
    env.alice.ip(f"route replace {env.bob.addr(fam)}/{bits} via {gate} dev eth0 src {inner} rto_min 20ms")
    try:
        pair = Container(env.alice, env.bob, fam=fam)
        listener = pair.listen() if proto == "tcp" else None
        flow = pair.tcp(listener=listener) if listener else pair.udp(carry=False, both=False)
        if proto == "tcp":
            # what is longer the kernel cannot send: it learns of the SA after it has looked at the length
            flow.exchange()
        else:
            flow.reach()
        ((name, row),) = rows(env.gate).items()
        ksft_eq((name[0], name[2:], row["state"]), (gate, flow.b.getsockname()[:2], "established"))
        ksft_eq(name_of(env, row), "bob.example")
    finally:
        env.gate.run("nft", "flush", "ruleset")
        env.alice.ip(f"route del {env.bob.addr(fam)}/{bits} via {gate} dev eth0")


if __name__ == "__main__":
    runner.main()
