# SPDX-License-Identifier: MIT
"""What each fuzz program starts from: small files that its parser takes, made here, so that the first minute is not spent on
finding out what a good one looks like."""
import struct


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


def bzimage(kernel=bytes(0x400)):
    """Two sectors of setup part and a header of protocol 2.15 that fits."""
    file = bytearray(1024) + kernel
    for at, form, value in ((0x1f1, "B", 1), (0x1fe, "H", 0xaa55), (0x200, "H", 0x6aeb), (0x202, "4s", b"HdrS"),
                            (0x206, "H", 0x20f), (0x20e, "H", 0x80), (0x211, "B", 1), (0x22c, "I", 0x7fffffff),
                            (0x230, "I", 0x1000), (0x234, "B", 1), (0x235, "B", 12), (0x236, "H", 0x3f),
                            (0x238, "I", 2047), (0x248, "I", 0x10), (0x24c, "I", 0x20), (0x258, "Q", 0x100000),
                            (0x260, "I", 0x10000), (0x264, "I", 0x20), (0x268, "I", 0x300), (0x280, "8s", b"6.1 seed"),
                            (0x700, "4sIII", (b"LToP", 16, 16, 0))):
        struct.pack_into("<" + form, file, at, *(value if isinstance(value, tuple) else (value,)))
    return bytes(file)


def newc(*files):
    """A bundle of (name, mode, content)."""
    out = b""
    for number, (name, mode, data) in enumerate((*files, ("TRAILER!!!", 0, b""))):
        fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
        out += b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
        out += bytes(-len(out) % 4) + data
        out += bytes(-len(out) % 4)
    return out


def tpm_log():
    """The header event with two algorithms, then one event."""
    spec = b"Spec ID Event03\0" + struct.pack("<IBBBBI", 0, 0, 2, 0, 2, 2) + struct.pack("<HHHHB", 4, 20, 11, 32, 0)
    event = struct.pack("<III", 7, 1, 2) + struct.pack("<H", 4) + bytes(20) + struct.pack("<H", 11) + bytes(32) + \
        struct.pack("<I4s", 4, b"word")
    return struct.pack("<II20sI", 0, 3, b"", len(spec)) + spec + event


# By the program's name. Those whose cases are built around what the fuzzer changes need little.
SEEDS = {
    "entry": [b"""debian-6.1+3-1.conf
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
baton-sha256 """ + b"0123456789abcdef" * 4 + b"""  /6.1/vmlinuz
""", b"tool.conf\r\ntitle Tool\r\nefi /EFI/tool.efi\r\n"],
    "config": [b"""default debian-*
timeout menu-force
editor no
park mwait
on-failure fallback rescue
lost-cpu continue
init hold
busmaster leave
reset-after 30
console ttyS1,115200n8
""", b"baton.default=deb* baton.timeout=5 baton.loop=3 baton.console=uart8250,mmio32,0xfe000000 quiet -- root=x -- y"],
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
    "bzimage": [b"\0\x40\1", b"\0\x44\0" + b"\x6f\0\x10" + b"\xf1\5\0"],
    "cpio": [newc(("loader", 0o40755, b""), ("loader/entries", 0o40755, b""), ("loader/entries/a.conf", 0o100644, b"linux /k\n"),
                  ("k", 0o100644, b"kernel"))],
    "efimap": [b"\1\x30" + b"".join(struct.pack("<IIQQQQQ", kind, 0, at, 0, pages, 15, 0) for kind, at, pages in
                                    ((7, 0x1000, 0x9e), (7, 0x100000, 0x700), (4, 0x800000, 0x100))),
               b"\0\0" + bytes((7, 1, 0x9e, 0, 7, 16, 0xff, 0, 3, 0, 16, 2, 7, 2, 80, 1, 0xff, 0xff, 0xff, 0xff)) +
               bytes((0x20, 0, 4, 0))],
    "iommu": [struct.pack("<HHBBHQ", 0, 24, 0, 0, 0, 0xfed90000) + struct.pack("<BBHBBBB", 1, 8, 0, 0, 0, 2, 0) +
              struct.pack("<HHBBHQ", 0, 16, 1, 0, 0, 0xfed91000),
              struct.pack("<BBHHHQHHI", 0x10, 0, 32, 0, 0, 0xfed80000, 0, 0, 0) + b"\3\0\1\0" + b"\4\xff\1\0"],
    "last": [bytes(96), bytes(600)],
    "old_block": [b"\1" + bytes(2000), b"\0" + bytes(2000)],
    "params": [b"\1" + struct.pack("<QQI", 0, 0x9f000, 1) + struct.pack("<QQI", 0xf0000, 0x10000, 2) +
               struct.pack("<QQI", 0x100000, 0x7f00000, 1), bytes(0x228) + struct.pack("<I", 0x20000) + bytes(0x300)],
    "survive": [bytes((kind, 4, kind + 1, 40, kind + 2, 80, kind + 3, 120)) + bytes(56) + struct.pack("<IIQQQ", 2, 2, 0, 8, 8) * 80
                for kind in (0, 4, 8)],
    "tpm_log": [tpm_log()],
}

# A unified image around a kernel, and what else an entry may name, behind the bytes that choose how it is loaded.
UKI = pe_image((b".linux", bzimage()), (b".initrd", b"initrd"), (b".cmdline", b"root=x"), (b".osrel", b"ID=a\n"))
SEEDS["load"] = [head + image for head in (b"\0\0\0\0", b"\4\x82\0\x40")
                 for image in (bzimage(), UKI, elf_file(), multiboot_file(1), multiboot_file(2), b"\x1f\x8b")]

assert all(seed and len(seed) < 4000 for made in SEEDS.values() for seed in made)
