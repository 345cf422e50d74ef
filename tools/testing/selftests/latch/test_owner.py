#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""A packet belongs to its socket first: whatever its header says, nothing of a latched flow passes unjudged.

RFC 5660 2-1, 2-9, 2-10, 2-11, 2-17, 2.3-18, 2.3-20.
"""

import contextlib
import ctypes
import errno
import fcntl
import socket
import struct
import time

import forge
import runner
from expect import Moves, is_state, tcp_ext
from flow import FLOWS, SECRET, Flow, wait_for_text
from ipsec import SA, Ipsec
from ktap import SLOW, case, ksft_eq, ksft_true, wait
from latchapi import L, ask, ask_to_wait, info, latch_id, level_of
from netns import INET, Net
from scenes import AddressTakeover, TimeWait
from test_timewait import WAYS, close_into_time_wait, frames_seen
from wire import ip_proto

HOSTS = ("alice", "bob", "mallory")
FAMS = [{"fam": 4}, {"fam": 6}]
UDP = [f for f in FLOWS if f["proto"] == "udp"]
SO_CNX_ADVICE = 53


def try_send(sock, data):
    """Send; an error of the socket is an answer, too."""
    try:
        sock.send(data)
    except OSError:
        pass


def drop_count(host, way):
    """How many packets the module dropped in one direction, for whatever reason."""
    return sum(v for k, v in host.stat().items() if k.startswith(f"Latch{way}"))


def stays_true(cond, what, seconds):
    """The condition is true all the time."""
    end = time.monotonic() + seconds
    good = cond()
    while good and time.monotonic() < end:
        good = cond()
    ksft_true(good, what)


def write_sysctl(host, name, value):
    """A sysctl of the host's namespace."""
    with host, open(f"/proc/sys/net/{name}", "w", encoding="ascii") as f:
        f.write(f"{value}\n")


@contextlib.contextmanager
def nft(host, chain):
    """A chain of nft(8) on a host, as long as the block runs."""
    run_program(host, "nft", "-f", "-", input=f"table inet t {{\n chain c {{\n {chain}\n }}\n}}\n")
    try:
        yield
    finally:
        run_program(host, "nft", "flush", "ruleset")


def run_program(host, *args, **kwargs):
    """A program that must not fail."""
    done = host.run(*args, **kwargs)
    if done.returncode:
        raise RuntimeError(f"{args} on {host.name}: {done.stderr}")


@contextlib.contextmanager
def fresh():
    """Hosts of the case's own."""
    net = Net(*HOSTS)
    try:
        yield net
    finally:
        net.close()


# --- TIME_WAIT -------------------------------------------------------------------------
SYNS = [{**w, "what": what, "seq": seq} for w in WAYS for what, seq in (("old", 1), ("any", 0x7FFFFFFF))]


@case("2-10_time_wait_after_a_forged_syn_{what}_{way}_{fam}", SYNS)
def forged_syn(env, fam, kept, seq):
    """A clear SYN of another host does not take the latch away: the late segment is not answered in clear."""
    ipsec, flow, waiting = close_into_time_wait(env, fam, kept, level="use")
    src, dst, _ = waiting.old_segment()
    syn = forge.tcp(src, dst, *waiting.ports[::-1], seq, 0, forge.SYN)
    with Moves(env.alice, may=["LatchInClear"]):
        env.mallory.frame(env.alice.mac, forge.ETHERTYPE[fam], forge.ip(src, dst, socket.IPPROTO_TCP, syn))
        env.wire.sync()
    env.alice.ip(ipsec.policy(env.alice, "out", "delete"))
    env.wire.restart()
    with Moves(env.alice, LatchOutClear=1):
        waiting.send_old_segment()
    ksft_eq(frames_seen(env, flow), (1, 0))


# --- a UDP socket's latch is lifted by connect() alone -----------------------------------
ENDS = [{**f, "end": end} for f in UDP for end in ("broken", "closed")]
ADVICE = [{**e, "advice": a} for e in ENDS for a in ("with", "without")]


@case("2.3-18_latch_{end}_{advice}_cnx_advice_{flow}", ADVICE)
def cnx_advice(env, fam, end, advice):
    """The application says that its route is bad, for which it needs no privilege: the latch stays what it is."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up()
    flow = ipsec.udp(before=ask_to_wait)
    if end == "closed":
        env.alice.nl.do("conn-close", id=info(flow.a).id)
    ipsec.flush([env.alice])
    flow.a.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    number = is_state(flow.a, end.upper()).id
    env.wire.restart()
    for _ in range(3):
        if advice == "with":
            flow.a.setsockopt(socket.SOL_SOCKET, SO_CNX_ADVICE, 1)
        with Moves(env.alice, **{f"LatchOut{end.capitalize()}": 1}):
            flow.a.send(SECRET)
        ksft_eq(is_state(flow.a, end.upper()).id, number)
    ksft_eq(env.wire.clear(flow), (0, 0))


@case("5.2-1_connect_again_lifts_a_latch_{end}_{flow}", ENDS)
def connect_again(env, fam, end):
    """connect() to the same peer is a new flow: after it the socket sends as policy says."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up()
    flow = ipsec.udp(before=ask_to_wait)
    if end == "closed":
        env.alice.nl.do("conn-close", id=info(flow.a).id)
    ipsec.flush()
    flow.a.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    flow.a.connect(flow.b.getsockname()[:2])
    flow.b.connect(flow.a.getsockname()[:2])
    for sock in (flow.a, flow.b):
        is_state(sock, "NONE")
    flow.exchange()


# --- fragments into an XFRM interface -----------------------------------------------------
@contextlib.contextmanager
def interface(env, fam, suite="gcm128"):
    """A tunnel through XFRM interfaces whose MTU is small."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam, mode="tunnel", if_id=7, suite=suite).up()
    ipsec.interface()
    for host in (env.alice, env.bob):
        host.ip("link set ipsec7 mtu 1300")
    try:
        yield ipsec
    finally:
        for host in (env.alice, env.bob):
            host.close_sockets()
        ipsec.no_interface()


def other_tunnel(env, ipsec):
    """The interface's policy out is for a tunnel to mallory, now."""
    sa = SA(env.alice.addr(ipsec.fam), env.mallory.addr(ipsec.fam), 0x9911, mode="tunnel", reqid=9, extra="if_id 7")
    tmpl = f"tmpl src {sa.src} dst {sa.dst} proto esp reqid 9 mode tunnel"
    env.alice.ip(
        sa.add(),
        f"xfrm policy update {ipsec.selector(env.alice, env.bob)} dir out if_id 7 priority 100 {tmpl}",
    )


def strangers_sas(env, ipsec):
    """A stranger's SAs are there besides."""
    AddressTakeover(env, ipsec).add_sas()


BREAKS = [
    {**f, "what": what, "end": end, "size": size}
    for f in FLOWS
    for what, end in (("stranger", strangers_sas), ("other_tunnel", other_tunnel))
    for size in ((3000,) if f["proto"] == "tcp" else (3000, 20000))
]


@case("2.3-18_broken_sends_no_fragment_of_{size}_{flow}_{what}", BREAKS)
def broken_fragments(env, proto, fam, end, size):
    """What is larger than the interface's MTU stays here as a whole."""
    with interface(env, fam) as ipsec:
        env.alice.pin()
        flow = ipsec.flow(proto, before=ask_to_wait)
        flow.exchange()
        end(env, ipsec)
        is_state(flow.a, "BROKEN")
        env.wire.restart()
        with Moves(env.alice, at_least=["LatchOutBroken"]):
            flow.a.send(b"x" * size)
        ksft_eq(env.wire.protected(), 0)
        ksft_eq(env.wire.clear(flow), (0, 0))


@case("2-7_fragments_of_{size}_pass_an_interface_{flow}", [{**f, "size": s} for f in FLOWS for s in (3000, 20000)])
def fragments_pass(env, proto, fam, size):
    """While the latch holds, large datagrams pass, and nothing is dropped."""
    with interface(env, fam) as ipsec:
        flow = ipsec.flow(proto)
        flow.exchange()
        with Moves(env.alice), Moves(env.bob):
            for x, y in ((flow.a, flow.b), (flow.b, flow.a)):
                x.send(b"y" * size)
                got = b""
                y.settimeout(10 * SLOW)
                while len(got) < size:
                    got += y.recv(65536)
                ksft_eq(got, b"y" * size)
        is_state(flow.a, "ESTABLISHED", "NONE", [])


# --- two UDP sockets on one 5-tuple --------------------------------------------------------
def second_socket(ipsec, before=None):
    """(flow, second socket of alice with the very same 5-tuple)"""
    shares = lambda sock: sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # noqa: E731
    a, host = ipsec.addr(ipsec.a), ipsec.a
    socks = [host.socket(INET[ipsec.fam], socket.SOCK_DGRAM) for _ in range(2)]
    peer = ipsec.b.socket(INET[ipsec.fam], socket.SOCK_DGRAM)
    peer.bind((ipsec.addr(ipsec.b), 0))
    port = 0
    for sock in socks:
        shares(sock)
        sock.bind((a, port))
        port = sock.getsockname()[1]
    peer.connect((a, port))
    ask_to_wait(socks[0])
    if before:
        before(socks[1])
    for sock in socks:
        sock.connect(peer.getsockname()[:2])
    return Flow(ipsec, "udp", socks[0], peer), socks[1]


@case("2-8_second_socket_of_a_5-tuple_demands_{fam}", FAMS)
def second_demands(env, fam):
    """What the second socket asks for is asked of its own datagrams."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up().identify()
    env.alice.peer("carol")
    flow, second = second_socket(ipsec, lambda sock: ask(sock, mode=L.LATCH_MODE_REQUIRE, peer_id="carol"))
    flow.a.send(b"first")
    ksft_eq(flow.b.recv(100), b"first")
    is_state(flow.a, "ESTABLISHED")
    env.wire.restart()
    before = drop_count(env.alice, "Out")
    try_send(second, SECRET)
    ksft_eq(drop_count(env.alice, "Out"), before + 1)
    ksft_eq((env.wire.protected(), env.wire.clear(flow)), (0, (0, 0)))
    ksft_true(flow.silent(flow.b))
    # the first one is as it was
    flow.a.send(b"again")
    ksft_eq(flow.b.recv(100), b"again")


@case("2-10_second_socket_of_a_5-tuple_after_the_first_{fam}", FAMS)
def second_stays(env, fam):
    """The flow breaks and the first socket goes: the second one does not send in clear either."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up().identify()
    flow, second = second_socket(ipsec, ask_to_wait)
    for sock in (flow.a, second):
        sock.send(b"hello")
        ksft_eq(flow.b.recv(100), b"hello")
    ksft_true(info(second).state_name != "NONE", "the second socket is latched")
    ipsec.flush([env.alice])
    env.wire.restart()
    before = drop_count(env.alice, "Out")
    for sock in (flow.a, second):
        try_send(sock, SECRET)
    flow.a.close()
    for _ in range(3):
        try_send(second, SECRET)
    ksft_eq(env.wire.clear(flow), (0, 0))
    ksft_eq(drop_count(env.alice, "Out"), before + 5)
    is_state(second, "BROKEN")


# --- no peer takes all latches ----------------------------------------------------------------
@case("2-17_a_peer_does_not_take_all_latches_{fam}", FAMS)
def share(env, fam):
    """One authenticated peer opens more connections than there may be latches: another one still gets in."""
    env.bob.sysctl("max_latches", 10)
    flood = Ipsec(env.mallory, env.bob, fam=fam, suite="null", reqid=2).up([env.bob])
    flood.identify([env.bob])
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up().identify()
    listener = ipsec.listen()
    listener.listen(100)
    inward = next(sa for sa in flood.sas if sa.dst == env.bob.addr(fam))
    src, dst, port = env.mallory.addr(fam), env.bob.addr(fam), listener.getsockname()[1]
    moves = {"at_least": ["LatchLatches", "LatchCreated", "LatchInLimit"], "may": ["LatchListeners", "LatchRefused"]}
    with Moves(env.bob, **moves):
        for n in range(50):
            syn = forge.ip(src, dst, socket.IPPROTO_TCP, forge.tcp(src, dst, 20000 + n, port, 1, 0, forge.SYN))
            env.mallory.frame(env.bob.mac, forge.ETHERTYPE[fam], forge.protect(syn, inward.spi, n + 1))
    flow = ipsec.tcp(listener=listener)
    flow.exchange()
    for sock in (flow.a, flow.b):
        is_state(sock, "ESTABLISHED", "NONE", [])
    ksft_true(env.bob.stat()["LatchLatches"] <= 10)


# --- ICMP errors that quote what was protected ---------------------------------------------------
def icmp_frames(env, fam):
    """Frames of ICMP errors on the link."""
    env.wire.sync()
    kinds = (3,) if fam == 4 else (1,)
    want = socket.IPPROTO_ICMP if fam == 4 else socket.IPPROTO_ICMPV6
    return sum(ip_proto(f)[0] == want and f[ip_proto(f)[1]] in kinds for f, _ in env.wire.frames)


@case("2-10_icmp_error_quotes_nothing_in_clear_{fam}", FAMS)
def icmp_quotes(env, fam):
    """The policies are for UDP alone: the error about a protected datagram that finds no socket stays here."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam, narrow="proto udp").up().identify()
    flow = ipsec.udp()
    flow.a.close()
    wait(lambda: env.alice.stat()["LatchLatches"] == 0, "the latch to go")
    env.wire.restart()
    with Moves(env.alice, LatchOutIcmp=1):
        flow.b.send(SECRET)
    ksft_eq((env.wire.protected(), icmp_frames(env, fam)), (1, 0))


@case("2-17_icmp_error_about_a_clear_datagram_{fam}", FAMS)
def icmp_clear(env, fam):
    """Who sent in clear is told that nobody listens, whatever else is latched."""
    Ipsec(env.alice, env.bob, fam=fam, narrow="proto udp").up().identify().udp()
    sock = env.mallory.socket(INET[fam], socket.SOCK_DGRAM)
    sock.settimeout(10 * SLOW)
    sock.connect((env.alice.addr(fam), 9))
    with Moves(env.alice):
        sock.send(b"x")
        wait(lambda: sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ECONNREFUSED, "the error")


@case("2-10_icmp_error_under_protection_{fam}", FAMS)
def icmp_protected(env, fam):
    """Where the policies are for the addresses the error goes under its SA, and the peer's socket hears it."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up().identify()
    flow = ipsec.udp()
    flow.a.close()
    wait(lambda: env.alice.stat()["LatchLatches"] == 0, "the latch to go")
    env.wire.restart()
    with Moves(env.alice), Moves(env.bob):
        flow.b.send(SECRET)
        wait(lambda: flow.b.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ECONNREFUSED, "the error")
    ksft_eq((env.wire.protected(), icmp_frames(env, fam)), (2, 0))


# --- connections that NAT redirects ------------------------------------------------------------------
OUTSIDE = 7777  # the port that the peer knows


@contextlib.contextmanager
def redirected(env, fam):
    """(IPsec, bob's listener): the peer reaches it by another port."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up().identify()
    listener = ipsec.listen(before=ask_to_wait)
    port = listener.getsockname()[1]
    chain = f"type nat hook prerouting priority dstnat; tcp dport {OUTSIDE} redirect to :{port};"
    with nft(env.bob, chain):
        # a segment of an old window has to be found to belong to the connection
        write_sysctl(env.bob, "netfilter/nf_conntrack_tcp_be_liberal", 1)
        yield ipsec, listener


def close_redirected_into_time_wait(env, ipsec, listener):
    """(connection, its TIME_WAIT at bob), both with the ports that are on the wire"""
    sock = env.alice.socket(INET[ipsec.fam])
    sock.settimeout(10 * SLOW)
    sock.connect((ipsec.addr(env.bob), OUTSIDE))
    flow = Flow(ipsec, "tcp", sock, env.bob.owns(listener.accept()[0]))
    flow.exchange()
    for end in (flow.a, flow.b):
        is_state(end, "ESTABLISHED")
    waiting = TimeWait(flow, flow.b)
    flow.ports = (flow.ports[0], OUTSIDE)
    waiting.ports = flow.ports[::-1]
    wait(lambda: not waiting.known_at(env.alice, flow.ports), "the other end's last ACK")
    env.wire.restart()
    return flow, waiting


@case("2-10_time_wait_behind_redirect_answers_under_its_sa_{fam}", FAMS)
def redirect_answers(env, fam):
    """Nothing has changed: a late segment is answered."""
    with redirected(env, fam) as (ipsec, listener):
        flow, waiting = close_redirected_into_time_wait(env, ipsec, listener)
        with Moves(env.bob):
            waiting.send_old_segment()
            wait(lambda: frames_seen(env, flow) == (3, 0), "the answer")


@case("2-10_time_wait_behind_redirect_never_in_clear_{fam}", FAMS)
def redirect_time_wait(env, fam):
    """The policy is gone: TIME_WAIT does not answer, although the header has another port than the latch."""
    with redirected(env, fam) as (ipsec, listener):
        flow, waiting = close_redirected_into_time_wait(env, ipsec, listener)
        env.bob.ip(ipsec.policy(env.bob, "out", "delete"))
        with Moves(env.bob, LatchOutClear=1):
            waiting.send_old_segment()
        ksft_eq(frames_seen(env, flow), (1, 0))


@case("2-10_syn_ack_behind_redirect_never_in_clear_{fam}", FAMS)
def redirect_syn_ack(env, fam):
    """The policy goes while a SYN-ACK is not through: it is not sent again in clear."""
    with redirected(env, fam) as (ipsec, listener):
        env.bob.ip(*[sa.delete() for sa in ipsec.sas if sa.src == env.bob.addr(fam)])
        sock = env.alice.socket(INET[fam])
        sock.setblocking(False)
        with Moves(env.bob, at_least=["XfrmOutNoStates", "LatchLatches"], may=["LatchCreated", "LatchListeners"]):
            sock.connect_ex((ipsec.addr(env.bob), OUTSIDE))
        flow = Flow(ipsec, "tcp", sock, listener)
        flow.ports = (flow.ports[0], OUTSIDE)
        env.wire.restart()
        before = drop_count(env.bob, "Out")
        env.bob.ip(ipsec.policy(env.bob, "out", "delete"))
        wait(lambda: drop_count(env.bob, "Out") > before or env.wire.clear(flow)[0], "the SYN-ACK to be sent again")
        ksft_eq(env.wire.clear(flow), (0, 0))


# --- a SYN for what TCP knows already ----------------------------------------------------------------
@case("2.3-2_syn_of_a_connection_without_latch_{fam}", FAMS)
def second_syn(env, fam):
    """A protected SYN has the 5-tuple of a connection that has no latch: that gets it, and not the listener."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam, suite="null").up().identify()
    env.bob.sysctl("auto", 0)
    flow = ipsec.tcp(listener=ipsec.listen())
    flow.exchange()
    is_state(flow.b, "NONE")
    env.bob.sysctl("auto", 1)
    src, dst = (ipsec.addr(h) for h in (env.alice, env.bob))
    syn = forge.ip(src, dst, socket.IPPROTO_TCP, forge.tcp(src, dst, *flow.ports, 1, 0, forge.SYN))
    inward = next(sa for sa in ipsec.sas if sa.dst == dst)
    before = tcp_ext(env.bob, "TCPSYNChallenge")
    env.alice.frame(env.bob.mac, forge.ETHERTYPE[fam], forge.protect(syn, inward.spi, 1000))
    wait(lambda: tcp_ext(env.bob, "TCPSYNChallenge") == before + 1, "the challenge ACK")


# --- SYN cookies -------------------------------------------------------------------------------------
@case("2.3-2_late_ack_to_a_syn_cookie_{fam}", FAMS)
def late_cookie(env, fam):
    """Another connection of the two hosts stands: the latch of a cookie waits for its ACK all the same."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up().identify()
    write_sysctl(env.bob, "ipv4/tcp_syncookies", 2)
    try:
        warm, listener = ipsec.tcp(), ipsec.listen()
        warm.exchange()
        rule = f"tcp dport {listener.getsockname()[1]} tcp flags & (syn | ack) == ack drop;"
        sock = env.alice.socket(INET[fam])
        sock.settimeout(10 * SLOW)
        with nft(env.alice, f"type filter hook output priority 0; {rule}"):
            sock.connect(listener.getsockname()[:2])
            stays_true(lambda: env.bob.stat()["LatchLatches"] == 2, "the cookie's latch", 5)
        sock.send(b"late")
        listener.settimeout(10 * SLOW)
        child = env.bob.owns(listener.accept()[0])
        ksft_eq(child.recv(100), b"late")
        is_state(child, "ESTABLISHED", "NONE", [])
    finally:
        write_sysctl(env.bob, "ipv4/tcp_syncookies", 1)


@case("2.3-17_no_cookie_for_what_is_reset_{fam}", FAMS)
def reset_is_no_cookie(env, fam):
    """A listener goes, and TCP answers the ACK to its SYN-ACK by a RST: the latch goes with the request."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up().identify()
    listener = ipsec.listen()
    sock = env.alice.socket(INET[fam])
    sock.settimeout(10 * SLOW)
    rule = f"tcp dport {listener.getsockname()[1]} tcp flags & (syn | ack) == ack drop;"
    with nft(env.alice, f"type filter hook output priority 0; {rule}"):
        sock.connect(listener.getsockname()[:2])
        ksft_eq(env.bob.stat()["LatchLatches"], 1, "the half-open latch")
        listener.close()
    sock.send(b"x")
    with contextlib.suppress(ConnectionResetError):
        sock.recv(1)
    wait(lambda: not env.bob.stat()["LatchLatches"], "the half-open latch to go")


# --- GRO ---------------------------------------------------------------------------------------------
UDP_GRO = 104


def send_burst(net, ipsec, flow, alien, first, size=100):
    """The peer and mallory by turns, in one go: packets of the very same flow, each under the sender's own SA."""
    own = next(sa for sa in ipsec.sas if sa.dst == net.alice.addr(ipsec.outer))
    src, dst = flow.a.getpeername()[0], flow.a.getsockname()[0]
    for n in range(8):
        sa, host, letter = ((own, net.bob, b"b"), (alien, net.mallory, b"m"))[n % 2]
        kind, packet = forge.into(flow, forge.ACK, letter * size, seq=n * size)
        proto, payload = (packet[9], packet[20:]) if ipsec.fam == 4 else (packet[6], packet[40:])
        packet = forge.ip(src, dst, proto, payload, 0x4000)
        host.frame(net.alice.mac, kind, forge.protect(packet, sa.spi, first + n, (sa.src, sa.dst)))


def switch_gro_off(host, name):
    """GRO is off at a device (ethtool -K NAME gro off)."""
    value = ctypes.create_string_buffer(struct.pack("II", 0x2C, 0))  # ETHTOOL_SGRO
    with host, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        fcntl.ioctl(sock, 0x8946, struct.pack("16sP16x", name.encode(), ctypes.addressof(value)))  # SIOCETHTOOL


GRO = [{**f, "gro": gro} for f in FLOWS for gro in ("on", "off")]


@case("2-11_packets_of_two_peers_at_once_gro_{gro}_{flow}", GRO)
def at_once(_env, proto, fam, gro):
    """Two peers' packets arrive together and look like one flow: not a byte of the other peer's is read."""
    with fresh() as net:
        ipsec = Ipsec(net.alice, net.bob, fam=fam, mode="tunnel", suite="null", if_id=7, window=0).up().identify()
        ipsec.interface()
        if gro == "off":
            switch_gro_off(net.alice, "ipsec7")
        alien = SA(net.mallory.addr(fam), net.alice.addr(fam), 0x9920, "null", "tunnel", 9, 0, "if_id 7")
        net.alice.bind("mallory", "alice", sa=alien)
        net.alice.ip(alien.add())
        flow = ipsec.flow(proto)
        flow.exchange()
        is_state(flow.a, "ESTABLISHED", "NONE", [])
        if proto == "udp":
            flow.a.setsockopt(socket.IPPROTO_UDP, UDP_GRO, 1)
        flow.a.setblocking(False)
        # what comes within such a slot arrives at once
        run_program(net.sw, *"tc qdisc add dev p-alice root netem delay 1ms slot 100ms 100ms".split())
        for turn in range(10):
            before = drop_count(net.alice, "In")
            read = []
            send_burst(net, ipsec, flow, alien, 1000 + 10 * turn)
            wait(lambda: mallorys_byte(flow.a, read) or drop_count(net.alice, "In") > before, "the burst")  # noqa: B023
            if any(b"m" in data for data in read):
                break
        ksft_true(not any(b"m" in data for data in read), "mallory's bytes were read")


def mallorys_byte(sock, read):
    """Read what is there, and say whether a byte of mallory's ever came."""
    try:
        read.append(sock.recv(65536))
    except BlockingIOError:
        pass
    return any(b"m" in data for data in read)


# --- groups, VRFs, segment routing ------------------------------------------------------------------
GROUPS = [
    {"what": "group4", "fam": 4, "group": "239.1.2.3", "mac": "01005e010203"},
    {"what": "group6", "fam": 6, "group": "ff15::1:203", "mac": "333300010203"},
    {"what": "broadcast", "fam": 4, "group": "10.9.0.255", "mac": "ffffffffffff"},
]


@case("2-11_clear_datagram_to_{what}_of_a_latched_socket", GROUPS)
def group_address(env, fam, what, group, mac):
    """A latched socket is bound to a group: what comes for the group in clear, as if from the peer, is not read."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up().identify()
    sock, peer = (h.socket(INET[fam], socket.SOCK_DGRAM) for h in (env.alice, env.bob))
    peer.bind((ipsec.addr(env.bob), 0))
    with env.alice:
        index = socket.if_nametoindex("eth0")
    if what == "group4":
        member = struct.pack("4s4si", forge.packed(group), b"", index)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
    elif what == "group6":
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, forge.packed(group) + struct.pack("i", index))
    sock.bind((group, 0))
    sock.connect(peer.getsockname()[:2])
    sock.settimeout(10 * SLOW)
    port, src = sock.getsockname()[1], env.bob.addr(fam)

    def clear():
        packet = forge.udp(src, group, peer.getsockname()[1], port, b"forged")
        env.mallory.frame(bytes.fromhex(mac), forge.ETHERTYPE[fam], forge.ip(src, group, socket.IPPROTO_UDP, packet))

    # without a latch it is delivered
    clear()
    ksft_eq(sock.recv(100), b"forged")
    sock.send(b"hello")
    is_state(sock, "ESTABLISHED", "NONE", [])
    with Moves(env.alice, LatchInClear=1):
        clear()
    sock.setblocking(False)
    try:
        ksft_eq(sock.recv(100), b"")
    except BlockingIOError:
        pass


def put_into_vrf(sock, name="red"):
    """The socket belongs to a VRF."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, name.encode())


def add_vrf(host, slave, name="red", table=10):
    """A VRF at a host."""
    host.ip(
        f"link add {name} type vrf table {table}",
        f"link set {name} up addrgenmode none",
        f"link set {slave} master {name}",
    )


def vrf_flow(ipsec, proto, name="red", ports=(0, 0)):
    """A flow whose first end is in a VRF."""
    kind = socket.SOCK_STREAM if proto == "tcp" else socket.SOCK_DGRAM
    sock = ipsec.a.socket(INET[ipsec.fam], kind)
    sock.settimeout(10 * SLOW)
    put_into_vrf(sock, name)
    sock.bind((ipsec.addr(ipsec.a), ports[0]))
    if proto == "tcp":
        return ipsec.tcp(sock=sock, listener=ipsec.listen(port=ports[1]))
    peer = ipsec.b.socket(INET[ipsec.fam], kind)
    peer.bind((ipsec.addr(ipsec.b), ports[1]))
    sock.connect(peer.getsockname()[:2])
    peer.connect(sock.getsockname()[:2])
    return Flow(ipsec, "udp", sock, peer)


def check_vrf_flows(host, ipsec, proto):
    """Flows of a VRF, opened by either end, are latched, and nothing is dropped."""
    with Moves(host, LatchLatches=1, LatchCreated=1):
        flow = vrf_flow(ipsec, proto)
        for _ in range(3):
            flow.exchange()
    is_state(flow.a, "ESTABLISHED", "NONE", [])
    if proto == "tcp":
        with Moves(host, LatchLatches=1, LatchCreated=1, LatchListeners=1):
            listener = ipsec.listen(host, before=put_into_vrf)
            ipsec.tcp(client=ipsec.b, listener=listener).exchange()


VRFS = [{**f, "qdisc": q} for f in FLOWS for q in ("no", "fq")]


def link_in_vrf(net, fam):
    """The first host's link is in a VRF; what was on the link comes back by hand."""
    addr, bob = net.alice.addr(fam), net.bob.addr(fam)
    size, nodad = (24, "") if fam == 4 else (64, "nodad")
    add_vrf(net.alice, "eth0")
    net.alice.ip(
        f"addr replace {addr}/{size} dev eth0 noprefixroute {nodad}",
        f"neigh replace {bob} lladdr {net.bob.mac.hex(':')} dev eth0 nud permanent",
        f"route replace {bob} dev eth0 table 10 rto_min 20ms",
    )


@case("2-17_vrf_with_{qdisc}_qdisc_{flow}", VRFS)
def vrf_qdisc(_env, proto, fam, qdisc):
    """The link is in a VRF, whose own output may have a queue."""
    with fresh() as net:
        link_in_vrf(net, fam)
        if qdisc != "no":
            run_program(net.alice, "tc", "qdisc", "add", "dev", "red", "root", qdisc)
        check_vrf_flows(net.alice, Ipsec(net.alice, net.bob, fam=fam).up().identify(), proto)


@case("2-11_clear_packets_into_a_vrf_{flow}", FLOWS)
def vrf_forgery(_env, proto, fam):
    """A stranger on a link in a VRF forges packets of a latched flow of the VRF: none is read."""
    with fresh() as net:
        link_in_vrf(net, fam)
        # nothing but the header leads to the flow
        write_sysctl(net.alice, "ipv4/ip_early_demux", 0)
        flow = vrf_flow(Ipsec(net.alice, net.bob, fam=fam, level="use").up().identify(), proto)
        flow.exchange()
        with Moves(net.alice, LatchInClear=3):
            for _ in range(3):
                net.mallory.frame(net.alice.mac, *forge.into(flow, forge.PSH | forge.ACK, b"forged"))
        ksft_true(flow.silent(flow.a))
        is_state(flow.a, "ESTABLISHED", "NONE", [])


@case("2-17_xfrm_interface_in_a_vrf_{flow}", FLOWS)
def vrf_interface(_env, proto, fam):
    """The interface is a VRF's: flows of the VRF are latched."""
    with fresh() as net:
        ipsec = Ipsec(net.alice, net.bob, fam=fam, mode="tunnel", if_id=7).up().identify()
        ipsec.interface()
        add_vrf(net.alice, "ipsec7")
        inner, bits = net.alice.inner(fam), 32 if fam == 4 else 128
        net.alice.ip(
            f"addr del {inner}/{bits} dev lo",
            f"addr add {inner}/{bits} dev red {'' if fam == 4 else 'nodad'}",
            f"route replace {net.bob.inner_net(fam)} dev ipsec7 src {inner} table 10",
        )
        check_vrf_flows(net.alice, ipsec, proto)


PORTS = [{**f, "which": w} for f in FLOWS for w in ("same", "other")]


@case("2-1_two_vrfs_with_the_same_addresses_and_{which}_ports_{flow}", PORTS)
def two_vrfs(_env, proto, fam, which):
    """Two VRFs, an interface to another peer in each, the same addresses behind both: each flow has its own latch."""
    with fresh() as net:
        inner, bits, nodad = net.alice.inner(fam), *((32, "") if fam == 4 else (128, "nodad"))
        net.mallory.ip(f"addr add {net.bob.inner(fam)}/{bits} dev lo {nodad}")
        net.mallory.inner, net.mallory.inner_net = net.bob.inner, net.bob.inner_net
        net.alice.ip(f"addr del {inner}/{bits} dev lo")
        flows, ports = [], (0, 0)
        for number, peer, name in ((7, net.bob, "red"), (8, net.mallory, "blue")):
            ipsec = Ipsec(net.alice, peer, fam=fam, mode="tunnel", if_id=number, reqid=number).up().identify()
            peer_net = peer.inner_net(fam)
            net.alice.ip(f"link add ipsec{number} type xfrm dev eth0 if_id {number}", f"link set ipsec{number} up")
            peer.ip(
                f"link add ipsec{number} type xfrm dev eth0 if_id {number}",
                f"link set ipsec{number} up",
                f"route replace {net.alice.inner_net(fam)} dev ipsec{number} src {peer.inner(fam)}",
            )
            add_vrf(net.alice, f"ipsec{number}", name, number)
            net.alice.ip(
                f"addr add {inner}/{bits} dev {name} {nodad}",
                f"route add {peer_net} dev ipsec{number} src {inner} table {number}",
            )
            with Moves(net.alice, LatchLatches=1, LatchCreated=1):
                flows.append(vrf_flow(ipsec, proto, name, ports))
                for flow in flows * 3:
                    flow.exchange()
            if which == "same":
                ports = flows[0].ports
        got = [is_state(flow.a, "ESTABLISHED", "NONE", []) for flow in flows]
        ksft_eq([x.peer for x in got], [net.alice.peer("bob"), net.alice.peer("mallory")])
        ksft_true(got[0].id != got[1].id)


@case("2-11_segment_routing_does_not_lead_to_a_latched_socket_udp6")
def segment_routing(env):
    """A clear datagram comes for another address, and its header sends it on to the flow: it is not read."""
    ipsec = Ipsec(env.alice, env.bob, fam=6, level="use").up().identify()
    flow = ipsec.udp()
    for name in ("all", "eth0", "lo"):
        write_sysctl(env.alice, f"ipv6/conf/{name}/seg6_enabled", 1)
    env.alice.ip("addr add fd09::99/128 dev eth0 nodad")
    (dst, dport), (src, sport) = flow.a.getsockname()[:2], flow.a.getpeername()[:2]
    packet = forge.segment_route(
        src, "fd09::99", dst, socket.IPPROTO_UDP, forge.udp(src, dst, sport, dport, b"forged")
    )  # fmt: skip
    try:
        with Moves(env.alice, LatchInHeader=1):
            env.mallory.frame(env.alice.mac, forge.ETHERTYPE[6], packet)
        ksft_true(flow.silent(flow.a))
        flow.exchange()
    finally:
        env.alice.ip("addr del fd09::99/128 dev eth0")
        for name in ("all", "eth0", "lo"):
            write_sysctl(env.alice, f"ipv6/conf/{name}/seg6_enabled", 0)


ENCAPS = [{**f, "mode": m} for f in FLOWS for m in ("encap", "inline") if f["fam"] == 6 or m == "encap"]


@case("2.3-18_broken_sends_nothing_by_seg6_{mode}_{flow}", ENCAPS)
def seg6_route(_env, proto, fam, mode):
    """The route to the peer packs each packet up before anybody looks at it: the data of a broken flow stays here."""
    with fresh() as net:
        ipsec = Ipsec(net.alice, net.bob, fam=fam).up().identify()
        flow = ipsec.flow(proto, before=ask_to_wait)
        flow.exchange()
        segment = net.mallory.addr(6)
        net.alice.ip(f"route add {net.bob.addr(fam)} encap seg6 mode {mode} segs {segment} dev eth0")
        ipsec.flush([net.alice])
        is_state(flow.a, "BROKEN")
        net.wire.restart()
        before = drop_count(net.alice, "Out")
        for _ in range(3):
            flow.a.send(SECRET * 4)
        wait(lambda: drop_count(net.alice, "Out") > before or leaked_frames(net), "the data to be dropped")
        ksft_eq(leaked_frames(net), 0)


def leaked_frames(net):
    """Frames in which some of a flow's data can be read."""
    net.wire.sync()
    return sum(SECRET[:8] in frame for frame, _ in net.wire.frames)


# --- connections that were restored ----------------------------------------------------------------
TCP_REPAIR, TCP_REPAIR_QUEUE, TCP_QUEUE_SEQ = 19, 20, 21


def restored_flow(ipsec):
    """A connection that both ends put together from what they know of it, as CRIU does."""
    socks = [host.socket(INET[ipsec.fam]) for host in (ipsec.a, ipsec.b)]
    for sock, host, (snd, rcv) in zip(socks, (ipsec.a, ipsec.b), ((1000, 2000), (2000, 1000))):
        sock.settimeout(10 * SLOW)
        ask_to_wait(sock)
        sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
        for queue, seq in ((2, snd), (1, rcv)):  # TCP_SEND_QUEUE, TCP_RECV_QUEUE
            sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR_QUEUE, queue)
            sock.setsockopt(socket.IPPROTO_TCP, TCP_QUEUE_SEQ, struct.pack("I", seq))
        sock.bind((ipsec.addr(host), 0))
    for x, y in (socks, socks[::-1]):
        x.connect(y.getsockname()[:2])
    for sock in socks:
        sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 0)
    return Flow(ipsec, "tcp", *socks)


@case("2-17_restored_connection_{fam}", FAMS)
def repair(env, fam):
    """TCP_REPAIR: the first protected segment latches it, and after a flush nothing goes in clear."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up().identify()
    flow = restored_flow(ipsec)
    flow.exchange()
    for sock in (flow.a, flow.b):
        is_state(sock, "ESTABLISHED", "NONE", [])
    ipsec.flush([env.alice])
    is_state(flow.a, "BROKEN")
    env.wire.restart()
    before = drop_count(env.alice, "Out")
    flow.a.send(SECRET)
    wait(lambda: drop_count(env.alice, "Out") > before or env.wire.clear(flow)[0], "the data to be dropped")
    ksft_eq(env.wire.clear(flow), (0, 0))


def checkpoint(sock, by):
    """What a privileged checkpoint reads of a connection, which goes without a word: (ends, sequence numbers, demand).

    by: the peer is asked for by its record, which is strict, or by its name, as on another host
    """
    got = info(sock)
    own, peer = ((kind, sock.getsockopt(level_of(sock), option, 1024)) for kind, option in (
        (got.local_id_type, L.IP_LATCH_LOCAL_ID), (got.peer_id_type, L.IP_LATCH_PEER_ID)
    ))  # fmt: skip
    demand = {
        "mode": L.LATCH_MODE_REQUIRE,
        "disposition": got.disposition,
        "protection": got.protection,
        "encap": L.LATCH_ENCAP_TUNNEL if got.chain[0]["mode"] else L.LATCH_ENCAP_TRANSPORT,
        "suites": [{name: t[name] for name in ("encr", "encr_bits", "integ", "icv_bits")} for t in got.chain],
        "local_id": latch_id(*own),
        **({"peer": got.peer} if by == "record" else {"peer_id": latch_id(*peer)}),
    }
    ends, seqs = (sock.getsockname(), sock.getpeername()), []
    sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
    for queue in (2, 1):  # TCP_SEND_QUEUE, TCP_RECV_QUEUE
        sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR_QUEUE, queue)
        seqs.append(sock.getsockopt(socket.IPPROTO_TCP, TCP_QUEUE_SEQ))
    sock.close()
    return ends, seqs, demand


def restore(host, fam, ends, seqs, demand):
    """A socket that goes on where another one was read, and demands what that one had."""
    sock = host.socket(INET[fam])
    ask(sock, **demand)
    sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
    for queue, seq in zip((2, 1), seqs):
        sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR_QUEUE, queue)
        sock.setsockopt(socket.IPPROTO_TCP, TCP_QUEUE_SEQ, struct.pack("I", seq & 0xFFFFFFFF))
    sock.bind(ends[0])
    sock.connect(ends[1])
    sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 0)
    return sock


WRONG = [
    {"fam": f, "by": by, "what": w} for f in (4, 6) for by in ("record", "name")
    for w in ("sa_of_another_peer", "weaker_sa", "clear_text")
]  # fmt: skip


@case("2-17_restored_connection_with_the_old_demands_by_{by}_refuses_{what}_{fam}", WRONG)
def restored_with_demands(env, fam, by, what):
    """What the option tells of a latch, asked for at the restored socket: it takes nothing else, and is latched as before."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up().identify()
    flow = ipsec.tcp().ask_to_wait()
    flow.exchange()
    was = info(flow.a)
    flow = Flow(ipsec, "tcp", restore(env.alice, fam, *checkpoint(flow.a, by)), flow.b)
    env.alice.ip(*[sa.delete() for sa in ipsec.sas])
    wrong = [sa.but(suite="null") if what == "weaker_sa" else sa for sa in ipsec.new_sas()]
    if what == "clear_text":
        env.alice.ip("xfrm policy flush")
    else:
        for sa in wrong if what == "sa_of_another_peer" else ():
            env.alice.bind("mallory", "alice", sa=sa)
        env.alice.ip(*[sa.add() for sa in wrong])
    env.wire.restart()
    before = drop_count(env.alice, "Out")
    flow.a.send(SECRET)
    wait(lambda: drop_count(env.alice, "Out") > before, "the data to be dropped")
    ksft_eq((env.wire.protected(), env.wire.clear(flow)), (0, (0, 0)))
    if what == "clear_text":
        env.alice.ip(*ipsec.policies(env.alice))
    else:
        env.alice.ip(*[sa.delete() for sa in wrong])
    ipsec.sas = ipsec.new_sas()
    for host in (env.bob, env.alice):
        host.ip(*[sa.add() for sa in ipsec.sas])
    wait_for_text(flow.b, SECRET)
    got = is_state(flow.a, "ESTABLISHED", conflicts=[])
    for name in ("chain", "protection", "peer", "local", "peer_id_type", "auth_method", "disposition"):
        ksft_eq(getattr(got, name), getattr(was, name), name)


if __name__ == "__main__":
    runner.main()
