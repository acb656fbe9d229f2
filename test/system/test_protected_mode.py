# SPDX-License-Identifier: MIT
"""Images that are entered in 32-bit protected mode: Multiboot, Multiboot2 and PVH, from a small system that says what it
finds (test/guest32), Debian's kernel by its PVH note, and Debian's Xen."""
import os
import re
import struct
import subprocess

import pytest

import mkimage
from harness import (APPEND, BOOT_S, FIRMWARE_S, INITRD, KERNEL, ROOT, Result, check_good, finish, machine,
                     problem_pattern, qemu, wait_refused, write_bundle, write_disk)
from test_formats import vmlinux_of
from test_linux16 import machine as bios_machine

GUEST32 = os.path.join(ROOT, "test", "guest32", "guest32")
WORDS = "baton.console=ttyS0,115200"
EVENT = re.compile(r"^guest32: event=(\w+)(.*)$", re.M)
BASE = 0x400000    # free in OVMF's map and in a BIOS's
GUEST_S = 120      # power-on to the reset by the small system
VERSION = {"multiboot": 1, "multiboot2": 2, "pvh": 3}
MAGIC = {"multiboot": "0x2badb002", "multiboot2": "0x36d76289", "pvh": "0x0"}


def build(tmp_path, kind, base=BASE, wish=(), bits=32):
    """The small system as an ELF file. wish: words of Multiboot2 header tags."""
    out = str(tmp_path / "guest32.elf")
    command = ["gcc", "-m32", "-O1", "-ffreestanding", "-fno-pic", "-fno-stack-protector", "-fcf-protection=none",
               "-fno-asynchronous-unwind-tables", "-mgeneral-regs-only", "-Wall", "-Wextra", "-Werror", "-nostdlib", "-static",
               "-no-pie", "-DVERSION=%d" % VERSION[kind], "-Wl,--build-id=none", "-Wl,--no-warn-rwx-segments",
               "-Wl,-z,max-page-size=4096", "-Wl,--defsym=BASE=%d" % base, "-Wl,-T," + GUEST32 + ".lds", "-o", out]
    if wish:
        command += ["-DWISH=%s," % ",".join(map(str, wish)), "-DWISH_BYTES=%d" % (4 * len(wish))]
    subprocess.run([*command, GUEST32 + ".c"], check=True)
    return out


def checksum(data):
    value = 0
    for byte in data:
        value = (value * 31 + byte) & 0xffffffff
    return value


def events(text):
    found = {}
    for name, rest in EVENT.findall(text):
        found.setdefault(name, []).append(dict((key, quoted or plain) for key, quoted, plain in qemu.LOGFMT.findall(rest)))
    return found


MODULES = {"/one": bytes(range(256)) * 20, "/two": b"second module"}


def entry_of(extra=""):
    return ("title Guest\nlinux /guest32\noptions of the guest\nbaton-module /one with words\ninitrd /two\n" + extra).encode()


def changes(image, digests=True):
    lines = "baton-sha256 %s /guest32\n" % mkimage.sha256_file(image) if digests else ""
    return {"/guest32": image, "/loader/entries/debian.conf": entry_of(lines), "/debian/vmlinuz": None,
            "/debian/initrd.img": None, **MODULES}


def check_guest(text, kind, smp=2):
    """The machine's state as the specifications want it, and everything that was promised."""
    found = events(text)
    assert "end" in found, text[-3000:]
    entry = found["entry"][0]
    assert entry["eax"] == MAGIC[kind]
    assert int(entry["cr0"], 16) & 0x80000001 == 1, "paging is on, or protected mode is not: " + entry["cr0"]
    assert entry["cr4"] == "0x0"
    assert int(entry["eflags"], 16) & 0x20700 == 0, "IF, TF, DF or VM is set: " + entry["eflags"]
    assert entry["cs"] == "0x10" and entry["ds"] == "0x18" and entry["tr"] == "0x20"
    named = kind != "pvh"       # Multiboot's lines begin with the file's name
    assert found["cmdline"][0]["text"] == ("/guest32 " if named else "") + "of the guest"
    assert found["loader"][0]["text"] == ("pvh" if kind == "pvh" else "Baton")
    assert [m["words"] for m in found["module"]] == (["/one with words", "/two"] if named else ["with words", ""])
    for module, data in zip(found["module"], MODULES.values()):
        assert int(module["size"], 16) == len(data) and int(module["sum"], 16) == checksum(data)
        assert int(module["start"], 16) % 4096 == 0
    ranges = [(int(r["base"], 16), int(r["size"], 16), int(r["type"], 16)) for r in found["range"]]
    assert ranges == sorted(ranges)
    # Where it and its modules lie is RAM; where Baton's block and this information lie is not.
    inside = lambda at, kind: any(b <= at < b + s and t == kind for b, s, t in ranges)
    assert inside(int(entry["self"], 16), 1) and all(inside(int(m["start"], 16), 1) for m in found["module"])
    assert not inside(int(entry["ebx"], 16), 1)
    baton = Result(text, "")
    assert baton.event("handover")["answers"] == str(smp - 1)
    return found


@pytest.mark.parametrize("kind,base", [("multiboot", BASE), ("multiboot2", 0x1000000), ("pvh", BASE)])
def test_behind_firmware(tmp_path, kind, base):
    image = build(tmp_path, kind, base)
    disk = write_disk(str(tmp_path / "disk.img"), change=changes(image), entry_extra=())
    with machine(tmp_path, disk) as vm:
        result = finish(vm, GUEST_S)
    assert result.reason == "guest-reset"
    found = check_guest(result.text, kind)
    if kind == "multiboot2":
        types = [int(t["type"], 16) for t in found["tag"]]
        # Command line, loader, modules, memory twice, framebuffer, EFI's table and map, ACPI, where it was loaded.
        assert types == [1, 2, 3, 3, 4, 6, 8, 12, 17, 15, 21], types
        assert int(found["tag"][-1]["first"], 16) == base


# 1 MiB is where QEMU's BIOS puts Baton: such an image is copied there when Baton has gone. 16 MiB is the same with OVMF.
@pytest.mark.parametrize("kind,base", [("multiboot", 0x100000), ("multiboot2", BASE), ("pvh", BASE)])
def test_behind_bios(tmp_path, kind, base):
    image = build(tmp_path, kind, base)
    bundle = write_bundle(str(tmp_path / "bundle.cpio"), change=changes(image))
    with bios_machine(tmp_path, bundle, WORDS) as vm:
        result = finish(vm, GUEST_S)
    assert result.reason == "guest-reset"
    found = check_guest(result.text, kind)
    if kind == "multiboot2":
        assert [int(t["type"], 16) for t in found["tag"]] in ([1, 2, 3, 3, 4, 6, 14, 21], [1, 2, 3, 3, 4, 6, 15, 21])


def test_relocatable(tmp_path):
    """Linked where the firmware of this machine is: it goes elsewhere, at the alignment that it asks for. (Its own addresses
    are wrong then, so all that it can show is that it was placed and told so.)"""
    image = build(tmp_path, "multiboot2", base=0x80000000,
                  wish=(10, 24, 0x200000, 0x3fffffff, 0x200000, 1))
    disk = write_disk(str(tmp_path / "disk.img"), change=changes(image))
    with machine(tmp_path, disk) as vm:
        vm.wait_for("event=handover", FIRMWARE_S)
        result = Result(vm.text(), "")
    assert not result.all("error")


WISHES = {
    "boot-services": ((7, 8), "needs firmware's boot services alive"),
    "information": ((1, 12, 9, 0), "needs information of type 9"),
}


# Where OVMF keeps its own with 512 MiB of memory: all of this an image wants that cannot be moved.
WANTED, WANTED_END = 0x1c000000, 0x20000000
RELOCATABLE_AT, PREF_ADDRESS_AT, INIT_SIZE_AT = 0x234, 0x258, 0x260     # in a bzImage
KEPT = ("firmware's runtime code", "firmware's runtime data", "ACPI NVS", "ACPI tables", "memory attributes table",
        "EFI system table", "EFI configuration tables", "SMBIOS tables", "ACPI RSDP")


def image_over_firmware():
    """A flat Multiboot image with addresses: this header, and zeroed memory up to the end of the machine's."""
    head = struct.pack("<IIIIIIII", 0x1badb002, 0x10000, -(0x1badb002 + 0x10000) & 0xffffffff, WANTED, WANTED, 0,
                       WANTED_END, WANTED + 32)
    return head + bytes(4096)


def kernel_over_firmware():
    """Debian's kernel as one that cannot be moved and was linked for that place."""
    data = bytearray(open(KERNEL, "rb").read())
    data[RELOCATABLE_AT] = 0
    struct.pack_into("<Q", data, PREF_ADDRESS_AT, WANTED_END - struct.unpack_from("<I", data, INIT_SIZE_AT)[0] & ~0xfff)
    return bytes(data)


def test_what_is_refused(tmp_path):
    """Wishes that Baton cannot fulfil, and images over memory that firmware keeps: one line for each of its tables. Each
    leads back to the menu."""
    tree = {**changes(build(tmp_path, "multiboot2")), "/loader/entries/debian.conf": None, "/over": image_over_firmware(),
            "/loader/entries/c.conf": b"title C\nsort-key c\nlinux /over\n", "/fixed": kernel_over_firmware(),
            "/loader/entries/d.conf": b"title D\nsort-key d\nlinux /fixed\n"}
    for name, (wish, _) in zip("ab", WISHES.values()):
        (tmp_path / name).mkdir()
        tree["/" + name] = build(tmp_path / name, "multiboot2", wish=wish)
        tree["/loader/entries/%s.conf" % name] = ("title %s\nsort-key %s\nlinux /%s\n" % (name, name, name)).encode()
    disk = write_disk(str(tmp_path / "disk.img"), change=tree)
    with machine(tmp_path, disk, smp=1) as vm:
        for name, (_, words) in zip("ab", WISHES.values()):
            wait_refused(vm, problem_pattern(15) + "/%s: .*%s" % (name, words), FIRMWARE_S)
            vm.send("j\r")
        wait_refused(vm, problem_pattern(52) + "/over: ", FIRMWARE_S)
        vm.send("j\r")
        wait_refused(vm, problem_pattern(52) + "/fixed: ", FIRMWARE_S)
        text = vm.text()
    lines = re.findall(problem_pattern(52) + r"/over: wants 0x1c000000\.\.0x20000000, but 0x(\w+)\.\.0x(\w+) must "
                       r"survive: ([^\r\n]*)", text)
    found = [line[-1].strip() for line in lines]
    assert set(KEPT) <= set(found), text[-6000:]
    with_linux = re.findall(problem_pattern(52) + r"/fixed: wants 0x\w+\.\.0x20000000, but 0x\w+\.\.0x\w+ must survive: "
                            r"([^\r\n]*)", text)
    assert set(KEPT) <= {line.strip() for line in with_linux}, text[-6000:]
    for *_, start, end, _ in lines:
        assert int(start, 16) < WANTED_END and int(end, 16) > WANTED
    assert "guest32: event" not in text and not Result(text, "").events


def test_linux_by_pvh(tmp_path):
    """Debian's kernel without its wrapping and without the note that says it is Linux: what is left is PVH's. No EFI passes
    that way, and no report."""
    data, count = re.subn(rb"(\x06\0\0\0[\x04\x0f]\0\0\0.\x01\0\0)Linux\0", rb"\1Lunix\0", vmlinux_of(KERNEL), flags=re.S)
    assert count, "no note of Linux's"
    path = tmp_path / "vmlinux"
    path.write_bytes(data)
    bundle = write_bundle(str(tmp_path / "bundle.cpio"), kernel=str(path), digests=False)
    with bios_machine(tmp_path, bundle, WORDS, mem="1G") as vm:
        result = finish(vm, BOOT_S)
    assert re.search(r"^guest: begin version=1$", result.text, re.M), result.reason + "\n" + result.tail()
    assert result.facts["cpus_online"] == "2" and result.facts["efi"] == "0"
    assert result.facts["cmdline"].rstrip() == APPEND
