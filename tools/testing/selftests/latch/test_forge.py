#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Forgeries into latched flows are dropped and counted, and change nothing.

RFC 5660 2-11, 6.5-1.  Each case says which counters may move, and by how much.
"""

import errno
import socket

import forge
import runner
from expect import Moves, is_state
from forge import tcp_seqs
from ipsec import SA, Ipsec
from ktap import case, ksft_eq, ksft_true
from latchapi import info

HOSTS = ("alice", "bob", "mallory")

# name: flags, data, offset from the next sequence number expected
SEGMENTS = {
    "data": (forge.PSH | forge.ACK, b"forged", 0),
    "later_data": (forge.PSH | forge.ACK, b"forged", 100),
    "rst": (forge.RST, b"", 0),
    "rst_in_window": (forge.RST, b"", 1),
    "fin": (forge.FIN | forge.ACK, b"", 0),
    "syn": (forge.SYN, b"", 0),
    "syn_ack": (forge.SYN | forge.ACK, b"", 0),
    "ack": (forge.ACK, b"", 0),
}
KINDS = [
    {"flow": f"tcp{fam}", "proto": "tcp", "fam": fam, "kind": kind} for fam in (4, 6) for kind in SEGMENTS
] + [{"flow": f"udp{fam}", "proto": "udp", "fam": fam, "kind": "datagram"} for fam in (4, 6)]  # fmt: skip


def forgery(flow, kind):
    flags, data, offset = SEGMENTS.get(kind, (0, b"forged", 0))
    return forge.into(flow, flags, data, seq=offset)


def untouched(flow, seqs):
    """The connection is what it was: sequence numbers, state, no data, no error."""
    ksft_true(flow.silent(flow.a))
    if flow.proto == "tcp":
        ksft_eq(tcp_seqs(flow.a), seqs)
    is_state(flow.a, "ESTABLISHED", "NONE", [])
    flow.exchange()


def identified_flow(env, proto, fam, **kwargs):
    """(IPsec between alice and bob by name, a flow through it, her sequence numbers if it is TCP)"""
    ipsec = Ipsec(env.alice, env.bob, fam=fam, **kwargs).up().identify()
    flow = ipsec.flow(proto)
    flow.exchange()
    return ipsec, flow, tcp_seqs(flow.a) if proto == "tcp" else None


LEVELS = [{**k, "level": level} for k in KINDS for level in ("use", "required")]
# Where the policy itself refuses clear text one kind of each protocol is enough.
LEVELS = [r for r in LEVELS if r["level"] == "use" or r["kind"] in ("data", "rst", "datagram")]


@case("2-11_clear_{kind}_{flow}_policy_{level}", LEVELS)
def clear(env, proto, fam, kind, level):
    """In clear, whether the kernel's policy would accept that (`use`) or not."""
    _, flow, seqs = identified_flow(env, proto, fam, level=level)
    with Moves(env.alice, LatchInClear=3):
        for _ in range(3):
            env.mallory.frame(env.alice.mac, *forgery(flow, kind))
    ksft_eq(info(flow.a).in_drops, 3)
    untouched(flow, seqs)


# Another SA of the host: valid, but it does not cover the flow.
OTHERS = [
    {"sa": "of_stranger", "change": {}, "claim": ("mallory", "alice"), "reason": "Peer"},
    {"sa": "without_identity", "change": {}, "claim": None, "reason": "Unidentified"},
    {"sa": "of_other_local_identity", "change": {}, "claim": ("bob", "alice2"), "reason": "Local"},
]
UNDER = [
    {**k, **o} for k in KINDS for o in OTHERS if o["reason"] == "Peer" or k["kind"] in ("data", "rst", "datagram")
]  # fmt: skip


@case("6.5-1_{kind}_{flow}_under_sa_{sa}", UNDER)
def under_other_sa(env, proto, fam, kind, change, claim, reason):
    """Under another valid transport-mode SA of the same suite."""
    _, flow, seqs = identified_flow(env, proto, fam, suite="null", level="use")
    sa = SA(env.bob.addr(fam), env.alice.addr(fam), 0x9901, "null", reqid=99, **change)
    if claim:
        env.alice.bind(*claim, sa=sa)
    with Moves(env.alice, **{f"LatchIn{reason}": 3}):
        env.alice.ip(sa.add())
        for seq in (1, 2, 3):
            ethertype, packet = forgery(flow, kind)
            env.mallory.frame(env.alice.mac, ethertype, forge.protect(packet, sa.spi, seq))
    ksft_eq(info(flow.a).in_drops, 3)
    untouched(flow, seqs)


@case("6.5-1_{kind}_{flow}_out_of_a_tunnel", [k for k in KINDS if k["kind"] in ("data", "rst", "datagram")])
def out_of_tunnel(env, proto, fam, kind):
    """Unpacked from a tunnel of another peer; with the flow's own peer it would be the wrong mode."""
    _, flow, seqs = identified_flow(env, proto, fam, suite="null", level="use")
    tunnel = (env.mallory.addr(fam), env.alice.addr(fam))
    sa = SA(*tunnel, 0x9902, "null", "tunnel", reqid=99)
    env.alice.bind("bob", "alice", sa=sa)
    with Moves(env.alice, LatchInMode=3):
        env.alice.ip(sa.add())
        for seq in (1, 2, 3):
            ethertype, packet = forgery(flow, kind)
            env.mallory.frame(env.alice.mac, ethertype, forge.protect(packet, sa.spi, seq, tunnel))
    untouched(flow, seqs)


@case("6.5-1_weaker_sa_of_the_right_peer_{flow}", [
    {"flow": f"{p}{f}", "proto": p, "fam": f, "kind": k} for f in (4, 6) for p, k in (("tcp", "data"), ("udp", "datagram"))
])  # fmt: skip
def weaker_sa(env, proto, fam, kind):
    """The peer's own SA without encryption, made for other traffic, is no way in."""
    _, flow, seqs = identified_flow(env, proto, fam, level="use")
    sa = SA(env.bob.addr(fam), env.alice.addr(fam), 0x9903, "null", reqid=99)
    env.alice.bind("bob", "alice", sa=sa)
    with Moves(env.alice, LatchInEncr=3):
        env.alice.ip(sa.add())
        for seq in (1, 2, 3):
            ethertype, packet = forgery(flow, kind)
            env.mallory.frame(env.alice.mac, ethertype, forge.protect(packet, sa.spi, seq))
    untouched(flow, seqs)


ICMP = [{"flow": f"{p}{f}", "proto": p, "fam": f} for p in ("tcp", "udp") for f in (4, 6)]


def original(flow, ipsec):
    """The packet that an ICMP error says it is about."""
    (src, sport), (dst, dport) = flow.a.getsockname()[:2], flow.a.getpeername()[:2]
    if flow.proto == "tcp":
        payload = forge.tcp(src, dst, sport, dport, tcp_seqs(flow.a)[0], 0, forge.ACK, b"x" * 20)
        return forge.ip(src, dst, socket.IPPROTO_TCP, payload)
    return forge.ip(src, dst, socket.IPPROTO_UDP, forge.udp(src, dst, sport, dport, b"x" * 20))


@case("6.5-1_clear_icmp_unreachable_{flow}", ICMP)
def icmp(env, proto, fam):
    """An ICMP error in clear, from any router, about the latched flow."""
    ipsec, flow, seqs = identified_flow(env, proto, fam)
    packet = forge.unreachable(env.mallory.addr(fam), env.alice.addr(fam), original(flow, ipsec))
    with Moves(env.alice, LatchInIcmp=3):
        for _ in range(3):
            env.mallory.frame(env.alice.mac, forge.ETHERTYPE[fam], packet)
    untouched(flow, seqs)


@case("6.5-1_clear_icmp_about_other_flows_{flow}", [r for r in ICMP if r["proto"] == "udp"])
def icmp_elsewhere(env, proto, fam):
    """The same about a flow that is not latched reaches its owner: ECONNREFUSED."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam)
    flow = ipsec.flow(proto)
    Ipsec(env.alice, env.bob, fam=fam, narrow="proto tcp").up()
    packet = forge.unreachable(env.mallory.addr(fam), env.alice.addr(fam), original(flow, ipsec))
    with Moves(env.alice):
        env.mallory.frame(env.alice.mac, forge.ETHERTYPE[fam], packet)
    ksft_eq(flow.a.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), errno.ECONNREFUSED)


@case("6.5-1_truncated_segments_{flow}", [{"flow": f"tcp{f}", "fam": f} for f in (4, 6)])
def truncated(env, fam):
    """A header cut short cannot be told to belong to a flow: nothing happens to it."""
    _, flow, seqs = identified_flow(env, "tcp", fam, level="use")
    ethertype, packet = forgery(flow, "rst")
    with Moves(env.alice, may=["LatchInHeader", "LatchInClear", "XfrmInTmplMismatch"]):
        for size in (2, 4, 8, 19):
            payload = packet[20 if fam == 4 else 40 :][:size]
            env.mallory.frame(
                env.alice.mac, ethertype, forge.ip(env.bob.addr(fam), env.alice.addr(fam), socket.IPPROTO_TCP, payload)
            )
    untouched(flow, seqs)


@case("6.5-1_fragments_in_clear_{flow}", [{"flow": "udp4", "fam": 4}])
def fragments(env, fam):
    """A clear datagram in two fragments is put together before it is judged."""
    _, flow, seqs = identified_flow(env, "udp", fam, level="use")
    _, packet = forge.into(flow, data=b"f" * 64)
    head, body = packet[:20], packet[20:]
    cut = 32
    with Moves(env.alice, LatchInClear=1):
        for at, part, more in ((0, body[:cut], 0x2000), (cut, body[cut:], 0)):
            first = head[:2] + (20 + len(part)).to_bytes(2, "big") + b"\x12\x34" + (more | at // 8).to_bytes(2, "big")
            new = first + head[8:10] + b"\0\0" + head[12:]
            new = new[:10] + forge.checksum(new).to_bytes(2, "big") + new[12:]
            env.mallory.frame(env.alice.mac, 0x0800, new + part)
    untouched(flow, seqs)


@case("2-11_clear_listener_and_other_ports_are_not_touched")
def bystanders(env):
    """Clear connections to the same host go on beside latched ones."""
    ipsec = Ipsec(env.alice, env.bob, narrow="proto udp").up().identify()
    latched = ipsec.udp()
    with Moves(env.alice), Moves(env.bob, may=["LatchClosed"]):  # that of the listener
        flow = ipsec.tcp()
        flow.exchange()
        is_state(flow.a, "NONE")
    is_state(latched.a, "ESTABLISHED")


if __name__ == "__main__":
    runner.main()
