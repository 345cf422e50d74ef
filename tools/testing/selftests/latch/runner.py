# SPDX-License-Identifier: GPL-2.0
"""Play the cases of test files: the part that `run` and a test file by itself have in common."""

import fnmatch
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import ktap
import latchapi
from netns import Net

STRICT = os.environ.get("LATCH_EXPECT_ALL") == "1"
CRYPTO = ("aesni_intel", "xfrm_user", "esp4", "esp6", "ah4", "ah6", "xfrm_interface")
SKIP = 4  # as kselftest.h has it

OPTIONS = """\
-l                list the cases
--without-module  only what is played on the kernel as it is, expecting the leaks
GLOB              only these files (create: test_create.py) or cases

Environment: LATCH_EXPECT_ALL=1 makes a skipped case a failed one; KSFT_SRC is
the kernel source with the kselftest library, LATCH_MODULE another module than that in
build/ (one without the fast path, say), LATCH_STRONGSWAN and LATCH_LIBRESWAN
the daemons' packages (default: those of vm/fetch); LATCH_SLOW multiplies every time-out,
LATCH_SHORT=1 has cases that do the same many times do it a tenth as often.
Status: 0 all passed, 1 not, 2 nothing could be run; a test file by itself ends with 4,
as kselftests do, where it is not root or there is no module.
"""


def stem(test):
    """The name of a test file, which may be the program itself."""
    return Path(test.__file__).stem


def unique(tests):
    """The same test files, of which no two cases have one name."""
    names = [c.__name__ for t in tests for c in t.CASES]
    twice = {n for n in names if names.count(n) > 1}
    if twice:
        raise SystemExit(f"names used twice: {sorted(twice)}")
    return tests


def chosen(test, globs):
    if not globs or any(fnmatch.fnmatch(stem(test).removeprefix("test_"), g) for g in globs):
        return test.CASES
    return [c for c in test.CASES if any(fnmatch.fnmatch(c.__name__, g) for g in globs)]


def unmatched(tests, globs):
    """Those of the patterns that no file and no case has."""
    names = [n for t in tests for n in (stem(t).removeprefix("test_"), *[c.__name__ for c in t.CASES])]
    return [g for g in globs if not fnmatch.filter(names, g)]


def without_module(test):
    return getattr(test, "WITHOUT_MODULE", False)


def child(test, cases, out):
    """One process for each file, so that none can spoil another."""
    os.setpgid(0, 0)
    os.dup2(out, 1)
    os.dup2(out, 2)
    os.close(out)
    sys.stdout.reconfigure(line_buffering=True)
    status = 1
    try:
        env = test.setup() if hasattr(test, "setup") else Net(*test.HOSTS)
        ktap.ksft_run(cases, args=(env,))
        env.close()
        status = 0
    except BaseException as e:  # pylint: disable=broad-exception-caught
        print("# Exception|", repr(e).replace("\n", "\n# "))
    finally:
        sys.stdout.flush()
        os._exit(status)


class Stream:
    """The results of all files, numbered through."""

    def __init__(self, total):
        self.number, self.failed = 0, 0
        print("KTAP version 1", f"1..{total}", sep="\n", flush=True)

    def result(self, good, name, comment=""):
        if STRICT and comment.startswith("SKIP"):
            good = False
        self.number += 1
        self.failed += not good
        words = ["ok" if good else "not ok", self.number, name, *([f"# {comment}"] if comment else [])]
        print(*words, flush=True)

    @staticmethod
    def reap(pid, ended):
        """Wait for the end of a file; what it leaves behind would keep the pipe open."""
        ended.append(os.waitpid(pid, 0)[1])
        try:
            os.killpg(pid, signal.SIGKILL)
        except OSError:
            pass

    def play(self, test, cases):
        start = time.monotonic()
        left = [c.__name__ for c in cases]
        inside, out = os.pipe()
        pid = os.fork()
        if not pid:
            os.close(inside)
            child(test, cases, out)
        os.close(out)
        ended = []
        reaper = threading.Thread(target=self.reap, args=(pid, ended))
        reaper.start()
        with open(inside, encoding="utf-8", errors="replace") as lines:
            for line in lines:
                line = line.rstrip("\n")
                match = re.match(r"(not )?ok \d+ [^.]*\.(\S+)(?: # (.*))?$", line)
                if match and match[2] in left:
                    left.remove(match[2])
                    self.result(not match[1], match[2], match[3] or "")
                elif not re.match(r"KTAP version|1\.\.\d|# Totals:", line):
                    print(line if line.startswith("#") else f"# {line}", flush=True)
        reaper.join()
        status = ended[0]
        for name in left:
            self.result(False, name, f"not reached, the file ended with status {status}")
        if status and not left:
            self.failed += 1
            print(f"# {stem(test)} ended with status {status}")
        print(f"# {stem(test)}: {len(cases)} cases, {time.monotonic() - start:.1f} s", flush=True)


def give_time():
    """Start the program anew with longer time-outs, unless somebody chose them.

    Files with IKE daemons run where idle time costs nothing, and ktap.SLOW is known
    to all files when this is called.
    """
    if "LATCH_SLOW" not in os.environ:
        os.environ["LATCH_SLOW"] = "10"
        os.execv(sys.executable, sys.orig_argv)


def play_all(plan):
    """Load the module when the first file needs it, play all files, take the module out."""
    if latchapi.module_loaded() and subprocess.run(["rmmod", "ipsec_latch"], check=False).returncode:
        print("Bail out! ipsec_latch is loaded and in use")
        return 2
    subprocess.run(["modprobe", "-q", "-a", *CRYPTO], check=False)
    stream = Stream(sum(len(c) for _, c in plan))
    for test, cases in plan:
        if not without_module(test) and not latchapi.module_loaded():
            done = subprocess.run(["insmod", latchapi.MODULE], capture_output=True, text=True, check=False)
            if done.returncode:
                print(f"Bail out! {latchapi.MODULE}: {done.stderr.strip()}")
                return 2
        stream.play(test, cases)
    if latchapi.module_loaded():
        try:
            latchapi.unload_when_idle()
        except TimeoutError:
            print("# ipsec_latch stays, it is in use")
    return 1 if stream.failed else 0


def play(tests, args):
    """Do with some test files what the arguments say; the status to exit with."""
    globs = [a for a in args if not a.startswith("-")]
    if wrong := unmatched(tests, globs):
        print(f"no file and no case is called {' or '.join(wrong)}", file=sys.stderr)
        return 2
    plan = [(test, chosen(test, globs)) for test in tests]
    if "--without-module" in args:
        plan = [(t, c) for t, c in plan if without_module(t)]
    plan = [(t, c) for t, c in plan if c]
    if "-l" in args:
        for test, cases in plan:
            print(*[f"{stem(test)} {c.__name__}" for c in cases], sep="\n")
        return 0
    if any(getattr(t, "IKE", False) for t, _ in plan):
        give_time()
    return play_all(plan)


def missing(test):
    """Why a test file cannot be run here; nothing if it can."""
    if os.geteuid():
        return "root is needed"
    if not without_module(test) and not latchapi.MODULE.exists():
        return f"{latchapi.MODULE} is not built"
    return ""


def main():
    """The main program of a test file."""
    test = unique([sys.modules["__main__"]])[0]
    args = sys.argv[1:]
    if "-h" in args or "--help" in args:
        print(f"{test.__doc__}\nusage: {Path(sys.argv[0]).name} [-l] [GLOB...]\n\n{OPTIONS}")
        sys.exit(0)
    why = "" if "-l" in args else missing(test)
    if why:
        print("KTAP version 1", f"1..0 # SKIP {why}", sep="\n")
        sys.exit(SKIP)
    sys.exit(play([test], args))
