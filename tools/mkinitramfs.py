#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Writes the initramfs of tests and `make run`: busybox, baton-report, the init script, one module.

usage: mkinitramfs.py OUT --init FILE [--busybox FILE] [--add HOST:GUEST]... [--pad-mib N]

A newc cpio written directly: no root, no device nodes but /dev/console, the same bytes every time.
--pad-mib appends a file of that size with bytes that do not compress, for the bench.
"""
import argparse
import os
import random
import stat


class Cpio:
    def __init__(self, out):
        self.out = out
        self.inode = 0

    def add(self, name, mode, data=b"", rdev=(0, 0)):
        self.inode += 1
        raw = name.encode() + b"\0"
        fields = (self.inode, mode, 0, 0, 1, 0, len(data), 0, 0, rdev[0], rdev[1], len(raw), 0)
        head = b"070701" + b"".join(b"%08X" % f for f in fields) + raw
        self.out.write(head + b"\0" * (-len(head) % 4))
        self.out.write(data)
        self.out.write(b"\0" * (-len(data) % 4))

    def close(self):
        self.add("TRAILER!!!", 0)


def read(path):
    with open(path, "rb") as f:
        return f.read()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out")
    parser.add_argument("--init", required=True)
    parser.add_argument("--busybox", default="/bin/busybox")
    parser.add_argument("--add", action="append", default=[], metavar="HOST:GUEST")
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
        for pair in args.add:
            host, guest = pair.split(":")
            executable = 0o755 if os.access(host, os.X_OK) else 0o644
            cpio.add(guest.lstrip("/"), stat.S_IFREG | executable, read(host))
        if args.pad_mib:
            cpio.add("pad", stat.S_IFREG | 0o644, random.Random(1).randbytes(args.pad_mib << 20))
        cpio.close()
    os.replace(part, args.out)


if __name__ == "__main__":
    main()
