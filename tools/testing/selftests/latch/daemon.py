# SPDX-License-Identifier: GPL-2.0
"""IKE daemons: where they come from, and how one starts and ends.

They come from Debian's packages, which tools/testing/vm/fetch unpacks into its
cache: they are laid over /usr in a mount namespace of this process, so nothing
is installed and nothing is left over.
"""

import functools
import os
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

from ktap import SLOW, TOP, wait
from mounts import MS_BIND, MS_REC, mount, own_mounts

# Modules that the daemons expect to be loaded: there is no udev that does it.
MODULES = ("bridge", "veth", "seqiv", "xfrm_user", "esp4", "esp6", "af_key", "ip_vti", "xfrm_algo", "tunnel4", "ipcomp")

# Files that libraries read again and again.  In the machine that counts instructions
# time runs away while the host is asked, so install() puts them into memory.
ASKED_FOR = [f"/etc/{n}" for n in ("protocols", "services", "nsswitch.conf", "hosts", "passwd", "group", "ld.so.cache")]


def packages(name):
    """The directory with the unpacked packages of a daemon."""
    path = os.environ.get(f"LATCH_{name.upper()}")
    if not path:
        path = subprocess.check_output([TOP / "tools/testing/vm/fetch", name], text=True).strip()
    return Path(path) / "usr"


@functools.cache
def install():
    """Lay the daemons over /usr."""
    own_mounts()
    subprocess.run(["modprobe", "-q", "-a", *MODULES], check=False)
    layers = [packages("strongswan"), packages("libreswan"), "/usr"]
    mount("tmpfs", "/mnt", "tmpfs")
    for d in ("upper", "work", "modules"):
        os.mkdir(f"/mnt/{d}")
    mount("/usr/lib/modules", "/mnt/modules", flags=MS_BIND | MS_REC)
    lower = ":".join(str(layer) for layer in layers)
    mount("overlay", "/usr", "overlay", 0, f"lowerdir={lower},upperdir=/mnt/upper,workdir=/mnt/work")
    # the overlay does not show what is mounted below /usr
    mount("/mnt/modules", "/usr/lib/modules", flags=MS_BIND | MS_REC)
    for path in ASKED_FOR:
        if os.path.exists(path):
            there = Path("/mnt") / Path(path).name
            there.write_bytes(Path(path).read_bytes())
            mount(there, os.path.realpath(path), flags=MS_BIND)


class Daemon:
    """A process in the network namespace of a host, with a directory and a log."""

    _in_memory = set()

    def __init__(self, host, pki):
        install()
        self.host, self.pki = host, pki
        self._dir = tempfile.TemporaryDirectory(prefix=f"latch-{type(self).__name__.lower()}-{host.name}-")
        self.path = Path(self._dir.name)
        self.log_file = self.path / "log"
        self._process = None

    @property
    def pid(self):
        return self._process.pid if self._process else 0

    @property
    def running(self):
        return self._process is not None and self._process.poll() is None

    def _spawn(self, *args, env=None, preexec=None):
        # with a time zone they look at /etc/localtime for every line of log
        env = {**os.environ, "TZ": "UTC0", **(env or {})}
        with self.host, open(self.path / "stdout", "ab") as out:
            self._process = subprocess.Popen(  # pylint: disable=consider-using-with,subprocess-popen-preexec-fn
                [str(a) for a in args], stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                env=env, preexec_fn=preexec,
            )  # fmt: skip

    def _read_ahead(self):
        """Read what the daemon may have to read from the host later: there, time stands still for it."""
        with open(f"/proc/{self.pid}/maps", encoding="ascii") as maps:
            paths = {line.split(maxsplit=5)[5].strip() for line in maps if line.count("/") > 1}
        for path in paths - Daemon._in_memory:
            if os.path.isfile(path):
                Path(path).read_bytes()
        Daemon._in_memory |= paths

    def _up(self, path):
        """Wait until a control socket is there and answers."""

        def answers():
            if self._process.poll() is not None:
                raise RuntimeError(f"{self.host.name}: the daemon ended: {self.log()[-2000:]}")
            with socket.socket(socket.AF_UNIX) as sock:
                return path.is_socket() and sock.connect_ex(str(path)) == 0

        wait(answers, f"{path.name} of {self.host.name}", 60)
        self._read_ahead()

    def log(self):
        """Everything that the daemon has said."""
        files = [self.path / "stdout", self.log_file]
        return "".join(f.read_text(errors="replace") for f in files if f.exists())

    def send(self, number):
        """Send a signal and do not wait."""
        self._process.send_signal(number)

    def stop(self, number=signal.SIGTERM):
        """End the daemon as a service manager does (SIGTERM), or as a crash (SIGKILL)."""
        if self._process is None:
            return
        if self.running:
            self._process.send_signal(number)
        try:
            self._process.wait(60 * SLOW)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise
        finally:
            self._process = None

    def kill(self):
        """End the daemon as a crash does."""
        self.stop(signal.SIGKILL)

    def close(self):
        self.kill()
        self._dir.cleanup()
