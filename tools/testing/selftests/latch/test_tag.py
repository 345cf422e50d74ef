#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Tags: who sent each datagram of an unconnected UDP socket, and what protected it.

RFC 5660 2.4-3, 5.3-1.
"""

import contextlib
import errno
import socket
import struct
import threading

import forge
import runner
from dgram import FAMS, KINDS, MODES, no_datagram, to, two_peers
from dgram import bound as plainly_bound
from expect import Moves, is_state
from flow import error_of
from ipsec import SA, Ipsec
from ktap import SLOW, case, ksft_eq, ksft_true, times, wait
from latchapi import L, ask, get_raw, level_of, set_raw
from scenes import ruleset
from tags import (
    Names,
    SCM_TXTIME,
    QuicServer,
    ask_for_tags,
    dns_answer,
    dns_ask,
    recvmmsg,
    recvmsg,
    tag_info,
    tag_peer,
    uring_recvmsg,
)
from user import as_nobody

HOSTS = ("alice", "bob", "mallory")
ON = {"LatchLatches": 1, "may": ["LatchActive"]}


def bound(ipsec, host, mapped=False, tags=False):
    """An unconnected UDP socket, which may ask for tags."""
    return plainly_bound(ipsec, host, mapped, ask_for_tags if tags else None)


def tag_of(sock, ipsec, host, data=b"hello", receive=recvmsg):
    """The number of a datagram that this host sends."""
    with bound(ipsec, host) as sender:
        sender.sendto(data, to(sock))
        got, number = receive(sock)
    ksft_eq(got, data)
    return number


def is_peer(sock, number, name):
    """A number stands for this peer, under AES-GCM-128."""
    got = tag_info(sock, number)
    ksft_eq((got.id, got.state, got.n_transforms), (number, L.LATCH_STATE_NONE, 1))
    ksft_eq(got.flags & (L.LATCH_F_PEER_IDENTIFIED | L.LATCH_F_PEER_UNKNOWN), L.LATCH_F_PEER_IDENTIFIED)
    ksft_eq((got.peer_id_type, got.chain[0]["encr"]), (L.LATCH_ID_FQDN, 20))
    ksft_eq(got.protection, L.LATCH_PROT_CONF | L.LATCH_PROT_INTEG | L.LATCH_PROT_REPLAY)
    ksft_eq(tag_peer(sock, number), name.encode())


def is_unknown(sock, number):
    """It stands for a peer that nobody has named."""
    got = tag_info(sock, number)
    ksft_eq(got.flags & (L.LATCH_F_PEER_IDENTIFIED | L.LATCH_F_PEER_UNKNOWN), L.LATCH_F_PEER_UNKNOWN)
    ksft_eq((got.peer, get_error(sock, L.IP_LATCH_TAG_PEER_ID, number)), (0, errno.ENODATA))
    return got


def get_error(sock, option, number, size=1024):
    """errno of getsockopt() that asks about a number."""
    try:
        (tag_peer if option == L.IP_LATCH_TAG_PEER_ID else tag_info)(sock, number)
    except OSError as e:
        return e.errno
    return 0


# --- who sent it -----------------------------------------------------------------------
@case("5.3-1_tag_names_peer_and_protection_{kind}_{mode}", MODES)
def names_peer(env, fam, mode, kind, mapped=False):
    """Two peers and clear text on one socket: each datagram tells which it was, before and after a rekey."""
    bob, mallory = two_peers(env, fam, mode, narrow="proto udp")
    with Moves(env.alice, **ON):
        sock = bound(bob, env.alice, mapped, tags=True)
    with Moves(env.alice, LatchTags=2):
        first = tag_of(sock, bob, env.bob)
        second = tag_of(sock, mallory, env.mallory)
    is_peer(sock, first, "bob")
    is_peer(sock, second, "mallory")
    ksft_true(first != second, "one number for two peers")
    with Moves(env.alice):
        for ipsec, host, number in ((bob, env.bob, first), (mallory, env.mallory, second)):
            ipsec.rekey()
            for _ in range(3):
                ksft_eq(tag_of(sock, ipsec, host), number)
    # the old SAs are gone, so what an unprotected host sends is all that is left
    for host in (env.alice, env.bob):
        host.ip("xfrm policy flush", "xfrm state flush")
    ksft_eq(tag_of(sock, bob, env.bob), L.LATCH_TAG_CLEAR)
    ksft_eq(tag_info(sock, L.LATCH_TAG_CLEAR).protection, 0)
    is_peer(sock, first, "bob")


WAYS = [{"way": w} for w in ("recvmsg", "recvmmsg", "io_uring")]
RECEIVE = {"recvmsg": recvmsg, "recvmmsg": recvmmsg, "io_uring": uring_recvmsg}


@case("2.4-3_tag_by_{way}", WAYS)
def by_way(env, way):
    """Each of the ways to receive a datagram gives the number with it."""
    bob, mallory = two_peers(env)
    sock = bound(bob, env.alice, tags=True)
    numbers = [tag_of(sock, i, h, receive=RECEIVE[way]) for i, h in ((bob, env.bob), (mallory, env.mallory))]
    is_peer(sock, numbers[0], "bob")
    is_peer(sock, numbers[1], "mallory")


@case("5.3-1_tag_of_an_unidentified_peer_{kind}_{mode}", MODES)
def unidentified(env, fam, mode, kind, mapped=False):
    """Its number is of its SA, and says that nobody knows the peer; a claim gives the next datagram the peer's."""
    bob, mallory = two_peers(env, fam, mode, identify=False)
    sock = bound(bob, env.alice, mapped, tags=True)
    numbers = [tag_of(sock, i, h) for i, h in ((bob, env.bob), (mallory, env.mallory))]
    ksft_eq(len(set(numbers)), 2)
    for number in numbers:
        ksft_eq(is_unknown(sock, number).chain[0]["encr"], 20)
    with Moves(env.alice, LatchTags=1, LatchPeers=2, LatchBindings=1):
        bob.identify([env.alice])
        named = tag_of(sock, bob, env.bob)
    is_peer(sock, named, "bob")
    is_unknown(sock, numbers[0])


@case("2-6_tag_of_an_ambiguous_sa_is_unknown")
def ambiguous(env):
    """An SA that is claimed for two peers is nobody's: the number says no more than that, and is counted."""
    bob, _ = two_peers(env)
    sock = bound(bob, env.alice, tags=True)
    number = tag_of(sock, bob, env.bob)
    is_peer(sock, number, "bob")
    env.alice.bind("mallory", "alice", reqid=1)
    with Moves(env.alice, LatchTagUnknown=2):
        for _ in range(2):
            ksft_eq(tag_of(sock, bob, env.bob), L.LATCH_TAG_UNKNOWN)
    got = is_unknown(sock, L.LATCH_TAG_UNKNOWN)
    ksft_eq((got.n_transforms, got.protection), (0, 0))
    env.alice.unbind("mallory", "alice", reqid=1)
    with Moves(env.alice):
        ksft_eq(tag_of(sock, bob, env.bob), number)


@case("5.3-1_tag_of_a_bundle_{bundle}", [{"bundle": b, "suite": s} for b, s in (("ah_esp", ["gcm128", "ah"]), ("ah", "ah"))])
def bundle(env, suite, bundle):
    """All transformations are told, and the number is not that of one of them alone."""
    ipsec = Ipsec(env.alice, env.bob, suite=suite).up().identify()
    sock = bound(ipsec, env.alice, tags=True)
    with Moves(env.alice, LatchTags=1):
        number = tag_of(sock, ipsec, env.bob)
        ksft_eq([tag_of(sock, ipsec, env.bob) for _ in range(3)], [number] * 3)
    chain = tag_info(sock, number).chain
    ksft_eq([t["proto"] for t in chain], [50, 51] if bundle == "ah_esp" else [51])
    if bundle == "ah_esp":
        # without AH the same SA is another protection
        for host in (env.bob, env.alice):
            host.ip("xfrm policy flush")
        alone = Ipsec(env.alice, env.bob)
        env.bob.ip(alone.policy(env.bob, "out"))
        ksft_true(tag_of(sock, ipsec, env.bob) not in (number, L.LATCH_TAG_CLEAR, L.LATCH_TAG_UNKNOWN))


@case("5.3-1_tag_of_esp_in_udp_{mode}", [{"mode": m} for m in ("transport", "tunnel")])
def natt(env, mode):
    """ESP in UDP is told as the same protection."""
    for host in (env.alice, env.bob):
        encap = host.socket(socket.AF_INET, socket.SOCK_DGRAM)
        encap.bind(("0.0.0.0", 4500))
        encap.setsockopt(socket.IPPROTO_UDP, 100, 2)
    narrow = "proto udp sport 4000" if mode == "transport" else ""
    ipsec = Ipsec(env.alice, env.bob, mode=mode, extra="encap espinudp 4500 4500 0.0.0.0")
    ipsec.up().identify()
    if narrow:
        # the encapsulation's own datagrams must not need protection
        for host in (env.alice, env.bob):
            host.ip("xfrm policy flush")
        ipsec.narrow = narrow
        env.bob.ip(ipsec.policy(env.bob, "out"))
        env.alice.ip(ipsec.policy(env.alice, "in"))
    sock = bound(ipsec, env.alice, tags=True)
    with env.bob.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind((ipsec.addr(env.bob), 4000))
        sender.sendto(b"hello", to(sock))
        data, number = recvmsg(sock)
    ksft_eq(data, b"hello")
    is_peer(sock, number, "bob")


@case("5.3-1_tag_of_fragments_{where}_{fam}", [{**f, "where": w} for f in FAMS for w in ("outside", "inside")])
def fragmented(env, fam, where):
    """A datagram that needs fragments, of ESP or under it, has the number of the others once these are kept apart."""
    mode = "transport" if where == "outside" else "tunnel"
    ipsec = Ipsec(env.alice, env.bob, fam=fam, mode=mode).up().identify()
    sock = bound(ipsec, env.alice, tags=True)
    number = tag_of(sock, ipsec, env.bob)
    wait(lambda: tag_of(sock, ipsec, env.bob, bytes(1900)) == number, "the number of a datagram in fragments")
    with Moves(env.alice):
        ksft_eq(tag_of(sock, ipsec, env.bob, bytes(1900)), number)
    is_peer(sock, number, "bob")


# --- whose mark it is ------------------------------------------------------------------
MARK = """
table inet t {
	chain c {
		type filter hook prerouting priority mangle;
		meta l4proto udp meta mark set 0x5660
	}
}
"""


@case("5.3-1_tag_replaces_a_mark_only_where_it_is_asked_for_{fam}", FAMS)
def marks(env, fam):
    """What an administrator's rule wrote is what another socket gets, and never passes for a tag."""
    bob, mallory = two_peers(env, fam)
    sock, other = bound(bob, env.alice, tags=True), bound(bob, env.alice)
    other.setsockopt(socket.SOL_SOCKET, 75, 1)  # SO_RCVMARK
    with ruleset(env.alice, MARK):
        is_peer(sock, tag_of(sock, bob, env.bob), "bob")
        ksft_eq(tag_of(other, bob, env.bob), 0x5660)
        is_peer(sock, tag_of(sock, mallory, env.mallory), "mallory")
        for host in (env.alice, env.bob):
            host.ip("xfrm policy flush", "xfrm state flush")
        ksft_eq(tag_of(sock, bob, env.bob), L.LATCH_TAG_CLEAR)


@case("5.3-1_tag_of_a_datagram_to_a_group")
def to_a_group(env):
    """Two sockets get one multicast datagram: the tag is for the one that asked."""
    group, port = "239.1.2.3", 5660
    socks = []
    for tags in (True, False):
        sock = env.alice.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.settimeout(10 * SLOW)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if tags:
            ask_for_tags(sock)
        else:
            sock.setsockopt(socket.SOL_SOCKET, 75, 1)
        sock.bind(("", port))
        member = socket.inet_aton(group) + socket.inet_aton(env.alice.addr(4))
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
        socks.append(sock)
    with ruleset(env.alice, MARK):
        packet = forge.ip(env.bob.addr(4), group, socket.IPPROTO_UDP, forge.udp(env.bob.addr(4), group, 9, port, b"all"))
        env.bob.frame(bytes.fromhex("01005e010203"), 0x0800, packet)
        ksft_eq([recvmsg(sock) for sock in socks], [(b"all", L.LATCH_TAG_CLEAR), (b"all", 0x5660)])


@case("5.3-1_tag_beside_a_policy_with_a_mark_{fam}", FAMS)
def policy_mark(env, fam):
    """The kernel's own policy check goes by the mark that the rule wrote, not by the number."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam, mode="tunnel").up().identify()
    env.alice.ip(ipsec.policy(env.alice, "in", "delete"))
    env.alice.ip(ipsec.policy(env.alice, "in").replace(" priority", " mark 0x5660 mask 0xffff priority"))
    sock = bound(ipsec, env.alice, tags=True)
    with ruleset(env.alice, MARK), Moves(env.alice, LatchTags=1):
        number = tag_of(sock, ipsec, env.bob)
    is_peer(sock, number, "bob")
    with Moves(env.alice, XfrmInNoPols=1), bound(ipsec, env.bob) as sender:
        sender.sendto(b"without the mark", to(sock))
    no_datagram(sock)


# --- how many there are, and for how long ---------------------------------------------
@case("5.3-1_tags_are_bounded")
def limited(env):
    """Beyond net.latch.max_tags a datagram says that nothing is known; a number is never given again."""
    bob, mallory = two_peers(env)
    sock = bound(bob, env.alice, tags=True)
    env.alice.sysctl("max_tags", 1)
    first = tag_of(sock, bob, env.bob)
    with Moves(env.alice, LatchTagUnknown=3):
        ksft_eq([tag_of(sock, mallory, env.mallory) for _ in range(3)], [L.LATCH_TAG_UNKNOWN] * 3)
    ksft_eq(tag_of(sock, bob, env.bob), first)
    # a tag whose SAs are gone gives way
    env.alice.ip(*[sa.delete() for sa in bob.sas])
    is_peer(sock, first, "bob")
    with Moves(env.alice):
        second = tag_of(sock, mallory, env.mallory)
    is_peer(sock, second, "mallory")
    ksft_eq(get_error(sock, L.IP_LATCH_TAG_INFO, first), errno.ENOENT)
    # and comes back under another number
    env.alice.ip(*[sa.delete() for sa in mallory.sas], *[sa.add() for sa in bob.sas])
    third = tag_of(sock, bob, env.bob)
    is_peer(sock, third, "bob")
    ksft_eq(len({first, second, third}), 3)


@case("5.3-1_tags_go_with_the_last_socket_that_asked")
def end_of_tags(env):
    """Without SAs and sockets nothing of them is left; the socket's latch goes with it."""
    bob, mallory = two_peers(env)
    with Moves(env.alice, may=["LatchActive"]):
        socks = [bound(bob, env.alice, tags=True) for _ in range(2)]
        numbers = [tag_of(socks[0], i, h) for i, h in ((bob, env.bob), (mallory, env.mallory))]
        env.alice.ip(*[sa.delete() for sa in bob.sas])
        ksft_eq(env.alice.stat()["LatchTags"], 2)
        is_peer(socks[1], numbers[0], "bob")
        socks[0].close()
        ksft_eq(env.alice.stat()["LatchTags"], 2)
        ask_for_tags(socks[1], 0)
        # the kernel destroys the first socket a moment after close()
        wait(lambda: env.alice.stat()["LatchTags"] == 1, "the tag of no SA to go")
        env.alice.ip(*[sa.delete() for sa in mallory.sas])
        socks[1].close()
        wait(lambda: env.alice.stat()["LatchLatches"] == 0, "the latches to go")


@case("5.3-1_tags_of_a_connected_socket_{fam}", FAMS)
def connected(env, fam):
    """A connected socket is latched as ever, and its datagrams have the peer's number (5.2-1)."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam, level="use").up().identify()
    flow = ipsec.udp(before=ask_for_tags)
    is_state(flow.a, "ESTABLISHED", "NONE", [])
    flow.b.send(b"hello")
    data, number = recvmsg(flow.a)
    ksft_eq(data, b"hello")
    is_peer(flow.a, number, "bob")
    # what does not fit the latch is dropped, whatever its tag
    with Moves(env.alice, LatchInClear=1):
        env.mallory.frame(env.alice.mac, *forge.into(flow, data=b"forged"))
    no_datagram(flow.a)


# --- to whom it may go -------------------------------------------------------------------
def send_to(sock, number, addr, data=b"answer"):
    """errno of a datagram that may go to the peer of this number only."""
    try:
        sock.sendmsg([data], [(socket.SOL_SOCKET, SCM_TXTIME, struct.pack("=Q", number))], 0, addr)
    except OSError as e:
        return e.errno
    return 0


@case("5.3-1_tag_given_on_send_{kind}_{mode}", MODES)
def given_on_send(env, fam, mode, kind, mapped=False):
    """A datagram that names a tag leaves for that peer under that protection, or sendmsg() fails and nothing leaves."""
    bob, mallory = two_peers(env, fam, mode)
    sock = bound(bob, env.alice, mapped, tags=True)
    here = bound(bob, env.bob)
    where = (("::ffff:" if mapped else "") + to(here)[0], to(here)[1])
    numbers = [tag_of(sock, i, h) for i, h in ((bob, env.bob), (mallory, env.mallory))]
    with Moves(env.alice):
        ksft_eq(send_to(sock, numbers[0], where), 0)
        ksft_eq(here.recv(100), b"answer")
    env.wire.restart()
    with Moves(env.alice, LatchOutPeer=1):
        ksft_eq(send_to(sock, numbers[1], where), errno.EKEYREJECTED)
    with Moves(env.alice, LatchOutUnidentified=3):
        for wrong in (max(numbers) + 1, L.LATCH_TAG_UNKNOWN, numbers[0] | 1 << 32):
            ksft_eq(send_to(sock, wrong, where), errno.EKEYREJECTED)
    # without a number it goes wherever policy has it go
    ksft_eq(send_to(sock, L.LATCH_TAG_CLEAR, where, b"to anybody"), 0)
    ksft_eq(here.recv(100), b"to anybody")
    env.alice.ip("xfrm policy flush")
    with Moves(env.alice, LatchOutClear=1):
        ksft_eq(send_to(sock, numbers[0], where), errno.ENOKEY)
    no_datagram(here)
    ksft_eq(env.wire.protected(), 1)


@case("5.3-1_tag_of_an_unidentified_peer_given_on_send")
def unidentified_on_send(env):
    """Which SA leads back to it nobody can tell, so nothing is sent."""
    bob, _ = two_peers(env, identify=False)
    sock = bound(bob, env.alice, tags=True)
    number = tag_of(sock, bob, env.bob)
    with Moves(env.alice, LatchOutUnidentified=1):
        ksft_eq(send_to(sock, number, to(bound(bob, env.bob))), errno.EKEYREJECTED)


@case("5.3-1_tag_given_on_send_under_less_protection")
def weaker_on_send(env):
    """The peer is the one that is named, what protects the datagram is not."""
    ipsec = Ipsec(env.alice, env.bob).up().identify()
    sock, here = bound(ipsec, env.alice, tags=True), bound(ipsec, env.bob)
    number = tag_of(sock, ipsec, env.bob)
    for host in (env.alice, env.bob):
        host.ip("xfrm state flush")
    ipsec.suites = ["null"]
    ipsec.sas = ipsec.new_sas()
    for host in (env.alice, env.bob):
        host.ip(*[sa.add() for sa in ipsec.sas])
    with Moves(env.alice, at_least=["LatchOutEncr"]):
        ksft_eq(send_to(sock, number, to(here)), errno.EKEYREJECTED)
    no_datagram(here)
    new = tag_of(sock, ipsec, env.bob)
    ksft_eq(tag_info(sock, new).protection, L.LATCH_PROT_INTEG | L.LATCH_PROT_REPLAY)
    ksft_eq(send_to(sock, new, to(here)), 0)
    ksft_eq(here.recv(100), b"answer")


@case("5.3-1_tag_given_on_send_of_a_socket_{which}", [{"which": w} for w in ("connected", "exempt")])
def given_by_others(env, which):
    """A latched socket, and one that is never latched, may name a tag too."""
    bob, mallory = two_peers(env)
    sock = bound(bob, env.alice, tags=True)
    here = bound(bob, env.bob)
    numbers = [tag_of(sock, i, h) for i, h in ((bob, env.bob), (mallory, env.mallory))]
    if which == "connected":
        sock.connect(to(here))
        sock.send(b"first")
        is_state(sock, "ESTABLISHED")
    else:
        ask(sock, mode=L.LATCH_MODE_OFF)
        sock.sendto(b"first", to(here))
    ksft_eq(here.recv(100), b"first")
    with Moves(env.alice, LatchOutPeer=1):
        ksft_eq(send_to(sock, numbers[0], to(here)), 0)
        ksft_eq(here.recv(100), b"answer")
        ksft_eq(send_to(sock, numbers[1], to(here)), errno.EKEYREJECTED)
    no_datagram(here)


@case("5.3-1_times_to_send_are_no_tags")
def times_to_send(env):
    """On a socket with SO_TXTIME the control message is a time, as ever."""
    ipsec = Ipsec(env.alice, env.bob).up().identify()
    sock, here = bound(ipsec, env.alice, tags=True), bound(ipsec, env.bob)
    sock.setsockopt(socket.SOL_SOCKET, SCM_TXTIME, struct.pack("=iI", 1, 0))  # CLOCK_MONOTONIC
    with Moves(env.alice):
        ksft_eq(send_to(sock, 1, to(here)), 0)
        ksft_eq(here.recv(100), b"answer")
    ask_for_tags(sock, 0)
    ksft_eq(send_to(sock, 1, to(here)), 0)
    # and none where nobody asked for anything
    ksft_eq(send_to(bound(ipsec, env.alice), 1, to(here)), errno.EINVAL)


# --- the option ------------------------------------------------------------------------
@case("5.3-1_tag_option_on_and_off_{kind}", KINDS)
def on_and_off(env, kind, fam, mapped=False):
    """It reads back, can be set twice, and switched off: then no number comes."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up().identify()
    sock = bound(ipsec, env.alice, mapped)
    ksft_eq(sock.getsockopt(level_of(sock), L.IP_LATCH_TAG), 0)
    for value, with_number in ((1, True), (1, True), (0, False), (0, False), (1, True)):
        ask_for_tags(sock, value)
        ksft_eq(sock.getsockopt(level_of(sock), L.IP_LATCH_TAG), value)
        ksft_eq(tag_of(sock, ipsec, env.bob) is not None, with_number)
        ksft_eq(get_error(sock, L.IP_LATCH_TAG_INFO, 0), 0 if value else errno.ENOTCONN)


@case("5.3-1_tag_option_is_refused")
def refused(env):
    """Wrong socket, size, value, number: an errno each, and nothing changes."""
    ipsec = Ipsec(env.alice, env.bob).up().identify()
    one = struct.pack("=i", 1)
    tcp, sock = env.alice.socket(), bound(ipsec, env.alice)
    with Moves(env.alice):
        ksft_eq(set_raw(tcp, one, option=L.IP_LATCH_TAG), errno.EOPNOTSUPP)
        for option in (L.IP_LATCH_TAG, L.IP_LATCH_TAG_INFO, L.IP_LATCH_TAG_PEER_ID):
            ksft_eq(get_raw(tcp, option, 256)[0], errno.EOPNOTSUPP)
            ksft_eq(get_raw(sock, option, 3)[0], errno.EINVAL)
        for data in (b"", b"\1\0\0", one + b"\0", struct.pack("=i", 2), struct.pack("=i", -1)):
            ksft_eq(set_raw(sock, data, option=L.IP_LATCH_TAG), errno.EINVAL)
        for option in (L.IP_LATCH_TAG_INFO, L.IP_LATCH_TAG_PEER_ID):
            ksft_eq(set_raw(sock, one, option=option), errno.ENOPROTOOPT)
            ksft_eq(get_raw(sock, option, 256)[0], errno.ENOTCONN)
    ask_for_tags(sock)
    number = tag_of(sock, ipsec, env.bob)
    for wrong in (number + 1, number - 1 or 77, 2**31):
        ksft_eq(get_error(sock, L.IP_LATCH_TAG_INFO, wrong), errno.ENOENT)
        ksft_eq(get_error(sock, L.IP_LATCH_TAG_PEER_ID, wrong), errno.ENOENT)
    ksft_eq(get_error(sock, L.IP_LATCH_TAG_PEER_ID, 0), errno.ENODATA)
    is_peer(sock, number, "bob")


@case("5.3-1_tag_option_on_a_socket_with_unread_datagrams")
def unread(env):
    """What came before has no tag, perhaps a mark: the option is refused until it is read."""
    ipsec = Ipsec(env.alice, env.bob).up().identify()
    sock = bound(ipsec, env.alice)
    with bound(ipsec, env.bob) as sender:
        sender.sendto(b"early", to(sock))
        wait(lambda: sock.recv(10, socket.MSG_PEEK), "the datagram")
    with contextlib.suppress(OSError):
        ask_for_tags(sock)
        ksft_true(False, "the option was taken")
    ksft_eq(sock.recvmsg(10, 64)[:2], (b"early", []))
    ask_for_tags(sock)
    is_peer(sock, tag_of(sock, ipsec, env.bob), "bob")


@case("5.3-1_tags_need_no_privilege")
def unprivileged(env):
    """Any user may ask who sends to its socket."""
    ipsec = Ipsec(env.alice, env.bob).up().identify()
    sender = bound(ipsec, env.bob)

    def attempt():
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.settimeout(10 * SLOW)
        ask_for_tags(sock)
        sock.bind((ipsec.addr(env.alice), 0))
        sender.sendto(b"hello", sock.getsockname())
        return tag_peer(sock, recvmsg(sock)[1])

    ksft_eq(as_nobody(env.alice, attempt), b"bob")


@case("5.3-1_socket_with_tags_keeps_its_latch")
def not_released(env):
    """An administrator cannot let it go without: what a rule wrote would pass for a tag."""
    ipsec = Ipsec(env.alice, env.bob).up().identify()
    sock = bound(ipsec, env.alice, tags=True)
    number = next(iter(env.alice.conns()))
    ksft_eq(env.alice.nl.error("conn-release", id=number)[0], "EBUSY")
    ksft_eq(env.alice.nl.error("conn-release")[0], "EBUSY")
    is_peer(sock, tag_of(sock, ipsec, env.bob), "bob")
    ask_for_tags(sock, 0)
    with Moves(env.alice, LatchLatches=-1, may=["LatchActive"]):
        ksft_eq(env.alice.nl.error("conn-release", id=number)[0], "0")


# --- what else the socket is told ------------------------------------------------------
@case("6.5-1_socket_with_tags_hears_of_icmp_errors_{fam}", FAMS)
def icmp_errors(env, fam):
    """Port unreachable: a connected socket gets ECONNREFUSED, one that asked has it in its error queue."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam)
    level, recverr = (socket.IPPROTO_IP, 11) if fam == 4 else (socket.IPPROTO_IPV6, 25)
    closed = bound(ipsec, env.bob)
    where = closed.getsockname()[:2]
    closed.close()
    sock = bound(ipsec, env.alice, tags=True)
    sock.connect(where)
    sock.send(b"to nobody")
    ksft_eq(error_of(sock), errno.ECONNREFUSED)
    sock = bound(ipsec, env.alice, tags=True)
    sock.setsockopt(level, recverr, 1)
    sock.sendto(b"to nobody", where)
    ksft_eq(error_of(sock), errno.ECONNREFUSED)
    data, ancillary, _, addr = sock.recvmsg(100, 512, socket.MSG_ERRQUEUE)
    ksft_eq((data, addr[:2], ancillary[0][:2]), (b"to nobody", where, (level, recverr)))
    err, origin, kind, code = struct.unpack_from("=IBBB", ancillary[0][2])
    ksft_eq((err, origin, kind, code), (errno.ECONNREFUSED, *((2, 3, 3) if fam == 4 else (3, 1, 4))))
    # one that did not ask, and is not connected, hears nothing
    sock = bound(ipsec, env.alice, tags=True)
    sock.sendto(b"to nobody", where)
    sock.sendto(b"to nobody", where)
    no_datagram(sock)


# --- servers ---------------------------------------------------------------------------
@case("2.4-3_server_of_names_{fam}", FAMS)
def server_of_names(env, fam):
    """A DNS-like server tells some names to bob only; his client takes no answer but alice's."""
    bob, mallory = two_peers(env, fam)
    server = bound(bob, env.alice, tags=True)
    names = Names(server)
    zone = {b"public": (b"192.0.2.1", None), b"internal": (b"10.0.0.1", (b"bob",))}
    for ipsec, host, name, answer in (
        (bob, env.bob, b"internal", b"10.0.0.1"),
        (bob, env.bob, b"public", b"192.0.2.1"),
        (mallory, env.mallory, b"internal", b"refused"),
        (mallory, env.mallory, b"public", b"192.0.2.1"),
        (mallory, env.mallory, b"nonsense", b"no such name"),
    ):
        client = bound(ipsec, host, tags=True)
        got = []
        asked = beside(lambda c=client, n=name, g=got: g.append(dns_ask(c, to(server), n, b"alice")))
        ksft_eq(dns_answer(server, names, zone), host.name.encode())
        asked.join(10 * SLOW)
        ksft_eq(got, [answer])


def beside(func):
    """Run func() beside the rest; it needs no namespace of its own."""
    thread = threading.Thread(target=func)
    thread.start()
    return thread


@case("2.4-3_server_of_many_peers", limit=300)
def server_of_many(env):
    """A QUIC-like server has a thousand peers on one socket: each connection is its own peer's, at no cost in locks or tags."""
    number = times(1000)
    addrs = [f"10.7.{n // 250}.{n % 250 + 1}" for n in range(number)]
    server_addr = env.alice.addr(4)
    sas = [SA(a, server_addr, 0x70000 + n, reqid=1000 + n) for n, a in enumerate(addrs)]
    policy = f"xfrm policy add src 10.7.0.0/16 dst {server_addr} dir {{}} tmpl proto esp mode transport"
    env.bob.ip(*[f"addr add {a}/32 dev lo" for a in addrs], policy.format("out"))
    # a template without reqid takes SAs without one
    env.bob.ip(*[sa.but(reqid=0).add() for sa in sas])
    env.alice.ip(f"route add 10.7.0.0/16 via {env.bob.addr(4)} dev eth0", policy.format("in"), *[sa.add() for sa in sas])
    try:
        for n in range(number):
            env.alice.bind(f"peer{n}", reqid=1000 + n)
        sock = env.alice.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.settimeout(10 * SLOW)
        ask_for_tags(sock)
        sock.bind((server_addr, 443))
        server = QuicServer(sock)
        clients = []
        for a in addrs:
            client = env.bob.socket(socket.AF_INET, socket.SOCK_DGRAM)
            client.settimeout(10 * SLOW)
            client.bind((a, 0))
            clients.append(client)
        for turn in (1, 2):
            with Moves(env.alice, LatchTags=number if turn == 1 else 0):
                for n, client in enumerate(clients):
                    client.sendto(struct.pack(">Q", n) + b"ten  bytes", (server_addr, 443))
                    server.serve()
                    ksft_eq(client.recv(100), struct.pack(">QI", n, 10 * turn))
        ksft_eq([server.connections[struct.pack(">Q", n)][0] for n in range(number)], [b"peer%d" % n for n in range(number)])
        # another peer's datagram is of nobody's connection
        clients[1].sendto(struct.pack(">Q", 0) + b"stolen", (server_addr, 443))
        server.serve()
        ksft_eq((server.refused, server.connections[bytes(8)][1]), (1, 20))
    finally:
        env.bob.ip("addr flush dev lo to 10.7.0.0/16", fail=False)
        env.alice.ip(f"route del 10.7.0.0/16 via {env.bob.addr(4)} dev eth0", fail=False)


if __name__ == "__main__":
    runner.main()
