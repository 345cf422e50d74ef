#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""A host that just loads the module: real daemons, nobody who binds SAs, every setting as it is by default.

Whatever the daemons do in an ordinary day ends no connection, and nothing of it leaves in clear
(RFC 5660 2-7, 2-14, 2-19, 2-21, 2.2-10, 2.3.2).
"""

import errno
import functools
import signal
import socket

import ktap
import runner
from expect import is_state
from flow import error_of
from ikescenes import (
    StrongSwanTakeover,
    any_member,
    carry_data,
    connect,
    pair_behind_nat,
    remove_nat,
    restart_nat,
    trap_policies,
)
from ipsec import Ipsec
from ktap import ksft_eq, ksft_true, times, wait
from latchapi import L, info, watch
from lswscenes import initiate, rekey_child, strongswan_at, trap_policy
from test_latchd import LatchdNet

IKE = True

case = functools.partial(ktap.case, limit=600)


def setup():
    # On one CPU an answer may come before charon knows its own question. By default it asks again
    # after 4 seconds, when the time for which breaks are put off is over.
    settings = "retransmit_timeout = 1\ndos_protection = no"
    return LatchdNet("alice", "bob", "mallory", settings=settings)


def charons(env):
    """A strongSwan without plugin at each host."""
    return [strongswan_at(env, host, plugin=False) for host in env.hosts]


class Flows:
    """A TCP connection and a pair of UDP sockets, latched at both ends, whose peers nobody knows."""

    def __init__(self, env, ipsec):
        self.env, self.hosts = env, (env.alice, env.bob)
        self.tcp, self.udp = connect(ipsec, "tcp"), connect(ipsec, "udp")
        self.all = (self.tcp, self.udp)
        self.socks = [sock for flow in self.all for sock in (flow.a, flow.b)]
        # what a sender is told while its latch is broken, or its daemon forbids for a moment
        self.udp.tolerated = (errno.EPERM, errno.ENETUNREACH)
        for sock in self.socks:
            ksft_true(is_state(sock, "ESTABLISHED", "NONE", []).flags & L.LATCH_F_PEER_UNKNOWN)
        self.numbers = [info(sock).id for sock in self.socks]
        self._stats = [host.stat() for host in self.hosts]
        self._events = [watch(host) for host in self.hosts]
        env.wire.restart()

    def close(self):
        for nl in self._events:
            nl.close()

    def pump(self, until, deadline=60):
        """Keep both busy until a condition holds."""
        self.tcp.pump(lambda: self.udp.pump(lambda: True) and until(), deadline)

    def carry_data(self, size=2000):
        for flow in self.all:
            carry_data(flow, size)

    def moved(self, name):
        """How much a counter moved, of each host."""
        return [host.stat()[name] - old[name] for host, old in zip(self.hosts, self._stats)]

    def survive(self, breaks=None):
        """All is as it was: the same latches, no error, no byte lost or in clear, and no owner was told."""
        self.carry_data()
        self.tcp.drained()
        ksft_eq([is_state(sock, "ESTABLISHED", conflicts=[]).id for sock in self.socks], self.numbers)
        ksft_eq([sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) for sock in self.socks], [0] * 4)
        ksft_eq([self.env.wire.clear(flow) for flow in self.all], [(0, 0)] * 2)
        ksft_eq(self.moved("LatchBroken"), self.moved("LatchRestored"))
        if breaks is not None:
            ksft_eq(self.moved("LatchBroken"), list(breaks))
        ksft_eq([self.told(nl) for nl in self._events], [[]] * 2)

    @staticmethod
    def told(nl):
        """Breaks of TCP connections of which the owner was told."""
        ended = [m for name, m in nl.events() if name == "conn-ntf" and m["proto"] == socket.IPPROTO_TCP]
        return [m for m in ended if m["state"] != "established" and not m["flags"] & L.LATCH_F_PENDING]


# --- strongSwan: new SAs ---------------------------------------------------------------
def one_child(daemon, old):
    """Has a daemon one child, which is none of these?"""
    spis = [kid["spi-in"] for kid in daemon.children()]
    return len(spis) == 1 and not set(spis) & old


def rekey_children(env, flows, number):
    """Rekey so many times, from each end in turn."""
    alice, bob = env.ike(env.alice), env.ike(env.bob)
    for n in range(number):
        old = {kid["spi-in"] for daemon in (alice, bob) for kid in daemon.children()}
        if n % 2:
            bob.rekey(child="alice")
        else:
            alice.rekey(child="bob")
        flows.pump(lambda o=old: one_child(alice, o) and one_child(bob, o))


@case("2-7_plain_strongswan_rekeys_{mode}", [{"mode": "transport", "number": 50}, {"mode": "tunnel", "number": 6}])
def rekeys(env, mode, number):
    """Child rekeys from both ends: no break at all."""
    flows = Flows(env, trap_policies(env, mode=mode))
    rekey_children(env, flows, times(number))
    flows.survive(breaks=(0, 0))
    flows.close()


REAUTHS = [
    {"what": "make_before_break", "settings": "make_before_break = yes", "ends": ("trap", "trap")},
    {"what": "with_traps", "ends": ("trap", "trap")},
    {"what": "without_bob's_trap", "ends": ("trap", "none")},
    {"what": "without_traps", "ends": ("none", "none")},
]


@case("2-7_plain_strongswan_reauth_{what}", REAUTHS)
def reauth(env, ends, settings=""):
    """Reauthentication. Without a trap policy charon has no policy at all for a moment; nobody is told."""
    alice, bob = env.ike(env.alice), env.ike(env.bob)
    for daemon in (alice, bob):
        if settings:
            daemon.other(settings=f"{daemon.settings}\n{settings}")
    bob.to(env.alice, start=ends[1])
    alice.to(env.bob, start=ends[0])
    alice.initiate("bob")
    flows = Flows(env, Ipsec(env.alice, env.bob))
    for _ in range(5):
        old = {ike["initiator-spi"] for ike in alice.ikes()}
        alice.rekey(ike="bob", reauth=True)

        def done(old=old):
            now = [{ike["initiator-spi"] for ike in daemon.ikes()} for daemon in (alice, bob)]
            return all(now) and not (now[0] | now[1]) & old and alice.children() and bob.children()

        flows.pump(done)
        flows.carry_data()
    flows.survive(breaks=(0, 0) if ends == ("trap", "trap") else None)
    flows.close()


# --- strongSwan: policies go and come ----------------------------------------------------
ENDS = [{"ends": e, "answer": a} for e, a in (("both_ends", "trap"), ("one_end", "none"))]


@case("2-21_plain_strongswan_ends_sas_with_traps_at_{ends}", ENDS)
def ends_sas(env, answer):
    """An administrator ends the SAs: the traps are back, and the next packet makes new ones."""
    alice = env.ike(env.alice)
    flows = Flows(env, trap_policies(env, answer=answer))
    for _ in range(3):
        alice.terminate(ike="bob")
        flows.carry_data()
    flows.survive()
    flows.close()


@case("2-21_plain_strongswan_restarts_at_{who}", [{"who": w} for w in ("alice", "bob")])
def restarts(env, who):
    """The service is stopped and started again, with traps at both ends."""
    flows = Flows(env, trap_policies(env))
    for _ in range(2):
        env.ike(getattr(env, who)).restart(signal.SIGTERM)
        flows.carry_data()
    flows.survive()
    flows.close()


@case("2-21_plain_strongswan_reloads_{what}", [{"what": w} for w in ("anew", "over")])
def reloads(env, what):
    """Connections are taken out and loaded again, or loaded over themselves with another lifetime."""
    flows = Flows(env, trap_policies(env))
    for n in range(5):
        for daemon in (env.ike(env.alice), env.ike(env.bob)):
            command, message = daemon.loaded[-1]
            ksft_eq(command, "load-conn")
            name, conn = next(iter(message.items()))
            if what == "anew":
                daemon.vici.request("unload-conn", {"name": name})
            else:
                kid = {**conn["children"][name], "rekey_time": f"{1000 + n}"}
                message = {name: {**conn, "children": {name: kid}}}
            daemon.vici.request(command, message)
        flows.carry_data()
    flows.survive()
    flows.close()


# --- strongSwan: addresses that change ------------------------------------------------------
@case("2-14_plain_strongswan_nat_mapping_changes")
def nat_moves(env):
    """The NAT takes other ports, twice: bob, who has no trap policy, moves his SAs."""
    ipsec = pair_behind_nat(env, "tunnel")
    try:
        flows = Flows(env, ipsec)
        for ports in ("20000-20010", "30000-30010"):
            restart_nat(env.mallory, ports)
            low, high = map(int, ports.split("-"))
            for flow in flows.all:
                flows.pump(lambda f=flow, lo=low, hi=high: lo <= info(f.b).natt_remote_port <= hi)
            flows.carry_data()
        flows.survive()
        flows.close()
    finally:
        remove_nat(env)


@case("2-21_plain_strongswan_mobike_with_traps_at_{ends}", ENDS)
def mobike(env, answer):
    """The address goes, the SAs move to another one."""
    addrs = [env.alice.addr(4), "10.9.0.11"]
    env.alice.ip(f"addr add {addrs[1]}/32 dev eth0")
    env.bob.ip(f"neigh replace {addrs[1]} lladdr {env.alice.mac.hex(':')} dev eth0 nud permanent")
    # charon tries all paths, and takes the one that is answered first: this is to be the only one
    env.bob.ip(f"addr del {env.bob.addr(6)}/64 dev eth0")
    env.ike(env.bob).to(env.alice, mode="tunnel", start=answer, mobike=True, remote_addrs=addrs)
    env.ike(env.alice).to(env.bob, mode="tunnel", mobike=True, local_addrs=addrs)
    flows = Flows(env, Ipsec(env.alice, env.bob, mode="tunnel"))
    env.alice.ip(f"addr del {addrs[0]}/24 dev eth0")
    for flow in flows.all:
        flows.pump(lambda f=flow: info(f.a).outer_local_addr == info(f.b).outer_remote_addr == addrs[1])
    flows.survive()
    flows.close()
    # routes went with the address
    env.renew()


# --- libreswan --------------------------------------------------------------------------------
MODES = [{"mode": m} for m in ("transport", "tunnel")]


def pluto_flows(env, mode="transport"):
    """Flows between two plutos whose updown does nothing; alice has a trap (auto=ondemand)."""
    ipsec = trap_policy(env, mode=mode, updown="%disabled")
    initiate(env.daemons[env.alice], "bob")
    return Flows(env, ipsec)


@case("2-7_plain_libreswan_rekeys_{mode}", [{"mode": "transport", "number": 20}, {"mode": "tunnel", "number": 4}])
def pluto_rekeys(env, mode, number):
    """Child rekeys from both ends: no break at all."""
    flows = pluto_flows(env, mode)
    for n in range(times(number)):
        host, name = ((env.alice, "bob"), (env.bob, "alice"))[n % 2]
        flows.pump(rekey_child(env.daemons[host], name))
        flows.carry_data()
    flows.survive(breaks=(0, 0))
    flows.close()


@case("2-21_plain_libreswan_ends_sas_{mode}", MODES)
def pluto_ends_sas(env, mode):
    """An administrator ends the SAs: pluto puts its trap back, and the next packet makes new ones."""
    flows = pluto_flows(env, mode)
    for _ in range(3):
        env.daemons[env.alice].whack("--terminate", "--name", "bob")
        flows.carry_data()
    flows.survive()
    flows.close()


@case("2-21_plain_libreswan_restarts_{mode}", MODES)
def pluto_restarts(env, mode):
    """The service is stopped and started again."""
    flows = pluto_flows(env, mode)
    env.daemons[env.alice].restart(signal.SIGTERM)
    flows.carry_data()
    flows.survive()
    flows.close()


# --- the bridge comes --------------------------------------------------------------------------
@case("2-19_plain_{ike}_is_told_of_peers_by_latchd", [{"ike": i} for i in ("strongswan", "libreswan")])
def bridge(env, ike):
    """latchd is started under live flows: it tells who the peers are, nothing breaks, and rekeys go on."""
    if ike == "strongswan":
        charons(env)
    flows = Flows(env, trap_policies(env)) if ike == "strongswan" else pluto_flows(env)
    for host in flows.hosts:
        env.latchd(host).start()

    def identified():
        return all(info(sock).flags & L.LATCH_F_PEER_IDENTIFIED for sock in flows.socks)

    flows.pump(identified)
    ksft_eq(flows.moved("LatchIdentified"), [2, 2])
    for n in range(5):
        if ike == "strongswan":
            rekey_children(env, flows, 1)
        else:
            host, name = ((env.alice, "bob"), (env.bob, "alice"))[n % 2]
            flows.pump(rekey_child(env.daemons[host], name))
        flows.carry_data()
    flows.survive(breaks=(0, 0))
    ksft_eq(flows.moved("LatchIdentified"), [2, 2])
    flows.close()


# --- what this is worth ------------------------------------------------------------------------
@case("2.3.2_plain_takeover_{what}_{proto}", [
    {"what": w, "told": w == "told", "proto": p} for w in ("untold", "told") for p in ("tcp", "udp")
])  # fmt: skip
def takeover(env, told, proto):
    """A stranger of the same CA at bob's address: while nobody says who peers are, she gets what alice sends."""
    charons(env)
    ipsec = trap_policies(env, remote=any_member(env))
    flow = connect(ipsec, proto)
    if told:
        env.latchd(env.alice).start()
        flow.pump(lambda: info(flow.a).flags & L.LATCH_F_PEER_IDENTIFIED, deadline=60)
    attack = StrongSwanTakeover(env, ipsec)
    attack.start()
    env.wire.restart()
    attack.authenticate()
    if not told:
        stolen = []
        flow.pump(lambda: stolen.extend(attack.stolen(flow)) or stolen, ways=((flow.a, flow.b),))
        got = is_state(flow.a, "ESTABLISHED", "NONE", [])
        ksft_true(got.flags & L.LATCH_F_PEER_UNKNOWN)
    elif proto == "tcp":
        ksft_eq(error_of(flow.a), errno.ECONNRESET)
        is_state(flow.a, "CLOSED", "PEER")
    else:
        wait(lambda: info(flow.a).state_name == "BROKEN", "the stranger to be found", 60)
        is_state(flow.a, "BROKEN", "PEER", ["PEER"])
        drops = info(flow.a).out_drops
        flow.pump(lambda: info(flow.a).out_drops >= drops + 3, ways=((flow.a, flow.b),))
    if told:
        ksft_eq((attack.stolen(flow), attack.frames_seen()), ([], 0))
    ksft_eq(env.wire.clear(flow), (0, 0))
    attack.end()


if __name__ == "__main__":
    runner.main()
