#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Sysctls, limits, and that a namespace without IPsec pays nothing.

RFC 5660 2-16, 2-18, 5.5-2; the contract of net.latch.* and /proc/net/latch_stat.
"""

import os
import re
import socket

import runner
from expect import Moves, is_state, one_more_latch
from ipsec import SA, Ipsec
from ktap import TOP, case, ksft_eq, ksft_true, times, wait
from latchapi import L, ask, ask_to_wait, info
from netns import Host
from user import as_nobody

HOSTS = ("alice", "bob")

DEFAULTS = {
    "auto": "1",
    "unidentified": "protect",
    "identity_wait_ms": "3000",
    "break_grace_ms": "3000",
    "adopt": "1",
    "qop": "exact",
    "disposition": "reset",
    "own_policy": "no",
    "own_policy_after_ms": "60000",
    "max_latches": "1048576",
    "max_peers": "65536",
    "max_tags": "65536",
    "forward": "0",
    "forward_tcp_timeout_s": "432000",
    "forward_timeout_s": "120",
}


@case("2-18_sysctl_default_{name}", [{"name": n, "value": v} for n, v in DEFAULTS.items()])
def default(env, name, value):
    """As documented, in every new namespace."""
    host = Host("new")
    ksft_eq(host.sysctl(name), value)
    host.close()


@case("2-18_sysctls_are_these")
def names(env):
    """No other file is below net/latch."""
    with env.alice:
        ksft_eq(set(os.listdir("/proc/sys/net/latch")), set(DEFAULTS))


VALUES = {
    "auto": (["0", "1"], ["2", "-1", "x"]),
    "unidentified": (["protect", "pin", "none", "refuse"], ["Pin", "refused", "0"]),
    "break_grace_ms": (["0", "1", "60000"], ["60001", "-1", "x"]),
    "adopt": (["0", "1"], ["2", "-1", "yes"]),
    "identity_wait_ms": (["0", "1", "60000"], ["60001", "-1", "4294967296"]),
    "qop": (["exact", "floor"], ["Exact", "floo", "floors", "0"]),
    "disposition": (["wait", "reset", "unreach"], ["RESET", "none", "unreachable", "1"]),
    "own_policy": (["no", "lasting", "all"], ["yes", "All", "last", "1"]),
    "own_policy_after_ms": (["0", "1", "86400000"], ["-1", "86400001", "x"]),
    "max_latches": (["0", "1", "1048576"], ["-1", "x", "99999999999"]),
    "max_peers": (["0", "1", "65536"], ["-1", "x", "99999999999"]),
    "max_tags": (["0", "1", "65536"], ["-1", "x", "99999999999"]),
    "forward": (["0", "1"], ["2", "-1", "yes"]),
    "forward_tcp_timeout_s": (["1", "2678400"], ["0", "2678401", "x"]),
    "forward_timeout_s": (["1", "2678400"], ["0", "2678401", "x"]),
}
TAKEN = [{"name": n, "value": v} for n, (good, _) in VALUES.items() for v in good]
REFUSED = [{"name": n, "value": v} for n, (_, bad) in VALUES.items() for v in bad]


@case("2-18_sysctl_takes_{name}_{value}", TAKEN)
def taken(env, name, value):
    """A value in range is taken, and only by this namespace."""
    old = env.bob.sysctl(name)
    env.alice.sysctl(name, value)
    ksft_eq(env.alice.sysctl(name), value)
    ksft_eq(env.bob.sysctl(name), old)


@case("2-18_sysctl_refuses_{name}_{value}", REFUSED)
def refused(env, name, value):
    """A value out of range is EINVAL and changes nothing."""
    old = env.alice.sysctl(name)
    try:
        env.alice.sysctl(name, value)
    except OSError as e:
        ksft_eq(e.errno, 22)
    else:
        ksft_true(False, f"{name} took {value}")
    ksft_eq(env.alice.sysctl(name), old)


@case("2-18_sysctl_unprivileged")
def sysctl_nobody(env):
    """Everybody may read them, nobody but root may write."""

    def attempt():
        with open("/proc/sys/net/latch/auto", encoding="ascii") as f:
            value = f.read().strip()
        try:
            with open("/proc/sys/net/latch/auto", "w", encoding="ascii") as f:
                f.write("0")
        except OSError as e:
            return value, e.errno
        return value, 0

    ksft_eq(as_nobody(env.alice, attempt), ("1", 13))


# --- counters ------------------------------------------------------------------------------
@case("2-12_latch_stat_has_a_counter_for_every_reason")
def stat_names(env):
    """In each direction, in the order of their numbers; and everybody may read them."""
    text = (TOP / "latch/core/reasons.h").read_text()
    reasons = re.findall(r"X\(\w+,\s*(\w+),", text)
    want = [
        "LatchActive", "LatchLatches", "LatchUnknown", "LatchUnexplained", "LatchListeners",
        "LatchOwnPolicies", "LatchPeers", "LatchBindings", "LatchTags",
        "LatchCreated", "LatchBroken", "LatchRestored", "LatchClosed", "LatchRefused", "LatchIdentified",
        "LatchAlertsLost", "LatchOwnPolicyFailed", "LatchTagUnknown",
        *[f"Latch{way}{name}" for way in ("In", "Out") for name in reasons],
    ]  # fmt: skip
    seen = env.alice.stat()
    ksft_eq([n for n in seen if n in want], [n for n in seen])
    ksft_eq(sorted(seen), sorted(want))

    def mode():
        return os.stat("/proc/net/latch_stat").st_mode & 0o777, len(open("/proc/net/latch_stat").read()) > 100

    ksft_eq(as_nobody(env.alice, mode), (0o444, True))


# --- limits ---------------------------------------------------------------------------------
@case("2-9_max_latches_{proto}", [{"proto": "tcp"}, {"proto": "udp"}])
def max_latches(env, proto):
    """Beyond the limit nothing is latched and nothing passes; when one goes, the next may come."""
    env.alice.sysctl("max_latches", 2)
    ipsec = Ipsec(env.alice, env.bob).up()
    flows = [ipsec.flow(proto) for _ in range(2)]
    listener = ipsec.listen()
    env.wire.restart()
    if proto == "tcp":
        sock = env.alice.socket()
        sock.setblocking(False)
        with Moves(env.alice, at_least=["LatchOutLimit"], may=["LatchRefused"]):
            sock.connect_ex(listener.getsockname())
    else:
        third = ipsec.udp(carry=False)
        sock = third.a
        with Moves(env.alice, LatchOutLimit=1, LatchInLimit=1, may=["LatchRefused"]):
            sock.send(b"x")
            third.b.send(b"y")
        ksft_true(third.silent(sock))
    ksft_true(info(sock).state_name in ("NONE", "LARVAL"))
    ksft_eq(env.alice.stat()["LatchLatches"], 2)
    flows[0].close()
    wait(lambda: env.alice.stat()["LatchLatches"] == 1, "room")
    if proto == "tcp":
        wait(lambda: info(sock).state_name == "ESTABLISHED", "the SYN that is sent again")
    else:
        third.exchange()
        is_state(sock, "ESTABLISHED")


@case("2-9_max_latches_at_a_listener")
def max_latches_listener(env):
    """The same for what comes in: the SYN beyond the limit is not answered."""
    env.bob.sysctl("max_latches", 1)
    ipsec = Ipsec(env.alice, env.bob).up()
    flow = ipsec.tcp()
    sock = env.alice.socket()
    sock.setblocking(False)
    listener = ipsec.listen()
    with Moves(env.bob, at_least=["LatchInLimit"], may=["LatchRefused"]):
        sock.connect_ex(listener.getsockname())
    ksft_eq(sock.getsockopt(socket.IPPROTO_TCP, 11, 1), b"\x02", "still SYN_SENT")
    flow.close()
    wait(lambda: sock.getsockopt(socket.IPPROTO_TCP, 11, 1) == b"\x01", "the connection")


@case("2-17_max_latches_does_not_touch_clear_flows")
def max_latches_clear(env):
    """The limit is for latches; who needs none is not refused."""
    env.alice.sysctl("max_latches", 0)
    Ipsec(env.alice, env.bob, narrow="proto udp").up()
    flow = Ipsec(env.alice, env.bob).tcp()
    flow.exchange()
    is_state(flow.a, "NONE")


@case("2.6-1_max_peers")
def max_peers(env):
    """ENOSPC beyond the limit; a known record is still found, a deleted one makes room."""
    env.alice.sysctl("max_peers", 2)
    numbers = [env.alice.peer(name) for name in ("one", "two")]
    attrs = {"id_type": L.LATCH_ID_FQDN, "id_value": b"three", "auth": L.LATCH_AUTH_MANUAL}
    ksft_eq(env.alice.nl.error("peer-new", **attrs)[0], "ENOSPC")
    ksft_eq(env.alice.nl.do("peer-new", **{**attrs, "id_value": b"one"})["id"], numbers[0])
    env.alice.nl.do("peer-del", id=numbers[1])
    ksft_true(env.alice.nl.do("peer-new", **attrs)["id"] > numbers[1])


@case("2-21_bindings_by_max_peers")
def max_bindings(env):
    """Sixteen for each record that there may be, then EDQUOT; one that goes makes room."""
    env.alice.sysctl("max_peers", 2)
    for reqid in range(1, 33):
        env.alice.bind("one", reqid=reqid)
    ksft_eq(env.alice.nl.error("binding-new", reqid=33, peer=env.alice.peer("one"))[0], "EDQUOT")
    # another claim is no other binding
    env.alice.bind("two", reqid=32)
    env.alice.unbind("one", reqid=1)
    env.alice.bind("one", reqid=33)
    ksft_eq(len(env.alice.nl.dump("binding-get")), 33)


# --- nobody's chain is long -------------------------------------------------------------------
def own_suites(n):
    """A demand that no other socket has, and that gcm128 meets."""
    return [{"encr": 20, "encr_bits": 128}, {"encr": 12, "encr_bits": n + 1}]


@case("2-16_thousand_sockets_with_suites_of_their_own_{proto}", [{"proto": "tcp"}, {"proto": "udp"}], limit=120)
def suites_of_their_own(env, proto):
    """Each socket of a program names other suites to one server: each is latched at once, and nothing is lost."""
    ipsec = Ipsec(env.alice, env.bob).up().identify()
    number = times(1000)
    server = ipsec.listen() if proto == "tcp" else env.bob.socket(kind=socket.SOCK_DGRAM)
    if proto == "tcp":
        server.listen(number)
    else:
        server.bind((ipsec.addr(env.bob), 0))
    socks = [env.alice.socket(kind=socket.SOCK_STREAM if proto == "tcp" else socket.SOCK_DGRAM) for _ in range(number)]
    # each at its own end, and in the case of TCP at the server's, too
    with Moves(env.alice, may=["LatchListeners"], **one_more_latch(LatchLatches=number, LatchCreated=number)):
        for n, sock in enumerate(socks):
            ask(sock, suites=own_suites(n))
            sock.connect(server.getsockname())
            if proto == "udp":
                sock.send(b"x")
    for sock in socks:
        is_state(sock, "ESTABLISHED", "NONE", [])


@case("2-2_forty_namespaces_with_the_same_sas", limit=120)
def same_sas(env):
    """Containers made from one image have the same addresses, SPIs and ports: none of them hinders another."""
    hosts = [Host(f"same{n}", 1) for n in range(times(40))]
    try:
        for host in hosts:
            host.ip(
                "link add eth0 type dummy",
                "link set eth0 up addrgenmode none",
                f"addr add {host.addr(4)}/24 dev eth0",
            )
        for spi in range(0x100, 0x100 + times(50)):
            sa = SA(hosts[0].addr(4), env.bob.addr(4), spi)
            for host in hosts:
                host.ip(sa.add(), settled=False)
        policies = Ipsec(hosts[0], env.bob).policies(hosts[0])
        for host in hosts:
            host.ip(*policies)
            host.bind("bob", reqid=1)
        for _ in range(times(20)):
            port = 0
            for host in hosts:
                sock = host.socket(kind=socket.SOCK_DGRAM)
                sock.bind((host.addr(4), port))
                sock.connect((env.bob.addr(4), 9))
                sock.send(b"x")
                is_state(sock, "ESTABLISHED", "NONE", [])
                port = sock.getsockname()[1]
        for host in hosts:
            ksft_eq({k: v for k, v in host.stat().items() if v and k.startswith(("LatchIn", "LatchOut"))}, {})
    finally:
        for host in hosts:
            host.close()


# --- who does not use it does not pay ---------------------------------------------------------
@case("2-17_hooks_only_while_there_is_ipsec_{what}", [{"what": "sa"}, {"what": "policy"}, {"what": "request"}])
def active(env, what):
    """Hooks come with the first SA, policy or request, and go with the last."""
    host = Host("quiet", 8)
    try:
        ipsec = Ipsec(host, env.bob)
        ksft_eq(host.stat()["LatchActive"], 0)
        if what == "sa":
            sa = ipsec.new_sas()[0]
            host.ip(sa.add())
            ksft_eq(host.stat()["LatchActive"], 1)
            host.ip(sa.delete())
        elif what == "policy":
            host.ip(*ipsec.policies(host))
            ksft_eq(host.stat()["LatchActive"], 1)
            host.ip(*ipsec.policies(host, "delete"))
        else:
            sock = host.socket()
            ask(sock, mode=L.LATCH_MODE_REQUIRE)
            ksft_eq(host.stat()["LatchActive"], 1)
            sock.close()
        wait(lambda: host.stat()["LatchActive"] == 0, "the hooks to go")
    finally:
        host.close()


@case("2-17_hooks_stay_while_there_are_latches")
def active_latched(env):
    """After a flush the latches are what keeps the hooks."""
    ipsec = Ipsec(env.alice, env.bob).up()
    flow = ipsec.tcp(before=ask_to_wait)
    ipsec.flush([env.alice])
    ksft_eq(env.alice.stat()["LatchActive"], 1)
    flow.close()
    for host in (env.alice, env.bob):
        # their last words do not reach the other
        host.nl.do("conn-flush")
    wait(lambda: env.alice.stat()["LatchActive"] == 0, "the hooks to go")


@case("2-17_reading_activates_nothing")
def reading(env):
    """The option, the table and the counters can be read without consequences."""
    host = Host("quiet", 8)
    try:
        is_state(host.socket(), "NONE")
        ksft_eq((host.conns(), host.nl.dump("peer-get")), ({}, []))
        ksft_eq(host.stat()["LatchActive"], 0)
    finally:
        host.close()


if __name__ == "__main__":
    runner.main()
