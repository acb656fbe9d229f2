# SPDX-License-Identifier: MIT
"""Door 2 by its 64-bit entry: OVMF, Baton, Debian, kexec of Baton with a bundle, Debian again."""
import os
import re

import pytest

from harness import APPEND, KERNEL, after_kexec, check_good, finish, machine, problem_pattern, write_bundle, write_disk, \
    write_kexec_initrd

WORDS = "baton.console=ttyS0,115200 some=word -- after.kexec"

# How kexec-tools loads: by kexec_load and its own purgatory, or by kexec_file_load and the kernel's.
LOAD, FILE = "-l", "-l -s"


def kexec(tmp_path, options=LOAD, smp=4, mem="1G", cpu="max", words=WORDS, bundle=True, deadline_s=240, **image):
    """Both boots; the result of all of it."""
    archive = write_bundle(str(tmp_path / "bundle.cpio"), **image) if bundle else None
    initrd = write_kexec_initrd(str(tmp_path / "initrd.img"), archive, options, words)
    disk = write_disk(str(tmp_path / "disk.img"), initrds=[initrd], append=APPEND + " guest.kexec")
    with machine(tmp_path, disk, smp=smp, mem=mem, cpu=cpu) as vm:
        result = finish(vm, deadline_s)
    os.unlink(disk)
    return result


@pytest.mark.parametrize("options,smp,mem,cpu", [
    (LOAD, 4, "1G", "max"),             # five paging levels on, as Debian's kernel has them here
    (FILE, 4, "1G", "max"),
    (LOAD, 2, "6G", "max"),
    (FILE, 2, "6G", "max"),
    (FILE, 1, "512M", "qemu64"),
    (LOAD, 3, "1G", "max,-la57"),
], ids=lambda value: str(value).replace(",", "").replace(" ", ""))
def test_kexec(tmp_path, options, smp, mem, cpu):
    before = kexec(tmp_path, options, smp, mem, cpu, kernel=KERNEL if options == LOAD else None)
    result = after_kexec(before)
    check_good(result, smp, door="linux64")
    assert result.event("door")["name"] == "linux64"
    assert result.event("own")["levels"] == ("5" if cpu == "max" else "4")
    assert result.facts["cmdline"].rstrip() == APPEND + " after.kexec"
    assert not result.all("error")


def test_from_another_cpu_than_the_bsp(tmp_path):
    """The kernel before leaves by CPU 1 (reboot=s1): INIT must not be sent to the BSP, and who that is nobody else can tell."""
    archive = write_bundle(str(tmp_path / "bundle.cpio"), conf=("on-failure halt",))
    initrd = write_kexec_initrd(str(tmp_path / "initrd.img"), archive, LOAD, WORDS)
    linux = ["-kernel", KERNEL, "-initrd", initrd, "-append", APPEND + " guest.kexec reboot=s1"]
    with machine(tmp_path, smp=3, firmware=False, boot_args=linux) as vm:
        _, match = vm.wait_for(problem_pattern(68) + ".*", 240)
        assert "APIC ID 1 is not the bootstrap processor" in match.string and "2 other CPUs stay" in match.string, match.string
        vm.wait_for("event=halted", 30)
        # The BSP, and that nobody got INIT: real mode would be CR0 = 60000010.
        control = re.findall(r"^CR0=([0-9a-f]+)", vm.monitor("info registers -a"), re.M)
        assert len(control) == 3 and all(int(value, 16) & 1 for value in control), control
        assert "event=cpu " not in vm.text() and vm.text().count("Linux version") == 1
