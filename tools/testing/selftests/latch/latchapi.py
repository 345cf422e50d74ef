# SPDX-License-Identifier: GPL-2.0
"""What the module offers: numbers, socket option, counters, sysctls, netlink."""

import copy
import ctypes
import errno
import os
import re
import socket
import struct
import subprocess
import sys
from pathlib import Path

import yaml

from ktap import TOP, NlError, YnlFamily, wait

UAPI = TOP / "include/uapi/linux"
SPEC = TOP / "Documentation/netlink/specs/latch.yaml"
MODULE = Path(os.environ.get("LATCH_MODULE", TOP / "build" / os.uname().release / "ipsec_latch.ko"))
TOOL = TOP / "tools/latch/latch"

# The specification is read in every test file: the C parser is ten times faster.
yaml.safe_load = lambda stream: yaml.load(stream, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))

libc = ctypes.CDLL(None, use_errno=True)


# --- numbers, from the headers themselves ------------------------------------
def _header():
    """Every constant of the two public headers."""
    names = {}
    text = (UAPI / "latch.h").read_text()
    for name, value in re.findall(r"^#define\s+(\w+)\s+(\(?\w+(?: \+ \d+\))?)(?=\s|$)", text, re.M):
        try:
            names[name] = eval(value, {}, names)  # pylint: disable=eval-used
        except (NameError, SyntaxError):
            pass
    body = re.search(r"enum latch_reason \{(.*?)\}", (UAPI / "latch_netlink.h").read_text(), re.S)[1]
    for number, name in enumerate(re.findall(r"(\w+),", body)):
        names[name] = number
    return names


class _Names:
    def __init__(self, names):
        self.__dict__.update(names)

    def name(self, prefix, number):
        """The word of a number, for messages that can be read."""
        for key, value in self.__dict__.items():
            if key.startswith(prefix) and value == number:
                return key[len(prefix) :]
        return number


L = _Names(_header())
IP_LATCH = L.IP_LATCH


def reasons(mask):
    """The names in a set of conflicts."""
    return {L.name("LATCH_REASON_", bit) for bit in range(32) if mask >> bit & 1}


# --- struct latch_req, struct latch_info --------------------------------------
class LatchId(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_uint8),
        ("resv", ctypes.c_uint8),
        ("len", ctypes.c_uint16),
        ("value", ctypes.c_uint8 * L.LATCH_ID_INLINE),
    ]


class LatchSuite(ctypes.Structure):
    _fields_ = [(n, ctypes.c_uint16) for n in ("encr", "encr_bits", "integ", "icv_bits")]


class LatchReq(ctypes.Structure):
    _fields_ = [
        ("mask", ctypes.c_uint32),
        ("mode", ctypes.c_uint8),
        ("protection", ctypes.c_uint8),
        ("encap", ctypes.c_uint8),
        ("disposition", ctypes.c_uint8),
        ("min_key_bits", ctypes.c_uint16),
        ("n_suites", ctypes.c_uint8),
        ("own_policy", ctypes.c_uint8),
        ("peer", ctypes.c_uint32),
        ("suites", LatchSuite * L.LATCH_MAX_SUITES),
        ("peer_id", LatchId),
        ("local_id", LatchId),
    ]


class LatchTransform(ctypes.Structure):
    _fields_ = [
        ("proto", ctypes.c_uint8),
        ("mode", ctypes.c_uint8),
        *[(n, ctypes.c_uint16) for n in ("encr", "encr_bits", "integ", "integ_bits", "icv_bits")],
        ("replay_window", ctypes.c_uint32),
    ]

    def dict(self):
        return {name: getattr(self, name) for name, _ in self._fields_}


def _address(family, raw):
    """The text of an address; IPv4 is in the first four bytes."""
    if family == socket.AF_INET:
        return socket.inet_ntop(family, raw[:4])
    return socket.inet_ntop(socket.AF_INET6, raw)


class LatchInfo(ctypes.Structure):
    _fields_ = [
        ("size", ctypes.c_uint32),
        ("state", ctypes.c_uint8),
        ("reason", ctypes.c_uint8),
        ("disposition", ctypes.c_uint8),
        ("mode", ctypes.c_uint8),
        ("id", ctypes.c_uint64),
        ("flags", ctypes.c_uint32),
        ("conflicts", ctypes.c_uint32),
        ("family", ctypes.c_uint16),
        ("proto", ctypes.c_uint8),
        ("protection", ctypes.c_uint8),
        ("n_transforms", ctypes.c_uint8),
        ("auth_method", ctypes.c_uint8),
        ("peer_id_type", ctypes.c_uint8),
        ("local_id_type", ctypes.c_uint8),
        ("_local_port", ctypes.c_uint16),
        ("_remote_port", ctypes.c_uint16),
        ("_local_addr", ctypes.c_uint8 * 16),
        ("_remote_addr", ctypes.c_uint8 * 16),
        ("outer_family", ctypes.c_uint16),
        ("_natt_local_port", ctypes.c_uint16),
        ("_natt_remote_port", ctypes.c_uint16),
        ("own_none", ctypes.c_uint8),
        ("resv", ctypes.c_uint8),
        ("_outer_local_addr", ctypes.c_uint8 * 16),
        ("_outer_remote_addr", ctypes.c_uint8 * 16),
        ("peer", ctypes.c_uint32),
        ("local", ctypes.c_uint32),
        ("_spi_in", ctypes.c_uint32),
        ("_spi_out", ctypes.c_uint32),
        ("transforms", LatchTransform * L.LATCH_MAX_TRANSFORMS),
        ("breaks", ctypes.c_uint32),
        ("in_drops", ctypes.c_uint64),
        ("out_drops", ctypes.c_uint64),
        ("_natt_remote_addr", ctypes.c_uint8 * 16),
    ]

    def __getattr__(self, name):
        """Ports and SPIs in host order, addresses as text, names of numbers."""
        if name.startswith("_"):
            raise AttributeError(name)
        if name.endswith("_port"):
            return socket.ntohs(getattr(self, "_" + name))
        if name.startswith("spi_"):
            return socket.ntohl(getattr(self, "_" + name))
        if name.endswith("_addr"):
            family = self.outer_family if name.startswith(("outer", "natt")) else self.family
            return _address(family, bytes(getattr(self, "_" + name)))
        raise AttributeError(name)

    @property
    def state_name(self):
        return L.name("LATCH_STATE_", self.state)

    @property
    def reason_name(self):
        return L.name("LATCH_REASON_", self.reason)

    @property
    def conflict_names(self):
        return reasons(self.conflicts)

    @property
    def chain(self):
        return [t.dict() for t in self.transforms[: self.n_transforms]]


class LatchAlert(ctypes.Structure):
    _fields_ = [
        ("size", ctypes.c_uint32),
        ("state", ctypes.c_uint8),
        ("old_state", ctypes.c_uint8),
        ("reason", ctypes.c_uint8),
        ("disposition", ctypes.c_uint8),
        ("id", ctypes.c_uint64),
        ("flags", ctypes.c_uint32),
        ("conflicts", ctypes.c_uint32),
        ("peer", ctypes.c_uint32),
        ("family", ctypes.c_uint16),
        ("proto", ctypes.c_uint8),
        ("resv", ctypes.c_uint8),
        ("_local_port", ctypes.c_uint16),
        ("_remote_port", ctypes.c_uint16),
        ("resv2", ctypes.c_uint32),
        ("_local_addr", ctypes.c_uint8 * 16),
        ("_remote_addr", ctypes.c_uint8 * 16),
    ]

    @property
    def state_name(self):
        return L.name("LATCH_STATE_", self.state)

    @property
    def reason_name(self):
        return L.name("LATCH_REASON_", self.reason)

    @property
    def local(self):
        return _address(self.family, bytes(self._local_addr)), socket.ntohs(self._local_port)

    @property
    def remote(self):
        return _address(self.family, bytes(self._remote_addr)), socket.ntohs(self._remote_port)


assert ctypes.sizeof(LatchAlert) == L.LATCH_ALERT_SIZE_VER0
assert ctypes.sizeof(LatchReq) == L.LATCH_REQ_SIZE_VER0
assert ctypes.sizeof(LatchInfo) == L.LATCH_INFO_SIZE_VER1


def latch_id(kind, value):
    """struct latch_id"""
    ident = LatchId(type=kind, len=len(value))
    ctypes.memmove(ident.value, value, min(len(value), L.LATCH_ID_INLINE))
    return ident


_FIELDS = {
    "mode": L.LATCH_REQ_MODE,
    "protection": L.LATCH_REQ_PROTECTION,
    "encap": L.LATCH_REQ_ENCAP,
    "disposition": L.LATCH_REQ_DISPOSITION,
    "min_key_bits": L.LATCH_REQ_KEY_BITS,
    "suites": L.LATCH_REQ_SUITES,
    "peer": L.LATCH_REQ_PEER,
    "peer_id": L.LATCH_REQ_PEER_ID,
    "local_id": L.LATCH_REQ_LOCAL_ID,
    "own_policy": L.LATCH_REQ_OWN_POLICY,
}


def request(**fields):
    """struct latch_req with the mask of what is given.  An ID is a name (FQDN)."""
    req = LatchReq()
    for name, value in fields.items():
        req.mask |= _FIELDS[name]
        if name == "suites":
            req.n_suites = len(value)
            for i, suite in enumerate(value):
                req.suites[i] = LatchSuite(**suite)
        elif name.endswith("_id"):
            setattr(req, name, latch_id(L.LATCH_ID_FQDN, value.encode()) if isinstance(value, str) else value)
        else:
            setattr(req, name, value)
    return req


def level_of(sock):
    return socket.SOL_IP if sock.family == socket.AF_INET else socket.IPPROTO_IPV6


def ask(sock, **fields):
    """setsockopt(IP_LATCH) of a well-formed request."""
    sock.setsockopt(level_of(sock), IP_LATCH, bytes(request(**fields)))


def ask_to_wait(sock):
    """While the latch is broken, packets are dropped and the owner is not told (5.5-1)."""
    ask(sock, disposition=L.LATCH_DISP_WAIT)


def info(sock, level=None):
    """getsockopt(IP_LATCH)"""
    raw = sock.getsockopt(level_of(sock) if level is None else level, IP_LATCH, ctypes.sizeof(LatchInfo))
    return LatchInfo.from_buffer_copy(raw)


def ask_alerts(sock, on=1):
    """setsockopt(IP_LATCH_ALERTS)"""
    sock.setsockopt(level_of(sock), L.IP_LATCH_ALERTS, on)


def next_alert(sock):
    """The next record of the socket's error queue, with .errno, .child and .name; None there is none."""
    timeout = sock.gettimeout()
    sock.setblocking(False)
    try:
        data, control, flags, name = sock.recvmsg(4096, 512, socket.MSG_ERRQUEUE)
    except BlockingIOError:
        return None
    finally:
        sock.settimeout(timeout)
    ((level, kind, raw),) = [c for c in control if c[0] in (socket.SOL_IP, socket.IPPROTO_IPV6)]
    error, origin, what, code, _, number, low = struct.unpack_from("=IBBBBII", raw)
    got = LatchAlert.from_buffer_copy(data)
    want = (level_of(sock), {socket.AF_INET: 11, socket.AF_INET6: 25}[sock.family], 1, socket.MSG_ERRQUEUE, len(data))
    if (level, kind, origin, flags, got.size) != want:
        raise AssertionError(f"{(level, kind, origin, flags, got.size)} instead of {want}")
    if (got.state, got.reason, got.id & 0xFFFFFFFF, got.resv, got.resv2) != (code, number, low, 0, 0):
        raise AssertionError("the record and its data differ")
    got.errno, got.name = error, name
    got.child = {L.LATCH_ALERT_OWN: False, L.LATCH_ALERT_CHILD: True}[what]
    return got


def alerts(sock):
    """All records that are there, once the module has done what it has to do."""
    info(sock)
    return list(iter(lambda: next_alert(sock), None))


def get_raw(sock, option, size, level=None, buffer=True):
    """getsockopt() as C sees it: (errno, value of *len, bytes)."""
    length = ctypes.c_int(size)
    area = ctypes.create_string_buffer(b"\xaa" * max(size, 1), max(size, 1))
    level = level_of(sock) if level is None else level
    rc = libc.getsockopt(sock.fileno(), level, option, area if buffer else None, ctypes.byref(length))
    error = ctypes.get_errno() if rc else 0
    return error, length.value, area.raw[: max(size, 0)]


def set_raw(sock, data, size=None, level=None, option=IP_LATCH, pointer=None):
    """setsockopt() as C sees it: errno, 0 for success."""
    level = level_of(sock) if level is None else level
    size = len(data) if size is None else size
    area = ctypes.create_string_buffer(bytes(data), max(len(data), size, 1))
    rc = libc.setsockopt(sock.fileno(), level, option, pointer or area, ctypes.c_int(size))
    return ctypes.get_errno() if rc else 0


# --- /proc/net, /proc/sys: of the namespace that the caller is in --------------
def counters(name="latch_stat"):
    """A file of "Name value" lines below /proc/net; empty without the module."""
    try:
        with open(f"/proc/net/{name}", encoding="ascii") as f:
            return {k: int(v) for k, v in (line.split() for line in f)}
    except FileNotFoundError:
        return {}


def module_loaded():
    return os.path.isdir("/sys/module/ipsec_latch")


def load(env):
    """Load the module, with hosts that may have known it before."""
    for host in env.hosts:
        host.forget_module()
    done = subprocess.run(["insmod", MODULE], capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(done.stderr)
    for host in env.hosts:
        host.sysctl_default("break_grace_ms", 0)


def unload():
    """errno of delete_module(2), without waiting."""
    if libc.syscall(176, b"ipsec_latch", os.O_NONBLOCK):
        return ctypes.get_errno()
    return 0


def unload_when_idle():
    """A latch pins the module until a grace period after its end."""
    wait(lambda: unload() in (0, errno.ENOENT), "the module to be free")


# --- generic netlink -----------------------------------------------------------
class Netlink:
    """The family `latch` as one namespace sees it; made in that namespace."""

    _family = None

    def __init__(self, host):
        with host:
            if Netlink._family is None:
                Netlink._family = YnlFamily(str(SPEC), schema="")
                Netlink._family.sock.close()  # it would keep the namespace
            # One reading of the specification serves all: only the socket
            # belongs to a namespace.
            self.ynl = copy.copy(Netlink._family)
            self.ynl.sock = self._socket()
            self.ynl.async_msg_queue = []

    @classmethod
    def forget(cls):
        """The family's number may be another one next time."""
        cls._family = None
        # the library reads the list of families once
        sys.modules[YnlFamily.__module__].genl_family_name_to_id = None

    @staticmethod
    def _socket():
        sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 16)
        for option in (10, 11, 12):  # CAP_ACK, EXT_ACK, GET_STRICT_CHK
            sock.setsockopt(270, option, 1)
        return sock

    def do(self, command, **attrs):
        """One request; `_` in an attribute's name stands for `-`."""
        return self.ynl._op(command, {k.replace("_", "-"): v for k, v in attrs.items()})

    def dump(self, command):
        return self.ynl._op(command, {}, dump=True)

    def error(self, command, **attrs):
        """(errno's name, bad or missing attribute, message) of a refused request."""
        try:
            self.do(command, **attrs)
        except NlError as e:
            extack = e.nl_msg.extack or {}
            attr = extack.get("bad-attr", extack.get("miss-type", "")).lstrip(".")
            return errno.errorcode[e.error], attr, extack.get("msg", "")
        return "0", "", ""

    def subscribe(self):
        self.ynl.ntf_subscribe("events")

    def events(self):
        """Notifications so far: list of (name, attributes)."""
        self.ynl.check_ntf()
        got = [(e["name"], e["msg"]) for e in self.ynl.async_msg_queue]
        self.ynl.async_msg_queue.clear()
        return got

    def close(self):
        self.ynl.sock.close()


def watch(host):
    """A host's Netlink of which events() tells what happens from now on."""
    nl = Netlink(host)
    nl.subscribe()
    return nl
