#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""A latch lives as long as its flow: none outlives its socket, no socket loses it.

RFC 5660 2-1, 2.3-6, 2.3-17, 5.1-1, 5.2-1.  The end of every case in every file
checks that no latch is left; these cases end sockets in all other ways.
"""

import errno
import os
import signal
import socket
import struct

import runner
from expect import Moves, is_state
from flow import FLOWS, disconnect, error_of
from ipsec import Ipsec
from ktap import case, ksft_eq, ksft_true, wait
from latchapi import ask_to_wait, info
from netns import INET, Host

HOSTS = ("alice", "bob")


def none_left(*hosts):
    for host in hosts:
        wait(lambda h=host: h.stat()["LatchLatches"] == 0, f"the latches of {host.name} to go")
        ksft_eq(host.conns(), {})


def is_none(sock):
    got = is_state(sock, "NONE")
    ksft_eq((got.id, got.n_transforms), (0, 0))


@case("2.3-6_closed_by_both_ends_tcp{fam}", [{"fam": 4}, {"fam": 6}])
def closed(env, fam):
    """FIN both ways; TIME_WAIT keeps no latch."""
    flow = Ipsec(env.alice, env.bob, fam=fam).up().tcp()
    with Moves(env.alice, LatchLatches=-1, LatchClosed=1):
        flow.a.close()
        flow.b.close()
    none_left(env.alice, env.bob)


@case("2.3-6_closed_half_way")
def half(env):
    """shutdown() and the peer's FIN alone are not the end; the latch still holds."""
    ipsec = Ipsec(env.alice, env.bob).up()
    flow = ipsec.tcp()
    flow.a.shutdown(socket.SHUT_WR)
    ksft_eq(flow.b.recv(1), b"")
    for sock in (flow.a, flow.b):
        is_state(sock, "ESTABLISHED")
    flow.b.send(b"half")
    ksft_eq(flow.a.recv(10), b"half")
    flow.b.close()
    flow.a.close()
    none_left(env.alice, env.bob)


@case("2.3-6_reset_by_the_peer")
def reset_by_peer(env):
    """A protected RST is the peer's own: the connection ends, and its latch."""
    flow = Ipsec(env.alice, env.bob).up().tcp()
    flow.b.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    flow.b.close()
    ksft_eq(error_of(flow.a), errno.ECONNRESET)
    ksft_true(info(flow.a).state_name in ("NONE", "CLOSED"))
    none_left(env.bob)
    flow.a.close()
    none_left(env.alice)


@case("2.3-17_refused_connect_tcp{fam}", [{"fam": 4}, {"fam": 6}])
def refused(env, fam):
    """Nobody listens: ECONNREFUSED under protection, no latch at either end."""
    Ipsec(env.alice, env.bob, fam=fam).up()
    sock = env.alice.socket(INET[fam])
    sock.settimeout(10)
    try:
        sock.connect((env.bob.addr(fam), 9))
    except OSError as e:
        ksft_eq(e.errno, errno.ECONNREFUSED)
    else:
        ksft_true(False, "refused")
    sock.close()
    none_left(env.alice, env.bob)


@case("2.3-17_connect_gives_up")
def gives_up(env):
    """Nobody answers: the time-out of connect() takes the latch along."""
    ipsec = Ipsec(env.alice, env.bob).up()
    env.unplug(env.bob)
    sock = env.alice.socket()
    sock.setsockopt(socket.IPPROTO_TCP, 18, 300)  # TCP_USER_TIMEOUT, in ms
    sock.setblocking(False)
    sock.connect_ex((ipsec.addr(env.bob), 9))
    is_state(sock, "ESTABLISHED")
    ksft_eq(error_of(sock), errno.ETIMEDOUT)
    sock.close()
    none_left(env.alice)
    env.plug(env.bob)


@case("2.3-17_close_while_connecting")
def close_connecting(env):
    """close() in SYN_SENT."""
    ipsec = Ipsec(env.alice, env.bob).up()
    env.unplug(env.bob)
    sock = env.alice.socket()
    sock.setblocking(False)
    sock.connect_ex((ipsec.addr(env.bob), 9))
    ksft_eq(env.alice.stat()["LatchLatches"], 1)
    sock.close()
    none_left(env.alice)
    env.plug(env.bob)


@case("2.3-17_listener_closed_with_unaccepted_child")
def unaccepted(env):
    """The listener goes and takes along what nobody accepted."""
    ipsec = Ipsec(env.alice, env.bob).up()
    listener = ipsec.listen()
    socks = [env.alice.socket() for _ in range(3)]
    for sock in socks:
        sock.connect(listener.getsockname())
    ksft_eq(env.bob.stat()["LatchLatches"], 3)
    listener.close()
    none_left(env.bob)
    ksft_eq(env.bob.stat()["LatchListeners"], 0)
    for sock in socks:
        ksft_eq(error_of(sock), errno.ECONNRESET)


@case("2.3-17_full_accept_queue")
def full_queue(env):
    """What the listener cannot take has no latch that stays."""
    ipsec = Ipsec(env.alice, env.bob).up()
    listener = ipsec.listen()
    listener.listen(0)
    socks = [env.alice.socket() for _ in range(4)]
    for sock in socks:
        sock.setblocking(False)
        sock.connect_ex(listener.getsockname())
    wait(lambda: env.bob.stat()["LatchLatches"] >= 1, "the first child")
    for sock in socks:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()
    listener.close()
    none_left(env.alice, env.bob)


@case("2.3-17_embryo_whose_client_is_gone")
def embryo(env):
    """A SYN and nothing more: the embryo goes with the listener."""
    ipsec = Ipsec(env.alice, env.bob).up()
    listener = ipsec.listen()
    # the SYN-ACK has no SA to leave by
    env.bob.ip(*[sa.delete() for sa in ipsec.sas if sa.src == env.bob.addr(4)])
    sock = env.alice.socket()
    sock.setblocking(False)
    with Moves(env.bob, at_least=["LatchLatches", "XfrmOutNoStates"], may=["LatchCreated", "LatchListeners"]):
        sock.connect_ex(listener.getsockname())
    sock.close()
    listener.close()
    none_left(env.alice, env.bob)


@case("2-1_duplicated_descriptor")
def duplicated(env):
    """The latch stays as long as one descriptor is open, in whatever process."""
    flow = Ipsec(env.alice, env.bob).up().tcp()
    number = info(flow.a).id
    twin = env.alice.owns(flow.a.dup())
    flow.a.close()
    ksft_eq(is_state(twin, "ESTABLISHED").id, number)
    inside, out = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(out)
        os.read(inside, 1)
        os._exit(0)
    os.close(inside)
    twin.close()
    ksft_eq(list(env.alice.conns()), [number])
    os.close(out)
    os.waitpid(pid, 0)
    flow.b.close()
    none_left(env.alice, env.bob)


@case("2.3-6_tcp_disconnect_and_connect_again")
def tcp_disconnect(env):
    """connect(AF_UNSPEC) ends the flow and its latch; the next connect() has a new one."""
    ipsec = Ipsec(env.alice, env.bob).up()
    flow = ipsec.tcp()
    old = info(flow.a).id
    disconnect(flow.a)
    ksft_eq(env.alice.stat()["LatchLatches"], 0)
    listener = ipsec.listen()
    flow.a.connect(listener.getsockname())
    ksft_true(is_state(flow.a, "ESTABLISHED").id > old, "a number is never used again")
    ksft_eq(env.alice.stat()["LatchLatches"], 1)


@case("5.2-1_udp_reconnect_udp{fam}", [{"fam": 4}, {"fam": 6}])
def udp_reconnect(env, fam):
    """connect() to another port: the old flow's latch goes, the new flow gets its own."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up()
    flow, other = ipsec.udp(), ipsec.udp(carry=False)
    old = info(flow.a).id
    flow.a.connect(other.b.getsockname()[:2])
    other.b.connect(flow.a.getsockname()[:2])
    is_none(flow.a)
    flow.a.send(b"new")
    got = is_state(flow.a, "ESTABLISHED")
    ksft_true(got.id > old)
    ksft_eq(got.remote_port, other.b.getsockname()[1])
    ksft_eq(len(env.alice.conns()), 1)


@case("5.2-1_udp_disconnect_udp{fam}", [{"fam": 4}, {"fam": 6}])
def udp_disconnect(env, fam):
    """Without a peer there is no flow and no latch."""
    flow = Ipsec(env.alice, env.bob, fam=fam).up().udp()
    disconnect(flow.a)
    is_none(flow.a)
    ksft_eq(env.alice.conns(), {})


@case("5.2-1_udp_close_udp{fam}", [{"fam": 4}, {"fam": 6}])
def udp_close(env, fam):
    flow = Ipsec(env.alice, env.bob, fam=fam).up().udp()
    with Moves(env.alice, LatchLatches=-1, LatchClosed=1):
        flow.a.close()
    flow.b.close()
    none_left(env.alice, env.bob)


@case("5.2-1_udp_closed_by_a_dying_process")
def udp_dies(env):
    """A process that is killed leaves no latch."""
    ipsec = Ipsec(env.alice, env.bob).up()
    peer = ipsec.udp(carry=False)
    inside, out = os.pipe()
    pid = os.fork()
    if not pid:
        with env.alice:
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sock.connect(peer.b.getsockname())
            sock.send(b"x")
        os.write(out, b"x")
        signal.pause()
    os.read(inside, 1)
    ksft_eq(env.alice.stat()["LatchLatches"], 1)
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    none_left(env.alice)


@case("5.2-1_unconnected_udp_is_not_latched")
def unconnected(env):
    """A socket without a peer has no flow: nothing is latched, datagrams of all peers come."""
    ipsec = Ipsec(env.alice, env.bob).up()
    a, b = (h.socket(socket.AF_INET, socket.SOCK_DGRAM) for h in (env.alice, env.bob))
    for sock, host in ((a, env.alice), (b, env.bob)):
        sock.bind((ipsec.addr(host), 0))
    with Moves(env.alice):
        a.sendto(b"x", b.getsockname())
        ksft_eq(b.recvfrom(10)[0], b"x")
        b.sendto(b"y", a.getsockname())
        ksft_eq(a.recvfrom(10)[0], b"y")
    is_none(a)


@case("5.1-1_listener_closed")
def listener_closed(env):
    """LISTENER -> CLOSED (2.2-2); its children live on."""
    ipsec = Ipsec(env.alice, env.bob).up()
    listener = ipsec.listen()
    flow = ipsec.tcp(listener=listener)
    ksft_eq(env.bob.stat()["LatchListeners"], 1)
    listener.close()
    wait(lambda: env.bob.stat()["LatchListeners"] == 0, "the listener's latch to go")
    flow.exchange()
    is_state(flow.b, "ESTABLISHED")


@case("5.1-1_listener_becomes_client")
def listener_client(env):
    """shutdown() of a listener, then connect() with the same socket."""
    ipsec = Ipsec(env.alice, env.bob).up()
    sock = ipsec.listen(env.alice)
    is_state(sock, "LISTENER")
    sock.shutdown(socket.SHUT_RDWR)
    sock.connect(ipsec.listen(env.bob).getsockname())
    is_state(sock, "ESTABLISHED")
    ksft_eq(env.alice.stat()["LatchListeners"], 0)


@case("5.1-1_reuseport_listeners")
def reuseport(env):
    """Several listeners on one port: each child belongs to one of them and is latched."""
    ipsec = Ipsec(env.alice, env.bob).up()

    def reuse(sock):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)

    first = ipsec.listen(before=reuse)
    listeners = [first, ipsec.listen(before=reuse, port=first.getsockname()[1])]
    socks = [env.alice.socket() for _ in range(6)]
    for sock in socks:
        sock.connect(first.getsockname())
    children = []

    def all_came():
        for listener in listeners:
            try:
                while True:
                    children.append(env.bob.owns(listener.accept()[0]))
            except BlockingIOError:
                pass
        return len(children) == 6

    for listener in listeners:
        is_state(listener, "LISTENER")
        listener.setblocking(False)
    wait(all_came, "the children")
    for child in children:
        is_state(child, "ESTABLISHED")


@case("5.1-1_fast_open_tcp{fam}", [{"fam": 4}, {"fam": 6}])
def fast_open(env, fam):
    """Data in the SYN is judged with it."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up()
    for host in (env.alice, env.bob):
        with host, open("/proc/sys/net/ipv4/tcp_fastopen", "w", encoding="ascii") as f:
            f.write("0x603")  # without a cookie
    listener = ipsec.listen(before=lambda sock: sock.setsockopt(socket.IPPROTO_TCP, 23, 5))
    sock = env.alice.socket(INET[fam])
    sock.sendto(b"early data", 0x20000000, listener.getsockname()[:2])  # MSG_FASTOPEN
    child = env.bob.owns(listener.accept()[0])
    ksft_eq(child.recv(20), b"early data")
    for s in (sock, child):
        is_state(s, "ESTABLISHED")


@case("5.1-1_syn_cookies")
def syn_cookies(env):
    """No request socket: the connection that a cookie makes is latched or is none."""
    ipsec = Ipsec(env.alice, env.bob).up()
    with env.bob, open("/proc/sys/net/ipv4/tcp_syncookies", "w", encoding="ascii") as f:
        f.write("2")
    try:
        flow = ipsec.tcp()
        flow.exchange()
        for sock in (flow.a, flow.b):
            is_state(sock, "ESTABLISHED")
    finally:
        with env.bob, open("/proc/sys/net/ipv4/tcp_syncookies", "w", encoding="ascii") as f:
            f.write("1")


@case("2-1_many_flows_{flow}", FLOWS)
def many(env, proto, fam):
    """A hundred flows: each has its own latch, and none is left when they end."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up()
    listener = ipsec.listen() if proto == "tcp" else None
    flows = [ipsec.tcp(listener=listener) if listener else ipsec.udp() for _ in range(100)]
    ksft_eq((env.alice.stat()["LatchLatches"], env.bob.stat()["LatchLatches"]), (100, 100))
    ksft_eq(len(env.alice.conns()), 100)
    ksft_eq(set(env.alice.conns()), {info(f.a).id for f in flows})
    for flow in flows:
        flow.close()
    if listener:
        listener.close()
    none_left(env.alice, env.bob)


# --- namespaces -----------------------------------------------------------------------
@case("2-1_namespaces_see_only_their_own_latches")
def apart(env):
    """Another namespace has its own table, counters, peers and bindings."""
    stranger = Host("stranger", 9)
    try:
        with Moves(stranger):
            flow = Ipsec(env.alice, env.bob).up().identify().tcp()
            ksft_eq((stranger.conns(), stranger.nl.dump("peer-get"), stranger.nl.dump("binding-get")), ({}, [], []))
            number = info(flow.a).id
            ksft_eq(stranger.nl.error("conn-get", id=number)[:2], ("ENOENT", "id"))
            ksft_eq(stranger.nl.error("conn-close", id=number)[:2], ("ENOENT", "id"))
            ksft_eq(stranger.nl.error("peer-get", id=env.alice.peer("bob"))[:2], ("ENOENT", "id"))
            stranger.nl.do("conn-flush")
        ksft_eq({k: v for k, v in stranger.stat().items() if v}, {})
        is_state(flow.a, "ESTABLISHED")
    finally:
        stranger.close()


@case("2.3-6_namespace_goes_with_live_latches")
def namespace_dies(env):
    """A namespace with SAs, policies, an embryo, records and bindings is deleted."""
    doomed = Host("doomed", 7)
    env.sw.ip(
        f"link add p-doomed type veth peer name eth0 address {doomed.mac.hex(':')} netns {doomed.pid}",
        "link set p-doomed master br0 up addrgenmode none",
    )
    doomed.ip("link set lo up", "link set eth0 up addrgenmode none", f"addr add {doomed.addr(4)}/24 dev eth0")
    # its last FIN finds no SA, and TCP is not to keep the namespace for minutes
    with doomed, open("/proc/sys/net/ipv4/tcp_orphan_retries", "w", encoding="ascii") as f:
        f.write("1")
    ipsec = Ipsec(env.alice, doomed).up().identify()
    flow = ipsec.tcp(before=ask_to_wait)
    udp = ipsec.udp()
    listener = ipsec.listen()
    ksft_eq(doomed.stat()["LatchLatches"], 2)
    # the SYN-ACK finds no SA: an embryo is left
    doomed.ip(*[sa.delete() for sa in ipsec.sas if sa.src == doomed.addr(4)])
    sock = env.alice.socket()
    sock.setblocking(False)
    sock.connect_ex(listener.getsockname())
    wait(lambda: doomed.stat()["LatchLatches"] == 3, "the embryo")
    ksft_true(all(s.fileno() >= 0 for s in (flow.b, udp.b)))
    doomed.close()
    wait(lambda: "p-doomed" not in link_names(env.sw), "the namespace to go", 30)
    is_state(flow.a, "ESTABLISHED")


def link_names(host):
    with host:
        return [name for _, name in socket.if_nameindex()]


if __name__ == "__main__":
    runner.main()
