#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""TIME_WAIT: for a connection that is over, TCP answers only under its protection.

RFC 5660 2-10, 2-11, 2.3-6, 2.3-17.  Each way is played with the descriptor closed, when
the latch itself lives on, and open, when the socket keeps it and packets find another.
"""

import select
import socket

import forge
import runner
from expect import Moves, is_state
from forge import tcp_seqs
from ipsec import Ipsec
from ktap import SLOW, case, ksft_eq, ksft_true, wait
from netns import INET
from scenes import TimeWait

HOSTS = ("alice", "bob", "mallory")
IP_RECVERR, IPV6_RECVERR = 11, 25
WAYS = [{"fam": fam, "way": way, "kept": way == "open"} for fam in (4, 6) for way in ("closed", "open")]
# a late segment, the answer, and the RST of the other host, which knows of no connection
ANSWERED = 3


def close_into_time_wait(env, fam, kept, **kwargs):
    """Alice closes a connection first; returns (IPsec, connection, its TIME_WAIT at alice)."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam, **kwargs).up().identify()
    flow = ipsec.tcp()
    flow.exchange()
    waiting = TimeWait(flow, flow.a, kept)
    env.wire.restart()
    return ipsec, flow, waiting


def frames_seen(env, flow):
    """How many frames the link carried: (protected, the flow's in clear)."""
    return env.wire.protected(), env.wire.clear(flow)[0]


@case("2.3-6_time_wait_is_closed_{way}_{fam}", WAYS)
def latch_closed(env, fam, kept):
    """Nobody lists it, it counts as closed once, and who still has the socket is told so."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up()
    flow = ipsec.tcp()
    with Moves(env.alice, LatchLatches=-1, LatchClosed=1):
        TimeWait(flow, flow.a, kept)
    ksft_eq(env.alice.conns(), {})
    if kept:
        is_state(flow.a, "CLOSED", "RELEASED")


@case("2-10_time_wait_answers_under_its_sa_{way}_{fam}", WAYS)
def answered_under_sa(env, fam, kept):
    """Nothing has changed: the late segment is answered, twice the same way."""
    _, flow, waiting = close_into_time_wait(env, fam, kept)
    with Moves(env.alice):
        for n in (1, 2):
            waiting.send_old_segment()
            wait(lambda n=n: frames_seen(env, flow) == (ANSWERED * n, 0), "the answer")


@case("2-7_time_wait_answers_under_a_new_sa_{way}_{fam}", WAYS)
def answered_under_new_sa(env, fam, kept):
    """A rekey to the same peer is none of its business."""
    ipsec, flow, waiting = close_into_time_wait(env, fam, kept)
    ipsec.rekey()
    with Moves(env.alice):
        waiting.send_old_segment()
        wait(lambda: frames_seen(env, flow) == (ANSWERED, 0), "the answer")


@case("2-10_time_wait_never_in_clear_{way}_{fam}", WAYS)
def not_answered_in_clear(env, fam, kept):
    """The policy is gone: no answer."""
    ipsec, flow, waiting = close_into_time_wait(env, fam, kept)
    env.alice.ip(ipsec.policy(env.alice, "out", "delete"))
    with Moves(env.alice, LatchOutClear=1):
        waiting.send_old_segment()
    ksft_eq(frames_seen(env, flow), (1, 0))


@case("2-10_time_wait_never_to_a_stranger_{way}_{fam}", WAYS)
def not_answered_to_stranger(env, fam, kept):
    """The SA out is somebody else's by now: no answer."""
    ipsec, flow, waiting = close_into_time_wait(env, fam, kept)
    mine = [sa for sa in ipsec.sas if sa.src == env.alice.addr(fam)]
    theirs = [sa for sa in ipsec.new_sas() if sa.src == env.alice.addr(fam)]
    env.alice.bind("mallory", "alice", sa=theirs[0])
    env.alice.ip(theirs[0].add(), mine[0].delete())
    with Moves(env.alice, LatchOutPeer=1):
        waiting.send_old_segment()
    ksft_eq(frames_seen(env, flow), (1, 0))


@case("2-11_time_wait_hears_nothing_in_clear_{way}_{fam}", WAYS)
def clear_segment_not_answered(env, fam, kept):
    """A segment that is not protected is not answered, although the kernel would take it."""
    _, flow, waiting = close_into_time_wait(env, fam, kept, level="use")
    with Moves(env.alice, LatchInClear=1):
        waiting.send_old_segment_in_clear(env.mallory)
    ksft_eq(frames_seen(env, flow), (0, 1), "the forged segment alone")


def icmp_error(ipsec, flow):
    """The peer itself says that alice's packets find nobody; her socket keeps that as its error."""
    option = (socket.IPPROTO_IP, IP_RECVERR) if ipsec.fam == 4 else (socket.IPPROTO_IPV6, IPV6_RECVERR)
    flow.a.setsockopt(*option, 1)
    (src, sport), (dst, dport) = flow.a.getsockname()[:2], flow.a.getpeername()[:2]
    segment = forge.tcp(src, dst, sport, dport, tcp_seqs(flow.a)[0], 0, forge.ACK)
    packet = forge.unreachable(dst, src, forge.ip(src, dst, socket.IPPROTO_TCP, segment))
    proto, start = (socket.IPPROTO_ICMP, 20) if ipsec.fam == 4 else (socket.IPPROTO_ICMPV6, 40)
    with ipsec.b.socket(INET[ipsec.fam], socket.SOCK_RAW, proto) as raw:
        raw.sendto(packet[start:], (src, 0))
    poll = select.poll()
    poll.register(flow.a, 0)
    wait(lambda: poll.poll(0), "the error")


@case("2-10_time_wait_after_an_error_{fam}", [{"fam": 4}, {"fam": 6}])
def time_wait_after_error(env, fam):
    """A socket with an error that nobody fetched can go over to TIME_WAIT, too."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up().identify()
    flow = ipsec.tcp()
    flow.exchange()
    icmp_error(ipsec, flow)
    waiting = TimeWait(flow, flow.a)
    env.alice.ip(ipsec.policy(env.alice, "out", "delete"))
    with Moves(env.alice, LatchOutClear=1):
        waiting.send_old_segment()


@case("5.1-1_connection_out_of_time_wait_{fam}", [{"fam": 4}, {"fam": 6}])
def tuple_used_again(env, fam):
    """The 5-tuple is used again while the server is in TIME_WAIT: a latch of its own, each time."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up().identify()
    listener = ipsec.listen()
    port, numbers = 0, set()
    for _ in range(4):
        sock = env.alice.socket(INET[fam])
        sock.settimeout(10 * SLOW)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((ipsec.addr(env.alice), port))
        port = sock.getsockname()[1]
        flow = ipsec.tcp(listener=listener, sock=sock)
        flow.exchange()
        numbers |= {is_state(s, "ESTABLISHED").id for s in (flow.a, flow.b)}
        TimeWait(flow, flow.b)
    # numbers are of each host
    ksft_true(len(numbers) >= 4, numbers)


@case("2.3-17_time_wait_over", limit=200)
def latch_gone(env):
    """The latch goes when TIME_WAIT does: TCP's RST to nobody's segment is not judged any more."""
    ipsec, flow, waiting = close_into_time_wait(env, 4, False)
    env.alice.ip(ipsec.policy(env.alice, "out", "delete"))
    with Moves(env.alice, LatchOutClear=1):
        waiting.send_old_segment()
    wait(lambda: not waiting.in_time_wait(), "the end of TIME_WAIT", 90)

    def judged():
        waiting.send_old_segment()
        return env.wire.clear(flow)[0]

    wait(judged, "the end of the latch", 30)


if __name__ == "__main__":
    runner.main()
