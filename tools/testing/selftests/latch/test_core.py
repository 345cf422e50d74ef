#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""The pure core's cases in the kernel (RFC 5660 2.2): its test module runs them when it is loaded."""

import re
import subprocess
from pathlib import Path

import latchapi
import runner
from ktap import case, ksft_eq, ksft_ge

HOSTS = ()


def kernel_log():
    return subprocess.run(["dmesg"], capture_output=True, text=True, check=True).stdout


@case("2.2-1_core_in_the_kernel")
def core(_env):
    """Every case of tools/testing/unit passes here too."""
    test = Path(latchapi.MODULE).with_name("latch_core_test.ko")
    before = len(kernel_log())
    done = subprocess.run(["insmod", str(test)], capture_output=True, text=True, check=False)
    said = kernel_log()[before:]
    if not done.returncode:
        subprocess.run(["rmmod", "latch_core_test"], check=True)
    bad = re.findall(r"not ok .*", said)
    ksft_eq((done.returncode, bad), (0, []), done.stderr)
    planned = int(re.search(r"1\.\.(\d+)", said)[1])
    ksft_eq(len(re.findall(r"\bok \d+", said)), planned)
    ksft_ge(planned, 50)


if __name__ == "__main__":
    runner.main()
