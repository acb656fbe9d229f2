# SPDX-License-Identifier: MIT
"""Linux -> kexec -> Baton -> Linux: the guest judges each pass, and finds what grows."""
import os
import re

from harness import FAULTS, KERNEL, finish, machine

import linux_loop

LEAK = 4                # the pass from which on Baton keeps a page


def test_passes_and_a_leak(tmp_path):
    """Three passes, half of the CPUs offline before every other one, with the same figures; in the fourth Baton keeps a
    page, which the guest finds beside pass 2."""
    initrd = linux_loop.write_initrd(str(tmp_path / "initrd.img"), KERNEL, FAULTS, passes=LEAK + 3, base=1,
                                     fault=(LEAK, "leak"))
    disk = linux_loop.write_disk(str(tmp_path / "disk.img"), KERNEL, initrd, FAULTS)
    with machine(tmp_path, disk, smp=4, mem="1G") as vm:
        result = finish(vm, linux_loop.FIRST_S + LEAK * linux_loop.PASS_S)
        passes = [figures for _, figures in linux_loop.passes_of(vm.lines)]
    os.unlink(disk)
    where = "\n" + result.tail()
    assert [p["pass"] for p in passes] == [str(n) for n in range(LEAK + 1)], where
    assert all(p["online"] == "4" for p in passes), passes
    assert [result.text.count("guest: next=%d offline=%d\n" % (n, (n - 1) % 2 * 2)) for n in range(1, LEAK + 1)] == \
        [1] * LEAK, where
    assert len({tuple(p[key] for key in linux_loop.FIGURES) for p in passes[1:LEAK]}) == 1, passes
    assert result.reason == "guest-shutdown", where
    failed = re.fullmatch(r"pass 4: (e820|reserved) is (\d+), was (\d+) in pass 2", result.facts["loop_failed"])
    assert failed and int(failed[2]) > int(failed[3]), where
