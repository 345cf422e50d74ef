#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""What happens without the module, with libreswan: every case expects the leak.

The same scenes are played with the module in test_libreswan.py.
"""

import functools
import signal
import socket

import ktap
import runner
from flow import FLOWS, SECRET, wait_for_text
from ikenet import IkeNet
from ikescenes import carry_data, connect
from ktap import ksft_eq, ksft_ge, ksft_true
from lswscenes import LibreswanTakeover, connect_pair, pluto_at, set_up_mesh, wait_for_no_sas
from netns import INET

IKE = True
WITHOUT_MODULE = True
# as an ordinary updown, where there is nothing to route
ORDINARY = "true"

case = functools.partial(ktap.case, limit=600)


def setup():
    return IkeNet("alice", "bob", "mallory")


@case("2-21_leak_without_module_pluto_stops_{flow}", FLOWS[:3])
def stops(env, proto, fam):
    """The service is stopped on one host, which goes on in clear, and is heard; its peer keeps a trap."""
    flow = connect_pair(env, proto, fam, updown=ORDINARY)
    env.wire.restart()
    carry_data(flow, 4000)
    ksft_eq(env.wire.clear(flow), (0, 0))
    env.daemons[env.alice].stop(signal.SIGTERM)
    flow.pump(lambda: env.wire.clear(flow, flow.a)[1] >= 1000, ways=((flow.a, flow.b),))
    # the peer takes it
    before = flow._got[flow.b]
    flow.pump(lambda: flow._got[flow.b] > before, ways=((flow.a, flow.b),))
    ksft_ge(env.wire.clear(flow, flow.a)[0], 2)


@case("2.3.2_leak_without_module_pluto_takeover_{flow}", FLOWS[:3])
def takeover(env, proto, fam):
    """One CA for all. Bob's instance is gone, mallory has his address: she reads what alice sends to bob, and answers."""
    ipsec = set_up_mesh(env, fam, updown=ORDINARY)
    flow = connect(ipsec, proto)
    # he ends it himself, and does not come back
    env.daemons[env.bob].whack("--terminate", "--name", "alice")
    wait_for_no_sas(env.alice)
    attack = LibreswanTakeover(env, ipsec, ORDINARY)
    attack.start()
    attack.authenticate()
    stolen = []

    def took():
        stolen.extend(attack.stolen(flow))
        return sum(len(data) for _, data in stolen) >= 105

    flow.pump(took, ways=((flow.a, flow.b),))
    ksft_true(any(SECRET in data for _, data in stolen), "mallory reads what was meant for bob")
    attack.answer_stolen(flow, stolen[-1][0], b"mallory was here")
    wait_for_text(flow.a, b"mallory was here")
    attack.end()


@case("2.3-3_leak_without_module_pluto_trap_takes_clear_text")
def trap(env):
    """auto=ondemand has an outbound policy only: who sends in clear is heard."""
    alice = pluto_at(env, env.alice, ORDINARY)
    alice.to(env.bob).start()
    sock = env.alice.socket(INET[4], socket.SOCK_DGRAM)
    sock.bind((env.alice.addr(4), 0))
    sender = env.bob.socket(INET[4], socket.SOCK_DGRAM)
    sender.sendto(SECRET, sock.getsockname())
    wait_for_text(sock, SECRET)
    ksft_true("dir in" not in env.alice.run("ip", "xfrm", "policy", "list", "src", env.bob.addr(4)).stdout)


if __name__ == "__main__":
    runner.main()
