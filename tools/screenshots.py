#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""`make screenshots`: pictures of the menu, of the handover and of the report on the kernel's console.

usage: screenshots.py DISK OUTDIR      writes menu.png, handover.png, report.png

DISK has a menu with a timeout, and a command line with console=tty0 last and guest.shell.
"""
import os
import struct
import sys
import zlib

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import qemu  # noqa: E402

LIMIT_S = 120


def ppm_read(path):
    """(width, height, RGB bytes) of a binary PPM as QEMU's screendump writes it."""
    with open(path, "rb") as f:
        data = f.read()
    kind, size, _, pixels = data.split(b"\n", 3)
    if kind != b"P6":
        raise ValueError(path + " is no binary PPM")
    width, height = map(int, size.split())
    return width, height, pixels


def png_write(path, width, height, pixels):
    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    rows = b"".join(b"\0" + pixels[y * width * 3:(y + 1) * width * 3] for y in range(height))
    with open(path, "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) +
                chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b""))


def picture(machine, out, name):
    dump = machine.screendump(name + ".ppm")
    png_write(os.path.join(out, name + ".png"), *ppm_read(dump))
    os.unlink(dump)


def main():
    disk, out = sys.argv[1:]
    with qemu.Machine(out, disk=disk, smp=4, mem="1G") as machine:
        machine.wait_for("Enter boot, e edit, h help", LIMIT_S)
        picture(machine, out, "menu")
        machine.send("\r")
        machine.wait_for("event=handover", LIMIT_S)
        picture(machine, out, "handover")
        # The shell asks on the serial line; by then the report stands on the screen.
        machine.wait_for("/ #", LIMIT_S)
        picture(machine, out, "report")


if __name__ == "__main__":
    main()
