#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""From "go" to the next kernel's first instruction, Baton beside `kexec -e` of the same image; and how VERIFY scales.

usage: handover.py --out DIR [--rounds N] [--initrd-mib N] [--smp 1,2] [--realtime]

The image is Debian's kernel with an initrd of so many MiB. At its 64-bit entry stands a line on the serial port and a halt
instead of its first instructions; all else of the file is as it was, so both sides carry and check what they would for it.
Rounds interleaved, same QEMU, memory and CPUs. "go": Baton's first line after firmware, so that taking, parking and
verifying are all in it; Debian's "kexec_load=0", after which its init calls kexec -e. Both have the image in memory by
then and read every byte of it once more after "go": Baton at its final address, kexec-tools' purgatory after the copy.
verify: VERIFY alone (event=phase name=verify) on 1 CPU and on 2, bytes from event=segment; "by CPU time" divides by what the
busiest thread of QEMU used between the lines, which is what the clock would show if the host had nothing else to do;
"waited": how long its threads were ready to run in that time and had no host CPU.
host: as many processes that hash and share nothing, beside one, in the same rounds: no guest can gain more from the host's CPUs.
--realtime: all of it before the host's other work (SCHED_RR; needs root), which otherwise takes what the second CPU would give.
"""
import argparse
import hashlib
import multiprocessing
import os
import re
import statistics
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "test", "system"))
import harness  # noqa: E402

RUN_S = 240
MEM = "2G"
HOST_S = 1.0
REALTIME_PRIORITY = 10
CPU = "qemu64"
BATON_GO = r"^baton: grammar=1 "
KEXEC_GO = r"^guest: kexec_load=0"
FIRST_TEXT = b"first: instruction\n"
FIRST = r"^first: instruction"
# lea FIRST_TEXT(%rip),%rsi; mov $bytes,%ecx; 1: mov $0x3fd,%dx; 2: in %dx,%al; test $0x20,%al; jz 2b; mov $0x3f8,%dx; lodsb;
# out %al,%dx; loop 1b; 3: hlt; jmp 3b
FIRST_CODE = (bytes.fromhex("488d3519000000 b9") + len(FIRST_TEXT).to_bytes(4, "little") +
              bytes.fromhex("66bafd03 ec a820 74fb 66baf803 ac ee e2ef f4 ebfd"))
VERIFY = (r"event=phase name=commit", r"event=phase name=verify")


def make_initrd(path, mib):
    """Bytes that neither compress nor deduplicate."""
    with open(path, "wb") as out:
        out.write(os.urandom(mib << 20))


def make_kernel(path):
    """Debian's, telling its first instruction (Linux's boot protocol: setup_sects, and 0x200 behind them the entry)."""
    with open(harness.KERNEL, "rb") as f:
        image = bytearray(f.read())
    entry = (image[0x1f1] + 1) * 512 + 0x200
    image[entry:entry + len(FIRST_CODE) + len(FIRST_TEXT)] = FIRST_CODE + FIRST_TEXT
    with open(path, "wb") as out:
        out.write(image)


def thread_seconds(pid):
    """{thread: CPU seconds so far}"""
    used = {}
    for thread in os.listdir("/proc/%d/task" % pid):
        with open("/proc/%d/task/%s/schedstat" % (pid, thread)) as f:
            used[thread] = int(f.read().split()[0]) / 1e9
    return used


def waited_seconds(pid):
    """How long all threads together were ready to run without a CPU so far."""
    waited = 0
    for thread in os.listdir("/proc/%d/task" % pid):
        with open("/proc/%d/task/%s/schedstat" % (pid, thread)) as f:
            waited += int(f.read().split()[1]) / 1e9
    return waited


def hash_alone(end):
    """Bytes hashed until then."""
    data, done = bytes(1 << 20), 0
    while time.monotonic() < end:
        hashlib.sha256(data).digest()
        done += len(data)
    return done


def host_rate(processes):
    """Bytes a second that so many processes hash, which share nothing."""
    with multiprocessing.Pool(processes) as pool:
        return sum(pool.map(hash_alone, [time.monotonic() + HOST_S] * processes, chunksize=1)) / HOST_S


def run(vm, go, between=None):
    """(seconds from go to the first instruction, serial text, between two lines: what the busiest thread used, what all waited)"""
    with vm:
        start, _ = vm.wait_for(go, RUN_S)
        before = after = {}
        waited = 0
        if between:
            vm.wait_for(between[0], RUN_S)
            before, waited = thread_seconds(vm.process.pid), -waited_seconds(vm.process.pid)
            vm.wait_for(between[1], RUN_S)
            after = thread_seconds(vm.process.pid)
            waited += waited_seconds(vm.process.pid)
        end, _ = vm.wait_for(FIRST, RUN_S)
        print("%-12s %.3f s" % ("baton" if between else "kexec -e", end - start), file=sys.stderr, flush=True)
        return end - start, vm.text(), max((after[t] - before.get(t, 0) for t in after), default=0), waited


def baton(work, disk, smp):
    return run(harness.qemu.Machine(os.path.join(work, "vm"), disk=disk, smp=smp, mem=MEM, cpu=CPU), BATON_GO, VERIFY)


def kexec(work, initrd, smp):
    return run(harness.qemu.Machine(os.path.join(work, "vm"), smp=smp, mem=MEM, cpu=CPU, firmware=False, boot_args=[
        "-kernel", harness.KERNEL, "-initrd", initrd,
        "-append", "console=ttyS0,115200 panic=-1 guest.kexec " + harness.UNDER_TCG]), KEXEC_GO)


def verify_of(text):
    """(bytes, seconds) of VERIFY."""
    sizes = {m[1]: int(m[2]) for m in re.finditer(r"event=segment .*addr=(0x[0-9a-f]+) size=(\d+)", text)}
    return sum(sizes.values()), int(re.search(r"event=phase name=verify us=(\d+)", text)[1]) / 1e6


def rate(runs, which):
    """MB/s, median. which: 1 the clock, 2 the busiest thread's CPU time, which other work on the host changes little."""
    return statistics.median(run[0] / run[which] for run in runs) / 1e6


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--initrd-mib", type=int, default=200)
    parser.add_argument("--smp", default=[1, 2], type=lambda text: [int(n) for n in text.split(",")])
    parser.add_argument("--realtime", action="store_true")
    args = parser.parse_args()
    if args.realtime:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(REALTIME_PRIORITY))
    work = os.path.join(args.out, "handover")
    os.makedirs(work, exist_ok=True)
    payload, kernel, disk, guest = (os.path.join(work, name) for name in ("payload", "kernel", "disk.img", "guest.img"))
    make_initrd(payload, args.initrd_mib)
    make_kernel(kernel)
    harness.write_disk(disk, kernel=kernel, initrds=(payload,), append="console=ttyS0", digests=False)
    harness.write_kexec_initrd(guest, payload, "-l", "console=ttyS0", baton=kernel)
    times, verify, host = {}, {}, {}
    for _ in range(args.rounds):
        for smp in args.smp:
            host.setdefault(smp, []).append(host_rate(smp))
            seconds, text, busiest, waited = baton(work, disk, smp)
            times.setdefault(("baton", smp), []).append(seconds)
            verify.setdefault(smp, []).append((*verify_of(text), busiest, waited))
            times.setdefault(("kexec -e", smp), []).append(kexec(work, guest, smp)[0])
    lines = ["%-10s %4s %5s %9s %9s %9s %7s" % ("go to first", "smp", "runs", "median s", "min", "max", "ratio")]
    for (who, smp), values in times.items():
        lines.append("%-11s %4d %5d %9.3f %9.3f %9.3f %7.2f" % (
            who, smp, len(values), statistics.median(values), min(values), max(values),
            statistics.median(times["kexec -e", smp]) / statistics.median(values)))
    lines.append("ratio: times as fast as kexec -e with as many CPUs")
    for smp, runs in verify.items():
        by_clock, by_cpu = ([rate(some, which) for some in (runs, verify[args.smp[0]])] for which in (1, 2))
        lines.append("verify: smp %d: %d bytes hashed, %.0f MB/s (median of %d), %.2f times smp %d; by CPU time %.0f MB/s, "
                     "%.2f times; waited %.2f s" % (smp, runs[0][0], by_clock[0], len(runs), by_clock[0] / by_clock[1], args.smp[0],
                                     by_cpu[0], by_cpu[0] / by_cpu[1], statistics.median(run[3] for run in runs)))
    for smp, rates in host.items():
        lines.append("host: %d processes that share nothing: %.2f times one" % (
            smp, statistics.median(rates) / statistics.median(host[args.smp[0]])))
    with open(os.path.join(args.out, "handover.txt"), "w") as f:
        f.write("\n".join(lines) + "\n")
    print("\n".join(lines))
    for path in (payload, kernel, disk, guest):
        os.unlink(path)


if __name__ == "__main__":
    main()
