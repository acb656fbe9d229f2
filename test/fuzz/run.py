#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Runs libFuzzer programs for a total time; usage: run.py SECONDS OUTPUT-FOLDER PROGRAM...

Each program gets an equal share and starts from its seeds and from what earlier runs found. A finding stays
in the output folder as <name>-crash-...; the last line is a summary of counts.
"""
import os
import re
import struct
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))



def pe_image(*sections):
    """A PE32+ file with .text and these sections, as small as the rules allow."""
    sections = [(b".text", b"\xc3" * 8), *sections]
    table = 0x40 + 24 + 112 + 5 * 8
    at = headers = table + 40 * len(sections) + 8
    rows, body = b"", b""
    for name, data in sections:
        rows += struct.pack("<8sIIIIIIHHI", name, len(data), at, len(data), at, 0, 0, 0, 0, 0x60000020)
        body += data
        at += len(data)
    optional = struct.pack("<HBBIIIIIQIIHHHHHHIIIIHHQQQQII", 0x20b, 0, 0, 0, 0, 0, headers, headers, 0, 1, 1, 0, 0, 0, 0, 0,
                           0, 0, at, headers, 0, 10, 0, 0, 0, 0, 0, 0, 5) + bytes(5 * 8)
    coff = struct.pack("<4sHHIIIHH", b"PE", 0x8664, len(sections), 0, 0, 0, len(optional), 0x206)
    file = b"MZ" + bytes(58) + struct.pack("<I", 0x40) + coff + optional + rows
    return file + bytes(headers - len(file)) + body


def elf_file():
    """Two segments and Linux's note."""
    note = struct.pack("<III8sI", 6, 4, 0x100, b"Linux", 0)
    rows = b"".join(struct.pack("<IIQQQQQQ", kind, 5, 300, 0, address, size, memory, 4)
                    for kind, address, size, memory in ((1, 0x1000000, 20, 0x1000), (1, 0x2000000, 8, 8), (4, 0, len(note), 0)))
    head = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\2\1\1", 2, 62, 1, 0x1000004, 64, 0, 0, 64, 56, 3, 0, 0, 0)
    return (head + rows).ljust(300, b"\0") + note


def multiboot_file(version):
    address = struct.pack("<IIII", 0x100000, 0x100000, 0, 0)
    if version == 1:
        return struct.pack("<III", 0x1badb002, 0x10003, -(0x1badb002 + 0x10003) & 0xffffffff) + address + \
            struct.pack("<I", 0x100010) + bytes(64)
    tags = struct.pack("<HHI", 2, 0, 24) + address + struct.pack("<HHIII", 3, 0, 12, 0x100010, 0) + \
        struct.pack("<HHI", 1, 0, 8) + struct.pack("<HHI", 7, 1, 8) + struct.pack("<HHI", 0, 0, 8)
    length = 16 + len(tags)
    return struct.pack("<IIII", 0xe85250d6, 0, length, -(0xe85250d6 + length) & 0xffffffff) + tags + bytes(64)


# What a program starts from; the others build their own good case.
SEEDS = {
    "entry": ["""debian-6.1+3-1.conf
title Debian
version 6.1.0-49
machine-id 6a98
sort-key debian
architecture x64
linux /6.1/vmlinuz
initrd /ucode
initrd \\6.1\\initrd.img
options root=/dev/sda1 ro
options quiet
baton-park mix
baton-on-failure fallback other
baton-sha256 """ + "0123456789abcdef" * 4 + """  /6.1/vmlinuz
""", "tool.conf\r\ntitle Tool\r\nefi /EFI/tool.efi\r\n"],
    "config": ["""default debian-*
timeout menu-force
editor no
park mwait
on-failure fallback rescue
lost-cpu continue
init hold
busmaster leave
reset-after 30
console ttyS1,115200n8
""", "baton.default=deb* baton.timeout=5 baton.loop=3 baton.console=uart8250,mmio32,0xfe000000 quiet -- root=x -- y"],
    "elf": [elf_file()],
    "multiboot": [multiboot_file(1), multiboot_file(2)],
    "setup_data": [struct.pack("<QII16sQIIIIQQ", 32, 9, 16, b"seed", 0, 0x80000000, 24, 4, 0, 16, 16)],
    "acpi": [b"\1" + struct.pack("<II", 0xfee00000, 1) + struct.pack("<BBBBI", 0, 8, 0, 0, 1) +
             struct.pack("<BBHIII", 9, 16, 0, 1, 1, 1) + struct.pack("<BBHQ", 5, 12, 0, 0xfee00000) +
             struct.pack("<BBBBII", 1, 12, 0, 0, 0xfec00000, 0) + struct.pack("<BBHIQ", 0x10, 16, 0, 0, 0x2000),
             b"\0" + struct.pack("<8sB6sBIIQI", b"RSD PTR ", 0, b"x", 2, 0x1028, 36, 0x1028, 0) + bytes(4) +
             struct.pack("<4sI28sQ", b"XSDT", 44, b"", 0x1054) + struct.pack("<4sI28sII", b"APIC", 44, b"", 0xfee00000, 1)],
    "pe": [pe_image((b".linux", b"kernel"), (b".initrd", b"initrd"), (b".ucode", b"code"), (b".cmdline", b" root=x\n"),
                    (b".osrel", b'PRETTY_NAME="A \\"B\\""\nID=a\nVERSION_ID=\'1\'\n'), (b".uname", b"6.1")),
           pe_image((b".linux", b"kernel"), (b".cmdline", b"a"), (b".profile", b"ID=a"), (b".profile", b"ID=b"),
                    (b".cmdline", b"b"))],
}


def run(program, seconds, folder):
    name = os.path.basename(program).removesuffix("_fuzz")
    found = os.path.join(folder, "corpus", name)
    os.makedirs(found, exist_ok=True)
    for number, text in enumerate(SEEDS.get(name, [])):
        with open(os.path.join(found, f"seed{number}"), "wb") as seed:
            seed.write(text.encode("ascii") if isinstance(text, str) else text)
    command = [program, f"-max_total_time={seconds}", "-print_final_stats=1", "-timeout=60", "-rss_limit_mb=1024",
               "-max_len=4000", f"-artifact_prefix={folder}/{name}-", found]
    words = os.path.join(HERE, "words.dict")
    if name in ("entry", "config"):
        command.insert(1, f"-dict={words}")
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=seconds + 120)
        output, good = done.stdout.decode(errors="replace"), done.returncode == 0
    except subprocess.TimeoutExpired as hung:
        output, good = (hung.stdout or b"").decode(errors="replace") + "\nno end\n", False
    executed = re.search(r"stat::number_of_executed_units:\s*(\d+)", output)
    covered = re.findall(r"cov: (\d+)", output)
    runs = int(executed.group(1)) if executed else 0
    # A program that ran nothing has shown nothing.
    good = good and runs > 0
    if not good:
        print("\n".join(output.splitlines()[-40:]))
    edges = covered[-1] if covered else 0
    print(f"{name}: {'ok' if good else 'FAILED'}, {runs} runs, {edges} edges, {seconds} s", flush=True)
    return runs, good


def main():
    total, folder, programs = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
    share = max(1, total // max(1, len(programs)))
    results = [run(program, share, folder) for program in programs]
    failed = sum(not good for _, good in results)
    print(f"fuzz: {len(results)} targets, {sum(runs for runs, _ in results)} runs, {failed} failed")
    return 1 if failed or not results else 0


sys.exit(main())
