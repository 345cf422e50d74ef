#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Half an hour of rekeys under traffic (RFC 5660 2-7, 2-20), best where idle time costs nothing."""

import select
import time

import runner
from expect import is_state
from ikenet import IkeNet
from ikescenes import connect, trap_policies
from ktap import case, ksft_eq, ksft_ge, ksft_pr, ksft_true
from latchapi import info

IKE = True
ORDER = 2

SECONDS = 30 * 60
BEAT = 0.5
# The least time after which TCP sends again by default (TCP_RTO_MIN).
RETRANSMISSION = 0.2


def setup():
    # the old IKE SA goes when the new one is there
    return IkeNet("alice", "bob", plugin=True, settings="make_before_break = yes")


class Talk:
    """Numbered messages both ways over a flow, and how long they took."""

    def __init__(self, flow):
        self.flow, self.sent, self.lost, self.longest = flow, 0, 0, 0.0
        for sock in (flow.a, flow.b):
            sock.setblocking(False)
        self._poll = select.poll()
        self._socks = {s.fileno(): s for s in (flow.a, flow.b)}

    def beat(self):
        """One message each way; the next one only when they have come, or (UDP) are lost."""
        self.sent += 1
        text = b"%0100d" % self.sent
        start = time.monotonic()
        for fd, sock in self._socks.items():
            sock.send(text)
            self._poll.register(fd, select.POLLIN)
        got = {fd: b"" for fd in self._socks}
        while any(data != text for data in got.values()):
            ready = self._poll.poll(10000 if self.flow.proto == "tcp" else 1000)
            if not ready:
                self.lost += sum(data != text for data in got.values())
                return
            for fd, _ in ready:
                more = self._socks[fd].recv(200)
                if not more:
                    raise AssertionError("end of file")
                got[fd] += more
                if got[fd] == text:
                    self._poll.unregister(fd)
                    self.longest = max(self.longest, time.monotonic() - start)
                elif not text.startswith(got[fd]):
                    raise AssertionError(f"{got[fd]!r} instead of {text!r}")


@case("2-7_ike_soak_30_minutes", limit=4 * SECONDS)
def soak(env):
    """Child rekeys every 5 s, IKE rekeys every 40 s, reauthentication every 150 s: nobody notices."""
    alice = env.ike(env.alice)
    ipsec = trap_policies(env, dpd_delay=30)
    alice.to(env.bob, dpd_delay=30, rekey_time=40, reauth_time=150, over_time=30, rand_time=0,
             child={"rekey_time": 5, "life_time": 30, "rand_time": 0})  # fmt: skip
    flows = [connect(ipsec, proto) for proto in ("tcp", "udp")]
    for flow in flows:
        # to begin with nothing under way
        for sock in (flow.a, flow.b):
            while not flow.silent(sock):
                flow.catch_up(sock)
        if flow.proto == "tcp":
            flow.drained()
    env.wire.restart()
    alice.watch()
    before = [[info(s) for s in (flow.a, flow.b)] for flow in flows]
    talks = [Talk(flow) for flow in flows]
    seen = {}
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        for talk in talks:
            talk.beat()
        for name, message in alice.events():
            if name == "ike-updown" and "up" not in message:
                name = "ike-down"
            seen[name] = seen.get(name, 0) + 1
        time.sleep(BEAT)
    ksft_pr(f"events {seen}")
    for talk in talks:
        longest = f"{talk.longest * 1000:.0f} ms"
        ksft_pr(f"{talk.flow.proto}: {talk.sent} messages each way, {talk.lost} lost, the longest took {longest}")
    ksft_ge(seen.get("child-rekey", 0), SECONDS // 5 * 0.7)
    ksft_ge(seen.get("ike-rekey", 0), SECONDS // 40 * 0.5)
    ksft_ge(seen.get("ike-updown", 0), SECONDS // 150 * 0.7)
    for flow, was in zip(flows, before):
        for sock, old in zip((flow.a, flow.b), was):
            got = is_state(sock, "ESTABLISHED", "NONE", [])
            ksft_eq((got.id, got.peer, got.breaks, got.in_drops, got.out_drops), (old.id, old.peer, 0, 0, 0))
        ksft_eq(env.wire.clear(flow), (0, 0))
    ksft_eq([talk.lost for talk in talks], [0, 0])
    ksft_true(max(talk.longest for talk in talks) < RETRANSMISSION, "nothing was held")


if __name__ == "__main__":
    runner.main()
