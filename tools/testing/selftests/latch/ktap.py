# SPDX-License-Identifier: GPL-2.0
"""The list of cases of a test file, on top of the kernel's own ksft library.

A case is a function of the test environment.  Its name starts with the clause
of RFC 5660 that it shows; a table makes one case of each of its rows.
"""

import inspect
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOP = HERE.parents[3]
RELEASE = os.uname().release
DEBUG = RELEASE.endswith("-debug")
# A kernel that checks every access and every lock is slow; and where idle time
# costs nothing, it passes in no time while the host reads a file for the guest.
SLOW = int(os.environ.get("LATCH_SLOW", 5 if DEBUG else 1))
# Cases that do the same many times do it a tenth as often.
SHORT = os.environ.get("LATCH_SHORT") == "1"


def kernel_source():
    """The kernel source that holds the kselftest and netlink libraries."""
    path = os.environ.get("KSFT_SRC")
    if not path and (HERE.parent / "net/lib/py").is_dir():
        path = TOP  # these files are in that source
    if not path:
        fetch = TOP / "tools/testing/vm/fetch"
        path = subprocess.check_output([fetch, "source"], text=True).strip()
    return Path(path)


sys.path.append(str(kernel_source() / "tools/testing/selftests/net"))

# pylint: disable=wrong-import-position,unused-import
# flake8: noqa: E402,F401
from lib.py import KsftSkipEx, NlError, YnlFamily
from lib.py import ksft_eq, ksft_ge, ksft_in, ksft_ne, ksft_pr, ksft_run, ksft_true


def times(number):
    """How often a case does the same, or how many flows it has, that does it so many times."""
    return max(number // 10, 3) if SHORT else number


def wait(cond, what, deadline=10):
    """Wait until cond() is true and return what it gave."""
    end = time.monotonic() + deadline * SLOW
    while True:
        got = cond()
        if got:
            return got
        if time.monotonic() > end:
            raise TimeoutError(f"waited {deadline * SLOW} s for {what}")
        time.sleep(0.002)


def _alarm(_signum, _frame):
    raise TimeoutError("the case took too long")


def case(name, table=({},), limit=60):
    """Register a function as a case, or as one for each row of a table.

    A row is a dict: the name is formatted with it, and the function gets those
    entries that it has parameters for.
    """

    def register(func):
        wanted = inspect.signature(func).parameters
        cases = sys.modules[func.__module__].__dict__.setdefault("CASES", [])
        for row in table:
            cases.append(_one(func, name.format(**row), {k: v for k, v in row.items() if k in wanted}, limit))
        return func

    return register


def _one(func, name, kwargs, limit):
    def run(env):
        signal.signal(signal.SIGALRM, _alarm)
        signal.alarm(limit * SLOW)
        try:
            func(env, **kwargs)
        finally:
            signal.alarm(limit * SLOW)
            env.reset()
            signal.alarm(0)

    run.__name__ = name
    run.__doc__ = func.__doc__
    return run
