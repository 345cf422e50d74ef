#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Packets that the packet path could take for something else than what TCP, UDP and ICMP make of them.

RFC 5660 2-8 to 2-11, 2.3-18, 6.5-1: fragments, extension headers, datagrams in
datagrams, packets that a rule gives to another socket or to another host, and
the last segment of a socket that goes.  What the plain kernel makes of some of
them is in test_leak.py.
"""

import contextlib
import errno
import itertools
import socket
import struct

import forge
import runner
from expect import Moves, is_state, tcp_ext
from flow import FLOWS, Flow, error_of
from forge import tcp_seqs
from ipsec import Ipsec
from ktap import DEBUG, case, ksft_eq, ksft_true, wait
from latchapi import L, ask, ask_to_wait, info
from netns import INET
from scenes import FouPort, ruleset
from test_forge import identified_flow, original, untouched
from test_life import disconnect
from test_require import frames_of
from test_stranger import prepare_takeover
from wire import ip_proto

HOSTS = ("alice", "bob", "mallory")

FAMS = [{"fam": 4}, {"fam": 6}]
UDP = [f for f in FLOWS if f["proto"] == "udp"]
TCP = [f for f in FLOWS if f["proto"] == "tcp"]
V6 = [f for f in FLOWS if f["fam"] == 6]


def ask_to_require(sock):
    ask(sock, mode=L.LATCH_MODE_REQUIRE)


def mallory_sends(env, *packets):
    """Frames to alice."""
    for packet in packets:
        env.mallory.frame(env.alice.mac, forge.ETHERTYPE[4 if packet[0] >> 4 == 4 else 6], packet)


@contextlib.contextmanager
def dropped(host, *reasons, most=1):
    """The host drops at least one packet and at most so many, each for one of these reasons."""
    names = [f"LatchIn{reason}" for reason in reasons]
    before = host.stat()

    def count():
        now = host.stat()
        return sum(now[name] - before[name] for name in names)

    with Moves(host, may=names):
        yield
        try:
            wait(count, "a drop", 5)
        except TimeoutError:
            pass
        ksft_true(1 <= count() <= most, f"{count()} packets were dropped for {reasons}")


# --- fragments and extension headers in clear --------------------------------------
HEADERS = [
    {**f, "what": what, "make": make}
    for f in V6
    for what, make in (
        ("behind_options", lambda packet: forge.within(packet, forge.DEST_OPTS, forge.DEST_OPTS)),
        ("in_a_single_fragment", lambda packet: forge.fragments(packet)[0]),
        ("behind_options_in_a_fragment", lambda packet: forge.fragments(forge.within(packet, forge.DEST_OPTS))[0]),
    )
]


@case("2-11_clear_packet_{what}_{flow}", HEADERS)
def behind_headers(env, proto, fam, make):
    """Extension headers before a clear datagram or segment do not hide it."""
    _, flow, seqs = identified_flow(env, proto, fam, level="use")
    _, packet = forge.into(flow, forge.PSH | forge.ACK, b"forged")
    with Moves(env.alice, LatchInClear=1):
        mallory_sends(env, make(packet))
    untouched(flow, seqs)


@case("2-11_clear_fragments_{flow}", FLOWS)
def clear_fragments(env, proto, fam):
    """A clear datagram or segment in two fragments is put together before it is judged."""
    _, flow, seqs = identified_flow(env, proto, fam, level="use")
    _, packet = forge.into(flow, forge.PSH | forge.ACK, b"f" * 64)
    with Moves(env.alice, LatchInClear=1):
        mallory_sends(env, *forge.fragments(packet, 32))
    untouched(flow, seqs)


def hidden_forgery(flow):
    """A forgery in two fragments, of which the first one does not say what protocol it is of."""
    _, packet = forge.into(flow, forge.PSH | forge.ACK, b"f" * 64)
    return forge.fragments(forge.within(packet, forge.DEST_OPTS, forge.DEST_OPTS), 8)


@case("2-11_clear_fragments_that_hide_the_ports_{flow}", V6)
def hidden_ports(env, proto, fam):
    """The first fragment ends before the header that tells the protocol: nothing of it is delivered."""
    _, flow, seqs = identified_flow(env, proto, fam, level="use")
    with dropped(env.alice, "Clear", "Header", most=2):
        mallory_sends(env, *hidden_forgery(flow))
    untouched(flow, seqs)


@case("2-9_clear_fragments_before_the_channel_udp{fam}", FAMS)
def fragments_before(env, fam):
    """A UDP socket that demands a channel and has none yet takes no clear fragments."""
    flow = Ipsec(env.alice, env.bob, fam=fam).udp(before=ask_to_require, carry=False)
    _, packet = forge.into(flow, data=b"f" * 64)
    with Moves(env.alice, LatchInLarval=1):
        mallory_sends(env, *forge.fragments(packet, 32))
    ksft_true(flow.silent(flow.a))


@case("2-9_clear_fragments_that_hide_the_ports_before_the_channel_udp6")
def hidden_before(env):
    """Nor does it where the first fragment does not say that it is of UDP."""
    flow = Ipsec(env.alice, env.bob, fam=6).udp(before=ask_to_require, carry=False)
    with dropped(env.alice, "Larval", "Header", most=2):
        mallory_sends(env, *hidden_forgery(flow))
    ksft_true(flow.silent(flow.a))


MODES = [{**f, "mode": mode} for f in UDP for mode in ("transport", "tunnel")]


@case("2-7_large_datagrams_{flow}_{mode}", MODES)
def large(env, fam, mode):
    """Protected datagrams that need fragments, outside or inside of ESP, arrive whole."""
    flow = Ipsec(env.alice, env.bob, fam=fam, mode=mode).up().identify().udp()
    with Moves(env.alice), Moves(env.bob):
        for size in (3000, 20000):
            for x, y in ((flow.a, flow.b), (flow.b, flow.a)):
                text = bytes(n * 7 & 255 for n in range(size))
                x.send(text)
                ksft_true(y.recv(65536) == text, f"{size} bytes")
    is_state(flow.a, "ESTABLISHED", "NONE", [])


# --- fragments of which one is protected ------------------------------------------
ONE_CLEAR = [
    {**f, "clear": clear, "what": ("first", "second")[clear], "order": order, "when": when}
    for f in UDP
    for clear in (0, 1)
    for order, when in (((0, 1), "in_order"), ((1, 0), "in_reverse"))
]


@case("2-11_{what}_fragment_in_clear_{when}_{flow}", ONE_CLEAR)
def one_in_clear(env, fam, clear, order):
    """One fragment comes out of the tunnel and the other one in clear: they never meet."""
    # without a replay window mallory may number the peer's packets as she likes
    ipsec = Ipsec(env.alice, env.bob, fam=fam, mode="tunnel", suite="null", window=0, level="use").up().identify()
    flow = ipsec.udp()
    sa = next(sa for sa in ipsec.sas if sa.dst == env.alice.addr(fam))
    numbers = itertools.count(100)

    def protected(packet):
        return forge.protect(packet, sa.spi, next(numbers), (sa.src, sa.dst))

    def parts(text):
        return forge.fragments(forge.into(flow, data=text)[1], 32)

    with Moves(env.alice):
        both = parts(b"m" * 64)
        mallory_sends(env, *[both[n] if n == clear else protected(both[n]) for n in order])
    with Moves(env.alice):
        mallory_sends(env, protected(forge.into(flow, data=b"whole")[1]))
        ksft_eq(flow.a.recv(100), b"whole")
        # both of them under the SA, which is as usual
        both = parts(b"p" * 64)
        mallory_sends(env, *[protected(both[n]) for n in order])
        ksft_eq(flow.a.recv(100), b"p" * 64)
    is_state(flow.a, "ESTABLISHED", "NONE", [])

MIXED = [
    {**f, "by": by, "rules": rules}
    for f in TCP
    for by, rules in (
        ("the_kernel", "table inet empty"),
        ("conntrack", "table inet c { chain p { type filter hook prerouting priority 0; ct state invalid drop; }; }"),
    )
]


@case("2-11_segment_mixed_by_{by}_{flow}", MIXED)
def mixed(env, fam, rules):
    """The kernel puts a segment together from a protected fragment and a clear one: the flow gets none of it."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam, mode="tunnel", suite="null", window=0, level="use").up().identify()
    flow = ipsec.tcp()
    flow.exchange()
    seqs = tcp_seqs(flow.a)
    sa = next(sa for sa in ipsec.sas if sa.dst == env.alice.addr(fam))
    first, second = forge.fragments(forge.into(flow, forge.PSH | forge.ACK, b"m" * 64)[1], 32)
    with ruleset(env.alice, rules):
        # nobody keeps IPv4's fragments apart yet: that begins with the first datagram that shows the need;
        # where the fragments are kept apart from the beginning the two never meet
        with Moves(env.alice, may=["LatchInHeader"]):
            mallory_sends(env, forge.protect(first, sa.spi, 100, (sa.src, sa.dst)), second)
            env.wire.sync()
            if fam == 4:
                wait(lambda: env.alice.stat()["LatchInHeader"], "the segment to be dropped")
        untouched(flow, seqs)


@case("2-11_clear_datagram_with_a_home_address_udp6")
def home_address(env):
    """A home address option makes the kernel change the source after the hook: it is not known whose that is."""
    _, flow, seqs = identified_flow(env, "udp", 6, level="use")
    _, packet = forge.into(flow, data=b"forged")
    with Moves(env.alice, LatchInHeader=1):
        mallory_sends(env, forge.within(packet, forge.home_address("fd09::77")))
    untouched(flow, seqs)


def syn_ack(env, port):
    """Sequence number of the SYN-ACK from a port on the wire."""
    env.wire.sync()
    for frame, _ in env.wire.frames:
        proto, at = ip_proto(frame)
        if proto == socket.IPPROTO_TCP and struct.unpack_from(">H", frame, at)[0] == port and frame[at + 13] == 18:
            return struct.unpack_from(">I", frame, at + 4)[0]
    return None


@case("2-9_clear_ack_of_a_request_older_than_the_demand_tcp{fam}", FAMS)
def late_demand(env, fam):
    """The listener demands a channel when a clear SYN has been answered: the ACK makes no connection."""
    ipsec = Ipsec(env.bob, env.alice, fam=fam)
    listener = ipsec.listen()
    src, dst, port = env.mallory.addr(fam), env.alice.addr(fam), listener.getsockname()[1]
    # her own kernel must not reset what it knows nothing of
    env.mallory.ip(f"xfrm policy add src {src} dst {dst} dir out action block priority 1")
    env.wire.restart()
    mallory_sends(env, forge.ip(src, dst, socket.IPPROTO_TCP, forge.tcp(src, dst, 1001, port, 100, 0, forge.SYN)))
    seq = wait(lambda: syn_ack(env, port), "the SYN-ACK")
    ask_to_require(listener)
    listener.setblocking(False)
    ack = forge.tcp(src, dst, 1001, port, 101, seq + 1, forge.ACK)
    with Moves(env.alice, LatchInLarval=1):
        mallory_sends(env, forge.ip(src, dst, socket.IPPROTO_TCP, ack))
    try:
        listener.accept()
    except BlockingIOError:
        return
    ksft_true(False, "the connection was accepted")


# --- ICMP errors -------------------------------------------------------------------
def quoting_offset(env, fam, make, packet):
    return [make(env.mallory.addr(fam), env.alice.addr(fam), forge.at_offset(packet, 8))]


def quoting_auth(env, fam, make, packet):
    return [make(env.mallory.addr(fam), env.alice.addr(fam), forge.within(packet, forge.AUTH))]


def quoting_dest_opts(env, fam, make, packet):
    return [make(env.mallory.addr(fam), env.alice.addr(fam), forge.within(packet, forge.DEST_OPTS, forge.AUTH))]


def in_fragments(env, fam, make, packet):
    return forge.fragments(make(env.mallory.addr(fam), env.alice.addr(fam), packet), 8)


QUOTES = [
    {**f, "how": how, "forger": forger}
    for f in FLOWS
    for how, fam, forger in (
        ("that_quotes_a_fragment", 4, quoting_offset),
        ("that_quotes_ah", 6, quoting_auth),
        ("that_quotes_options_and_ah", 6, quoting_dest_opts),
        ("in_fragments", 4, in_fragments),
        ("in_fragments", 6, in_fragments),
    )
    if f["fam"] == fam
]


@case("6.5-1_clear_icmp_unreachable_{how}_{flow}", QUOTES)
def icmp_unreachable(env, proto, fam, forger):
    """However the packet is quoted that it is about: it is about the latched flow."""
    ipsec, flow, seqs = identified_flow(env, proto, fam)
    with Moves(env.alice, LatchInIcmp=1):
        mallory_sends(env, *forger(env, fam, forge.unreachable, original(flow, ipsec)))
    ksft_eq(flow.a.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), 0)
    untouched(flow, seqs)


def mtu(sock, fam):
    """getsockopt() of IP_MTU or IPV6_MTU."""
    return sock.getsockopt(*((socket.SOL_IP, 14) if fam == 4 else (socket.IPPROTO_IPV6, 24)))


@case("6.5-1_clear_icmp_too_big_{how}_{flow}", QUOTES)
def icmp_too_big(env, proto, fam, forger):
    """Such an error does not shrink the path MTU of the latched flow either."""

    def make(*args):
        return forge.too_big(*args, 1300)

    ipsec, flow, seqs = identified_flow(env, proto, fam)
    before = mtu(flow.a, fam)
    with Moves(env.alice, LatchInIcmp=1):
        mallory_sends(env, *forger(env, fam, make, original(flow, ipsec)))
    ksft_eq(flow.a.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), 0)
    ksft_eq(mtu(flow.a, fam), before)
    # the kernel would remember it for minutes
    env.alice.run("ip", f"-{fam}", "route", "flush", "cache")
    untouched(flow, seqs)


# (level, IP_MTU_DISCOVER, IP_RECVERR), and the same for IPv6
PMTU = {4: (socket.SOL_IP, 10, 11), 6: (socket.IPPROTO_IPV6, 23, 25)}


@case("6.5-1_own_icmp_too_big_udp{fam}", [{"fam": 4}, {"fam": 6}])
def own_too_big(env, fam):
    """An XFRM interface finds a datagram too long for its SA, and says so to the socket: nobody else can have said it."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam, mode="tunnel", if_id=7).up().identify()
    ipsec.interface()
    level, discover, recverr = PMTU[fam]
    try:
        flow = ipsec.udp()
        flow.a.setsockopt(level, discover, 2)
        flow.a.setsockopt(level, recverr, 1)
        with Moves(env.alice):
            flow.a.send(bytes(1500 - (28 if fam == 4 else 48)))
            _, ancillary, _, _ = wait(lambda: errors_of(flow.a), "the error queue")
        ksft_eq(struct.unpack_from("I", ancillary[0][2])[0], errno.EMSGSIZE)
        ksft_true(mtu(flow.a, fam) < 1500, "the path MTU")
        flow.exchange()
        flow.close()
    finally:
        ipsec.no_interface()


def errors_of(sock):
    """What the socket's error queue has, if anything: as recvmsg() returns it."""
    try:
        return sock.recvmsg(2000, 512, socket.MSG_ERRQUEUE)
    except BlockingIOError:
        return None


# --- datagrams in datagrams --------------------------------------------------------
UNPACKED = [{**f, "kind": kind} for f in FLOWS for kind in ("gue", "fou")]


@case("2-11_clear_{kind}_datagram_with_a_forgery_{flow}", UNPACKED)
def unpacked(env, proto, fam, kind):
    """A clear datagram to a port of FOU or GUE carries a forgery: that is what is judged."""
    _, flow, seqs = identified_flow(env, proto, fam, level="use")
    with FouPort(env, env.alice, fam, kind, proto) as port:
        with Moves(env.alice, LatchInClear=1):
            port.send_into(flow, b"forged")
        untouched(flow, seqs)


@case("2-11_clear_gue_datagram_in_a_fou_datagram_with_a_forgery_{flow}", FLOWS)
def unpacked_twice(env, proto, fam):
    """The same where that is unpacked once more."""
    _, flow, seqs = identified_flow(env, proto, fam, level="use")
    inner, outer = FouPort(env, env.alice, fam, "gue", proto), FouPort(env, env.alice, fam, "fou", "udp", 5556)
    with inner, outer:
        with Moves(env.alice, LatchInClear=1):
            inner.send_into(flow, b"forged", within=outer)
        untouched(flow, seqs)


@case("6.5-1_clear_{kind}_datagram_with_an_icmp_error_{flow}", UNPACKED)
def unpacked_icmp(env, proto, fam, kind):
    """An ICMP error about the latched flow that comes in such a datagram."""
    ipsec, flow, seqs = identified_flow(env, proto, fam)
    src, dst = env.mallory.addr(fam), env.alice.addr(fam)
    error = forge.unreachable(src, dst, original(flow, ipsec))[20 if fam == 4 else 40 :]
    with FouPort(env, env.alice, fam, kind, "icmp" if fam == 4 else "ipv6-icmp") as port:
        with Moves(env.alice, LatchInIcmp=1):
            port.send(src, dst, error)
        ksft_eq(flow.a.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), 0)
        untouched(flow, seqs)


@case("2-9_clear_{kind}_datagram_with_a_syn_{flow}", [u for u in UNPACKED if u["proto"] == "tcp"])
def unpacked_syn(env, fam, kind):
    """A SYN in it is not answered by a listener that demands a channel."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam)
    listener = ipsec.listen(env.alice, before=ask_to_require)
    port = listener.getsockname()[1]
    src, dst = env.mallory.addr(fam), env.alice.addr(fam)
    env.wire.restart()
    with FouPort(env, env.alice, fam, kind, "tcp") as unpacker, Moves(env.alice, LatchInLarval=1):
        unpacker.send(src, dst, forge.tcp(src, dst, 1001, port, 1, 0, forge.SYN))
    ksft_eq(frames_of(env, port), 0, "frames of the connection")
    is_state(listener, "LISTENER")


@case("2-11_clear_{kind}_datagram_with_another_flow_{flow}", [u for u in UNPACKED if u["proto"] == "udp"])
def unpacked_other(env, fam, kind):
    """What is in it and is of no latched flow is delivered."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam, level="use").up().identify()
    latched = ipsec.udp()
    other = env.alice.socket(INET[fam], socket.SOCK_DGRAM)
    other.bind((env.alice.addr(fam), 0))
    other.settimeout(10)
    src, dst = env.mallory.addr(fam), env.alice.addr(fam)
    with FouPort(env, env.alice, fam, kind, "udp") as port, Moves(env.alice):
        port.send(src, dst, forge.udp(src, dst, 1001, other.getsockname()[1], b"ordinary"))
        ksft_eq(other.recv(100), b"ordinary")
    latched.exchange()


# --- the last segment of a socket that goes -----------------------------------------
def set_linger(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


LAST = [
    {**f, "how": how, "unread": unread, "end": end}
    for f in TCP
    for how, unread, end in (
        ("close_with_unread_data", True, socket.socket.close),
        ("linger_of_0", False, set_linger),
        ("disconnect", False, disconnect),
    )
]


# what else moves when a socket goes
GOING = ["LatchActive", "LatchLatches", "LatchClosed"]


def nothing_under_way(env, ipsec, unread):
    """A latched connection with the disposition `wait`, of which every segment is acknowledged."""
    flow = ipsec.tcp()
    for sock in (flow.a, flow.b):
        ask_to_wait(sock)
    flow.exchange()
    if unread:
        flow.b.send(b"unread")
        wait(lambda: not flow.silent(flow.a), "the data")
    env.wire.restart()
    return flow


@case("2.3-18_rst_of_{how}_when_broken_{flow}", LAST)
def last_segment_broken(env, fam, unread, end):
    """The socket of a broken latch goes, and its RST does not leave."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up().identify()
    flow = nothing_under_way(env, ipsec, unread)
    ipsec.flush()
    is_state(flow.a, "BROKEN", "POLICY_OUT")
    with Moves(env.alice, at_least=["LatchOutBroken"], may=GOING):
        end(flow.a)
    ksft_eq(env.wire.clear(flow), (0, 0), "(frames, bytes) in clear")
    is_state(flow.b, "BROKEN", "POLICY_OUT")


@case("2.2-6_rst_of_{how}_under_sa_of_stranger_{flow}", LAST)
def last_segment_stranger(env, fam, unread, end):
    """Nor does it leave under the SA of another peer, which broke the latch."""
    ipsec, attack = prepare_takeover(env, fam, "identified")
    flow = nothing_under_way(env, ipsec, unread)
    attack.start()
    attack.add_sas()
    is_state(flow.a, "BROKEN", "PEER")
    with Moves(env.alice, at_least=["LatchOutBroken"], may=GOING):
        end(flow.a)
    ksft_eq((env.wire.clear(flow), attack.frames_seen()), ((0, 0), 0))
    attack.end()


def too_many_orphans(host, other, listener):
    """Close a connection whose peer does not: the orphan stays for a minute, or does TCP reset it as one too many?"""
    before = tcp_ext(host, "TCPAbortOnMemory")
    sock = host.socket()
    sock.connect(listener.getsockname())
    other.owns(listener.accept()[0])
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_LINGER2, 120)
    sock.close()
    return tcp_ext(host, "TCPAbortOnMemory") > before


@contextlib.contextmanager
def no_orphans(host, other):
    """TCP resets each connection whose descriptor is closed; it counts orphans ten times a second."""
    listener = other.socket()
    listener.bind((other.addr(4), 0))
    listener.listen()
    # one that stays, whoever else's are counted now
    too_many_orphans(host, other, listener)
    path = "/proc/sys/net/ipv4/tcp_max_orphans"
    with open(path, encoding="ascii") as f:
        old = f.read()
    with open(path, "w", encoding="ascii") as f:
        f.write("0")
    try:
        wait(lambda: too_many_orphans(host, other, listener), "TCP to count orphans")
        yield
    finally:
        with open(path, "w", encoding="ascii") as f:
            f.write(old)


@case("2.3-18_rst_of_an_orphan_when_broken_{flow}", TCP)
def orphan(env, fam):
    """The peer has closed, and TCP resets what is closed here with data under way: that RST does not leave."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up().identify()
    flow = nothing_under_way(env, ipsec, False)
    flow.b.close()
    ksft_eq(flow.a.recv(1), b"")
    ipsec.flush([env.alice])
    is_state(flow.a, "BROKEN", "POLICY_OUT")
    flow.a.send(b"never acknowledged")
    # what the peer says meanwhile finds no SA here any more
    with (
        no_orphans(env.alice, env.mallory),
        Moves(env.alice, at_least=["LatchOutBroken"], may=[*GOING, "XfrmInNoStates"]),
    ):
        before = tcp_ext(env.alice, "TCPAbortOnMemory")
        flow.a.close()
        ksft_eq(tcp_ext(env.alice, "TCPAbortOnMemory"), before + 1)
    ksft_eq(env.wire.clear(flow), (0, 0), "(frames, bytes) in clear")
    # nobody tells bob, and alice may try for as long as TCP does
    for host in (env.alice, env.bob):
        host.nl.do("conn-flush")


@case("5.5-1_rst_of_{how}_of_one_broken_end_{flow}", LAST)
def last_segment_one_end(env, fam, unread, end):
    """One end's latch is broken, the other's is not: the RST leaves under the flow's own SA and ends it there."""
    flow = nothing_under_way(env, Ipsec(env.alice, env.bob, fam=fam).up().identify(), unread)
    env.alice.nl.do("manager-set", dead_peer=env.alice.peer("bob"))
    is_state(flow.a, "BROKEN", "DPD")
    end(flow.a)
    ksft_eq(error_of(flow.b), errno.ECONNRESET)
    is_state(flow.b, "CLOSED", "RELEASED")
    ksft_eq(env.wire.clear(flow), (0, 0), "(frames, bytes) in clear")


@case("5.5-1_break_that_one_end_sees_{flow}", TCP)
def one_end_sees(env, fam):
    """The disposition is reset: the peer is told too, while there is an SA for it."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up().identify()
    flow = ipsec.tcp()
    flow.exchange()
    env.wire.restart()
    with Moves(env.alice, LatchBroken=1, may=GOING):
        env.alice.nl.do("manager-set", dead_peer=env.alice.peer("bob"))
        for sock in (flow.a, flow.b):
            ksft_eq(error_of(sock), errno.ECONNRESET)
    is_state(flow.a, "CLOSED", "DPD")
    is_state(flow.b, "CLOSED", "RELEASED")
    ksft_eq(env.wire.clear(flow), (0, 0), "(frames, bytes) in clear")


@case("2.3-20_close_by_an_administrator_sends_no_rst_{flow}", TCP)
def admin_sends_nothing(env, fam):
    """What an administrator has closed says nothing more, though there is an SA for it."""
    flow = Ipsec(env.alice, env.bob, fam=fam).up().identify().tcp()
    flow.exchange()
    with Moves(env.alice, LatchOutClosed=1, may=GOING):
        env.alice.nl.do("conn-close", id=info(flow.a).id)
        ksft_eq(error_of(flow.a), errno.ECONNRESET)
    is_state(flow.b, "ESTABLISHED")
    ksft_true(flow.silent(flow.b))


@case("2-10_rst_of_{how}_when_established_{flow}", LAST)
def last_segment(env, fam, unread, end):
    """The socket of an established latch goes, and its RST leaves under the SA."""
    flow = nothing_under_way(env, Ipsec(env.alice, env.bob, fam=fam).up().identify(), unread)
    with Moves(env.alice, may=GOING):
        end(flow.a)
        ksft_eq(error_of(flow.b), errno.ECONNRESET)
    ksft_eq(env.wire.clear(flow), (0, 0), "(frames, bytes) in clear")


# --- datagrams to elsewhere ---------------------------------------------------------
PORT = 7777


def narrow_udp_flow(env, fam, before=None):
    """A latched UDP flow between equal ports; the policies protect nothing but it."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam, narrow=f"proto udp sport {PORT} dport {PORT}").up().identify()
    socks = []
    for host in (env.alice, env.bob):
        sock = host.socket(INET[fam], socket.SOCK_DGRAM)
        sock.bind((host.addr(fam), PORT))
        socks.append(sock)
    if before:
        before(socks[0])
    for x, y in (socks, socks[::-1]):
        x.connect(y.getsockname()[:2])
    flow = Flow(ipsec, "udp", *socks)
    flow.exchange()
    is_state(flow.a, "ESTABLISHED", "NONE", [])
    return flow


def to_stranger(env, fam, sock):
    sock.sendto(b"secret", (env.mallory.addr(fam), PORT))


def to_other_port(env, fam, sock):
    sock.sendto(b"secret", (env.bob.addr(fam), PORT + 1))


def from_other_address(env, fam, sock):
    """IP_PKTINFO, IPV6_PKTINFO: the source is another address of the host."""
    source = forge.packed(env.alice.inner(fam))
    if fam == 4:
        info4 = struct.pack("I4s4x", 0, source)
        sock.sendmsg([b"secret"], [(socket.SOL_IP, 8, info4)])
    else:
        sock.sendmsg([b"secret"], [(socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, source + struct.pack("I", 0))])


ELSEWHERE = [
    {**f, "where": where, "send": send}
    for f in UDP
    for where, send in (
        ("to_a_third_host", to_stranger),
        ("to_another_port", to_other_port),
        ("from_another_address", from_other_address),
    )
]


@case("2-8_demand_holds_for_datagrams_{where}_{flow}", ELSEWHERE)
def elsewhere_demanded(env, fam, send):
    """A UDP socket that demands a channel, and has it, sends nothing around it."""
    flow = narrow_udp_flow(env, fam, ask_to_require)
    env.wire.restart()
    with Moves(env.alice, LatchOutLarval=1, may=["LatchRefused"]):
        send(env, fam, flow.a)
    # the next call may say why
    flow.a.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    ksft_eq(frames_of(env, PORT), 0, "frames in clear")
    is_state(flow.a, "ESTABLISHED", "NONE", [])
    flow.exchange()


@case("2-17_datagrams_{where}_of_a_socket_that_demands_nothing_{flow}", ELSEWHERE)
def elsewhere(env, fam, send):
    """A UDP socket that is latched without having asked may send around its channel."""
    flow = narrow_udp_flow(env, fam)
    socks = []
    for host, port in ((env.mallory, PORT), (env.bob, PORT + 1)):
        sock = host.socket(INET[fam], socket.SOCK_DGRAM)
        sock.bind((host.addr(fam), port))
        socks.append(sock)
    ksft_eq(env.alice.stat()["LatchLatches"], 1)
    env.wire.restart()
    with Moves(env.alice):
        send(env, fam, flow.a)
    # IPv6 may send to the peer by the route of the socket, as long as that is good, and so under its SA
    by_route = fam == 6 and send is not to_stranger
    ksft_eq(frames_of(env, PORT) + (env.wire.protected() if by_route else 0), 1, "frames")
    if send is not from_other_address:
        sock = socks[send is to_other_port]
        sock.settimeout(10)
        ksft_eq(sock.recv(100), b"secret")
    is_state(flow.a, "ESTABLISHED", "NONE", [])
    flow.exchange()


RULE = """
add table {ip} r
add chain {ip} r o {{ type route hook output priority -150; }}
"""


@case("2-17_datagrams_{where}_where_a_rule_could_change_them_{flow}", ELSEWHERE)
def elsewhere_by_mark(env, fam, send):
    """The header proves nothing then: LOCAL_OUT marks what the socket sent around its channel."""
    with ruleset(env.alice, RULE.format(ip="ip" if fam == 4 else "ip6")):
        elsewhere(env, fam, send)


OTHERS = [{**f, "who": who} for f in UDP for who in ("mallory", "bob")]


@case("2-17_clear_fragments_of_another_flow_from_{who}_{flow}", OTHERS)
def fragments_elsewhere(env, fam, who):
    """Beside a latched flow, clear datagrams in fragments reach the sockets that they are for."""
    flow = narrow_udp_flow(env, fam)
    socks = []
    for host in (getattr(env, who), env.alice):
        sock = host.socket(INET[fam], socket.SOCK_DGRAM)
        sock.bind((host.addr(fam), PORT + 1))
        sock.settimeout(10)
        socks.append(sock)
    with Moves(env.alice):
        socks[0].sendto(b"o" * 3000, socks[1].getsockname()[:2])
        ksft_true(socks[1].recv(65536) == b"o" * 3000)
    flow.exchange()


# --- datagrams that get another destination ------------------------------------------
REWRITE = RULE + "add rule {ip} r o udp dport {port} {ip} daddr set {addr}\n"


def check_not_sent_in_clear(env, flow):
    """Three datagrams that would leave in clear for somewhere else."""
    env.wire.restart()
    with Moves(env.alice, LatchOutClear=3):
        for _ in range(3):
            flow.a.send(b"secret")
    ksft_eq(env.wire.clear(flow), (0, 0), "(frames, bytes) in clear")
    ksft_eq(info(flow.a).out_drops, 3)
    is_state(flow.a, "ESTABLISHED", "NONE", [])


@case("2-10_destination_rewritten_by_a_rule_{flow}", UDP)
def rewritten(env, fam):
    """A rule gives the flow's datagrams another destination, which no policy protects: none leaves."""
    _, flow, _ = identified_flow(env, "udp", fam)
    words = {"ip": "ip" if fam == 4 else "ip6", "port": flow.ports[1], "addr": env.mallory.addr(fam)}
    with ruleset(env.alice, REWRITE.format(**words)):
        check_not_sent_in_clear(env, flow)
    flow.exchange()


@case("2-10_destination_rewritten_by_a_source_route_udp4")
def source_route(env):
    """IP_OPTIONS: the first hop of a loose source route is the destination that policy sees."""
    _, flow, _ = identified_flow(env, "udp", 4)
    options = b"\x83\x07\x04" + forge.packed(env.mallory.addr(4)) + b"\0"
    flow.a.setsockopt(socket.SOL_IP, socket.IP_OPTIONS, options)
    check_not_sent_in_clear(env, flow)
    flow.a.setsockopt(socket.SOL_IP, socket.IP_OPTIONS, b"")
    flow.exchange()


# the debug kernel has no mobile IPv6, and so no such header
@case("2-10_destination_rewritten_by_a_routing_header_udp6", [] if DEBUG else ({},))
def routing_header(env):
    """IPV6_RTHDR: policy sees the last destination, so what leaves for the first hop is protected."""
    _, flow, _ = identified_flow(env, "udp", 6)
    header = struct.pack("BBBB4x", 0, 2, 2, 1) + forge.packed(env.mallory.addr(6))
    flow.a.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RTHDR, header)
    env.wire.restart()
    with Moves(env.alice, may=["LatchOutClear", "LatchOutHeader"]):
        for _ in range(3):
            flow.a.send(b"secret")
    env.wire.sync()
    ksft_eq([frame.hex() for frame, _ in env.wire.frames if b"secret" in frame], [])
    flow.a.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RTHDR, b"")
    flow.exchange()


@case("2.3-18_advice_to_the_kernel_does_not_lift_a_broken_latch_{flow}", UDP)
def advice(env, fam):
    """SO_CNX_ADVICE gives the socket another hash, which is no new connect()."""
    ipsec, flow, _ = identified_flow(env, "udp", fam)
    ipsec.flush()
    env.wire.restart()
    flow.a.setsockopt(socket.SOL_SOCKET, 53, 1)
    with Moves(env.alice, LatchOutBroken=3):
        for _ in range(3):
            flow.a.send(b"secret")
    is_state(flow.a, "BROKEN", "POLICY_OUT")
    ksft_eq(env.wire.clear(flow), (0, 0), "(frames, bytes) in clear")


@case("2.2-6_fragments_into_an_xfrm_interface_under_sa_of_stranger_{flow}", UDP)
def interface_fragments(env, fam):
    """The interface cuts a datagram up before it chooses an SA: no fragment leaves under another peer's."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam, mode="tunnel", if_id=7).up().identify()
    ipsec.interface()
    try:
        # so that the fragments fit when they are in the tunnel
        env.alice.ip("link set ipsec7 mtu 1400")
        flow = ipsec.udp()
        flow.a.send(b"l" * 3000)
        ksft_true(flow.b.recv(65536) == b"l" * 3000)
        stranger = ipsec.new_sas()
        for sa in stranger:
            env.alice.bind("mallory", "alice", sa=sa)
        env.alice.ip(*[sa.add() for sa in stranger], *[sa.delete() for sa in ipsec.sas])
        is_state(flow.a, "BROKEN", "PEER")
        env.wire.restart()
        with Moves(env.alice, at_least=["LatchOutBroken"]):
            flow.a.send(b"secret" * 500)
        ksft_eq((env.wire.protected(), env.wire.clear(flow)), (0, (0, 0)), "under the SA, in clear")
    finally:
        ipsec.no_interface()


# --- packets that a rule gives to a socket --------------------------------------------
TPROXY = """
add table {ip} t
add chain {ip} t p {{ type filter hook prerouting priority mangle; }}
add rule {ip} t p {proto} dport {port} tproxy to {addr}:{to} accept
"""


def tproxy(env, fam, proto, sock):
    """Alice's packets to a port go to a socket that is bound to something else."""
    addr, to = sock.getsockname()[:2]
    words = {"ip": "ip", "addr": addr} if fam == 4 else {"ip": "ip6", "addr": f"[{addr}]"}
    return ruleset(env.alice, TPROXY.format(**words, proto=proto, port=PORT, to=to))


def transparent(sock):
    sock.setsockopt(*((socket.SOL_IP, 19) if sock.family == socket.AF_INET else (socket.IPPROTO_IPV6, 75)), 1)
    ask_to_require(sock)


@case("2-9_clear_syn_that_a_rule_gives_to_a_listener_tcp{fam}", FAMS)
def tproxy_listener(env, fam):
    """TPROXY: the listener that gets the SYN demands a channel, and does not answer."""
    # in tunnel mode sockets have the inner address
    listener = Ipsec(env.alice, env.bob, fam=fam, mode="tunnel").listen(env.alice, before=transparent)
    src, dst = env.mallory.addr(fam), env.alice.addr(fam)
    env.wire.restart()
    with tproxy(env, fam, "tcp", listener), Moves(env.alice, LatchInLarval=1):
        syn = forge.tcp(src, dst, 1001, PORT, 1, 0, forge.SYN)
        mallory_sends(env, forge.ip(src, dst, socket.IPPROTO_TCP, syn))
    ksft_eq(frames_of(env, PORT), 1, "the SYN is all there is")
    is_state(listener, "LISTENER")


@case("2-9_clear_datagram_that_a_rule_gives_to_a_socket_udp{fam}", FAMS)
def tproxy_udp(env, fam):
    """TPROXY: the socket that gets the datagram demands a channel."""
    sock = env.alice.socket(INET[fam], socket.SOCK_DGRAM)
    transparent(sock)
    sock.bind((env.alice.inner(fam), 0))
    sock.setblocking(False)
    src, dst = env.mallory.addr(fam), env.alice.addr(fam)
    with tproxy(env, fam, "udp", sock), Moves(env.alice, LatchInLarval=1):
        mallory_sends(env, forge.ip(src, dst, socket.IPPROTO_UDP, forge.udp(src, dst, 1001, PORT, b"clear")))
    try:
        ksft_eq(sock.recv(100), None)
    except BlockingIOError:
        pass


if __name__ == "__main__":
    runner.main()
