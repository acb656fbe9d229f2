#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Makes a unified kernel image from systemd's stub (Debian package systemd-boot-efi).

usage: mkuki.py OUT .NAME=FILE...    for instance .linux=vmlinuz .initrd=initrd.img .cmdline=cmdline.txt
Sections are added in that order.
"""
import os
import re
import subprocess
import sys

STUB = "/usr/lib/systemd/boot/efi/linuxx64.efi.stub"
PAGE = 4096


def make_uki(out, sections, stub=STUB):
    """out from [(section's name, host path)]; objcopy cannot add two of one name."""
    headers = subprocess.run(["objdump", "-h", stub], check=True, capture_output=True, text=True).stdout
    rows = re.findall(r"^\s+\d+ \S+\s+([0-9a-f]+)\s+([0-9a-f]+)", headers, re.M)
    at = max(int(size, 16) + int(vma, 16) for size, vma in rows)
    command = ["objcopy"]
    for name, path in sections:
        at = (at + PAGE - 1) // PAGE * PAGE
        command += ["--add-section", "%s=%s" % (name, path), "--change-section-vma", "%s=0x%x" % (name, at)]
        at += os.path.getsize(path)
    subprocess.run([*command, stub, out], check=True)
    return out


def main():
    if len(sys.argv) < 3 or any("=" not in word for word in sys.argv[2:]):
        sys.exit(__doc__.split("usage: ")[1].split("\n")[0])
    make_uki(sys.argv[1], [tuple(word.split("=", 1)) for word in sys.argv[2:]])


if __name__ == "__main__":
    main()
