# SPDX-License-Identifier: MIT
"""The next kernel's own view: Debian's amd64, cloud and rt kernels check memory, slabs and freed pages after the handover
and have nothing to say."""
import os
import re
import subprocess

import pytest

from harness import APPEND, BUILD, CACHE, ROOT, boot, check_good

# memtest writes patterns over all free memory before anything else does; the other two poison what is freed.
CHECKS = "memtest=1 slub_debug=FZPU page_poison=1"


def fetch(flavour):
    """(kernel, its efivarfs module), from Debian's package."""
    directory = os.path.join(CACHE, "kernel-" + flavour)
    subprocess.run([os.path.join(ROOT, "tools/kernel.sh"), directory, flavour], check=True)
    return os.path.join(directory, "vmlinuz"), os.path.join(directory, "efivarfs.ko")


def initrd_with(module, path):
    """The initramfs of the other tests with this kernel's module."""
    tools = os.path.join(BUILD, "tools")
    subprocess.run(["/usr/bin/python3", os.path.join(ROOT, "tools/mkinitramfs.py"), path, "--init",
                    os.path.join(ROOT, "tools/guest/init"), "--add", tools + "/baton-report:bin/baton-report",
                    "--add", tools + "/efivar-test:bin/efivar-test", "--add", module + ":efivarfs.ko"], check=True)
    return path


# What each kernel is built with: the cloud kernel knows nothing of memtest and page poisoning, and a kernel with PREEMPT_RT leaves
# EFI's runtime services alone unless it is told to use them.
FLAVOURS = (("amd64", CHECKS, True), ("cloud-amd64", CHECKS, False),
            ("rt-amd64", CHECKS + " efi=runtime", True))


# Linux's words for what it finds, and lines that only look like that.
COMPLAINTS = ("BUG: unable to handle page fault for address: 0000000000000010",
              "BUG vm_area_struct (Tainted: G    B): Poison overwritten", "BUG kmalloc-64 (Not tainted): Left Redzone overwritten",
              "pagealloc: single bit error", "pagealloc: memory corruption", "WARNING: CPU: 0 PID: 1 at mm/slub.c:1",
              "Oops: 0002 [#1]", "  early_memtest: bad mem addr 0x1000 - 0x2000 reserved")
NO_COMPLAINTS = ("tracing: DEBUGFS", "early_memtest: # of tests: 1", "mem auto-init: stack:off, heap alloc:on, heap free:off",
                 "mem: memory corruption debugging is off")


def test_what_counts_as_a_complaint():
    """The guest's filter, on lines as the kernel prints them."""
    with open(os.path.join(ROOT, "tools/guest/init"), encoding="utf-8") as f:
        pipe = re.search(r"^dmesg \| (grep .*) >/tmp.bad$", f.read(), re.M)[1]
    lines = "".join("[    1.000000] %s\n" % line for line in (*COMPLAINTS, *NO_COMPLAINTS))
    found = subprocess.run(["sh", "-c", pipe], input=lines, capture_output=True, text=True, check=True).stdout.splitlines()
    assert [line[15:] for line in found] == list(COMPLAINTS)


@pytest.mark.parametrize("flavour,checks,memtest", FLAVOURS, ids=[f[0] for f in FLAVOURS])
def test_kernel_finds_nothing_wrong(tmp_path, flavour, checks, memtest):
    kernel, module = fetch(flavour)
    initrd = initrd_with(module, str(tmp_path / "initrd.img"))
    result = boot(tmp_path, smp=4, mem="1G", kernel=kernel, initrds=[initrd], append=APPEND + " " + checks)
    check_good(result, 4)
    version = result.facts["kernel"].split("-", 2)[2]
    assert version == flavour, result.facts["kernel"]
    assert ("early_memtest" in result.text) == memtest
    assert "bad mem addr" not in result.text
