#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""What happens to SCTP without the module: every case here expects the leak."""

import errno

import runner
import sctp
from flow import SECRET, error_of
from ipsec import Ipsec
from ktap import case, ksft_eq, ksft_ge, ksft_true
from scenes import AddressTakeover
from sctp import Two, associate

WITHOUT_MODULE = True
HOSTS = ("alice", "bob", "mallory")
FAMS = [{"fam": 4}, {"fam": 6}]


def setup():
    return sctp.SctpNet(*HOSTS)


@case("5.4-1_leak_without_module_flush_sctp{fam}", FAMS)
def flush(env, fam):
    """Policies and SAs are flushed under a live association: it goes on in clear."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up()
    flow = associate(ipsec)
    env.wire.restart()
    flow.pump(flow.moved(4000))
    ksft_eq(env.wire.clear(flow)[0], 0, "clear text before the flush")
    ipsec.flush()
    flow.pump(flow.moved(4000))
    ksft_ge(env.wire.clear(flow)[1], 4000)
    flow.close()


@case("5.4-1_leak_without_module_forged_abort_sctp{fam}", FAMS)
def forged_abort(env, fam):
    """A clear ABORT of a third host ends the protected association."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam, level="use", suite="null").up()
    env.wire.restart()
    flow = associate(ipsec)
    flow.exchange()
    sctp.into(env, flow, sctp.tags(env, flow)[flow.a], sctp.chunk(sctp.ABORT))
    ksft_eq(error_of(flow.a), errno.ECONNRESET)


@case("5.4-1_leak_without_module_stranger_sctp{fam}", FAMS)
def stranger(env, fam):
    """A third host with the peer's address gets the data of the live association."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up()
    flow = associate(ipsec)
    attack = AddressTakeover(env, ipsec)
    attack.start()
    attack.add_sas()
    stolen = []

    def took():
        stolen.extend(attack.stolen(flow))
        return len(stolen) >= 2

    flow.pump(took, ways=((flow.a, flow.b),))
    ksft_true(any(SECRET in data for _, data in stolen), "the stranger read what was not meant for it")
    attack.end()


@case("5.4-1_leak_without_module_path_in_clear_sctp{fam}", FAMS)
def clear_path(env, fam):
    """The second path of a protected association is not protected: when the first link is cut, data is in clear."""
    two = Two(env, fam, clear=True)
    flow = two.associate()
    flow.exchange()
    env.wire.restart()
    env.cut(env.bob)
    flow.pump(flow.moved(4000), 30)
    env.mend(env.bob)
    ksft_ge(env.wire.clear(flow)[1], 4000)
    flow.close()


if __name__ == "__main__":
    runner.main()
