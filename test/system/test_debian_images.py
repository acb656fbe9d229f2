# SPDX-License-Identifier: MIT
"""Images that are no kernel of Linux's, as Debian's packages have them: memtest86+ in both of its files, Xen with Debian's
kernel as its first domain, by Multiboot2 and as a program of firmware's."""
import gzip
import os
import pathlib
import subprocess

import pytest

from harness import (BOOT_S, CACHE, FIRMWARE_S, INITRD, KERNEL, ROOT, Result, machine, problem_pattern, wait_refused,
                     write_bundle, write_disk)
from test_linux16 import machine as bios_machine

WORDS = "baton.console=ttyS0,115200"


def package(name):
    """Where the package's files are."""
    directory = os.path.join(CACHE, name)
    subprocess.run([os.path.join(ROOT, "tools", "package.sh"), directory, name], check=True)
    return directory


@pytest.mark.parametrize("file,key", [("memtest86+x64.bin", "linux"), ("memtest86+x64.efi", "linux"),
                                      ("memtest86+x64.efi", "efi")])
def test_memtest(tmp_path, file, key):
    """It says its name and begins to test. As a kernel it is handed over to, as a program it is firmware's."""
    image = os.path.join(package("memtest86+"), "boot", file)
    entry = "title Memtest\n%s /memtest\noptions console=ttyS0,115200 nosmp\n" % key
    disk = write_disk(str(tmp_path / "disk.img"), change={"/memtest": image, "/loader/entries/debian.conf": entry.encode(),
                                                          "/debian/vmlinuz": None, "/debian/initrd.img": None})
    with machine(tmp_path, disk, smp=2) as vm:
        vm.wait_for("Memtest86", FIRMWARE_S)
        vm.wait_for("Test.*#|Pass", 60)
        result = Result(vm.text(), "")
    assert (result.event("handover") is not None) == (key == "linux")
    assert not result.all("error")


def test_xen(tmp_path):
    """By Multiboot2 behind a BIOS: Xen reads its command line, its modules with theirs, the memory map and ACPI."""
    image = tmp_path / "xen"
    with gzip.open(os.path.join(package("xen-hypervisor-4.17-amd64"), "boot", "xen-4.17-amd64.gz")) as packed:
        image.write_bytes(packed.read())
    entry = ("title Xen\nlinux /xen\noptions com1=115200,8n1 console=com1 loglvl=all dom0_mem=256M\n"
             "baton-module /vmlinuz console=hvc0 word-for-dom0\nbaton-module /initrd\n")
    bundle = write_bundle(str(tmp_path / "bundle.cpio"),
                          change={"/xen": str(image), "/vmlinuz": KERNEL, "/initrd": INITRD, "/debian/vmlinuz": None,
                                  "/debian/initrd.img": None, "/loader/entries/debian.conf": entry.encode()})
    with bios_machine(tmp_path, bundle, WORDS, mem="1G") as vm:
        vm.wait_for(r"\(XEN\) Xen version 4\.17", FIRMWARE_S)
        vm.wait_for(r"\(XEN\) Command line: com1=115200,8n1 console=com1 loglvl=all dom0_mem=256M", 30)
        vm.wait_for(r"\(XEN\) Brought up 2 CPUs", BOOT_S)
        vm.wait_for(r"\(XEN\)  Init\. ramdisk:", 60)
        assert Result(vm.text(), "").event("handover")["answers"] == "1"


def test_xen_on_efi(tmp_path):
    """Packed, it is refused by the packer's name; by Multiboot2 it would halt without boot services, so it is refused; as a
    program Xen reads its configuration, kernel and initrd beside itself, from the partition that it was loaded from."""
    image = os.path.join(package("xen-hypervisor-4.17-amd64"), "boot", "xen-4.17-amd64.efi")
    packed = os.path.join(package("xen-hypervisor-4.17-amd64"), "boot", "xen-4.17-amd64.gz")
    (tmp_path / "xen").write_bytes(gzip.decompress(pathlib.Path(packed).read_bytes()))
    config = ("[global]\ndefault=debian\n[debian]\noptions=com1=115200,8n1 console=com1 from-xen-cfg dom0_mem=256M\n"
              "kernel=vmlinuz console=hvc0\nramdisk=initrd\n")
    disk = write_disk(str(tmp_path / "disk.img"),
                      change={"/xen.gz": packed, "/xen/xen": str(tmp_path / "xen"), "/xen/xen.efi": image,
                              "/xen/xen.cfg": config.encode(), "/xen/vmlinuz": KERNEL,
                              "/xen/initrd": INITRD, "/debian/vmlinuz": None, "/debian/initrd.img": None,
                              "/loader/entries/debian.conf": None,
                              "/loader/entries/a.conf": b"title A\nsort-key a\nlinux /xen.gz\n",
                              "/loader/entries/b.conf": b"title B\nsort-key b\nlinux /xen/xen\n",
                              "/loader/entries/c.conf": b"title C\nsort-key c\nefi /xen/xen.efi\n"})
    with machine(tmp_path, disk, mem="1G") as vm:
        wait_refused(vm, problem_pattern(15) + "/xen.gz: packed with gzip", FIRMWARE_S)
        vm.send("j\r")
        wait_refused(vm, problem_pattern(15) + "/xen/xen: a Multiboot2 image that needs firmware's boot services alive", 60)
        vm.send("j\r")
        vm.wait_for(r"Xen 4\.17.* EFI loader", 60)
        vm.wait_for(r"\(XEN\) Xen version 4\.17", 60)
        vm.wait_for(r"\(XEN\) Command line: .*from-xen-cfg", 30)
        assert not Result(vm.text(), "").events
