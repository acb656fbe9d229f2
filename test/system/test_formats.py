# SPDX-License-Identifier: MIT
"""Images that are not a plain bzImage, from Debian's packages: unified kernel images, EFI programs."""
import io
import lzma
import os
import re
import stat
import struct
import subprocess

import pytest

import mkimage
import mkuki
from cpio import Cpio
from harness import (APPEND, BATON, BOOT_S, BUILD, FIRMWARE_S, INITRD, KERNEL, MENU, check_good, finish, iomem_ranges,
                     kernel_at, machine, problem_pattern, write_disk)
from test_secure_boot import secure_machine, sign

TABLES = os.path.join(BUILD, "tables", "tables.efi")
PROMISED, PROMISED_BYTES = 0x2000000, 0x4000    # by that program
OSREL = b'PRETTY_NAME="Image Linux 7"\nID=image\nVERSION_ID=7\n'
LINKED = 0xffffffff81000000     # where Linux runs without KASLR
SYSTEMD_BOOT = "/usr/lib/systemd/boot/efi/systemd-bootx64.efi"


def microcode():
    """An archive with a file where early microcode is looked for, and an init that cannot be run: the one of the archive
    behind it takes its place."""
    out = io.BytesIO()
    cpio = Cpio(out)
    for name in ("kernel", "kernel/x86", "kernel/x86/microcode"):
        cpio.add(name, stat.S_IFDIR | 0o755)
    cpio.add("kernel/x86/microcode/GenuineIntel.bin", stat.S_IFREG | 0o644, b"none")
    cpio.add("init", stat.S_IFREG | 0o755, b"no program")
    cpio.close()
    return out.getvalue()


def make_image(tmp_path, cmdline=APPEND, kernel=KERNEL):
    files = []
    for name, content in ((".osrel", OSREL), (".uname", b"6.1"), (".cmdline", cmdline.encode() + b"\n"),
                          (".initrd", INITRD), (".linux", kernel), (".ucode", microcode())):
        if isinstance(content, bytes):
            path = tmp_path / ("section" + name)
            path.write_bytes(content)
            content = str(path)
        files.append((name, content))
    return mkuki.make_uki(str(tmp_path / "uki.efi"), files)


def image_disk(tmp_path, changes, default, timeout=0, baton=BATON):
    tree = {"/debian/vmlinuz": None, "/debian/initrd.img": None, "/loader/entries/debian.conf": None,
            "/loader/loader.conf": ("default %s\ntimeout %s\n" % (default, timeout)).encode()}
    return write_disk(str(tmp_path / "disk.img"), baton=baton, digests=False, change={**tree, **changes})


def run(tmp_path, disk, **more):
    with machine(tmp_path, disk, mem="1G", **more) as vm:
        result = finish(vm, BOOT_S)
    return result


def listing(disk, directory):
    offset = "%s@@%d" % (disk, mkimage.FIRST_SECTOR * mkimage.SECTOR)
    return subprocess.run(["mdir", "-b", "-i", offset, "::" + directory], check=True, capture_output=True, text=True).stdout


def test_image_in_its_directory(tmp_path):
    """Type #2: found by its place, described by itself, its tries counted. The kernel in it chooses its own place."""
    disk = image_disk(tmp_path, {"/EFI/Linux/debian+3.efi": make_image(tmp_path)}, "debian.efi")
    result = run(tmp_path, disk, keep=True)
    check_good(result, 2, digests=False)
    assert "Starting Image Linux 7" in result.text
    paths = {s["name"]: s["path"] for s in result.report["segments"] if "path" in s}
    assert not paths or paths["kernel"].endswith(".efi:.linux"), paths
    assert "debian+2-1.efi" in listing(disk, "/EFI/Linux")
    assert result.facts["microcode"] == "GenuineIntel.bin", "no microcode in front of the initrd"
    loaded, = {int(s["addr"], 16) for s in result.all("segment") if s["name"] == "kernel"}
    first, _, virtual = kernel_at(result)
    assert (first, virtual) != (loaded, LINKED), "KASLR moved nothing"


def test_image_of_an_entry_with_digest(tmp_path):
    """The kernel inside says that it cannot be moved from 16 MiB, where OVMF keeps its own until it ends: it is copied there
    when firmware has gone."""
    with open(KERNEL, "rb") as f:
        kernel = bytearray(f.read())
    kernel[0x234] = 0
    (tmp_path / "fixed").write_bytes(kernel)
    image = make_image(tmp_path, cmdline="panic=0 nothing", kernel=str(tmp_path / "fixed"))
    entry = "title Image\nuki /image.efi\noptions %s nokaslr\nbaton-sha256 %s /image.efi\n" % (APPEND, mkimage.sha256_file(image))
    disk = image_disk(tmp_path, {"/image.efi": image, "/loader/entries/image.conf": entry.encode()}, "image.conf")
    result = run(tmp_path, disk)
    check_good(result, 2)
    assert {s["addr"] for s in result.all("segment") if s["name"] == "kernel"} == {"0x1000000"}
    first, _, virtual = kernel_at(result)
    assert (first, virtual) == (0x1000000, LINKED)


@pytest.mark.parametrize("signed", (True, False), ids=("signed", "unsigned"))
def test_secure_boot_judges_the_whole_image(tmp_path, keys, signed):
    """The kernel inside has no signature that these variables know; the image has, or has not."""
    baton = sign(keys, BATON, tmp_path / "baton-signed.efi")
    image = make_image(tmp_path)
    if signed:
        image = sign(keys, image, tmp_path / "signed.efi")
    disk = image_disk(tmp_path, {"/EFI/Linux/debian.efi": image}, "debian.efi", baton=baton)
    with secure_machine(tmp_path, disk) as vm:
        if signed:
            result = finish(vm, BOOT_S)
            assert result.facts.get("report_check") == "0", result.reason + "\n" + result.tail()
            assert result.facts["secure_boot"] == "3" and result.facts["lockdown"] == "integrity"
        else:
            _, match = vm.wait_for(problem_pattern(27), FIRMWARE_S)
            assert "/EFI/Linux/debian.efi" in match.string
            vm.wait_for(MENU, 30)
            assert "Linux version" not in vm.text()


def test_systemd_boot_as_a_program(tmp_path):
    """It finds the partition that it was loaded from, and boots the entry there by the kernel's own EFI stub."""
    entry = b"title Other loader\nefi /EFI/systemd/systemd-bootx64.efi\n"
    disk = write_disk(str(tmp_path / "disk.img"), digests=False,
                      change={"/EFI/systemd/systemd-bootx64.efi": SYSTEMD_BOOT, "/loader/entries/other.conf": entry})
    result = run(tmp_path, disk, options="baton.default=other.conf")
    assert "Starting Other loader" in result.text
    assert re.search(r"^guest: begin version=1$", result.text, re.M), result.reason + "\n" + result.tail()
    assert result.report is None and not result.events, "Baton handed over, though the other loader had to"


def make_grub(tmp_path, config, modules="echo normal"):
    """GRUB as one file that runs this configuration."""
    cfg, target = tmp_path / "grub.cfg", str(tmp_path / "grub.efi")
    cfg.write_text(config)
    subprocess.run(["grub-mkstandalone", "-O", "x86_64-efi", "-o", target, "boot/grub/grub.cfg=%s" % cfg,
                    "--modules=" + modules], check=True, capture_output=True)
    return target


def test_program_that_comes_back(tmp_path):
    entry = b"title GRUB\nefi /grub.efi\n"
    disk = image_disk(tmp_path, {"/grub.efi": make_grub(tmp_path, "echo 'grub was here'\nexit\n"),
                                 "/loader/entries/grub.conf": entry}, "grub.conf")
    with machine(tmp_path, disk, smp=1) as vm:
        vm.wait_for("grub was here", FIRMWARE_S)
        vm.wait_for(r"/grub\.efi ended: ", 30)
        vm.wait_for(MENU, 30)
        assert "Linux version" not in vm.text()


def check_promised(result, content):
    """Linux found the tables, and the promised range is as it was when it was promised: not free, not written."""
    tables = dict(re.findall(r"tables: (\w+)=0x([0-9a-f]+)", result.text))
    found = dict(re.findall(r"(\w+)=0x([0-9a-f]+)", result.facts["efi_tables"]))
    assert found["ESRT"] == tables["esrt"] and found["MEMRESERVE"] == tables["memreserve"], result.facts["efi_tables"]
    assert "esrt: Reserving ESRT space from 0x%016x" % int(tables["esrt"], 16) in result.text
    assert any(first <= PROMISED and PROMISED + PROMISED_BYTES - 1 <= last
               for first, last, name in iomem_ranges(result) if name == "Reserved"), result.facts["iomem"]
    assert content == b"\xb5" * PROMISED_BYTES
    kernel, = (s for s in result.all("segment") if s["name"] == "kernel")
    assert not int(kernel["addr"], 16) <= PROMISED < int(kernel["addr"], 16) + int(kernel["size"])


def test_program_gets_its_options(tmp_path):
    """A program that installs tables, then Baton as a program that Baton starts: it reads its options, complains about one and
    follows the other, and keeps what the tables promise."""
    again = b"title Again\nefi /EFI/BOOT/BOOTX64.EFI\noptions baton.default=debian.conf baton.brake=hard\n"
    disk = write_disk(str(tmp_path / "disk.img"), change={
        "/loader/entries/y-again.conf": again, "/tables.efi": TABLES,
        "/loader/entries/z-tables.conf": b"title Tables\nefi /tables.efi\n"})
    with machine(tmp_path, disk, mem="1G", options="baton.default=z-tables.conf") as vm:
        vm.wait_for(r"/tables\.efi ended: Success", FIRMWARE_S)
        vm.wait_for(MENU, 30)
        vm.send("j\r")
        vm.wait_for("guest: begin", BOOT_S)
        content = vm.read_memory(PROMISED, PROMISED_BYTES)
        result = finish(vm, BOOT_S)
    assert len(re.findall(problem_pattern(11) + ".*baton.brake", result.text)) == 1
    assert len(re.findall("^Starting ", result.text, re.M)) == 3
    check_good(result, 2)
    check_promised(result, content)


def test_program_that_firmware_cannot_load(tmp_path):
    entry = b"title Text\nefi /text.efi\n"
    disk = image_disk(tmp_path, {"/text.efi": b"not a program\n" * 100, "/loader/entries/text.conf": entry}, "text.conf")
    with machine(tmp_path, disk, smp=1) as vm:
        _, match = vm.wait_for(problem_pattern(31), FIRMWARE_S)
        assert "/text.efi" in match.string
        vm.wait_for(MENU, 30)
        assert len(re.findall(problem_pattern(31), vm.text())) == 1


def vmlinux_of(kernel):
    """The ELF file that a bzImage packed with xz carries (payload_offset and payload_length of the boot protocol)."""
    with open(kernel, "rb") as f:
        data = f.read()
    offset, length = struct.unpack_from("<II", data, 0x248)
    start = (data[0x1f1] + 1) * 512 + offset
    return lzma.LZMADecompressor().decompress(data[start:start + length])


def test_vmlinux(tmp_path):
    """Debian's kernel without its wrapping, at the address that it is linked for, with a digest."""
    path = tmp_path / "vmlinux"
    path.write_bytes(vmlinux_of(KERNEL))
    disk = write_disk(str(tmp_path / "disk.img"), kernel=str(path))
    result = run(tmp_path, disk)
    check_good(result, 2)
    assert result.facts["kernel"]


def test_multiboot_in_front_of_nothing(tmp_path):
    """A header as the Multiboot2 specification has it, in front of nothing."""
    header = struct.pack("<IIIIHHI", 0xe85250d6, 0, 24, -(0xe85250d6 + 24) & 0xffffffff, 0, 0, 8)
    entry = b"title Other\nlinux /other\n"
    disk = image_disk(tmp_path, {"/other": header + bytes(5000), "/loader/entries/other.conf": entry}, "other.conf")
    with machine(tmp_path, disk, smp=1) as vm:
        vm.wait_for(problem_pattern(23) + "/other: no ELF file", FIRMWARE_S)
        vm.wait_for(MENU, 30)
        assert "Linux version" not in vm.text()
