# SPDX-License-Identifier: MIT
"""Door 2 by its 64-bit entry: OVMF, Baton, Debian, kexec of Baton with a bundle, Debian again."""
import os

import pytest

from harness import APPEND, after_kexec, check_good, finish, machine, write_bundle, write_disk, write_kexec_initrd

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
    before = kexec(tmp_path, options, smp, mem, cpu)
    result = after_kexec(before)
    check_good(result, smp, door="linux64")
    assert result.event("door")["name"] == "linux64"
    assert result.event("own")["levels"] == ("5" if cpu == "max" else "4")
    assert result.facts["cmdline"].rstrip() == APPEND + " after.kexec"
    assert not result.all("error")
