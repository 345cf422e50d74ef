#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Trace events: each change of state, refusal, drop and report to an owner, with its flow.

RFC 5660 2.3-10, 2.3-16, 2.2-9.
"""

import errno
import os
import re
import socket
import subprocess
from pathlib import Path

import runner
from expect import Moves
from flow import FLOWS, error_of
from ipsec import Ipsec
from ktap import case, ksft_eq, ksft_true, wait
from latchapi import L, ask, info
from netns import INET
from test_require import connect_errno

HOSTS = ("alice", "bob", "mallory")

TRACEFS = Path("/sys/kernel/tracing")


class Trace:
    """The events of latch/ that happen while a block runs, in a buffer of their own."""

    def __enter__(self):
        if not (TRACEFS / "instances").is_dir():
            subprocess.run(["mount", "-t", "tracefs", "tracefs", TRACEFS], check=True)
        self.dir = TRACEFS / "instances" / f"latch-{os.getpid()}"
        self.dir.mkdir()
        self._enable(1)
        return self

    def __exit__(self, *_):
        self._enable(0)
        self.dir.rmdir()

    def _enable(self, on):
        (self.dir / "events/latch/enable").write_text(f"{on}\n", encoding="ascii")

    def events(self, host, name):
        """What an event said of a host's namespace, each time: a dict of words."""
        with host:
            netns = str(os.stat("/proc/self/ns/net").st_ino)
        lines = (self.dir / "trace").read_text(encoding="ascii").splitlines()
        found = [dict(re.findall(r"(\w+)=(\S+)", line)) for line in lines if f" {name}: " in line]
        return [event for event in found if event["netns"] == netns]


def end(name):
    """An address and port as the kernel prints them."""
    addr, port = name[:2]
    return f"[{addr}]:{port}" if ":" in addr else f"{addr}:{port}"


def drops(host):
    return sum(v for k, v in host.stat().items() if re.match(r"Latch(In|Out)[A-Z]", k))


@case("2.3-10_trace_events_of_a_flow_{flow}", FLOWS)
def life(env, proto, fam):
    """Latched, broken, reported, dropped: each event names latch, flow, peer and reason."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up().identify()
    with Trace() as trace:
        flow = ipsec.flow(proto)
        flow.exchange()
        ask(flow.a, disposition=L.LATCH_DISP_RESET)
        known, before = info(flow.a), drops(env.alice)
        whose = {
            "latch": str(known.id),
            "proto": str(socket.IPPROTO_TCP if proto == "tcp" else socket.IPPROTO_UDP),
            "local": end(flow.a.getsockname()),
            "remote": end(flow.b.getsockname()),
            "peer": str(env.alice.peer("bob")),
        }
        ipsec.flush()
        ksft_eq(error_of(flow.a), errno.ECONNRESET)
        try:
            flow.a.send(b"secret")
        except OSError:
            pass
        states = trace.events(env.alice, "latch_state")
        ksft_eq([(e["old"], e["state"]) for e in states[:2]], [("NONE", "ESTABLISHED"), ("ESTABLISHED", "BROKEN")])
        ksft_eq([e["reason"] for e in states[:2]], ["none", "policy-out"])
        reports = trace.events(env.alice, "latch_report")
        ksft_eq([e["err"] for e in reports], [str(-errno.ECONNRESET)])
        dropped = trace.events(env.alice, "latch_drop")
        ksft_true(dropped, "a drop")
        ksft_eq({(e["dir"], e["reason"]) for e in dropped}, {("out", "broken")})
        ksft_eq(len(dropped), drops(env.alice) - before)
        for event in states + reports + dropped:
            ksft_eq({k: event[k] for k in whose}, whose)


@case("2.3-16_trace_event_of_a_refused_connect_{fam}", [{"fam": 4}, {"fam": 6}])
def refused(env, fam):
    """A socket that demands a channel finds no SA: the event names the flow and says why."""
    listener = env.mallory.socket(INET[fam])
    listener.bind((env.mallory.addr(fam), 0))
    listener.listen()
    sock = env.alice.socket(INET[fam])
    ask(sock, mode=L.LATCH_MODE_REQUIRE)
    with Trace() as trace, Moves(env.alice, LatchOutLarval=1, LatchRefused=1):
        ksft_eq(connect_errno(sock, listener.getsockname()[:2]), "ENOKEY")
        refusals = trace.events(env.alice, "latch_refuse")
        remote = end(listener.getsockname())
        ksft_eq([(e["reason"], e["remote"], e["peer"]) for e in refusals], [("larval", remote, "0")])


@case("2-9_trace_event_of_a_dropped_syn_{fam}", [{"fam": 4}, {"fam": 6}])
def dropped_syn(env, fam):
    """A listener that demands a channel gets a SYN in clear: the event names the flow that never was."""
    listener = env.alice.socket(INET[fam])
    ask(listener, mode=L.LATCH_MODE_REQUIRE)
    listener.bind((env.alice.addr(fam), 0))
    listener.listen()
    sock = env.mallory.socket(INET[fam])
    sock.bind((env.mallory.addr(fam), 0))
    sock.setblocking(False)
    with Trace() as trace, Moves(env.alice, LatchInLarval=1):
        sock.connect_ex(listener.getsockname()[:2])
        wait(lambda: trace.events(env.alice, "latch_drop"), "the drop")
        event = trace.events(env.alice, "latch_drop")[0]
        whose = (end(listener.getsockname()), end(sock.getsockname()))
        ksft_eq((event["reason"], event["dir"], event["local"], event["remote"]), ("larval", "in", *whose))
        sock.close()


if __name__ == "__main__":
    runner.main()
