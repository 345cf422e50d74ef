# SPDX-License-Identifier: GPL-2.0
"""Hosts on one link with an IKE daemon each.

    net = IkeNet("alice", "bob")        hosts with a PKI and a strongSwan each (started when first used)
    net.ike(net.alice).to(net.bob)      a connection with trap policies; see StrongSwan.to()
"""

import sys

from daemon import install
from ipsec import SA
from ktap import ksft_pr, wait
from latchapi import module_loaded
from netns import Net
from pki import Pki
from strongswan import StrongSwan


class IkeNet(Net):
    """Hosts on one link with a daemon each; daemons and certificates live as long as the net."""

    GONE = ("LatchBindings", "LatchPeers")

    def __init__(self, *names, plugin=False, plugins="", settings=""):
        install()
        self.pki = Pki()
        self.daemons = {}
        self._options = {"plugin": plugin, "plugins": plugins, "settings": settings}
        super().__init__(*names)
        # daemons take policies away for a moment: what a host is given by default is tested
        for host in self.hosts:
            host.sysctl_default("break_grace_ms", 3000)
        # the kernel loads what an SA needs now, and not when time matters
        self.sw.ip(SA("10.0.0.1", "10.0.0.2", 0x1000).add(), "xfrm state flush")

    def ike(self, host):
        """The strongSwan of a host."""
        if host not in self.daemons:
            self.daemons[host] = StrongSwan(host, self.pki, **self._options)
        return self.daemons[host]

    def reset(self):
        """After a case: the daemons run and know of nothing, and nothing in the kernel is left of them."""
        if sys.exc_info()[0]:
            # wherever it stopped, nothing of it is to reach the next one
            self._tell()
            self.renew()
            return
        try:
            for host in self.hosts:
                host.close_sockets()
            for daemon in self.daemons.values():
                daemon.forget()
            for host in self.hosts:
                # what daemons left that were killed
                host.ip("xfrm policy flush", "xfrm state flush")
                # a claim that a killed daemon made for an SA that never came: after a minute
                wait(lambda h=host: not any(h.stat().get(k) for k in self.GONE), "bindings and records to go", 70)
        except BaseException:
            self.renew()
            raise
        super().reset()

    def _tell(self):
        """The case failed: what the daemons said last, and what the kernel holds."""
        for host, daemon in self.daemons.items():
            if module_loaded():
                ksft_pr(f"{host.name}: bindings {host.nl.dump('binding-get')}")
                ksft_pr(f"{host.name}: latches {host.nl.dump('conn-get')}")
            for name in ("latch_stat", "xfrm_stat"):
                ksft_pr(f"{host.name}: {name} { {k: v for k, v in host.stat(name).items() if v} }")
            for line in (host.run("ip", "xfrm", "policy").stdout + daemon.log()).splitlines()[-60:]:
                ksft_pr(f"{host.name}: {line}")

    def close(self):
        for daemon in self.daemons.values():
            daemon.close()
        self.daemons.clear()
        super().close()

    def renew(self):
        options, names = self._options, [h.name for h in self.hosts]
        self.close()
        self.pki.close()
        self.__init__(*names, **options)
