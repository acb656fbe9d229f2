#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Writes the initramfs of tests and `make run`: busybox, baton-report, the init script, one module.

usage: mkinitramfs.py OUT --init FILE [--busybox FILE] [--add HOST:GUEST]... [--program HOST:GUEST]...
                      [--tree HOST:GUEST]... [--pad-mib N]

A newc cpio written directly: no root, no device nodes but /dev/console, the same bytes every time.
--program adds the shared libraries that ldd names here, too (LD_LIBRARY_PATH leads it to others).
--tree: the files of a directory, without those below.
--pad-mib appends a file of that size with bytes that do not compress, for the bench.
"""
import argparse
import os
import random
import re
import stat
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cpio import Cpio  # noqa: E402


def read(path):
    with open(path, "rb") as f:
        return f.read()


def libraries(program):
    """{path here: path in the guest} of what the dynamic linker would load, itself included."""
    out = subprocess.run(["ldd", program], check=True, capture_output=True, text=True).stdout
    found = re.findall(r"(?:=> |^\s+)(/\S+) \(", out, re.M)
    missing = re.findall(r"^\s*(\S+) => (?!/)", out, re.M)
    if missing:
        sys.exit("mkinitramfs.py: %s: needs %s, not found (LD_LIBRARY_PATH)" % (program, ", ".join(missing)))
    return {lib: lib if "/ld-linux" in lib else "/lib/x86_64-linux-gnu/" + os.path.basename(lib) for lib in found}


def parents(path):
    parts = path.strip("/").split("/")[:-1]
    return ["/".join(parts[:i + 1]) for i in range(len(parts))]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out")
    parser.add_argument("--init", required=True)
    parser.add_argument("--busybox", default="/bin/busybox")
    parser.add_argument("--add", action="append", default=[], metavar="HOST:GUEST")
    parser.add_argument("--program", action="append", default=[], metavar="HOST:GUEST")
    parser.add_argument("--tree", action="append", default=[], metavar="HOST:GUEST")
    parser.add_argument("--pad-mib", type=int, default=0)
    args = parser.parse_args()

    part = args.out + ".part"
    with open(part, "wb") as f:
        cpio = Cpio(f)
        for name in ("bin", "dev", "proc", "sys", "mnt"):
            cpio.add(name, stat.S_IFDIR | 0o755)
        cpio.add("dev/console", stat.S_IFCHR | 0o600, rdev=(5, 1))
        cpio.add("bin/busybox", stat.S_IFREG | 0o755, read(args.busybox))
        cpio.add("init", stat.S_IFREG | 0o755, read(args.init))
        for pair in args.tree:
            host, guest = pair.split(":")
            args.add += ["%s/%s:%s/%s" % (host, name, guest, name) for name in sorted(os.listdir(host))]
        shared = {}
        for pair in args.program:
            shared.update(libraries(pair.split(":")[0]))
        copies = [*args.add, *args.program, *("%s:%s" % pair for pair in sorted(shared.items()))]
        for name in sorted({d for pair in copies for d in parents(pair.split(":")[1])} - {"bin"}):
            cpio.add(name, stat.S_IFDIR | 0o755)
        for pair in copies:
            host, guest = pair.split(":")
            executable = 0o755 if os.access(host, os.X_OK) else 0o644
            cpio.add(guest.lstrip("/"), stat.S_IFREG | executable, read(host))
        if args.pad_mib:
            cpio.add("pad", stat.S_IFREG | 0o644, random.Random(1).randbytes(args.pad_mib << 20))
        cpio.close()
    os.replace(part, args.out)


if __name__ == "__main__":
    main()
