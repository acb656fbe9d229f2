# SPDX-License-Identifier: MIT
"""Every loader that can start a Linux kernel starts Baton, and each comes in by the door that the report names: GRUB on
BIOS and on EFI, systemd-boot, QEMU's -kernel with OVMF (isolinux and SeaBIOS's -kernel: test_linux16.py, kexec:
test_kexec.py)."""
import os

import pytest

import mkimage
from harness import (APPEND, BATON, BOOT_S, CONF, FIRMWARE_S, INITRD, KERNEL, check_good, finish, machine,
                     problem_pattern, qemu, write_bundle, write_disk)
from test_formats import SYSTEMD_BOOT, make_grub

EFI_BATON = "/EFI/baton/baton.efi"
WORDS = "baton.console=ttyS0,115200 -- from.loader"
GRUB_MODULES = "part_gpt fat search search_fs_file linux chain normal echo"


def bios_machine(tmp_path, disk, smp=2, mem="512M", board="q35"):
    return qemu.Machine(str(tmp_path / "vm"), disk=disk, smp=smp, mem=mem, cpu="max", firmware=False, board=board,
                        accel=os.environ.get("ACCEL") or "tcg")


@pytest.mark.parametrize("command,door,board,smp,mem", [
    ("linux", "linux32", "q35", 4, "1G"), ("linux", "linux32", "pc", 1, "6G"), ("linux16", "linux16", "q35", 2, "512M"),
])
def test_grub_on_bios(tmp_path, command, door, board, smp, mem):
    """The stick of `make usb` on a machine without UEFI; GRUB makes the bundle of the files of the partition."""
    files = mkimage.baton_tree(BATON, KERNEL, [INITRD], APPEND, CONF)
    files[mkimage.GRUB_CONFIG] = mkimage.grub_config(files, WORDS, command)
    disk = str(tmp_path / "disk.img")
    mkimage.make_image(disk, files, bios=True)
    with bios_machine(tmp_path, disk, smp, mem, board) as vm:
        result = finish(vm, BOOT_S)
    check_good(result, smp, door=door, efi=False)
    assert result.facts["cmdline"].rstrip().endswith("from.loader")
    assert not result.all("error")


def test_usb_stick_on_bios(tmp_path):
    """Nothing added to what `make usb` writes, and from a USB stick."""
    disk = write_disk(str(tmp_path / "disk.img"), bios=True)
    with qemu.Machine(str(tmp_path / "vm"), disk=disk, smp=2, mem="512M", cpu="max", firmware=False, bus="usb",
                      accel=os.environ.get("ACCEL") or "tcg") as vm:
        result = finish(vm, BOOT_S)
    check_good(result, 2, door="linux32", efi=False)


def grub_disk(tmp_path, commands, bundle=True):
    """GRUB as the machine's loader; Baton elsewhere on the partition, with entries there and in the bundle."""
    config = "search --no-floppy --set=root --file %s\n%s\nboot\n" % (EFI_BATON, commands)
    grub = make_grub(tmp_path, config, GRUB_MODULES)
    change = {"/EFI/BOOT/BOOTX64.EFI": grub, EFI_BATON: BATON}
    if bundle:
        change["/bundle.cpio"] = write_bundle(str(tmp_path / "bundle.cpio"), append=APPEND + " from.bundle")
    return write_disk(str(tmp_path / "disk.img"), append=APPEND + " from.partition", change=change)


# name: (GRUB's commands, the door, whose entry is started)
GRUB_EFI = {
    "linux": ("linux %s %s\ninitrd /bundle.cpio" % (EFI_BATON, WORDS), "linux32", "from.bundle"),
    "linuxefi": ("linuxefi %s %s\ninitrdefi /bundle.cpio" % (EFI_BATON, WORDS), "handover", "from.bundle"),
    "linuxefi-without-initrd": ("linuxefi %s %s" % (EFI_BATON, WORDS), "handover", "from.partition"),
    "chainloader": ("chainloader %s %s" % (EFI_BATON, WORDS), "efi", "from.partition"),
}


@pytest.mark.parametrize("case", GRUB_EFI)
def test_grub_on_efi(tmp_path, case):
    commands, door, entry = GRUB_EFI[case]
    smp = 4 if case == "linux" else 2
    disk = grub_disk(tmp_path, commands, bundle="bundle" in entry)
    with machine(tmp_path, disk, smp=smp, mem="1G") as vm:
        result = finish(vm, BOOT_S)
    check_good(result, smp, door=door)
    assert entry in result.facts["cmdline"] and "from.loader" in result.facts["cmdline"], result.facts["cmdline"]
    assert not result.all("error")


@pytest.mark.parametrize("key", ("linux", "efi"))
def test_systemd_boot(tmp_path, key):
    """Key linux with an initrd hands it over by LoadFile2: a bundle. Key efi starts a program."""
    words = WORDS if key == "linux" else "baton.default=debian.conf " + WORDS
    entry = "title Baton\n%s %s\noptions %s\n" % (key, EFI_BATON, words)
    change = {"/EFI/BOOT/BOOTX64.EFI": SYSTEMD_BOOT, EFI_BATON: BATON,
              "/loader/loader.conf": b"default baton.conf\ntimeout 0\n"}
    if key == "linux":
        entry += "initrd /bundle.cpio\n"
        change["/bundle.cpio"] = write_bundle(str(tmp_path / "bundle.cpio"), append=APPEND + " from.bundle")
    change["/loader/entries/baton.conf"] = entry.encode()
    disk = write_disk(str(tmp_path / "disk.img"), append=APPEND + " from.partition", change=change)
    with machine(tmp_path, disk, smp=2, mem="1G") as vm:
        result = finish(vm, BOOT_S)
    check_good(result, 2, door="efi")
    assert ("from.bundle" if key == "linux" else "from.partition") in result.facts["cmdline"]


def kernel_option(tmp_path, bundle, words=WORDS, **more):
    args = ["-kernel", BATON, "-append", words]
    if bundle:
        args += ["-initrd", bundle]
    return machine(tmp_path, smp=2, mem="1G", args=args, **more)


def test_qemu_kernel_option_with_ovmf(tmp_path):
    bundle = write_bundle(str(tmp_path / "bundle.cpio"))
    with kernel_option(tmp_path, bundle) as vm:
        result = finish(vm, BOOT_S)
    check_good(result, 2, door="efi")
    assert "from.loader initrd=initrd" in result.facts["cmdline"]   # the last word is OVMF's


def test_bad_bundle_with_firmware_alive(tmp_path):
    """One line, and the menu of what there is without it: nothing, so that is said too."""
    bundle = tmp_path / "bundle.cpio"
    bundle.write_bytes(b"no archive" * 500)
    with kernel_option(tmp_path, str(bundle)) as vm:
        _, match = vm.wait_for(problem_pattern(29), FIRMWARE_S)
        assert "magic" in match.string
        vm.wait_for(problem_pattern(10), 30)
        assert "Linux version" not in vm.text()
