# SPDX-License-Identifier: GPL-2.0
"""What must be true of latches and counters, said once for all files."""

import contextlib
import socket

from ipsec import SUITES
from ktap import ksft_eq, ksft_true, wait
from latchapi import L, info, level_of
from netns import INET

COUNTERS = ("latch_stat", "xfrm_stat")

NOWHERE = {4: "0.0.0.0", 6: "::"}

# What of a flow is latched whose SAs nobody is bound to.
UNKNOWN = L.LATCH_F_AUTO | L.LATCH_F_PEER_UNKNOWN


class Moves:
    """The counters of a host that move while a block runs: exactly these.

    Takes latch_stat and xfrm_stat together.  at_least: those whose number
    depends on retransmissions; may: those that may stand still, too.  How many
    peers are not known is looked at only where it is named.
    """

    def __init__(self, host, at_least=(), may=(), **exact):
        self.host, self.at_least, self.may, self.exact = host, set(at_least), set(may), exact

    def _read(self):
        return {k: v for name in COUNTERS for k, v in self.host.stat(name).items()}

    def _moved(self):
        now = self._read()
        moved = {k: now[k] - v for k, v in self._before.items() if now[k] != v}
        if "LatchUnknown" not in self.exact:
            moved.pop("LatchUnknown", None)
        return moved

    def _enough(self):
        moved = self._moved()
        return all(moved.get(k, 0) >= v for k, v in self.exact.items()) and self.at_least <= set(moved)

    def __enter__(self):
        self._before = self._read()
        return self

    def __exit__(self, kind, *_):
        if kind:
            return
        try:
            wait(self._enough, "the counters", 5)
        except TimeoutError:
            pass
        moved = {k: v for k, v in self._moved().items() if k not in self.may}
        for name in self.at_least:
            if moved.pop(name, 0) <= 0:
                ksft_eq(name, "moved")
        ksft_eq(moved, {k: v for k, v in self.exact.items() if v})


def tcp_ext(host, name):
    """A counter of the host's TCP, of those in /proc/net/netstat."""
    with host, open("/proc/net/netstat", encoding="ascii") as f:
        names, values = (line.split() for line in f.readlines()[:2])
    return int(values[names.index(name)])


def one_more_latch(**others):
    """The counters that move when one latch is created, with others."""
    return {"LatchLatches": 1, "LatchCreated": 1, **others}


def is_state(sock, state, reason=None, conflicts=None):
    """The option reports this state (and reason, and set of conflicts).

    The kernel tells the owner of a broken latch soon, not at once: CLOSED is waited for.
    """
    if state == "CLOSED":
        with contextlib.suppress(TimeoutError):
            wait(lambda: info(sock).state_name != "BROKEN", "the owner to be told", 5)
    got = info(sock)
    ksft_eq(got.state_name, state, f"reason {got.reason_name}, conflicts {got.conflict_names}")
    if reason is not None:
        ksft_eq(got.reason_name, reason)
    if conflicts is not None:
        ksft_eq(got.conflict_names, set(conflicts))
    return got


def both_are(flow, state, reason=None, conflicts=None):
    """Both ends of a flow report this state; see is_state()."""
    for sock in (flow.a, flow.b):
        is_state(sock, state, reason, conflicts)


def untouched(flow, breaks=(0, 0)):
    """Both latches stand, after so many breaks, and nothing of the data is lost."""
    ksft_eq([is_state(sock, "ESTABLISHED", conflicts=[]).breaks for sock in (flow.a, flow.b)], list(breaks))
    if flow.proto == "tcp":
        flow.drained()


def knows_peer(sock, name, kind=L.LATCH_ID_FQDN, auth=L.LATCH_AUTH_UNKNOWN):
    """The latch stands, and this is all that it knows of its peer."""
    got = is_state(sock, "ESTABLISHED", conflicts=[])
    ksft_eq((got.peer_id_type, got.auth_method), (kind, auth))
    ksft_true(got.flags & L.LATCH_F_PEER_IDENTIFIED)
    value = name.encode() if isinstance(name, str) else name
    ksft_eq(sock.getsockopt(level_of(sock), L.IP_LATCH_PEER_ID, 1024), value)
    return got


def both_know_peers(flow):
    """Alice's end knows bob, and his end her."""
    knows_peer(flow.a, "bob.example")
    knows_peer(flow.b, "alice.example")


def is_latched(ipsec, flow, sock, **others):
    """Every parameter that the option must report for a latched flow (2-12 to 2-15)."""
    host = ipsec.a if sock is flow.a else ipsec.b
    peer = ipsec.other(host)
    reset = flow.proto != "udp"
    out = [sa for sa in ipsec.sas if sa.src == host.addr(ipsec.outer)]
    back = [sa for sa in ipsec.sas if sa.dst == host.addr(ipsec.outer)]
    local, remote = sock.getsockname()[:2], sock.getpeername()[:2]
    suites = [SUITES[s] for s in ipsec.suites]
    protection = L.LATCH_PROT_REPLAY if ipsec.window else 0
    for suite in suites:
        protection |= suite.protection
    modes = [ipsec.mode] + ["transport"] * (len(suites) - 1)
    want = {
        "size": L.LATCH_INFO_SIZE_VER1,
        "state_name": "ESTABLISHED",
        "reason_name": "NONE",
        "disposition": L.LATCH_DISP_RESET if reset else L.LATCH_DISP_WAIT,
        "mode": L.LATCH_MODE_AUTO,
        "flags": UNKNOWN,
        "conflicts": 0,
        "family": INET[ipsec.fam],
        "proto": socket.getprotobyname(flow.proto),
        "protection": protection,
        "local_port": local[1],
        "remote_port": remote[1],
        "local_addr": local[0].removeprefix("::ffff:"),
        "remote_addr": remote[0].removeprefix("::ffff:"),
        "outer_family": INET[ipsec.outer],
        "outer_local_addr": host.addr(ipsec.outer),
        "outer_remote_addr": peer.addr(ipsec.outer),
        "natt_local_port": 0,
        "natt_remote_port": 0,
        "natt_remote_addr": NOWHERE[ipsec.outer],
        "peer_id_type": L.LATCH_ID_NONE,
        "local_id_type": L.LATCH_ID_NONE,
        "auth_method": L.LATCH_AUTH_UNKNOWN,
        "peer": 0,
        "local": 0,
        "own_none": 0,
        "resv": 0,
        "chain": [s.transform(m, ipsec.window) for s, m in zip(suites, modes)],
        "in_drops": 0,
        "out_drops": 0,
        "breaks": 0,
        **others,
    }
    got = info(sock)
    differ = {k: (getattr(got, k), v) for k, v in want.items() if getattr(got, k) != v}
    ksft_eq(differ, {}, f"(seen, expected) at {host.name}")
    ksft_eq(got.spi_in in [sa.spi for sa in back], True, "SPI in")
    ksft_eq(got.spi_out in [sa.spi for sa in out], True, "SPI out")
    ksft_eq(got.id > 0, True, "number of the latch")
    return got
