#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""A task that sleeps while it has its socket locked holds nobody up but itself.

RFC 5660 2.2-5, 2.2-9, 2.3-20, 5.5-1.
"""

import errno

import runner
from expect import is_state
from flow import error_of
from ipsec import Ipsec
from ktap import case, ksft_eq, ksft_true, wait
from latchapi import info, load, module_loaded, unload
from netns import INET
from stuck import in_time, in_use

HOSTS = ("alice", "bob")
ORDER = 9  # one takes the module out
FAMS = [{"fam": 4}, {"fam": 6}]


def nobody_waits(env, other):
    """Whoever asks for something is answered, in this namespace and in another one."""
    # the family must be known before, and is the same in all namespaces
    in_time(env.alice.nl.dump, "conn-get")
    in_time(env.bob.nl.dump, "peer-get")
    ksft_eq(in_time(env.bob.run, "genl", "ctrl", "list").returncode, 0)
    in_time(env.alice.stat)
    in_time(info, other)


def prepare(env, fam):
    """Two connections between alice and bob; the sockets of netlink are there."""
    if not module_loaded():
        load(env)
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up().identify()
    flows = [ipsec.tcp() for _ in range(2)]
    for host in (env.alice, env.bob):
        host.nl.dump("peer-get")
    return ipsec, *flows


@case("2.2-9_break_while_a_socket_is_in_use_{fam}", FAMS)
def broken(env, fam):
    """Of two connections that break, one's socket is locked: the other one is told, and the first when it is free."""
    ipsec, stuck, other = prepare(env, fam)
    sa = next(sa for sa in ipsec.new_sas() if sa.dst == env.alice.addr(fam))
    env.alice.bind("mallory", "alice", sa=sa)
    number = info(stuck.a).id
    with in_use(stuck.a):
        env.alice.ip(sa.add(), settled=False)
        ksft_eq(in_time(error_of, other.a), errno.ECONNRESET)
        nobody_waits(env, other.a)
        # the option of a socket that is in use would wait for it
        ksft_eq(env.alice.conns()[number]["state"], "broken")
    ksft_eq(error_of(stuck.a), errno.ECONNRESET)


@case("2.3-20_close_while_a_socket_is_in_use_{how}_{fam}", [{**f, "how": h} for f in FAMS for h in ("one", "all")])
def closed(env, fam, how):
    """An administrator's close returns; the socket is told when it is free."""
    _, stuck, other = prepare(env, fam)
    number = info(stuck.a).id
    with in_use(stuck.a):
        if how == "one":
            in_time(env.alice.nl.do, "conn-close", id=number)
            is_state(other.a, "ESTABLISHED")
            other.exchange()
        else:
            in_time(env.alice.nl.do, "conn-flush")
            ksft_eq(in_time(error_of, other.a), errno.ECONNRESET)
            # what the socket has of the module keeps it
            ksft_true(in_time(unload) in (errno.EBUSY, errno.EAGAIN))
        nobody_waits(env, other.a)
        ksft_eq(env.alice.conns()[number]["state"], "closed")
    ksft_eq(error_of(stuck.a), errno.ECONNRESET)
    is_state(stuck.a, "CLOSED", "ADMIN")


@case("2.3-20_unload_once_a_socket_is_free_again")
def unloaded(env):
    """After a flush the module can go as soon as the socket is not in use any more, though it is not closed."""
    _, stuck, _ = prepare(env, 4)
    with in_use(stuck.a):
        for host in (env.alice, env.bob):
            in_time(host.nl.do, "conn-flush")
        ksft_true(in_time(unload) in (errno.EBUSY, errno.EAGAIN))
    ksft_eq(error_of(stuck.a), errno.ECONNRESET)
    is_state(stuck.a, "CLOSED", "ADMIN")
    wait(lambda: unload() in (0, errno.ENOENT), "the module to be free")
    ksft_eq(stuck.a.family, INET[4])
    load(env)


if __name__ == "__main__":
    runner.main()
