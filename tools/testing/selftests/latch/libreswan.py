# SPDX-License-Identifier: GPL-2.0
"""libreswan on a host."""

import ctypes
import os
import signal

from daemon import Daemon
from ktap import wait
from latchapi import libc
from mounts import CLONE_NEWNS, MS_BIND, mount, own_mounts


class Libreswan(Daemon):
    """pluto on a host, in a mount namespace of its own, for not all of its paths are settings."""

    EXEC = "/usr/libexec/ipsec"
    OURS = {"run": "/run/pluto", "nss": "/var/lib/ipsec/nss", "ipsec.d": "/etc/ipsec.d"}

    def __init__(self, host, pki, updown=None, setup=""):
        super().__init__(host, pki)
        self.updown, self.setup = updown, setup
        self.conns, self.secrets, self.certs = {}, "", []
        for place in self.OURS:
            (self.path / place).mkdir()

    @property
    def socket(self):
        return self.path / "run/pluto.ctl"

    def _mounts(self):
        # between fork and exec: no locks, no logging
        own_mounts()
        for place, there in self.OURS.items():
            os.makedirs(there, exist_ok=True)
            mount(self.path / place, there, flags=MS_BIND)

    def _write(self):
        text = f"config setup\n\tnssdir={self.path}/nss\n\tipsecdir={self.path}/ipsec.d\n"
        text += "".join(f"\t{line}\n" for line in self.setup.splitlines())
        for name, options in self.conns.items():
            text += f"\nconn {name}\n" + "".join(f"\t{k}={v}\n" for k, v in options.items())
        (self.path / "ipsec.conf").write_text(text, encoding="utf-8")
        (self.path / "ipsec.secrets").write_text(self.secrets, encoding="utf-8")

    def start(self, *options):
        if not (self.path / "nss/cert9.db").exists():
            self.pki.nss(self.path / "nss", *self.certs)
        self._write()
        self.socket.unlink(missing_ok=True)
        self._spawn(
            f"{self.EXEC}/pluto", "--config", self.path / "ipsec.conf", "--secretsfile", self.path / "ipsec.secrets",
            "--nssdir", self.path / "nss", "--nofork", "--logfile", self.log_file, *options, preexec=self._mounts,
        )  # fmt: skip
        self._up(self.socket)
        wait(lambda: "listening for IKE messages" in self.log() or self.whack("--listen"), "pluto to listen", 60)
        self.add()
        return self

    def restart(self, number=signal.SIGTERM):
        self.stop(number)
        return self.start()

    def stop(self, number=signal.SIGTERM):
        super().stop(number)
        for name in ("pluto.ctl", "pluto.pid"):
            (self.path / "run" / name).unlink(missing_ok=True)

    def run(self, *args):
        """Run a program in pluto's namespaces."""
        with open(f"/proc/{self.pid}/ns/mnt", "rb") as mounts:

            def enter():
                if libc.setns(mounts.fileno(), CLONE_NEWNS):
                    raise OSError(ctypes.get_errno(), "setns")

            return self.host.run(*[str(a) for a in args], preexec_fn=enter)

    def whack(self, *args):
        """Run whack; returns what it said."""
        done = self.run(f"{self.EXEC}/whack", *args)
        return done.stdout + done.stderr

    def add(self, *names):
        """Load connections from the configuration (all by default), and do what their auto= says."""
        self._write()
        if names or self.conns:
            done = self.run(
                f"{self.EXEC}/addconn", "--config", self.path / "ipsec.conf", "--ctlsocket", "/run/pluto/pluto.ctl",
                *(names or ["--autoall"]),
            )  # fmt: skip
            if done.returncode:
                raise RuntimeError(f"addconn: {done.stdout} {done.stderr}")

    def to(self, peer, name=None, cert=None, fam=4, mode="transport", start="ondemand", **options):
        """A connection to a host (a Host, or "%any"); options as in ipsec.conf, `_` for `-`."""
        cert = cert or self.pki.cert(self.host.name + ".example")
        if cert not in self.certs:
            self.certs.append(cert)
        name = name or (peer if isinstance(peer, str) else peer.name).strip("%")
        conn = {
            "ikev2": "insist", "authby": "ecdsa", "type": mode, "auto": start,
            "left": self.host.addr(fam), "leftid": f"@{self.host.name}.example", "leftcert": cert.name,
            "right": peer if isinstance(peer, str) else peer.addr(fam), "rightca": "%same",
            "rightid": "%fromcert" if isinstance(peer, str) else f"@{peer.name}.example",
            "ike": "aes_gcm128-sha2;dh19", "esp": "aes_gcm128",
        }  # fmt: skip
        if mode == "tunnel":
            conn.update(leftsubnet=self.host.inner_net(fam), rightsubnet=peer.inner_net(fam))
        if self.updown:
            conn["leftupdown"] = self.updown
        conn.update({k.replace("_", "-"): v for k, v in options.items()})
        self.conns[name] = conn
        if self.running:
            self.add(name)
        return self

    def initiate(self, name):
        return self.whack("--initiate", "--name", name)

    def status(self):
        return self.whack("--status")

    def forget(self):
        """Stop, and know of no connections any more."""
        self.stop()
        self.conns.clear()
