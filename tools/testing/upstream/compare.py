#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""compare.py [-t FILE] DIRECTORY KERNEL...: compare the results without the module and with it."""

import argparse
import collections
import json
import pathlib
import sys

HEAD = """.. SPDX-License-Identifier: GPL-2.0

==============================================
The kernel's own selftests beside ipsec_latch
==============================================

``make upstream`` makes this table. It runs selftests of the kernel that exercise IPsec,
TCP, UDP, ICMP and what lies beside them, on the stock kernels of Debian, twice: without the
module, and with it and its defaults. Each namespace has a policy, so that the module looks
at every packet. The tests have to say the same both times. What fails or is skipped without
the module does so for reasons of its own: a program that is missing, or a kernel that is older
than the test.

.. list-table::
   :header-rows: 1
   :widths: 28 18 18 18 18

   * - Test
"""


def counts(test):
    """How many parts passed, failed and were skipped, or the exit status where a test names no parts."""
    verdicts = collections.Counter(verdict for _, verdict in test["results"])
    skipped = verdicts["skip"] + verdicts["xfail"]
    if verdicts:
        return f"{verdicts['ok']} ok" + "".join(
            f", {n} {word}" for n, word in ((verdicts["not ok"], "failed"), (skipped, "skipped")) if n
        )
    return {0: "ok", 4: "skipped", 124: "too long"}.get(test["status"], "failed")


def same(one, two):
    """Did a test say the same both times?"""
    return one["status"] == two["status"] and sorted(one["results"]) == sorted(two["results"])


def differences(one, two):
    """The parts whose verdict is another one."""
    before, after = (collections.Counter(map(tuple, test["results"])) for test in (one, two))
    return [f"{'-' if n < 0 else '+'} {verdict}: {what}" for (what, verdict), n in
            [*((k, -v) for k, v in (before - after).items()), *(after - before).items()]]  # fmt: skip


def main():
    """Print what differs; write the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("-t", dest="table")
    parser.add_argument("directory", type=pathlib.Path)
    parser.add_argument("kernels", nargs="+")
    args = parser.parse_args()
    got = {
        (k, which): json.loads((args.directory / f"{k}-{which}.json").read_text(encoding="ascii"))
        for k in args.kernels
        for which in ("without", "with")
    }
    names = list(got[args.kernels[0], "without"])
    other = 0
    lines = [HEAD.rstrip("\n")]
    lines += [f"     - {k}, {which}" for k in args.kernels for which in ("without", "with")]
    for name in names:
        lines.append(f"   * - {name}")
        for k in args.kernels:
            one, two = (got[k, which][name] for which in ("without", "with"))
            lines += [f"     - {counts(one)}", f"     - {counts(two)}"]
            if not same(one, two):
                other += 1
                print(f"{k} {name}: status {one['status']} without the module, {two['status']} with it")
                print("\n".join(differences(one, two)))
    if args.table:
        pathlib.Path(args.table).write_text("\n".join(lines) + "\n", encoding="ascii")
    print(f"{len(names)} tests on {len(args.kernels)} kernels: {other} with other results")
    return 1 if other else 0


if __name__ == "__main__":
    sys.exit(main())
