#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""One generation of Baton starting Baton beside one of Linux starting Linux by kexec, rounds interleaved.

usage: generation.py --out DIR [--rounds N] [--loops N] [--smp N]

Same QEMU, memory and CPUs. Baton: alone in its bundle, sampled pattern, seconds between the lines of two generations, over
--loops of them; each takes all CPUs, checks the last one's pattern, verifies and fills. Linux: Debian's kernel with the
tests' initramfs, from the order to load the next kernel (kexec -l) to the first line of its userspace: load, kexec -e,
kexec-tools' check of what it loaded, decompression, boot.
Writes DIR/generation.{txt,csv}.
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
MEM = "512M"
CPU = "max"
SKIPPED = 10            # generations at the start: QEMU translates their code for the first time
GENERATION = re.compile(r"event=generation n=(\d+) ")
APPEND = harness.APPEND


def baton(work, smp, loops):
    """Seconds of a generation, mean over loops."""
    disk = harness.write_disk(os.path.join(work, "baton.img"), kernel=harness.BATON, initrds=(), conf=("on-failure halt",),
                              digests=False)
    with harness.machine(pathlib.Path(work), disk, name="baton", smp=smp, mem=MEM, cpu=CPU, accel=harness.qemu.loop_accel(smp),
                         options="baton.seed=1 baton.loop=%d" % (loops + SKIPPED)) as vm:
        vm.wait_for(r"event=error code=E30 ", RUN_S)
        stamps = {int(m[1]): stamp for stamp, line in vm.lines for m in [GENERATION.search(line)] if m}
    os.unlink(disk)
    return (stamps[SKIPPED + loops] - stamps[SKIPPED]) / loops


def linux(work, smp, initrd):
    """Seconds from the order to load to the next userspace."""
    with harness.qemu.Machine(os.path.join(work, "linux"), smp=smp, mem=MEM, cpu=CPU, firmware=False, boot_args=[
            "-kernel", harness.KERNEL, "-initrd", initrd, "-append", APPEND + " guest.kexec"]) as vm:
        start, _ = vm.wait_for(r"^guest: kexec_begin=1$", RUN_S)
        vm.wait_for(r"^guest: kexec_load=0$", RUN_S)
        vm.wait_for(r"^guest: end$", RUN_S)
        end = [stamp for stamp, line in vm.lines if line == "guest: begin version=1"][1]
    return end - start


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("usage: ")[1].split("\n\n")[0])
    parser.add_argument("--out", required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--loops", type=int, default=200)
    parser.add_argument("--smp", type=int, default=4)
    args = parser.parse_args()
    work = os.path.join(args.out, "work")
    os.makedirs(work, exist_ok=True)
    initrd = harness.write_kexec_initrd(os.path.join(work, "relay.img"), harness.INITRD, "-l", APPEND, harness.KERNEL)
    rows = []
    for number in range(1, args.rounds + 1):
        rows.append((number, baton(work, args.smp, args.loops), linux(work, args.smp, initrd)))
        print("round %d: Baton %.4f s, Linux %.2f s" % rows[-1], file=sys.stderr, flush=True)
    with open(os.path.join(args.out, "generation.csv"), "w", newline="") as f:
        csv.writer(f).writerows([("round", "baton_s", "linux_s"), *rows])
    ours, theirs = (statistics.median(row[i] for row in rows) for i in (1, 2))
    text = ("One generation, SMP=%d, %s, -cpu %s, TCG, medians of %d rounds\n"
            "  Baton to Baton   %8.4f s   %6.1f a second\n"
            "  Linux to Linux   %8.2f s   %6.2f a second\n"
            "  ratio            %8.0f\n" % (args.smp, MEM, CPU, args.rounds, ours, 1 / ours, theirs, 1 / theirs,
                                          theirs / ours))
    with open(os.path.join(args.out, "generation.txt"), "w") as f:
        f.write(text)
    print(text, end="")


if __name__ == "__main__":
    main()
