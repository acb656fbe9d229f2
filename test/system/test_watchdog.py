# SPDX-License-Identifier: MIT
"""reset-after arms a watchdog: a Baton that hangs is reset, and the next start tells after which phase."""
import os
import re

import pytest

from harness import APPEND, BOOT_S, FAULTS, FIRMWARE_S, MENU, check_good, finish, machine, write_disk

TCO = ("-global", "ICH9-LPC.noreboot=false")
ESB = ("-device", "i6300esb")
TCO1_CNT = 0x668       # OVMF gives q35's power management ports 0x600 to 0x67f
TCO_HALT = 0x800
WATCHDOG_S = 60         # phases' budget, reset-after, and a busy host


def tco_halted(vm):
    return int(re.search(r"= (0x[0-9a-f]+)", vm.monitor("i /h 0x%x" % TCO1_CNT))[1], 16) & TCO_HALT


def watched(tmp_path, args, fault, options):
    assert os.path.exists(FAULTS), FAULTS + " is missing: make faults"
    disk = write_disk(str(tmp_path / "disk.img"), baton=FAULTS, conf=("reset-after 1",))
    return machine(tmp_path, disk, options="baton.fault=%s %s" % (fault, options), args=args, reboot=True)


@pytest.mark.parametrize("args,kind,fault,phase,options", [
    (TCO, "tco", "hang", "prepare", ""),
    (ESB, "i6300esb", "hang-block", "rollcall", ""),
    (TCO, "tco", "hang-block@3", "rollcall", "baton.loop=9"),
], ids=("kernel-tco", "block-i6300esb", "generation-tco"))
def test_hang_is_reset_and_told(tmp_path, args, kind, fault, phase, options):
    """In the loop the third generation hangs, with a watchdog that the first armed and each handed over."""
    with watched(tmp_path, args, fault, options) as vm:
        vm.wait_for("event=watchdog kind=%s seconds=" % kind, FIRMWARE_S)
        where = " in generation 3" if options else ""
        vm.wait_for("The last start of debian.conf hung%s at " % where, FIRMWARE_S + WATCHDOG_S)
        vm.wait_for("Baton: E67: no sign of life after phase %s" % phase, 20)
        vm.wait_for(MENU, 20)
        text = vm.text()
    assert not re.search("event=error", text), "it was to hang, not to fail"


def lock_register(vm):
    """Of the 6300ESB, as Linux reads it: bit 1 enabled."""
    vm.send("od -An -tu1 -j 104 -N 1 $(dirname $(grep -l 0x25ab /sys/bus/pci/devices/*/device))/config; echo read=$?\n")
    vm.wait_for("^read=0", 20)
    return int(re.findall(r"^\s+(\d+)$", vm.text(), re.M)[-1])


@pytest.mark.parametrize("args,kind", [(TCO, "tco"), (ESB, "i6300esb")], ids=("tco", "i6300esb"))
def test_stopped_at_the_jump(tmp_path, args, kind):
    """Armed while Baton runs, and not any more in Linux."""
    disk = write_disk(str(tmp_path / "disk.img"), append=APPEND + " guest.shell", conf=("reset-after 1",))
    with machine(tmp_path, disk, args=args) as vm:
        vm.wait_for("event=watchdog kind=" + kind, FIRMWARE_S)
        if kind == "tco":
            assert tco_halted(vm) == 0, "not armed"
        vm.wait_for("A shell on this console", BOOT_S)
        if kind == "tco":
            assert tco_halted(vm) == TCO_HALT, "runs on in Linux"
        else:
            assert lock_register(vm) & 2 == 0, "runs on in Linux"
        vm.send("exit\n")
        check_good(finish(vm), 2)


def test_no_watchdog_is_said(tmp_path):
    """A machine without one: one line, and the boot goes on."""
    disk = write_disk(str(tmp_path / "disk.img"), conf=("reset-after 9",))
    with machine(tmp_path, disk, board="pc") as vm:
        result = finish(vm)
    errors = [e for e in result.all("error")]
    assert [e["code"] for e in errors] == ["E16"], errors
    assert errors[0]["text"] == "reset-after 9 cannot be kept if the machine hangs: no watchdog known here was found"
    check_good(result, 2)
