#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Linux -> kexec -> Baton -> Linux, again and again, in QEMU: each Linux judges the report before it.

usage: linux_loop.py OUT --kernel FILE [--passes N] [--smp N] [--mem M] [--load auto|kexec_load|kexec_file_load]

What runs in the guest is tools/guest/loop. Exit status: 0 all passes good, 1 a pass was not, 2 host or harness.
OUT keeps serial.log.
"""
import argparse
import os
import re
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
sys.path.insert(0, HERE)
import mkimage  # noqa: E402
import qemu  # noqa: E402

BUILD = os.path.join(ROOT, os.environ.get("O", "build"))
CACHE = os.path.join(ROOT, os.environ.get("CACHE", os.path.join(BUILD, "cache")))
KEXEC, KERNEL = os.path.join(CACHE, "kexec"), os.path.join(CACHE, "kernel", "vmlinuz")
# Without what goes wrong in Linux under TCG on a busy host: its timer check, and code changed under its crypto tests.
APPEND = "console=ttyS0,115200 panic=-1 no_timer_check cryptomgr.notests"
FIRST_S, PASS_S = 240, 300      # power-on to the first Linux; a pass
FIGURES = ("e820", "efi_map", "runtime_map", "setup_data", "reserved")
BASE = 3                # the first pass behind which nothing changes any more
PASS = re.compile(r"^guest: pass=(\d+) (.*)$")
END = r"^guest: loop(?:=good|_failed=)|Kernel panic|^baton: event=(?:error|exception|halted) "


def write_initrd(path, kernel, baton=None, passes=5, base=BASE, load="auto", words="", seed=None, fault=None):
    """The initramfs that loops. base: nothing may grow after that pass and the next; seed: Baton's of the first pass;
    fault: (pass, fault word)."""
    if not os.path.isfile(kernel):
        raise qemu.MachineError("%s: no such file" % kernel)
    stage = path + ".files"
    os.makedirs(stage, exist_ok=True)
    baton = baton or os.path.join(BUILD, "baton.efi")
    texts = {"passes": passes, "base": base, "pass": 0, "load": load, "append": APPEND, "words": words}
    if seed is not None:
        texts["seed"] = seed
    if fault:
        texts["fault"] = "%d %s" % fault
    command = [sys.executable, os.path.join(HERE, "mkinitramfs.py"), path,
               "--init", os.path.join(HERE, "guest", "loop"),
               "--program", KEXEC + "/sbin/kexec:bin/kexec", "--add", baton + ":kexec/baton.efi",
               "--add", kernel + ":kexec/vmlinuz", "--add", os.path.join(HERE, "baton-kexec") + ":bin/baton-kexec",
               "--add", os.path.join(BUILD, "tools", "baton-report") + ":bin/baton-report"]
    for name, text in texts.items():
        with open(os.path.join(stage, name), "w") as f:
            f.write("%s\n" % text)
        command += ["--add", "%s:loop/%s" % (os.path.join(stage, name), name)]
    subprocess.run(command, check=True, env={**os.environ, "LD_LIBRARY_PATH": KEXEC + "/lib"})
    return path


def write_disk(path, kernel, initrd, baton=None):
    files = mkimage.baton_tree(baton or os.path.join(BUILD, "baton.efi"), kernel, [initrd], APPEND + " loop.pass=0",
                               ["console ttyS0,115200"], digests=False)
    mkimage.make_image(path, files)
    return path


def passes_of(lines):
    """[(seconds since power-on, {key: value})] of (stamp, line) pairs."""
    found = []
    for stamp, line in lines:
        match = PASS.match(line)
        if match:
            found.append((stamp, {"pass": match[1], **dict(word.split("=", 1) for word in match[2].split())}))
    return found


def compare(passes):
    """The figures of pass BASE beside those of the last one, None if there are not both."""
    if len(passes) < BASE + 2:
        return None
    first, last = passes[BASE][1], passes[-1][1]
    return "pass %s and pass %s: %s" % (first["pass"], last["pass"], ", ".join(
        "%s %s" % (key, first.get(key) if first.get(key) == last.get(key) else
                   "%s and %s" % (first.get(key), last.get(key))) for key in FIGURES))


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("usage: ")[1].split("\n\n")[0])
    parser.add_argument("out")
    parser.add_argument("--kernel", required=True)
    parser.add_argument("--passes", type=int, default=30)
    parser.add_argument("--smp", type=int, default=4)
    parser.add_argument("--mem", default="1G")
    parser.add_argument("--load", default="auto")
    args = parser.parse_args()
    try:
        os.makedirs(args.out, exist_ok=True)
        initrd = write_initrd(os.path.join(args.out, "initrd.img"), args.kernel, passes=args.passes, load=args.load)
        disk = write_disk(os.path.join(args.out, "disk.img"), args.kernel, initrd)
        with qemu.Machine(os.path.join(args.out, "vm"), disk=disk, smp=args.smp, mem=args.mem,
                          accel=os.environ.get("ACCEL") or "tcg") as vm:
            seen = 0
            while seen <= args.passes:
                _, match = vm.wait_for(r"^guest: pass=%d |%s" % (seen, END), PASS_S if seen else FIRST_S)
                if "pass=" not in match[0]:
                    break
                print(match.string, flush=True)
                seen += 1
            _, match = vm.wait_for(END, PASS_S)
            passes = passes_of(vm.lines)
    except (qemu.MachineError, OSError, subprocess.CalledProcessError, SystemExit) as problem:
        print("linux_loop: %s" % problem, file=sys.stderr)
        return 2
    print(match.string)
    if compare(passes):
        print(compare(passes))
    times = [b[0] - a[0] for a, b in zip(passes, passes[1:])]
    if times:
        print("%d passes, seconds a pass: min %.1f mean %.1f max %.1f" %
              (len(times), min(times), statistics.mean(times), max(times)))
    return 0 if match[0] == "guest: loop=good" and len(times) == args.passes else 1


if __name__ == "__main__":
    sys.exit(main())
