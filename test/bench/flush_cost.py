#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Single flushes beside a whole one, as `selftest mm` measures them where it runs: for FLUSH_RANGE_PAGES (mm/flush.h).

usage: flush_cost.py --out DIR [--rounds N]

Boots Baton alone in QEMU, --rounds times for each model of CPU. Writes DIR/flush_cost.{txt,csv}: medians.
"""
import argparse
import csv
import os
import pathlib
import re
import statistics
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "test", "system"))
import harness  # noqa: E402

RUN_S = 240
CPUS = ("qemu64", "max")
FIELDS = ("invlpg_ns", "reload_ns", "refill_ns", "equal_pages", "range_pages")
LINE = r"event=selftest room=mm (invlpg_ns=.*)"


def measure(work, cpu):
    disk = harness.write_disk(os.path.join(work, "baton.img"), kernel=harness.BATON, initrds=(), conf=("on-failure halt",),
                              digests=False)
    with harness.machine(pathlib.Path(work), disk, name="baton", smp=1, mem="512M", cpu=cpu,
                         options="baton.selftest=mm:1") as vm:
        _, match = vm.wait_for(LINE, RUN_S)
    os.unlink(disk)
    found = dict(re.findall(r"(\w+)=(\d+)", match[1]))
    return [int(found[field]) for field in FIELDS]


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("usage: ")[1].split("\n\n")[0])
    parser.add_argument("--out", required=True)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    work = os.path.join(args.out, "work")
    os.makedirs(work, exist_ok=True)
    rows = [(cpu, *[statistics.median_low(values) for values in zip(*[measure(work, cpu) for _ in range(args.rounds)])])
            for cpu in CPUS]
    with open(os.path.join(args.out, "flush_cost.csv"), "w", newline="", encoding="utf-8") as f:
        csv.writer(f).writerows([("cpu", *FIELDS), *rows])
    text = "INVLPG beside a load of CR3 with the refill of 64 pages, TCG, medians of %d boots\n" % args.rounds
    text += "".join("%-8s" % row[0] + " ".join("%12s" % word for word in row[1:]) + "\n" for row in [("cpu", *FIELDS), *rows])
    with open(os.path.join(args.out, "flush_cost.txt"), "w", encoding="utf-8") as f:
        f.write(text)
    print(text, end="")


main()
