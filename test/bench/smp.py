#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""CPUs taken, kicked, offline and online again: Baton, and Debian's kernel that it starts on the same machine, rounds interleaved.

usage: smp.py --out DIR [--rounds N] [--smp 4,16,64] [--cycles N] [--cpu max]

One boot a round. online: from Baton's first INIT to the first and to the last CPU that is ONLINE (the report). kick: from HALT to
each CPU's acknowledgement, all ordered at once, half of them in MWAIT (park mix), which under TCG does not sleep (the report); and
one CPU at a time (`selftest smp`), the mean.
cycles: CPUs that went offline and came back, a second, by `selftest smp` (the report): one after the other, each with
the other CPUs idle, and all at once, --cycles times. Linux: echo 0, then 1 to /sys/devices/system/cpu/cpu*/online, CPU after
CPU, eight of them at most.
Writes DIR/smp.{txt,csv}.
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

RUN_S = 900
MEM = "2G"
LINUX_CPUS = 8          # tools/guest/init
MODES = ("hlt", "mwait")
ROWS = (("first CPU online, ms", "online_first_ms"), ("last CPU online, ms", "online_last_ms"),
        ("kick, HLT: shortest, us", "kick_hlt_min_us"), ("kick, HLT: median CPU", "kick_hlt_us"),
        ("kick, HLT: longest", "kick_hlt_max_us"),
        ("kick, MWAIT: shortest", "kick_mwait_min_us"), ("kick, MWAIT: median CPU", "kick_mwait_us"),
        ("kick, MWAIT: longest", "kick_mwait_max_us"),
        ("kick one CPU, the others idle, HLT, us", "kick_alone_hlt"), ("kick one CPU, the others idle, MWAIT", "kick_alone_mwait"),
        ("cycles a second, HLT, one by one", "alone_hlt"), ("cycles a second, MWAIT, one by one", "alone_mwait"),
        ("cycles a second, HLT, all at once", "together_hlt"), ("cycles a second, MWAIT, all at once", "together_mwait"),
        ("cycles a second, Linux by sysfs", "linux"))


def figures(result, smp):
    """{name of a row: value} of one boot."""
    assert result.report and result.facts["report_check"] == "0", result.tail()
    others = [cpu for cpu in result.report["cpus"] if cpu["verdict"] == "HALTED"]
    assert len(others) == smp - 1, result.report["cpus"]
    online = [cpu["online_us"] / 1000 for cpu in others]
    found = {"online_first_ms": min(online), "online_last_ms": max(online)}
    for mode in MODES:
        kicks = [cpu["kick_us"] for cpu in others if cpu["park"] == mode]
        found.update({"kick_%s_min_us" % mode: min(kicks), "kick_%s_us" % mode: statistics.median(kicks),
                      "kick_%s_max_us" % mode: max(kicks)})
        cycles = next(entry for entry in result.report["cycles"] if entry["park"] == mode)
        found["alone_" + mode] = 1e9 / (cycles["offline_ns"] + cycles["online_ns"])
        found["kick_alone_" + mode] = cycles["kick_ns"] / 1000
        found["together_" + mode] = cycles["together"] * 1e9 / (cycles["together_offline_ns"] + cycles["together_online_ns"])
    done, hundredths = re.fullmatch(r"(\d+) in (\d+)", result.facts["hotplug"]).groups()
    assert int(done) == min(smp - 1, LINUX_CPUS), result.facts["hotplug"]
    found["linux"] = int(done) * 100 / int(hundredths)
    return found


def boot(work, smp, args):
    disk = harness.write_disk(os.path.join(work, "smp.img"), append=harness.APPEND + " guest.hotplug", conf=("park mix",),
                              digests=False)
    with harness.machine(pathlib.Path(work), disk, name="smp", smp=smp, mem=MEM, cpu=args.cpu,
                         options="baton.selftest=smp:%d" % args.cycles) as vm:
        result = harness.finish(vm, RUN_S)
    os.unlink(disk)
    return figures(result, smp)


def table(rows, args):
    lines = ["CPUs, %s, -cpu %s, TCG, %d host CPUs, medians of %d rounds (least-most)" % (
        MEM, args.cpu, os.cpu_count(), args.rounds),
             "%-40s" % "SMP" + "".join("%28d" % smp for smp in args.smp)]
    for text, name in ROWS:
        line = "%-40s" % text
        for smp in args.smp:
            values = [row[name] for number, row in rows if number == smp]
            line += "%28s" % ("%.1f (%.1f-%.1f)" % (statistics.median(values), min(values), max(values)) if values else "failed")
        lines.append(line)
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("usage: ")[1].split("\n\n")[0])
    parser.add_argument("--out", required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--smp", default=[4, 16, 64], type=lambda text: [int(n) for n in text.split(",")])
    parser.add_argument("--cycles", type=int, default=5)
    parser.add_argument("--cpu", default="max")
    args = parser.parse_args()
    work = os.path.join(args.out, "work")
    os.makedirs(work, exist_ok=True)
    rows, failed = [], False
    for turn in range(args.rounds):
        for smp in args.smp:
            try:
                rows.append((smp, boot(work, smp, args)))
                print("round %d, SMP %d: %s" % (turn + 1, smp, rows[-1][1]), file=sys.stderr, flush=True)
            except (AssertionError, harness.qemu.MachineError) as problem:
                failed = True       # said, not hidden
                print("round %d, SMP %d: failed: %s" % (turn + 1, smp, problem), file=sys.stderr, flush=True)
    with open(os.path.join(args.out, "smp.csv"), "w", newline="") as f:
        names = [name for _, name in ROWS]
        csv.writer(f).writerows([("smp", *names), *((smp, *(row[name] for name in names)) for smp, row in rows)])
    with open(os.path.join(args.out, "smp.txt"), "w") as f:
        f.write(table(rows, args))
    print(table(rows, args), end="")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
