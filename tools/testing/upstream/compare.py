#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""compare.py [-n] [-t FILE] DIRECTORY KERNEL...: compare the results without the module and with it.

-n: print no more than the names of the tests whose results differ.
"""

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
TCP, UDP, ICMP and what lies beside them, on the stock kernels of Debian, without the
module, and with it and its defaults. Each namespace has a policy, so that the module looks
at every packet. The tests have to say the same both times. What fails or is skipped without
the module does so for reasons of its own: a program that is missing, or a kernel that is older
than the test.

Some parts, most of all of fcnal-test.sh, wait for a server for a fixed time that is too short in
the virtual machine, and fail now and then without the module, too. A test that says something
else with the module is therefore run again, up to four times each way, and a part passes that
passes once.

.. list-table::
   :header-rows: 1
   :widths: """


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


def merged(runs):
    """The runs of one test as one: a part passes that passes in one of them."""
    best = max(runs, key=lambda run: sum(verdict == "ok" for _, verdict in run["results"]))
    parts = [list(part) for part in best["results"]]
    for run in runs:
        if [what for what, _ in run["results"]] == [what for what, _ in parts]:
            for part, (_, verdict) in zip(parts, run["results"]):
                part[1] = "ok" if verdict == "ok" else part[1]
    return {**best, "status": min(run["status"] for run in runs), "results": parts}


def read(directory, kernel, which):
    """What all runs said, KERNEL-WHICH-N.json: the first one of all tests, others of those that were run again."""
    runs = collections.defaultdict(list)
    for path in sorted(directory.glob(f"{kernel}-{which}-*.json")):
        for name, got in json.loads(path.read_text(encoding="ascii")).items():
            runs[name].append(got)
    return {name: merged(these) for name, these in runs.items()}


def differences(one, two):
    """The parts whose verdict is another one."""
    before, after = (collections.Counter(map(tuple, test["results"])) for test in (one, two))
    return [f"{'-' if n < 0 else '+'} {verdict}: {what}" for (what, verdict), n in
            [*((k, -v) for k, v in (before - after).items()), *(after - before).items()]]  # fmt: skip


def main():
    """Print what differs; write the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("-n", dest="names", action="store_true")
    parser.add_argument("-t", dest="table")
    parser.add_argument("directory", type=pathlib.Path)
    parser.add_argument("kernels", nargs="+")
    args = parser.parse_args()
    got = {
        (k, which): read(args.directory, k, which) for k in args.kernels for which in ("without", "with")
    }  # fmt: skip
    names = list(got[args.kernels[0], "without"])
    other = 0
    lines = [HEAD + " ".join(["28", *["18"] * (2 * len(args.kernels))]), "", "   * - Test"]
    lines += [f"     - {k}, {which}" for k in args.kernels for which in ("without", "with")]
    for name in names:
        lines.append(f"   * - {name}")
        for k in args.kernels:
            one, two = (got[k, which][name] for which in ("without", "with"))
            lines += [f"     - {counts(one)}", f"     - {counts(two)}"]
            if not same(one, two):
                other += 1
                if args.names:
                    print(name)
                    continue
                print(f"{k} {name}: status {one['status']} without the module, {two['status']} with it")
                print("\n".join(differences(one, two)))
    if args.table:
        pathlib.Path(args.table).write_text("\n".join(lines) + "\n", encoding="ascii")
    if not args.names:
        print(f"{len(names)} tests on {len(args.kernels)} kernels: {other} with other results")
    return 1 if other else 0


if __name__ == "__main__":
    sys.exit(main())
