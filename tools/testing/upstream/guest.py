#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""guest.py with|without FILE [NAME...]: run the tests of `list` in a virtual machine, and write what they say to FILE."""

import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parents[2]
NET = TOP / "build/upstream/selftests/net"
LIMIT = 900

# What a test says of a part of it: TAP, and the words of shell scripts.
RESULT = re.compile(r"^(not ok|ok)\b|\[\s*(OK|FAIL|SKIP|PASS|XFAIL)\s*\]|^(PASS|FAIL|SKIP|ok|OK)\b", re.MULTILINE)
# What differs from run to run: times, numbers of ports and processes.
VARIES = re.compile(r"\x1b\[[0-9;]*m|0x[0-9a-f]+|\d+")


def tests(names):
    """(name, command) of each line of `list`, or of these."""
    for line in (HERE / "list").read_text(encoding="ascii").splitlines():
        name, _, command = line.partition("\t")
        if not line.startswith("#") and (not names or name in names):
            yield name, shlex.split(command)


def load_module():
    """The module, with its defaults."""
    release = os.uname().release
    subprocess.run(["insmod", TOP / "build" / release / "ipsec_latch.ko"], check=True)


def shimmed():
    """An environment whose ip(8) is the shim."""
    path = pathlib.Path("/run/shim")
    path.mkdir(exist_ok=True)
    (path / "ip").symlink_to(HERE / "shim")
    return {**os.environ, "PATH": f"{path}:{os.environ['PATH']}"}


def result(line):
    """The first result that a line has, as (what, verdict)."""
    found = RESULT.search(line)
    verdict = next(filter(None, found.groups())).lower()
    what = VARIES.sub("N", line.replace(found.group(0), ""))
    return " ".join(what.split()), {"pass": "ok", "fail": "not ok"}.get(verdict, verdict)


def run(command, env):
    """A test: its exit status and its results."""
    where = NET / command[0]
    begin = time.monotonic()
    try:
        done = subprocess.run(
            [where, *command[1:]], cwd=where.parent, env=env, stdin=subprocess.DEVNULL, capture_output=True,
            timeout=LIMIT, check=False, text=True, errors="replace",
        )  # fmt: skip
        status, said = done.returncode, done.stdout
    except subprocess.TimeoutExpired as late:
        status, said = 124, (late.stdout or b"").decode(errors="replace")
    got = [result(line) for line in said.splitlines() if RESULT.search(line)]
    return {"status": status, "seconds": round(time.monotonic() - begin), "results": got, "tail": said[-2000:]}


def main():
    """Run them one by one."""
    which, to, *names = sys.argv[1:]
    env = shimmed()
    if which == "with":
        load_module()
    subprocess.run([HERE / "shim", "netns", "add", "first"], check=True)
    policy = "xfrm policy add src 192.0.2.254/32 dst 192.0.2.255/32 dir out tmpl proto esp reqid 5660 mode transport"
    subprocess.run(["/sbin/ip", *policy.split()], check=True)
    all_results = {}
    for name, command in tests(names):
        all_results[name] = got = run(command, env)
        print(f"{which} {name}: status {got['status']}, {len(got['results'])} results, {got['seconds']} s", flush=True)
        pathlib.Path(to).write_text(json.dumps(all_results), encoding="ascii")


if __name__ == "__main__":
    main()
