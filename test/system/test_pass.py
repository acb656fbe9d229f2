# SPDX-License-Identifier: MIT
"""The Linux pass of a soak on a stick: Linux appends the report to the stick and goes on with the loop."""
import os
import re

import mkimage
from harness import APPEND, BATON, BUILD, CONF, FIRMWARE_S, KERNEL, machine

PASS_IMG = os.path.join(BUILD, "run", "pass.img")
EVERY, LOOPS = 4, 6     # generations
LINUX_S = 240           # from a generation to Linux's word


def test_pass_on_a_stick(tmp_path):
    """Generations, Linux, generations by kexec from the same stick, and after the last one Linux again, which finds what
    the first one wrote."""
    assert os.path.exists(PASS_IMG), PASS_IMG + " is missing: make test-system builds it"
    files = mkimage.baton_tree(BATON, KERNEL, [PASS_IMG], APPEND, [*CONF, "seed 7"],
                               soak_hours=9, soak_pass=EVERY, soak_initrd=PASS_IMG)
    entry = files["/loader/entries/soak.conf"]
    files["/loader/entries/soak.conf"] = entry.replace(b"baton-hours 9", b"baton-loop %d" % LOOPS)
    files["/loader/loader.conf"] = b"default soak.conf\ntimeout 0\n"
    disk = str(tmp_path / "disk.img")
    mkimage.make_image(disk, files)
    with machine(tmp_path, disk, smp=2, mem="512M", bus="usb") as vm:
        vm.wait_for(r"event=generation n=1 ", FIRMWARE_S)
        _, ends = vm.wait_for(r"event=loop-ends generation=(\d+) reason=pass left=(\d+)$", LINUX_S)
        vm.wait_for(r"^guest: pass_left=%s seed=7 report=0 device=\S+ results=1$" % ends[2], LINUX_S)
        vm.wait_for(r"^guest: pass_left=0 seed=7 report=0 device=\S+ results=2$", 2 * LINUX_S)
        vm.wait_for(r"^guest: pass_done=1$", LINUX_S)
        vm.wait_for(r"^The power button, or Ctrl-Alt-Del, ends this", 10)
        text = vm.text()
    os.unlink(disk)
    assert not re.search(r"^guest: pass_failed=|event=error ", text, re.M)
    generations = [int(n) for n in re.findall(r"event=generation n=(\d+) ", text)]
    assert generations == list(range(1, generations[-1] + 1)) and generations[-1] > LOOPS, generations
