#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""`make bench`: Baton beside its peers, same kernel, same machine, rounds interleaved; medians.

usage: bench.py --out DIR --baton FILE --nohash FILE --kernel FILE [--rounds N]
                [--parts loaders,aps] [--smp 1,4]
                [--initrd-mib 1,200] [--loaders baton,baton-digests,baton-nohash,systemd-boot,grub,uki]
                [--timeout menu-disabled] [--aps 4,8,16,32] [--cpu max]

loaders: from the firmware's line "loading Boot" to the kernel's "Linux version". hashing: what Baton's median has more
         than that of its build without. cpu: QEMU's CPU time between the two lines, which a busy host changes less.
         The UKI and GRUB look for no key, so by default Baton does not either; systemd-boot 252 cannot be told so.
aps:     until all APs are online: Baton (its own event) and Debian's kernel started by SeaBIOS (its own time stamps).
Writes DIR/loaders.{txt,csv} and DIR/aps.{txt,csv}.
"""
import argparse
import csv
import datetime
import os
import re
import statistics
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools"))
import mkimage  # noqa: E402
import mkuki  # noqa: E402
import qemu  # noqa: E402

APPEND = "console=ttyS0,115200 panic=-1"
SYSTEMD = "/usr/lib/systemd/boot/efi"
RUN_S = 180
GRUB_CFG = """search --file --set=root /debian/vmlinuz
linux /debian/vmlinuz %s
initrd /debian/initrd.img
boot
""" % APPEND


def make_initrd(path, mib):
    """About mib MiB: 1 is busybox alone, gzipped; more is padding that does not compress."""
    raw = path + ".cpio"
    subprocess.run([sys.executable, ROOT + "/tools/mkinitramfs.py", raw, "--init", ROOT + "/tools/guest/init",
                    "--pad-mib", str(mib if mib > 1 else 0)], check=True)
    if mib > 1:
        os.replace(raw, path)
    else:
        with open(path, "wb") as out:
            subprocess.run(["gzip", "-9nc", raw], check=True, stdout=out)
        os.unlink(raw)


def make_grub(work):
    target, config = os.path.join(work, "grub.efi"), os.path.join(work, "grub.cfg")
    if not os.path.exists(target):
        with open(config, "w") as f:
            f.write(GRUB_CFG)
        subprocess.run(["grub-mkstandalone", "-O", "x86_64-efi", "-o", target, "boot/grub/grub.cfg=" + config,
                        "--modules=part_gpt fat search search_fs_file linux normal"], check=True, capture_output=True)
    return target


def make_uki(work, kernel, initrd):
    cmdline = os.path.join(work, "cmdline")
    with open(cmdline, "w") as f:
        f.write(APPEND)
    return mkuki.make_uki(os.path.join(work, "uki-%s.efi" % os.path.basename(initrd)),
                          [(".cmdline", cmdline), (".linux", kernel), (".initrd", initrd)])


def loader_tree(loader, work, args, initrd):
    if loader == "grub":
        return {"/EFI/BOOT/BOOTX64.EFI": make_grub(work), "/debian/vmlinuz": args.kernel, "/debian/initrd.img": initrd}
    if loader == "uki":
        return {"/EFI/BOOT/BOOTX64.EFI": make_uki(work, args.kernel, initrd)}
    ours = {"baton": args.baton, "baton-digests": args.baton, "baton-nohash": args.nohash}
    efi = ours.get(loader, SYSTEMD + "/systemd-bootx64.efi")
    return mkimage.baton_tree(efi, args.kernel, [initrd], APPEND, ["console ttyS0,115200"],
                              timeout=args.timeout if loader in ours else "0", digests=loader == "baton-digests")


def cpu_seconds(pid):
    """What all threads of the process have used."""
    total = 0
    for thread in os.listdir("/proc/%d/task" % pid):
        with open("/proc/%d/task/%s/schedstat" % (pid, thread)) as f:
            total += int(f.read().split()[0])
    return total / 1e9


def time_loader(disk, smp, cpu):
    """Seconds of the clock and of QEMU's CPU time."""
    with qemu.Machine(disk=disk, smp=smp, mem="2G", cpu=cpu, accel=os.environ.get("ACCEL") or "tcg") as vm:
        start, _ = vm.wait_for(r"BdsDxe: loading Boot", RUN_S)
        used = cpu_seconds(vm.process.pid)
        end, _ = vm.wait_for(r"Linux version", RUN_S)
        return end - start, cpu_seconds(vm.process.pid) - used


def bench_loaders(args, work, rows):
    disks = {}
    for mib in args.initrd_mib:
        initrd = os.path.join(work, "initrd-%d" % mib)
        make_initrd(initrd, mib)
        for loader in args.loaders:
            disks[loader, mib] = os.path.join(work, "%s-%d.img" % (loader, mib))
            mkimage.make_image(disks[loader, mib], loader_tree(loader, work, args, initrd))
    for turn in range(args.rounds):
        for mib in args.initrd_mib:
            for smp in args.smp:
                for loader in args.loaders:
                    measure(rows, (loader, mib, smp), turn, lambda: time_loader(disks[loader, mib], smp, args.cpu))


def time_aps_baton(disk, smp, cpu):
    with qemu.Machine(disk=disk, smp=smp, mem="2G", cpu=cpu) as vm:
        _, match = vm.wait_for(r"event=cpus .*\bus=(\d+)", RUN_S)
    return int(match[1]) / 1e6, None


def time_aps_debian(kernel, smp, cpu):
    with qemu.Machine(smp=smp, mem="2G", cpu=cpu, firmware=False,
                      boot_args=["-kernel", kernel, "-append", APPEND]) as vm:
        vm.wait_for(r"smp: Brought up", RUN_S)
        text = vm.text()
    first, last = (float(re.search(r"\[\s*([0-9.]+)\] smp: %s" % words, text)[1])
                   for words in ("Bringing up secondary", "Brought up"))
    return last - first, None


def bench_aps(args, work, rows):
    initrd, disk = os.path.join(work, "initrd-aps"), os.path.join(work, "aps.img")
    make_initrd(initrd, 1)
    mkimage.make_image(disk, loader_tree("baton", work, args, initrd))
    for turn in range(args.rounds):
        for smp in args.aps:
            measure(rows, ("baton", 0, smp), turn, lambda: time_aps_baton(disk, smp, args.cpu))
            measure(rows, ("debian-seabios", 0, smp), turn, lambda: time_aps_debian(args.kernel, smp, args.cpu))


def measure(rows, key, turn, run):
    """One run; a failed one is a row without a time and is said, not hidden."""
    try:
        seconds, cpu = run()
    except qemu.MachineError as error:
        seconds = cpu = None
        print("bench: %s: %s" % (key, error), flush=True)
    rows.append((*key, turn, seconds, cpu))
    print("bench: %-15s initrd %3d MiB smp %2d round %d: %s" %
          (*key, turn + 1, "failed" if seconds is None else "%.3f s" % seconds), flush=True)


def table(rows, title):
    """Medians; the ratio is to the fastest of the same machine and initrd."""
    groups = {}
    for who, mib, smp, _, seconds, cpu in rows:
        groups.setdefault((mib, smp), {}).setdefault(who, []).append((seconds, cpu))
    lines = [title, "%-16s %10s %4s %5s %9s %9s %9s %7s %9s %7s" % (
        "", "initrd MiB", "smp", "runs", "median s", "min", "max", "ratio", "hashing s", "cpu s")]
    for (mib, smp), by in groups.items():
        good = {who: [run[0] for run in runs if run[0] is not None] for who, runs in by.items()}
        medians = {who: statistics.median(values) for who, values in good.items() if values}
        for who, values in good.items():
            if not values:
                lines.append("%-16s %10d %4d %5s %9s" % (who, mib, smp, "0/%d" % len(by[who]), "failed"))
                continue
            cpu = [run[1] for run in by[who] if run[1] is not None]
            hashes = who in ("baton", "baton-digests") and "baton-nohash" in medians
            lines.append("%-16s %10d %4d %5s %9.3f %9.3f %9.3f %7.2f %9s %7s" % (
                who, mib, smp, "%d/%d" % (len(values), len(by[who])), medians[who], min(values), max(values),
                medians[who] / min(medians.values()),
                "%.3f" % (medians[who] - medians["baton-nohash"]) if hashes else "",
                "%.2f" % statistics.median(cpu) if cpu else ""))
    return "\n".join(lines) + "\n"


def save(out, name, title, rows):
    with open(os.path.join(out, name + ".csv"), "w", newline="") as f:
        writer = csv.writer(f)
        writer.writerow(["who", "initrd_mib", "smp", "round", "seconds", "cpu_seconds"])
        writer.writerows(rows)
    text = table(rows, title)
    with open(os.path.join(out, name + ".txt"), "w") as f:
        f.write(text)
    print(text)


def numbers(text):
    return [int(n) for n in text.split(",")]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", required=True)
    parser.add_argument("--baton", required=True)
    parser.add_argument("--nohash", required=True, help="the same file with hashing compiled out (make nohash)")
    parser.add_argument("--kernel", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--parts", default="loaders,aps", type=lambda s: s.split(","))
    parser.add_argument("--loaders", default="baton,baton-digests,baton-nohash,systemd-boot,grub,uki", type=lambda s: s.split(","))
    parser.add_argument("--initrd-mib", default=[1, 200], type=numbers)
    parser.add_argument("--smp", default=[1, 4], type=numbers)
    parser.add_argument("--aps", default=[4, 8, 16, 32], type=numbers)
    parser.add_argument("--timeout", default="menu-disabled", help="loader.conf's timeout for Baton; the peers' is 0")
    parser.add_argument("--cpu", default="qemu64")
    args = parser.parse_args()

    os.makedirs(args.out, exist_ok=True)
    commit = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty"], capture_output=True, text=True)
    stamp = "%s, commit %s, QEMU TCG -cpu %s, %s host CPUs, %d rounds, Baton's timeout %s" % (
        datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"), commit.stdout.strip(), args.cpu,
        os.cpu_count(), args.rounds, args.timeout)
    failed = False
    with tempfile.TemporaryDirectory(prefix="baton-bench-", dir=args.out) as work:
        for part, run, title in (("loaders", bench_loaders, "firmware's \"loading Boot\" to \"Linux version\""),
                                 ("aps", bench_aps, "all APs online")):
            if part in args.parts:
                rows = []
                run(args, work, rows)
                save(args.out, part, "%s (%s)" % (title, stamp), rows)
                failed |= any(row[4] is None for row in rows)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
