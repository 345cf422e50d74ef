#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Destinations: what an unconnected UDP socket sends to one address and port goes to that peer only.

RFC 5660 2.4-3, 5.3-1.
"""

import errno
import os
import socket
import struct

import forge
import runner
from dests import Resolver, dest_info, end_dest, latch_dest, send, sockaddr
from dgram import FAMS, KINDS, MODES, bound, no_datagram, to, two_peers
from expect import Moves, is_state
from flow import disconnect, error_of
from ipsec import Ipsec
from ktap import DEBUG, SLOW, case, ksft_eq, ksft_true, times, wait
from latchapi import L, alerts, ask, ask_alerts, get_raw, info, request, set_raw, watch
from netns import INET, Host
from tags import ask_for_tags, recvmsg, tag_peer
from test_life import link_names
from user import as_nobody

HOSTS = ("alice", "bob", "mallory")


class Dest:
    """A socket of alice's with a destination, and the socket there."""

    def __init__(self, env, ipsec, host, sock=None, mapped=False, **fields):
        self.env, self.ipsec, self.host = env, ipsec, host
        self.sock = sock or bound(ipsec, env.alice, mapped)
        self.there = bound(ipsec, host)
        addr, port = to(self.there)
        self.where = (("::ffff:" if mapped else "") + addr, port)
        self.here = to(self.sock)
        if fields.pop("ask", True):
            latch_dest(self.sock, self.where, **fields)

    def info(self):
        return dest_info(self.sock, self.where)

    def send(self, data=b"question"):
        return send(self.sock, self.where, data)

    def exchange(self, turns=3):
        """Datagrams both ways."""
        for n in range(turns):
            ksft_eq(self.send(b"question %d" % n), 0)
            ksft_eq(self.there.recvfrom(100), (b"question %d" % n, self.there_sees()))
            self.there.sendto(b"answer %d" % n, self.there_sees())
            ksft_eq(self.sock.recv(100), b"answer %d" % n)

    def there_sees(self):
        return self.here if ":" not in self.here[0] else (*self.here, 0, 0)

    def forged(self, data=b"forged"):
        """A clear datagram that says it comes from there."""
        (dst, dport), (src, sport) = self.here, to(self.there)
        packet = forge.ip(src, dst, socket.IPPROTO_UDP, forge.udp(src, dst, sport, dport, data))
        self.env.mallory.frame(self.env.alice.mac, forge.ETHERTYPE[forge.family(src)], packet)

    def unreachable(self, where):
        """A clear ICMP error about a datagram to this destination."""
        (src, sport), (dst, dport) = self.here, where
        packet = forge.ip(src, dst, socket.IPPROTO_UDP, forge.udp(src, dst, sport, dport, b"x" * 20))
        packet = forge.unreachable(self.env.mallory.addr(self.ipsec.fam), src, packet)
        self.env.mallory.frame(self.env.alice.mac, forge.ETHERTYPE[self.ipsec.fam], packet)

    def state_is(self, state, reason=None):
        got = self.info()
        ksft_eq(got.state_name, state)
        if reason:
            ksft_eq(got.reason_name, reason)
        return got


# --- two destinations, two peers ---------------------------------------------------------
@case("5.3-1_destinations_of_two_peers_{kind}_{mode}", MODES)
def two(env, fam, mode, kind, mapped=False):
    """Each destination's datagrams are its peer's; others, and those to other ports of the same host, are as before."""
    bob, mallory = two_peers(env, fam, mode, level="use")
    with Moves(env.alice, LatchLatches=3, LatchCreated=2, may=["LatchActive"]):
        a = Dest(env, bob, env.bob, mapped=mapped, peer="bob")
        b = Dest(env, mallory, env.mallory, a.sock, mapped, peer="mallory")
        other = Dest(env, bob, env.bob, a.sock, mapped, ask=False)
        for dest in (a, b, other):
            dest.exchange()
    for dest, name in ((a, "bob"), (b, "mallory")):
        got = dest.state_is("ESTABLISHED")
        ksft_eq((got.mode, got.flags & L.LATCH_F_AUTO, got.peer), (L.LATCH_MODE_REQUIRE, 0, env.alice.peer(name)))
        ksft_eq((got.local_addr, got.local_port), a.here)
        ksft_eq((got.remote_addr, got.remote_port), to(dest.there))
    is_state(a.sock, "NONE")
    with Moves(env.alice, LatchInClear=2):
        a.forged()
        b.forged()
    no_datagram(a.sock)
    ksft_eq((a.info().in_drops, b.info().in_drops), (1, 1))
    with Moves(env.alice):
        other.forged(b"anybody")
        ksft_eq(a.sock.recv(100), b"anybody")
        for dest in (a, b, other):
            dest.ipsec.rekey()
            dest.exchange()


@case("5.3-1_destination_is_another_peer_{kind}_{mode}", MODES)
def wrong_peer(env, fam, mode, kind, mapped=False):
    """Where somebody else is: sendto() fails, and nothing leaves; what comes from there is dropped."""
    bob, _ = two_peers(env, fam, mode)
    dest = Dest(env, bob, env.bob, mapped=mapped, peer="mallory")
    env.wire.restart()
    with Moves(env.alice, LatchOutPeer=2):
        ksft_eq((dest.send(), dest.send()), (errno.EKEYREJECTED,) * 2)
    ksft_eq(env.wire.protected(), 0)
    with Moves(env.alice, LatchInPeer=1):
        dest.there.sendto(b"wrong", dest.here)
    no_datagram(dest.sock)
    got = dest.state_is("LARVAL")
    ksft_eq((got.out_drops, got.in_drops), (2, 1))


@case("5.3-1_destination_without_sa_{kind}", KINDS)
def without_sa(env, fam, kind, mapped=False):
    """No policy protects it: sendto() fails with ENOKEY, clear text from it is dropped; a third host is as before."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam)
    dest = Dest(env, ipsec, env.bob, mapped=mapped)
    third = Dest(env, Ipsec(env.alice, env.mallory, fam=fam), env.mallory, dest.sock, mapped, ask=False)
    with Moves(env.alice, LatchOutLarval=2, LatchInLarval=1):
        ksft_eq((dest.send(), dest.send()), (errno.ENOKEY,) * 2)
        dest.there.sendto(b"in clear", dest.here)
        third.exchange()
    no_datagram(dest.there)
    no_datagram(dest.sock)
    # the SAs come, and so does the latch
    ipsec.up()
    with Moves(env.alice, LatchCreated=1):
        dest.exchange()
    ksft_eq(dest.state_is("ESTABLISHED").flags & L.LATCH_F_PEER_IDENTIFIED, 0)


def taken(env, fam=4, **fields):
    """bob's destination, latched; then his reqid is not his any more, but mallory's."""
    bob, mallory = two_peers(env, fam)
    a = Dest(env, bob, env.bob, peer="bob", **fields)
    b = Dest(env, mallory, env.mallory, a.sock, peer="mallory")
    a.exchange()
    b.exchange()
    other = Ipsec(env.alice, env.bob, fam=fam, reqid=3, priority=10, narrow="proto udp")
    env.alice.bind("mallory", "alice", reqid=3)
    other.up()
    return a, b, other


@case("5.3-1_destination_taken_over_{fam}", FAMS)
def takeover(env, fam):
    """Another peer's SAs take its place: it is broken, sendto() fails until they are gone; the other one goes on."""
    a, b, other = taken(env, fam)
    got = a.state_is("BROKEN", "PEER")
    ksft_true("PEER" in got.conflict_names, f"conflicts {got.conflict_names}")
    env.wire.restart()
    with Moves(env.alice, LatchOutBroken=2, LatchInBroken=1):
        ksft_eq((a.send(), a.send()), (errno.EKEYREJECTED,) * 2)
        a.there.sendto(b"stolen", a.here)
        b.exchange()
    ksft_eq(env.wire.protected(), 1 + 6)
    no_datagram(a.sock)
    for host in (env.alice, env.bob):
        host.ip(*other.policies(host, "delete"), *[sa.delete() for sa in other.sas])
    with Moves(env.alice):
        a.exchange()
    ksft_eq(a.state_is("ESTABLISHED").breaks, 1)


@case("5.3-1_destination_broken_and_taken_away_{fam}", FAMS)
def taken_away(env, fam):
    """A broken one stays until the application takes it away, and may be asked for again."""
    a, _, other = taken(env, fam)
    ksft_eq(a.send(), errno.EKEYREJECTED)
    with Moves(env.alice, LatchLatches=-1, LatchClosed=1):
        end_dest(a.sock, a.where)
    with Moves(env.alice):
        a.exchange(1)  # whoever that is
    ksft_eq(set_error(a.sock, a.where, mode=L.LATCH_MODE_AUTO), errno.ENOENT)
    with Moves(env.alice, LatchLatches=1, LatchOutPeer=1):
        latch_dest(a.sock, a.where, peer="bob")
        ksft_eq(a.send(), errno.EKEYREJECTED)
    for host in (env.alice, env.bob):
        host.ip(*other.policies(host, "delete"), *[sa.delete() for sa in other.sas])
    a.exchange()


@case("5.3-1_destination_after_flush_{kind}_{mode}", MODES)
def flush(env, fam, mode, kind, mapped=False):
    """Policies and SAs are flushed: sendto() fails, nothing leaves in clear, clear text from there is dropped."""
    bob, _ = two_peers(env, fam, mode)
    dest = Dest(env, bob, env.bob, mapped=mapped, peer="bob")
    dest.exchange()
    bob.flush()
    dest.state_is("BROKEN", "POLICY_OUT")
    env.wire.restart()
    with Moves(env.alice, LatchOutBroken=2, LatchInBroken=1):
        ksft_eq((dest.send(), dest.send()), (errno.EKEYREJECTED,) * 2)
        dest.there.sendto(b"in clear", dest.here)
    no_datagram(dest.there)
    no_datagram(dest.sock)
    bob.up()
    with Moves(env.alice, LatchRestored=0):
        dest.exchange()


@case("5.3-1_destination_is_told_{how}", [{"how": h} for h in ("by_error", "by_record")])
def told(env, how):
    """The socket gets the disposition's error where it asked for one, and a record that names the destination."""
    sock = None
    if how == "by_record":
        sock = env.alice.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.settimeout(10 * SLOW)
        ask_alerts(sock)
        sock.bind((env.alice.addr(4), 0))
    a, _, _ = taken(env, sock=sock, **({"disposition": L.LATCH_DISP_UNREACH} if how == "by_error" else {}))
    if how == "by_error":
        ksft_eq(error_of(a.sock), errno.EHOSTUNREACH)
        return
    mine = [r for r in alerts(a.sock) if r.remote == a.where]
    ksft_eq([(r.state_name, r.name[:2]) for r in mine], [("ESTABLISHED", a.where), ("BROKEN", a.where)])
    ksft_eq(mine[0].id, a.info().id)


# --- whose datagram it is ----------------------------------------------------------------
@case("5.3-1_destination_of_a_socket_without_address_{kind}", KINDS)
def wildcard(env, fam, kind, mapped=False):
    """The local address is that of the first datagram; others from this host have to meet the latch, too."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam, level="use").up().identify()
    sock = env.alice.socket(INET[6] if mapped else INET[fam], socket.SOCK_DGRAM)
    sock.settimeout(10 * SLOW)
    dest = Dest(env, ipsec, env.bob, sock, mapped, peer="bob")
    got = dest.state_is("LARVAL")
    ksft_eq((got.local_port, got.remote_port), (0, dest.where[1]))
    ksft_eq(dest.send(), 0)
    dest.here = (env.alice.addr(fam), sock.getsockname()[1])
    ksft_eq(dest.there.recvfrom(100)[1][:2], dest.here)
    dest.exchange()
    got = dest.state_is("ESTABLISHED")
    ksft_eq((got.local_addr, got.local_port), dest.here)
    # another address of the host, which no policy covers
    dest.here = (env.alice.inner(fam), dest.here[1])
    with Moves(env.alice, LatchInClear=1):
        dest.forged()
    no_datagram(sock)


@case("5.3-1_destination_and_the_demand_of_the_socket_{fam}", FAMS)
def with_demand(env, fam):
    """A socket that demands a channel, and is not connected, exchanges datagrams with its destinations only."""
    bob, mallory = two_peers(env, fam, level="use")
    sock = bound(bob, env.alice, before=lambda s: ask(s, mode=L.LATCH_MODE_REQUIRE))
    a = Dest(env, bob, env.bob, sock, peer="bob")
    b = Dest(env, mallory, env.mallory, sock, ask=False)
    with Moves(env.alice, LatchOutLarval=1, LatchInLarval=1, LatchCreated=1):
        b.send()
        b.there.sendto(b"no", b.here)
        a.exchange()
    no_datagram(sock)
    no_datagram(b.there)
    with Moves(env.alice, LatchInIcmp=2):
        a.unreachable(a.where)
        a.unreachable(b.where)
    ksft_eq(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), 0)


@case("5.3-1_destination_and_the_demand_of_the_connection_{fam}", FAMS)
def both_demands(env, fam):
    """What is sent to the peer of a connected socket leaves only where both demands are met."""
    bob, _ = two_peers(env, fam)
    sock = bound(bob, env.alice, before=lambda s: ask(s, mode=L.LATCH_MODE_REQUIRE, peer_id="mallory"))
    dest = Dest(env, bob, env.bob, sock, peer="bob")
    dest.exchange()
    sock.connect(to(dest.there))
    with Moves(env.alice, LatchOutPeer=1, LatchRefused=1):
        sock.send(b"one of two")
    no_datagram(dest.there)


@case("5.3-1_destination_and_tags_{fam}", FAMS)
def with_tags(env, fam):
    """A socket may have both: each does what it does alone."""
    bob, mallory = two_peers(env, fam, level="use")
    sock = bound(bob, env.alice, before=ask_for_tags)
    a = Dest(env, bob, env.bob, sock, peer="bob")
    b = Dest(env, mallory, env.mallory, sock, ask=False)
    for dest, name in ((a, b"bob"), (b, b"mallory")):
        dest.there.sendto(b"hello", dest.here)
        data, number = recvmsg(sock)
        ksft_eq((data, tag_peer(sock, number)), (b"hello", name))
    with Moves(env.alice, LatchInClear=1):
        a.forged()
    b.forged(b"anybody")
    ksft_eq(recvmsg(sock), (b"anybody", L.LATCH_TAG_CLEAR))
    ask_for_tags(sock, 0)
    with Moves(env.alice, LatchInClear=1):
        a.forged()
    end_dest(sock, a.where)
    a.forged(b"nobody looks")
    ksft_eq(sock.recv(100), b"nobody looks")


@case("5.3-1_destination_of_a_socket_that_connects_{fam}", FAMS)
def connects(env, fam):
    """connect() to it: datagrams have to meet both latches; to another peer: the destination keeps its own."""
    bob, mallory = two_peers(env, fam, level="use")
    a = Dest(env, bob, env.bob, peer="bob")
    a.exchange()
    number = a.info().id
    a.sock.connect(to(a.there))
    with Moves(env.alice, LatchCreated=1):
        a.exchange()
    is_state(a.sock, "ESTABLISHED")
    with Moves(env.alice, LatchInClear=1):
        a.forged()
    end_dest(a.sock, a.where)
    latch_dest(a.sock, a.where, peer="mallory")
    with Moves(env.alice, LatchOutPeer=1, LatchInPeer=1):
        ksft_eq(a.send(), errno.EKEYREJECTED)
        a.there.sendto(b"no", a.here)
    no_datagram(a.sock)
    is_state(a.sock, "ESTABLISHED")
    end_dest(a.sock, a.where)
    a.exchange()
    latch_dest(a.sock, a.where, peer="bob")
    b = Dest(env, mallory, env.mallory, a.sock, ask=False)
    a.sock.connect(to(b.there))
    b.exchange()
    ksft_eq(a.send(), 0)
    ksft_eq(a.there.recv(100), b"question")
    ksft_true(a.state_is("ESTABLISHED").id != number, "it is the first one")
    a.sock.connect(to(a.there))
    a.exchange()
    # that may give it another port
    disconnect(a.sock)
    ksft_eq(a.send(), 0)
    a.here = to(a.sock)
    ksft_eq(a.there.recvfrom(100)[1][:2], a.here)
    a.exchange()


@case("5.3-1_destination_sends_to_a_group")
def to_a_group(env):
    """Two sockets get one multicast datagram in clear from the destination of one of them: that one does not get it."""
    group, port, got = "239.1.2.3", 5660, []
    ipsec = Ipsec(env.alice, env.bob, level="use").up().identify()
    for _ in range(2):
        sock = env.alice.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.settimeout(10 * SLOW)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("", port))
        member = socket.inet_aton(group) + socket.inet_aton(env.alice.addr(4))
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
        got.append(sock)
    dest = Dest(env, ipsec, env.bob, got[0], peer="bob")
    src, sport = dest.where
    packet = forge.ip(src, group, socket.IPPROTO_UDP, forge.udp(src, group, sport, port, b"to all"))
    for counter in ("LatchInLarval", "LatchInClear"):
        with Moves(env.alice, **{counter: 1}):
            env.bob.frame(bytes.fromhex("01005e010203"), 0x0800, packet)
            ksft_eq(got[1].recv(100), b"to all")
        no_datagram(got[0])
        dest.here = (env.alice.addr(4), port)
        if counter == "LatchInLarval":
            ksft_eq(dest.send(), 0)


# the debug kernel has no mobile IPv6, and so no such header
ROUTES = [{"fam": 4, "how": "source_route"}, *([] if DEBUG else [{"fam": 6, "how": "routing_header"}])]


@case("5.3-1_destination_behind_a_{how}_{fam}", ROUTES)
def routed(env, fam, how):
    """Where the header has a datagram go by another host nothing leaves: to whom it goes in the end is not looked up."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up().identify()
    dest = Dest(env, ipsec, env.bob, peer="bob")
    dest.exchange()
    if fam == 4:
        dest.sock.setsockopt(socket.SOL_IP, socket.IP_OPTIONS, b"\x83\x07\x04" + forge.packed(env.mallory.addr(4)) + b"\0")
    else:
        header = struct.pack("BBBB4x", 0, 2, 2, 1) + forge.packed(env.mallory.addr(6))
        dest.sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RTHDR, header)
    env.wire.restart()
    with Moves(env.alice, LatchOutHeader=2):
        ksft_eq((dest.send(b"secret"), dest.send(b"secret")), (errno.EKEYREJECTED,) * 2)
    env.wire.sync()
    ksft_eq([frame.hex() for frame, _ in env.wire.frames if b"secret" in frame], [])


@case("6.5-1_clear_icmp_about_a_destination_{fam}", FAMS)
def icmp(env, fam):
    """An ICMP error in clear about a datagram to it is dropped; one about another destination reaches the socket."""
    level, recverr = (socket.IPPROTO_IP, 11) if fam == 4 else (socket.IPPROTO_IPV6, 25)
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up().identify()
    dest = Dest(env, ipsec, env.bob, peer="bob")
    dest.sock.setsockopt(level, recverr, 1)
    other = Dest(env, Ipsec(env.alice, env.mallory, fam=fam), env.mallory, dest.sock, ask=False)
    dest.exchange()
    with Moves(env.alice, LatchInIcmp=2):
        dest.unreachable(dest.where)
        dest.unreachable(dest.where)
    no_datagram(dest.sock)
    dest.exchange()
    with Moves(env.alice):
        dest.unreachable(to(other.there))
        ksft_eq(error_of(dest.sock), errno.ECONNREFUSED)


@case("6.5-1_protected_icmp_about_a_destination_{fam}", FAMS)
def protected_icmp(env, fam):
    """Under its own protection the socket hears that nobody listens there any more."""
    level, recverr = (socket.IPPROTO_IP, 11) if fam == 4 else (socket.IPPROTO_IPV6, 25)
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up().identify()
    dest = Dest(env, ipsec, env.bob, peer="bob")
    dest.exchange()
    dest.sock.setsockopt(level, recverr, 1)
    dest.there.close()
    with Moves(env.alice):
        ksft_eq(dest.send(), 0)
        ksft_eq(error_of(dest.sock), errno.ECONNREFUSED)


@case("5.3-1_large_datagrams_to_a_destination_{fam}_{mode}", [{**f, "mode": m} for f in FAMS for m in ("transport", "tunnel")])
def large(env, fam, mode):
    """Datagrams that need fragments have to meet its latch, and do, once fragments are kept apart."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam, mode=mode).up().identify()
    dest = Dest(env, ipsec, env.bob, peer="bob")
    data = bytes(4000)
    dest.exchange()

    def arrives():
        dest.there.sendto(data, dest.here)
        dest.sock.settimeout(0.2)
        try:
            return dest.sock.recv(5000) == data
        except TimeoutError:
            return False

    wait(arrives, "a datagram in fragments")
    dest.sock.settimeout(10 * SLOW)
    with Moves(env.alice):
        ksft_eq(dest.send(data), 0)
        ksft_eq(dest.there.recv(5000), data)
        ksft_true(arrives(), "lost")


# --- who asks, and for what --------------------------------------------------------------
def set_error(sock, where, **fields):
    """errno of latch_dest()."""
    try:
        latch_dest(sock, where, **fields)
    except OSError as e:
        return e.errno
    return 0


def info_error(sock, where, size=208):
    try:
        dest_info(sock, where, size)
    except OSError as e:
        return e.errno
    return 0


@case("5.3-1_destination_option_is_refused")
def refused(env):
    """Wrong socket, size, address or request: an errno each, and nothing changes."""
    ipsec = Ipsec(env.alice, env.bob).up().identify()
    tcp, sock, six = env.alice.socket(), bound(ipsec, env.alice), env.alice.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    only6 = env.alice.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    only6.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    good, need = (env.bob.addr(4), 53), {"mode": L.LATCH_MODE_REQUIRE}
    whole = sockaddr(*good) + bytes(request(**need))
    with Moves(env.alice):
        ksft_eq(set_raw(tcp, whole, option=L.IP_LATCH_DEST), errno.EOPNOTSUPP)
        ksft_eq(info_error(tcp, good), errno.EOPNOTSUPP)
        for wrong in (b"", whole[:128], whole[:-1]):
            ksft_eq(set_raw(sock, wrong, option=L.IP_LATCH_DEST), errno.EINVAL)
        ksft_eq(set_raw(sock, whole + b"\1", option=L.IP_LATCH_DEST), errno.E2BIG)
        ksft_eq(set_raw(sock, whole, option=L.IP_LATCH_DEST, pointer=8), errno.EFAULT)
        for addr, port in ((good[0], 0), ("0.0.0.0", 53), ("239.1.2.3", 53), ("255.255.255.255", 53)):
            ksft_eq((set_error(sock, (addr, port)), info_error(sock, (addr, port))), (errno.EINVAL,) * 2)
        for addr in ("::", "ff02::1", "::ffff:0.0.0.0", "::ffff:239.1.2.3"):
            ksft_eq(set_error(six, (addr, 53)), errno.EINVAL)
        for who, addr in ((sock, "2001:db8::1"), (only6, good[0]), (only6, "::ffff:" + good[0])):
            ksft_eq((set_error(who, (addr, 53)), info_error(who, (addr, 53))), (errno.EAFNOSUPPORT,) * 2)
        unknown = struct.pack("=H", 99).ljust(128, b"\0") + bytes(request(**need))
        ksft_eq(set_raw(sock, unknown, option=L.IP_LATCH_DEST), errno.EAFNOSUPPORT)
        for fields in (
            {"mode": L.LATCH_MODE_OFF}, {"mode": L.LATCH_MODE_BYPASS}, {"mode": 4},
            {"mode": L.LATCH_MODE_AUTO, "min_key_bits": 128}, {**need, "own_policy": 1}, {**need, "own_policy": 0},
            {**need, "protection": 0x80},
        ):  # fmt: skip
            ksft_eq(set_error(sock, good, **fields), errno.EINVAL)
        ksft_eq(set_raw(sock, sockaddr(*good) + bytes(request(min_key_bits=1)), option=L.IP_LATCH_DEST), errno.EINVAL)
        ksft_eq(set_error(sock, good, peer=4711), errno.ENOENT)
        ksft_eq(set_error(sock, good, mode=L.LATCH_MODE_AUTO), errno.ENOENT)
        ksft_eq(info_error(sock, good), errno.ENOENT)
        for size in (0, 15):
            ksft_eq(get_raw(sock, L.IP_LATCH_DEST, size)[0], errno.EINVAL)
        ksft_eq(info_error(six, ("2001:db8::1", 53), 27), errno.EINVAL)
    encap = env.alice.socket(socket.AF_INET, socket.SOCK_DGRAM)
    encap.setsockopt(socket.IPPROTO_UDP, 100, 2)
    with Moves(env.alice):
        ksft_eq(set_error(encap, good), errno.EBUSY)
    latch_dest(sock, good, peer="bob")
    with Moves(env.alice):
        ksft_eq(set_error(sock, good, peer="mallory"), errno.EBUSY)
        ksft_eq(set_error(sock, good, mode=L.LATCH_MODE_AUTO, min_key_bits=128), errno.EINVAL)
        for mode in (L.LATCH_MODE_OFF, L.LATCH_MODE_BYPASS):
            ksft_eq(set_raw(sock, bytes(request(mode=mode))), errno.EBUSY)
    ksft_eq(dest_info(sock, good, 16).state, L.LATCH_STATE_LARVAL)
    exempt = env.alice.socket(socket.AF_INET, socket.SOCK_DGRAM)
    ask(exempt, mode=L.LATCH_MODE_OFF)
    with Moves(env.alice):
        ksft_eq(set_error(exempt, good), errno.EBUSY)


@case("5.3-1_destinations_are_bounded")
def limited(env):
    """A socket has 1,024 at most, a namespace net.latch.max_latches."""
    with Moves(env.alice, LatchLatches=1025, may=["LatchActive"]):
        sock = env.alice.socket(socket.AF_INET, socket.SOCK_DGRAM)
        for n in range(1024):
            latch_dest(sock, ("192.0.2.1", 1 + n))
        ksft_eq(set_error(sock, ("192.0.2.1", 2000)), errno.ENOSPC)
    end_dest(sock, ("192.0.2.1", 77))
    ksft_eq(set_error(sock, ("192.0.2.1", 2000)), 0)
    ksft_eq(info_error(sock, ("192.0.2.1", 77)), errno.ENOENT)
    env.alice.sysctl("max_latches", 1025)
    end_dest(sock, ("192.0.2.1", 78))
    with Moves(env.alice, LatchLatches=1):
        ksft_eq(set_error(sock, ("192.0.2.2", 1)), 0)
        ksft_eq(set_error(sock, ("192.0.2.2", 2)), errno.ENOSPC)
    sock.close()
    wait(lambda: env.alice.stat()["LatchLatches"] == 0, "the latches to go")


@case("5.3-1_destination_of_a_socket_with_unread_datagrams")
def unread(env):
    """What it sent before would pass for what the latch let pass; what others sent is in nobody's way."""
    ipsec = Ipsec(env.alice, env.bob)
    dest = Dest(env, ipsec, env.bob, ask=False)
    other = Dest(env, ipsec, env.bob, dest.sock, ask=False)
    other.there.sendto(b"other", dest.here)
    wait(lambda: dest.sock.recv(10, socket.MSG_PEEK), "the datagram")
    latch_dest(dest.sock, dest.where)
    end_dest(dest.sock, dest.where)
    ksft_eq(dest.sock.recv(100), b"other")
    dest.there.sendto(b"early", dest.here)
    wait(lambda: dest.sock.recv(10, socket.MSG_PEEK), "the datagram")
    with Moves(env.alice):
        ksft_eq(set_error(dest.sock, dest.where), errno.EBUSY)
    ksft_eq(dest.sock.recv(100), b"early")
    ksft_eq(set_error(dest.sock, dest.where), 0)


@case("5.3-1_destinations_need_no_privilege")
def unprivileged(env):
    """Any user may say to whom its datagrams may go."""
    ipsec = Ipsec(env.alice, env.bob).up().identify()
    there = bound(ipsec, env.bob)

    def attempt():
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        latch_dest(sock, there.getsockname(), peer="bob")
        first = send(sock, there.getsockname())
        end_dest(sock, there.getsockname())
        latch_dest(sock, there.getsockname(), peer="mallory")
        return first, send(sock, there.getsockname())

    ksft_eq(as_nobody(env.alice, attempt), (0, errno.EKEYREJECTED))


# --- life --------------------------------------------------------------------------------
@case("5.3-1_destinations_are_listed_and_closed")
def listed(env):
    """An administrator sees them, hears of them, and closes or releases one; the socket keeps its own latch meanwhile."""
    bob, mallory = two_peers(env)
    nl = watch(env.alice)
    a = Dest(env, bob, env.bob, peer="bob")
    b = Dest(env, mallory, env.mallory, a.sock, peer="mallory")
    number = a.info().id
    conn = env.alice.conns()[number]
    inode = os.fstat(a.sock.fileno()).st_ino
    ksft_eq((conn["state"], conn["inode"], conn["uid"]), ("larval", inode, os.getuid()))
    ksft_eq((conn["remote-port"], conn["local-port"]), (a.where[1], a.here[1]))
    a.exchange()
    b.exchange()
    ksft_eq([m["state"] for _, m in nl.events() if m["id"] == number], ["established"])
    env.alice.nl.do("conn-close", id=number)
    a.state_is("CLOSED", "ADMIN")
    with Moves(env.alice, LatchOutClosed=1, LatchInClosed=1):
        ksft_eq(a.send(), errno.EKEYREJECTED)
        a.there.sendto(b"no", a.here)
        b.exchange()
    ksft_eq([env.alice.nl.error("conn-release", id=i)[0] for i in (number, info(a.sock).id)], ["EBUSY", "EBUSY"])
    ksft_eq(env.alice.nl.error("conn-release", id=b.info().id)[0], "0")
    ksft_eq(info_error(b.sock, b.where), errno.ENOENT)
    b.exchange()
    end_dest(a.sock, a.where)
    with Moves(env.alice, LatchLatches=-1, may=["LatchActive"]):
        ksft_eq(env.alice.nl.error("conn-release")[0], "0")
    nl.close()


@case("5.3-1_destinations_go_with_the_socket_{how}", [{"how": h} for h in ("closed", "shared", "many")])
def closes(env, how):
    """The last descriptor of the socket is closed, in whatever state its destinations are: nothing is left."""
    bob, _ = two_peers(env)
    refused = {"LatchOutPeer": 2} if how == "shared" else {}
    with Moves(env.alice, may=["LatchActive", "LatchCreated", "LatchClosed"], **refused):
        dest = Dest(env, bob, env.bob, peer="bob")
        dest.exchange()
        for n in range(times(100) if how == "many" else 2):
            latch_dest(dest.sock, (dest.where[0], 1 + n), peer="mallory")
        if how == "shared":
            copy = os.dup(dest.sock.fileno())
            dest.sock.close()
            dest.sock = env.alice.owns(socket.socket(fileno=copy))
            dest.sock.settimeout(10 * SLOW)
            dest.exchange()
            ksft_eq(send(dest.sock, (dest.where[0], 1)), errno.EKEYREJECTED)
            if not (pid := os.fork()):
                os._exit(send(dest.sock, (dest.where[0], 2)) == errno.EKEYREJECTED)
            ksft_eq(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 1)
            ksft_eq(env.alice.stat()["LatchLatches"], 4)
        dest.sock.close()
        wait(lambda: env.alice.stat()["LatchLatches"] == 0, "the latches to go")


@case("2.3-6_namespace_goes_with_destinations")
def namespace_dies(env):
    """A namespace is deleted whose only process had a socket with destinations."""
    doomed = Host("doomed", 7)
    env.sw.ip(
        f"link add p-doomed type veth peer name eth0 address {doomed.mac.hex(':')} netns {doomed.pid}",
        "link set p-doomed master br0 up addrgenmode none",
    )
    doomed.ip("link set lo up", "link set eth0 up addrgenmode none", f"addr add {doomed.addr(4)}/24 dev eth0")
    ipsec = Ipsec(doomed, env.bob).up().identify()
    sock, there = bound(ipsec, doomed), bound(ipsec, env.bob)
    for n in range(1, 10):
        latch_dest(sock, (env.bob.addr(4), n), peer="bob")
    latch_dest(sock, to(there), peer="bob")
    ksft_eq(send(sock, to(there)), 0)
    ksft_eq(there.recv(100), b"hello")
    ksft_eq(doomed.stat()["LatchLatches"], 11)
    doomed.close()
    wait(lambda: "p-doomed" not in link_names(env.sw), "the namespace to go", 30)


# --- a client ----------------------------------------------------------------------------
@case("2.4-3_resolver_asks_servers_that_it_knows_{fam}", FAMS)
def resolver(env, fam):
    """A DNS-like client has a server for each zone: whoever takes the address of one is not asked."""
    bob, mallory = two_peers(env, fam, level="use")
    servers = {b"bob": bound(bob, env.bob), b"mallory": bound(mallory, env.mallory)}
    client = bound(bob, env.alice)
    asks = Resolver(client, {b"internal": (to(servers[b"bob"]), "bob"), b"example": (to(servers[b"mallory"]), "mallory")})
    stolen = Resolver(bound(bob, env.alice), {b"internal": (to(servers[b"mallory"]), "bob")})
    with Moves(env.alice, LatchOutPeer=1):
        ksft_eq(stolen.ask(b"host.internal"), None)
    for name, server in ((b"host.internal", b"bob"), (b"www.example", b"mallory")):
        ksft_eq(answered(asks, name, servers[server]), b"address of " + name)


def answered(asks, name, server):
    """What a resolver says to a question that this server answers."""
    real, asks.sock = asks.sock, Answering(asks.sock, server)
    try:
        return asks.ask(name)
    finally:
        asks.sock = real


class Answering:
    """A socket whose server answers between its sendto() and recvfrom()."""

    def __init__(self, sock, server):
        self.sock, self.server = sock, server

    def sendto(self, data, where):
        self.sock.sendto(data, where)
        query, client = self.server.recvfrom(512)
        self.server.sendto(query[:2] + b"address of " + query[2:], client)

    def recvfrom(self, size):
        return self.sock.recvfrom(size)


if __name__ == "__main__":
    runner.main()
