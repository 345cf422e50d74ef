#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""What an application can demand, and what happens when it is not met.

RFC 5660 2-8, 2-9, 2-16, 2.3-1, 2.3-3 to 2.3-5, 2.3-15, 2.3-16, 3.1-1.
"""

import errno
import socket
import struct

import forge
import runner
from expect import Moves, is_state, one_more_latch
from flow import FLOWS, error_of
from ipsec import SA, Ipsec
from ktap import case, ksft_eq, ksft_true, wait
from latchapi import L, ask, info, latch_id
from netns import INET
from wire import ip_proto

HOSTS = ("alice", "bob", "mallory")
FAMS = [{"fam": 4}, {"fam": 6}]


def connect_errno(sock, addr):
    """What a blocking connect() says."""
    # not settimeout(): that is a non-blocking connect() and SO_ERROR, after which
    # the next connect() says ECONNABORTED once, whatever the error was
    sock.setblocking(True)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", 10, 0))
    try:
        sock.connect(addr)
    except OSError as e:
        return errno.errorcode.get(e.errno, str(e))
    return "0"


def frames_of(env, *ports):
    """Frames of TCP or UDP in clear between these ports since the restart of the capture."""
    env.wire.sync()
    count = 0
    for frame, _ in env.wire.frames:
        proto, start = ip_proto(frame)
        count += proto in (6, 17) and bool(set(struct.unpack_from(">HH", frame, start)) & set(ports))
    return count


class KeyManager:
    """Hears the kernel ask for SAs, so that a packet without one waits instead of failing."""

    def __init__(self, host):
        with host:
            self.sock = host.owns(socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 6))
            self.sock.bind((0, 1))  # XFRMNLGRP_ACQUIRE
        self.sock.setblocking(False)

    def asked(self):
        try:
            return len(self.sock.recv(65536)) > 0
        except BlockingIOError:
            return False


# --- connect() --------------------------------------------------------------------
@case("2-8_require_connect_without_protection_tcp{fam}", FAMS)
def connect_clear(env, fam):
    """connect() whose SYN would leave in clear: ENOKEY, and not a frame on the link."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam)
    listener = ipsec.listen()
    sock = env.alice.socket(INET[fam])
    ask(sock, mode=L.LATCH_MODE_REQUIRE)
    env.wire.restart()
    ksft_eq(connect_errno(sock, listener.getsockname()[:2]), "ENOKEY")
    ksft_eq(frames_of(env, listener.getsockname()[1]), 0)
    ksft_eq(env.alice.stat()["LatchOutLarval"] >= 1, True)


@case("2-8_require_connect_after_a_refusal_tcp{fam}", FAMS)
def connect_again(env, fam):
    """The refused socket keeps its demand and connects when there is protection."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam)
    listener = ipsec.listen()
    sock = env.alice.socket(INET[fam])
    ask(sock, mode=L.LATCH_MODE_REQUIRE)
    ksft_eq(connect_errno(sock, listener.getsockname()[:2]), "ENOKEY")
    ipsec.up()
    ksft_eq(connect_errno(sock, listener.getsockname()[:2]), "0")
    got = is_state(sock, "ESTABLISHED")
    ksft_eq((got.mode, got.flags & L.LATCH_F_AUTO), (L.LATCH_MODE_REQUIRE, 0))


@case("2.3-4_require_connect_asks_for_sas_tcp{fam}", FAMS)
def connect_acquires(env, fam):
    """Policy, but no SA yet: an ACQUIRE goes out, no packet does; the SAs' arrival ends the wait (2.3-5)."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam)
    manager = KeyManager(env.alice)
    for host in (env.alice, env.bob):
        host.ip(*ipsec.policies(host))
    listener = ipsec.listen()
    sock = env.alice.socket(INET[fam])
    ask(sock, mode=L.LATCH_MODE_REQUIRE)
    env.wire.restart()
    sock.setblocking(False)
    ksft_eq(sock.connect_ex(listener.getsockname()[:2]), errno.EINPROGRESS)
    wait(manager.asked, "an ACQUIRE")
    is_state(sock, "LARVAL")
    ksft_eq(frames_of(env, listener.getsockname()[1]), 0)
    ipsec.sas = ipsec.new_sas()
    for host in (env.bob, env.alice):
        host.ip(*[sa.add() for sa in ipsec.sas])
    wait(lambda: info(sock).state_name == "ESTABLISHED", "the latch")
    child = env.bob.owns(listener.accept()[0])
    sock.send(b"hello")
    ksft_eq(child.recv(10), b"hello")
    ksft_eq(frames_of(env, listener.getsockname()[1]), 0)


@case("2-8_require_connect_with_protection_{flow}", FLOWS)
def connect_protected(env, proto, fam):
    """With protection a demand changes nothing but what the option says of it."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up()
    flow = ipsec.flow(proto, before=lambda sock: ask(sock, mode=L.LATCH_MODE_REQUIRE))
    flow.exchange()
    got = is_state(flow.a, "ESTABLISHED")
    ksft_eq((got.mode, got.flags), (L.LATCH_MODE_REQUIRE, 0))


# What is demanded, under AES-GCM-128 in transport mode from bob to alice.
GCM, CBC = {"encr": 20}, {"encr": 12}
DEMANDS = [
    {"what": "peer_id", "fields": {"peer_id": "bob"}, "met": True},
    {"what": "other_peer_id", "fields": {"peer_id": "mallory"}, "met": False},
    {"what": "peer_id_of_other_type", "fields": {"peer_id": latch_id(L.LATCH_ID_KEYID, b"bob")}, "met": False},
    {"what": "local_id", "fields": {"local_id": "alice"}, "met": True},
    {"what": "other_local_id", "fields": {"local_id": "alice2"}, "met": False},
    {"what": "confidentiality", "fields": {"protection": L.LATCH_PROT_CONF}, "met": True},
    {"what": "confidentiality_of_ah", "fields": {"protection": L.LATCH_PROT_CONF}, "met": False, "suite": "ah"},
    {"what": "confidentiality_of_null", "fields": {"protection": L.LATCH_PROT_CONF}, "met": False, "suite": "null"},
    {"what": "integrity_of_ah", "fields": {"protection": L.LATCH_PROT_INTEG}, "met": True, "suite": "ah"},
    {"what": "transport", "fields": {"encap": L.LATCH_ENCAP_TRANSPORT}, "met": True},
    {"what": "tunnel", "fields": {"encap": L.LATCH_ENCAP_TUNNEL}, "met": False},
    {"what": "key_128", "fields": {"min_key_bits": 128}, "met": True},
    {"what": "key_129", "fields": {"min_key_bits": 129}, "met": False},
    {"what": "key_256_of_ah", "fields": {"min_key_bits": 256}, "met": True, "suite": "ah"},
    {"what": "suite", "fields": {"suites": [CBC, GCM]}, "met": True},
    {"what": "other_suite", "fields": {"suites": [CBC]}, "met": False},
    {"what": "suite_of_longer_key", "fields": {"suites": [{"encr": 20, "encr_bits": 256}]}, "met": False},
    {"what": "two_things_one_met", "fields": {"peer_id": "bob", "min_key_bits": 256}, "met": False},
]
MODES = [{**d, "mode": m} for d in DEMANDS for m in ("require", "auto")]


@case("2.3-3_{mode}_demand_{what}", MODES)
def demand(env, fields, met, mode, suite="gcm128"):
    """A demand that the SA does not meet: EKEYREJECTED; one that it meets: latched."""
    ipsec = Ipsec(env.alice, env.bob, suite=suite).up().identify()
    listener = ipsec.listen()
    sock = env.alice.socket()
    ask(sock, mode=L.LATCH_MODE_REQUIRE if mode == "require" else L.LATCH_MODE_AUTO, **fields)
    env.wire.restart()
    ksft_eq(connect_errno(sock, listener.getsockname()), "0" if met else "EKEYREJECTED")
    if met:
        is_state(sock, "ESTABLISHED", "NONE", [])
    else:
        ksft_eq((frames_of(env, listener.getsockname()[1]), env.wire.protected()), (0, 0))


@case("2.3-3_demand_by_record_number_{what}", [{"what": "met", "peer": "bob"}, {"what": "not_met", "peer": "mallory"}])
def demand_by_number(env, peer):
    """The peer may be named by its record."""
    ipsec = Ipsec(env.alice, env.bob).up().identify()
    sock = env.alice.socket()
    ask(sock, mode=L.LATCH_MODE_REQUIRE, peer=env.alice.peer(peer))
    error = connect_errno(sock, ipsec.listen().getsockname())
    ksft_eq(error, "0" if peer == "bob" else "EKEYREJECTED")


WANTED = {"id_type": L.LATCH_ID_FQDN, "id_value": b"bob", "auth": L.LATCH_AUTH_SIGNATURE}
RECORDS = [
    {"what": "renewed_certificate", "parts": {"cert": b"2", "anchor": b"ca"}, "met": True},
    {"what": "other_anchor", "parts": {"cert": b"1", "anchor": b"ca2"}, "met": False},
    {"what": "no_anchor", "parts": {"cert": b"1"}, "met": False},
    {"what": "shared_secret", "parts": {"cert": b"1", "anchor": b"ca", "auth": L.LATCH_AUTH_PSK}, "met": False},
]
RECORDS = [{**r, "by": by, "met": r["met"] or by == "name"} for r in RECORDS for by in ("record", "name")]


@case("2.3-3_demand_by_{by}_{what}", RECORDS)
def demand_by_record(env, by, parts, met):
    """A record is wanted with its anchor and its kind of proof, a name whoever certifies it, in any case."""
    ipsec = Ipsec(env.alice, env.bob).up()
    wanted = env.alice.nl.do("peer-new", **WANTED, cert=b"1", anchor=b"ca")["id"]
    env.alice.nl.do("binding-new", reqid=1, peer=env.alice.nl.do("peer-new", **{**WANTED, **parts})["id"])
    sock = env.alice.socket()
    ask(sock, mode=L.LATCH_MODE_REQUIRE, **({"peer": wanted} if by == "record" else {"peer_id": "BOB"}))
    ksft_eq(connect_errno(sock, ipsec.listen().getsockname()), "0" if met else "EKEYREJECTED")


@case("2.3-3_peer_demanded_of_unidentified_sa")
def demand_unidentified(env):
    """Who is not known is not the one who was demanded."""
    ipsec = Ipsec(env.alice, env.bob).up()
    sock = env.alice.socket()
    ask(sock, peer_id="bob")
    ksft_eq(connect_errno(sock, ipsec.listen().getsockname()), "EKEYREJECTED")


@case("2-16_demand_is_replaced_before_connect")
def demand_replaced(env):
    """The last request before connect() counts, as a whole."""
    ipsec = Ipsec(env.alice, env.bob).up().identify()
    sock = env.alice.socket()
    ask(sock, mode=L.LATCH_MODE_REQUIRE, peer_id="mallory")
    ask(sock, mode=L.LATCH_MODE_REQUIRE, peer_id="bob")
    ksft_eq(connect_errno(sock, ipsec.listen().getsockname()), "0")


@case("2.2-6_demand_holds_for_every_later_sa")
def demand_later(env):
    """With a set of suites demanded, an SA outside the set breaks the latch."""
    ipsec = Ipsec(env.alice, env.bob).up().identify()
    flow = ipsec.tcp(before=lambda s: ask(s, min_key_bits=128, disposition=L.LATCH_DISP_WAIT, suites=[GCM]))
    sa = next(sa for sa in ipsec.new_sas() if sa.dst == env.alice.addr(4)).but(suite="cbc256")
    env.alice.ip(sa.add())
    is_state(flow.a, "BROKEN", "ENCR")


# --- UDP ------------------------------------------------------------------------------
@case("2-8_require_udp_without_protection_udp{fam}", FAMS)
def udp_clear(env, fam):
    """The datagram is not sent; the next call says ENOKEY."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam)
    flow = ipsec.udp(before=lambda sock: ask(sock, mode=L.LATCH_MODE_REQUIRE), carry=False)
    env.wire.restart()
    with Moves(env.alice, LatchOutLarval=1, LatchRefused=1, may=["LatchActive"]):
        flow.a.send(b"secret")
    ksft_eq(error_of(flow.a), errno.ENOKEY)
    ksft_eq(env.wire.clear(flow), (0, 0))
    ksft_true(flow.silent(flow.b))


@case("2-8_require_udp_other_peer_udp{fam}", FAMS)
def udp_rejected(env, fam):
    """Under the SA of another peer than demanded: EKEYREJECTED."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up().identify()
    flow = ipsec.udp(before=lambda s: ask(s, mode=L.LATCH_MODE_REQUIRE, peer_id="mallory"), carry=False)
    env.wire.restart()
    flow.a.send(b"secret")
    ksft_eq(error_of(flow.a), errno.EKEYREJECTED)
    ksft_eq((env.wire.clear(flow), env.wire.protected()), ((0, 0), 0))


@case("2-9_require_udp_takes_nothing_in_clear_udp{fam}", FAMS)
def udp_inbound(env, fam):
    """What comes in clear before the channel is there is not delivered."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam)
    flow = ipsec.udp(before=lambda sock: ask(sock, mode=L.LATCH_MODE_REQUIRE), carry=False)
    with Moves(env.alice, LatchInLarval=2):
        flow.b.send(b"one")
        flow.b.send(b"two")
    ksft_true(flow.silent(flow.a))
    ipsec.up()
    flow.b.send(b"three")
    ksft_eq(flow.a.recv(10), b"three")
    is_state(flow.a, "ESTABLISHED")


@case("2-9_require_unconnected_udp_takes_nothing_in_clear")
def udp_unconnected(env):
    """A demand on a socket without a peer holds from the moment it has one."""
    ipsec = Ipsec(env.alice, env.bob)
    flow = ipsec.udp(carry=False)
    sock = env.alice.socket(socket.AF_INET, socket.SOCK_DGRAM)
    ask(sock, mode=L.LATCH_MODE_REQUIRE)
    sock.bind((env.alice.addr(4), 0))
    sock.connect(flow.b.getsockname())
    flow.b.connect(sock.getsockname())
    with Moves(env.alice, LatchInLarval=1):
        flow.b.send(b"clear")
    sock.setblocking(False)
    ksft_true(flow.silent(sock))


# --- listeners ------------------------------------------------------------------------
def require_listener(ipsec, **fields):
    return ipsec.listen(before=lambda sock: ask(sock, mode=L.LATCH_MODE_REQUIRE, **fields))


@case("2-9_require_listener_never_answers_clear_syn_tcp{fam}", FAMS)
def listener_clear(env, fam):
    """A SYN in clear is dropped and counted; neither SYN-ACK nor RST comes back."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam)
    listener = require_listener(ipsec)
    port = listener.getsockname()[1]
    src, dst = env.mallory.addr(fam), env.bob.addr(fam)
    env.wire.restart()
    with Moves(env.bob, LatchInLarval=3):
        for sport in (1001, 1002, 1003):
            syn = forge.ip(src, dst, socket.IPPROTO_TCP, forge.tcp(src, dst, sport, port, 1, 0, forge.SYN))
            env.mallory.frame(env.bob.mac, forge.ETHERTYPE[fam], syn)
    ksft_eq(frames_of(env, port), 3, "the three SYNs are all there is")
    is_state(listener, "LISTENER")


@case("2-9_require_listener_takes_protected_syn_tcp{fam}", FAMS)
def listener_protected(env, fam):
    """The child of a demanding listener is latched, with the same demand."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up()
    listener = require_listener(ipsec, disposition=L.LATCH_DISP_WAIT)
    with Moves(env.bob, **one_more_latch()):
        flow = ipsec.tcp(listener=listener)
    got = is_state(flow.b, "ESTABLISHED")
    ksft_eq((got.mode, got.disposition, got.flags), (L.LATCH_MODE_REQUIRE, L.LATCH_DISP_WAIT, 0))
    flow.exchange()


LISTENER_DEMANDS = [d for d in DEMANDS if d["what"] in ("other_peer_id", "tunnel", "key_129", "other_suite")]
# at the listener's end the names are the other way round
LISTENER_DEMANDS += [{"what": "peer_id_met", "fields": {"peer_id": "alice", "local_id": "bob"}, "met": True}]


@case("2.3-15_listener_demand_{what}", LISTENER_DEMANDS)
def listener_demand(env, fields, met):
    """A SYN under an SA that does not meet the demand is not answered."""
    ipsec = Ipsec(env.alice, env.bob).up().identify()
    listener = require_listener(ipsec, **fields)
    if met:
        flow = ipsec.tcp(listener=listener)
        flow.exchange()
        is_state(flow.b, "ESTABLISHED")
        return
    reason = "Peer" if "peer_id" in fields else "Request"
    sock = env.alice.socket()
    sock.setblocking(False)
    with Moves(env.bob, at_least=[f"LatchIn{reason}", "LatchRefused"]):
        sock.connect_ex(listener.getsockname())
    ksft_eq(sock.getsockopt(socket.IPPROTO_TCP, 11, 1), b"\x02", "still SYN_SENT")
    is_state(listener, "LISTENER")


@case("2.3-15_syn_under_sa_of_other_peer_is_refused")
def listener_other_peer(env):
    """One peer is demanded, another one with its own SA knocks."""
    Ipsec(env.alice, env.bob).up().identify()
    ipsec = Ipsec(env.alice, env.bob)
    listener = require_listener(ipsec, peer_id="alice")
    src, dst, port = env.mallory.addr(4), env.bob.addr(4), listener.getsockname()[1]
    sa = SA(src, dst, 0x9901, "null", reqid=99)
    env.bob.bind("mallory", "bob", sa=sa)
    with Moves(env.bob, LatchInPeer=2, LatchRefused=2):
        env.bob.ip(sa.add())
        for seq in (1, 2):
            syn = forge.ip(src, dst, socket.IPPROTO_TCP, forge.tcp(src, dst, 1000 + seq, port, 1, 0, forge.SYN))
            env.mallory.frame(env.bob.mac, 0x0800, forge.protect(syn, sa.spi, seq))
    is_state(listener, "LISTENER")


@case("2.3-15_clear_child_of_ordinary_listener_says_so")
def ordinary_listener(env):
    """Where nothing is demanded a clear connection is accepted, and its option says NONE."""
    ipsec = Ipsec(env.alice, env.bob)
    Ipsec(env.alice, env.bob, narrow="proto udp").up()
    flow = ipsec.tcp()
    is_state(flow.b, "NONE", "NONE", [])


@case("5.1-1_embryo_of_the_first_sa_only_{what}", [
    {"what": "clear_ack", "protected": False, "reason": "Clear"},
    {"what": "ack_of_stranger", "protected": True, "reason": "Peer"},
])  # fmt: skip
def embryo(env, protected, reason):
    """After a protected SYN the rest of the handshake must come under a congruent SA."""
    ipsec = Ipsec(env.alice, env.bob, suite="null", level="use").up().identify()
    listener = ipsec.listen()
    src, dst = env.alice.addr(4), env.bob.addr(4)
    sport, dport = 1234, listener.getsockname()[1]
    inward = next(sa for sa in ipsec.sas if sa.dst == dst)
    stranger = SA(src, dst, 0x9901, "null", reqid=99)
    env.bob.bind("mallory", "bob", sa=stranger)
    env.bob.ip(stranger.add())
    # bob's answer shall not reach alice, whose kernel knows nothing of all this
    env.unplug(env.alice)
    syn = forge.ip(src, dst, socket.IPPROTO_TCP, forge.tcp(src, dst, sport, dport, 100, 0, forge.SYN))
    with Moves(env.bob, **one_more_latch()):
        env.mallory.frame(env.bob.mac, 0x0800, forge.protect(syn, inward.spi, 1))
    ack = forge.ip(src, dst, socket.IPPROTO_TCP, forge.tcp(src, dst, sport, dport, 101, 1, forge.ACK))
    with Moves(env.bob, **{f"LatchIn{reason}": 1}):
        env.mallory.frame(env.bob.mac, 0x0800, forge.protect(ack, stranger.spi, 1) if protected else ack)
    with Moves(env.bob, **{f"LatchIn{reason}": 1}):
        rst = forge.ip(src, dst, socket.IPPROTO_TCP, forge.tcp(src, dst, sport, dport, 101, 0, forge.RST))
        env.mallory.frame(env.bob.mac, 0x0800, forge.protect(rst, stranger.spi, 2) if protected else rst)
    # the right one ends the embryo
    rst = forge.ip(src, dst, socket.IPPROTO_TCP, forge.tcp(src, dst, sport, dport, 101, 0, forge.RST))
    env.mallory.frame(env.bob.mac, 0x0800, forge.protect(rst, inward.spi, 2))
    env.plug(env.alice)
    listener.close()
    wait(lambda: env.bob.stat()["LatchLatches"] == 0, "the embryo to go")


if __name__ == "__main__":
    runner.main()
