#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""What happens without the module, with IKE daemons and certificates: every case expects the leak.

The same scenes are played with the module in test_strongswan.py.
"""

import signal

import runner
from flow import FLOWS, SECRET, wait_for_text
from ikenet import IkeNet
from ikescenes import StrongSwanTakeover, any_member, carry_data, connect, trap_policies
from ktap import case, ksft_eq, ksft_ge, ksft_true

IKE = True
WITHOUT_MODULE = True


def setup():
    return IkeNet("alice", "bob", "mallory")


@case("2.3.2_leak_without_module_ike_takeover_{flow}", FLOWS)
def takeover(env, proto, fam):
    """One CA for all, bob's address taken over: mallory reads what alice sends to bob, and answers for him."""
    ipsec = trap_policies(env, fam, any_member(env))
    flow = connect(ipsec, proto)
    attack = StrongSwanTakeover(env, ipsec)
    attack.start()
    attack.authenticate()
    ksft_eq({ike["remote-id"] for ike in env.ike(env.alice).ikes()}, {"bob.example", "mallory.example"})
    kids = env.ike(env.alice).children()
    ksft_ge(len(kids), 2)
    ksft_eq(len({(k["reqid"], k["mode"], *k["local-ts"], *k["remote-ts"]) for k in kids}), 1)
    stolen = []

    def took():
        stolen.extend(attack.stolen(flow))
        return sum(len(data) for _, data in stolen) >= 105

    flow.pump(took, ways=((flow.a, flow.b),))
    ksft_true(any(SECRET in data for _, data in stolen), "mallory reads what was meant for bob")
    attack.answer_stolen(flow, stolen[-1][0], b"mallory was here")
    wait_for_text(flow.a, b"mallory was here")
    attack.end()


@case("2-21_leak_without_module_ike_daemon_stops_{flow}", FLOWS)
def stops(env, proto, fam):
    """The service is stopped on one host: both ends drop SAs and policies and go on in clear."""
    ipsec = trap_policies(env, fam, answer="none")
    flow = connect(ipsec, proto)
    env.wire.restart()
    carry_data(flow, 4000)
    ksft_true(env.wire.clear(flow) == (0, 0), "clear text before")
    env.ike(env.alice).stop(signal.SIGTERM)
    carry_data(flow, 4000)
    frames, size = env.wire.clear(flow)
    ksft_ge(frames, 4)
    ksft_ge(size, 4000)


if __name__ == "__main__":
    runner.main()
