#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""guest.py with|without FILE [NAME...]: run the tests of `list` in a virtual machine, and write what they say to FILE.

What FILE has already is not run again.
"""

import contextlib
import json
import os
import pathlib
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parents[2]
NET = TOP / "build/upstream/selftests/net"
LIMIT = 900

# What a test says of a part of it: TAP, and the words of shell scripts.
RESULT = re.compile(r"^(not ok|ok)\b|\[\s*(OK|FAIL|SKIP|PASS|XFAIL)\s*\]|^(PASS|FAIL|SKIP|ok|OK)\b", re.MULTILINE)
# What differs from run to run: times, numbers of ports and processes, names of namespaces.
VARIES = re.compile(r"\x1b\[[0-9;]*m|(?<=\bns\d-)\w{6}\b|0x[0-9a-f]+|\d+")


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
    return {**os.environ, "PATH": f"{path}:{os.environ['PATH']}", "KSFT_MACHINE_SLOW": "yes"}


def result(line):
    """The first result that a line has, as (what, verdict)."""
    found = RESULT.search(line)
    verdict = next(filter(None, found.groups())).lower()
    what = VARIES.sub("N", line.replace(found.group(0), ""))
    return " ".join(what.split()), {"pass": "ok", "fail": "not ok"}.get(verdict, verdict)


def run(command, env):
    """A test: its exit status and its results. Some leave processes behind, which keep its output open."""
    where = NET / command[0]
    begin = time.monotonic()
    with tempfile.TemporaryFile("w+", errors="replace") as output:
        test = subprocess.Popen(
            [where, *command[1:]], cwd=where.parent, env=env, stdin=subprocess.DEVNULL, stdout=output,
            stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        try:
            status = test.wait(timeout=LIMIT)
        except subprocess.TimeoutExpired:
            status = 124
        with contextlib.suppress(ProcessLookupError):
            os.killpg(test.pid, signal.SIGKILL)
        test.wait()
        output.seek(0)
        said = output.read()
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
    to = pathlib.Path(to)
    all_results = json.loads(to.read_text(encoding="ascii")) if to.exists() else {}
    for name, command in tests(names):
        if name in all_results:
            continue
        all_results[name] = got = run(command, env)
        print(f"{which} {name}: status {got['status']}, {len(got['results'])} results, {got['seconds']} s", flush=True)
        to.write_text(json.dumps(all_results), encoding="ascii")


if __name__ == "__main__":
    main()
