# SPDX-License-Identifier: GPL-2.0
"""Unconnected UDP sockets, and IPsec with two peers at once."""

import socket

from ipsec import Ipsec
from ktap import SLOW, ksft_eq
from netns import INET

FAMS = [{"fam": 4}, {"fam": 6}]
# IPv4 on an IPv6 socket too
KINDS = [{"kind": "4", "fam": 4}, {"kind": "6", "fam": 6}, {"kind": "4on6", "fam": 4, "mapped": True}]
MODES = [{**k, "mode": m} for k in KINDS for m in ("transport", "tunnel")]


def bound(ipsec, host, mapped=False, before=None):
    """An unconnected UDP socket, bound to the address that IPsec protects; before: called before bind()."""
    sock = host.socket(INET[6] if mapped else INET[ipsec.fam], socket.SOCK_DGRAM)
    sock.settimeout(10 * SLOW)
    if before:
        before(sock)
    sock.bind((ipsec.sock_addr(host, mapped), 0))
    return sock


def to(sock):
    """Where a datagram for a socket goes, as a socket of its address's family says it."""
    addr, port = sock.getsockname()[:2]
    return addr.removeprefix("::ffff:"), port


def two_peers(env, fam=4, mode="transport", identify=True, **kwargs):
    """IPsec of alice with bob, and with mallory, who are identified."""
    both = [Ipsec(env.alice, h, fam=fam, mode=mode, reqid=n, **kwargs).up() for n, h in ((1, env.bob), (2, env.mallory))]
    return [ipsec.identify() if identify else ipsec for ipsec in both]


def no_datagram(sock):
    """Nothing came."""
    sock.setblocking(False)
    try:
        ksft_eq(sock.recv(100), "nothing")
    except BlockingIOError:
        pass
    finally:
        sock.settimeout(10 * SLOW)
