# SPDX-License-Identifier: MIT
"""Linux that never takes the parked CPUs writes over all memory that it has: nothing of theirs may be in it."""
import os
import re
import subprocess
import time

import pytest

from harness import APPEND, BOOT_S, BUILD, FAULTS, FIRMWARE_S, KERNEL, Result, check_report, machine, write_disk

SMP = 4
PATTERNS = " memtest=4 guest.pattern earlyprintk=ttyS0,115200"      # its first line before its own patterns
POLL_S = 0.2
HALTED = r"CPU#(\d+)\s[\s\S]*?RIP=([0-9a-f]+) .*HLT=(\d)[\s\S]*?CR3=([0-9a-f]+)"


def frozen_end(vm):
    """Why the machine stands (power-off, reset), which is then as it was at that moment; "" if it runs on for too long."""
    deadline = time.monotonic() + BOOT_S
    while time.monotonic() < deadline:
        if vm.ended():
            return vm.ended()
        time.sleep(POLL_S)
    return ""


def start(tmp_path, words, **more):
    disk = write_disk(str(tmp_path / "disk.img"), append=APPEND + PATTERNS + words, conf=("park mix", "on-failure halt"),
                      kernel=KERNEL, **more)
    return disk, ["-action", "shutdown=pause"]


@pytest.mark.quick
def test_pattern_finds_one_bit():
    """The guest's program on the host."""
    program = [os.path.join(BUILD, "tools", "pattern-test"), "1048576"]
    assert subprocess.run(program, capture_output=True, text=True, check=True).stdout == "ok bytes=1048576\n"
    done = subprocess.run([*program, "700001"], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and re.match(r"fail:at:0x%x:" % (700001 & ~7), done.stdout), done.stdout


@pytest.mark.parametrize("word", ("maxcpus=1", "nr_cpus=1"))
def test_parked_for_good(tmp_path, word):
    """Patterns by the kernel before anything else and by a program over most of what is free. At the power-off the other CPUs
    halt in the block with its tables, and no byte of it has changed since Linux's first line: no wake-up,
    no NMI, no #MC."""
    disk, args = start(tmp_path, " " + word)
    with machine(tmp_path, disk, smp=SMP, args=args) as vm:
        _, match = vm.wait_for(r"event=block base=(0x[0-9a-f]+) size=(\d+)", FIRMWARE_S)
        base, size = int(match[1], 16), int(match[2])
        vm.wait_for("Linux version", FIRMWARE_S)
        before = vm.read_memory(base, size)
        result = Result(vm.text(), frozen_end(vm))
        result = Result(vm.text(), result.reason)
        cpus = [(int(n), int(rip, 16), int(halted), int(cr3, 16)) for n, rip, halted, cr3 in
                re.findall(HALTED, vm.monitor("info registers -a"))]
        assert vm.read_memory(base, size) == before
    assert result.reason == "guest-shutdown" and result.facts["report_check"] == "0", result.tail()
    check_report(result.report, SMP)
    assert result.facts["cpus_online"] == "1" and result.facts["dmesg_bad"] == "0", result.tail()
    assert result.facts["cpus_possible"] == ("1" if word == "nr_cpus=1" else str(SMP))
    assert "early_memtest: # of tests: 4" in result.text and "bad mem addr" not in result.text
    tested = re.fullmatch(r"ok bytes=(\d+)", result.facts["pattern"])
    assert tested and int(tested[1]) > int(result.facts["mem_kb"]) * 1024 * 3 // 4, result.facts["pattern"]
    assert [n for n, *_ in cpus] == list(range(SMP)), cpus
    for n, rip, halted, cr3 in cpus[1:]:
        assert halted and base <= rip < base + size and base <= cr3 < base + size, (n, hex(rip), halted, hex(cr3))


def test_parked_in_old_memory(tmp_path):
    """The same where one CPU stayed in the memory of the kernel that is left: the patterns are what it runs then."""
    disk, args = start(tmp_path, " maxcpus=1", baton=FAULTS)
    with machine(tmp_path, disk, smp=SMP, args=args, options="baton.fault=old-park:3") as vm:
        vm.wait_for(r"event=fault parked=3 code=0x[0-9a-f]+ stack=0x[0-9a-f]+ line=0x[0-9a-f]+ free=1", FIRMWARE_S)
        # A reset as far as seen; running on for ever would be harm as well.
        assert frozen_end(vm) != "guest-shutdown" and "guest: pattern=ok" not in vm.text(), vm.text()[-2000:]
