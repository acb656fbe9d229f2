# SPDX-License-Identifier: MIT
"""A refused handover is told by the next start, which waits in the menu; a good one in between ends that. The machine
restarts here as a real one does, with its memory; tools/qemu.py's reboot=True."""
import json
import os
import re
import struct
import time
import uuid
import zlib

import pytest

import ovmfvars
import qemu
from harness import APPEND, BOOT_S, FAULTS, FIRMWARE_S, MENU, check_good, finish, machine, problem_pattern, write_disk

FLIP = "baton.fault=flip:kernel"
VARIABLE = "/sys/firmware/efi/efivars/BatonLastRefusal-d8f0c5a1-2f6e-4b57-9c0d-71b6a3e49f28"
WHEN = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d, \d+ seconds? ago"
PAGE_S = 20
SHELL = "A shell on this console"


@pytest.fixture(autouse=True)
def faults_build():
    assert os.path.exists(FAULTS), FAULTS + " is missing: make faults"


def wait_count(vm, pattern, count, timeout_s):
    """Until the pattern stands count times in the text: lines of several starts look alike."""
    deadline = time.monotonic() + timeout_s
    while len(re.findall(pattern, vm.text())) < count:
        assert time.monotonic() < deadline, "no %d times %r:\n%s" % (count, pattern, vm.text()[-2000:])
        assert vm.process.poll() is None, "QEMU ended"
        time.sleep(0.2)


def starts(vm):
    return len(re.findall(r"^baton: grammar=", vm.text(), re.M))


def check_waits(vm):
    """The menu stands, without a countdown, and nothing is started while it does."""
    vm.wait_for(MENU, PAGE_S)
    before = starts(vm)
    time.sleep(5)
    tail = vm.text()[-3000:]
    assert starts(vm) == before and "Starting in" not in tail, tail


def refused_machine(tmp_path, *conf, options=FLIP, loader=b"default debian.conf\ntimeout 0\n"):
    disk = write_disk(str(tmp_path / "disk.img"), baton=FAULTS, conf=conf, change={"/loader/loader.conf": loader})
    return machine(tmp_path, disk, name="first", options=options, reboot=True)


def sound_machine(tmp_path, **more):
    """The same after a power-off: its variables, with a Baton that leaves the fault in its boot option aside (E11)."""
    disk = write_disk(str(tmp_path / "sound.img"), append=APPEND + " guest.shell")
    return machine(tmp_path, disk, name="second", vars_file=str(tmp_path / "first-vars.fd"), **more)


def test_story_variable_and_its_end(tmp_path):
    """The whole life: refused, told, refused again, power off, still told, started by hand, good, forgotten."""
    vm = refused_machine(tmp_path, "reset-after 1")
    with vm:
        _, error = vm.wait_for(r'event=error code=E81 .*text="(.*)"', FIRMWARE_S)
        vm.wait_for("The last start of debian.conf was refused at " + WHEN + r"\. Choose what to start:", FIRMWARE_S)
        vm.wait_for("Baton: E81: " + re.escape(error[1]), PAGE_S)
        check_waits(vm)
        assert starts(vm) == 1
        vm.send("\r")
        vm.wait_for(WHEN + r", 2 in a row\.", FIRMWARE_S)
        check_waits(vm)
    with sound_machine(tmp_path, reboot=True) as vm:
        vm.wait_for(r"^The start of debian.conf was refused at .*, 2 in a row\. Choose", FIRMWARE_S)
        check_waits(vm)
        vm.send("\r")
        vm.wait_for(SHELL, BOOT_S)
        vm.send("baton-report --json %s; baton-report --check %s; echo status=$?\n" % (VARIABLE, VARIABLE))
        vm.wait_for("^status=1", PAGE_S)
        refusal = json.loads(re.search(r'^\{"version":1,"failure":.*\}$', vm.text(), re.M)[0])
        assert refusal["failure"] == 81 and refusal["count"] == 2 and refusal["hold"] == 0
        assert refusal["failure_text"] == error[1] and refusal["entry"] == "debian.conf" and refusal["when"]
        vm.send("reboot -f\n")
        wait_count(vm, SHELL, 2, BOOT_S)
        assert len(re.findall("was refused", vm.text())) == 1, "a good handover ends the story"
        vm.send("ls %s; echo gone=$?\n" % VARIABLE)
        vm.wait_for("^gone=1", PAGE_S)
        vm.send("exit\n")
        check_good(finish(vm), 2)


def test_hidden_menu_is_shown(tmp_path):
    vm = refused_machine(tmp_path, "reset-after 1", loader=b"default debian.conf\ntimeout menu-hidden\n")
    with vm:
        vm.wait_for("The last start of debian.conf was refused", FIRMWARE_S)
        check_waits(vm)


def test_on_failure_menu(tmp_path):
    """No line that it is not supported, a short look at the failure, and the next start waits."""
    vm = refused_machine(tmp_path, "on-failure menu")
    with vm:
        vm.wait_for(problem_pattern(81), FIRMWARE_S)
        vm.wait_for(r"event=reset in=1$", PAGE_S)
        assert re.findall(r"event=reset in=(\d+)", vm.text()) == ["3", "2", "1"]
        vm.wait_for("The last start of debian.conf was refused", FIRMWARE_S)
        check_waits(vm)
        assert not re.search(problem_pattern(15), vm.text()) and "not supported" not in vm.text()


def test_on_failure_reboot_is_one_more_try(tmp_path):
    vm = refused_machine(tmp_path, "on-failure reboot", "reset-after 1")
    with vm:
        vm.wait_for(r"One more try:", FIRMWARE_S)
        vm.wait_for(r"2 in a row\. Choose what to start:", FIRMWARE_S)
        check_waits(vm)
        assert starts(vm) == 2


def test_refused_by_the_kernel(tmp_path):
    """Before the commit too: the canary's E84 is kernel/stop.c's."""
    vm = refused_machine(tmp_path, "reset-after 1", options="baton.fault=canary")
    with vm:
        _, error = vm.wait_for(r'event=error code=E84 text="(.*)"', FIRMWARE_S)
        vm.wait_for("The last start of debian.conf was refused at " + WHEN, FIRMWARE_S)
        vm.wait_for("Baton: E84: " + re.escape(error[1][:100]), PAGE_S)
        check_waits(vm)


def test_refused_before_anything_is_reserved(tmp_path):
    """A fault word that does not exist ends the start early: the record lies in free memory then."""
    vm = refused_machine(tmp_path, "reset-after 1", options="baton.fault=nonsense")
    with vm:
        vm.wait_for("The last start of debian.conf was refused at " + WHEN, FIRMWARE_S)
        vm.wait_for('Baton: E12: baton.fault=: "nonsense" is not a fault', PAGE_S)
        check_waits(vm)


def test_console_that_is_not_there(tmp_path):
    """Nothing can be said on it, whichever way it fails; the next start can."""
    vm = refused_machine(tmp_path, "console uart8250,mmio32,0xfffffffff000", "reset-after 1", options="quiet")
    with vm:
        vm.wait_for("The last start of debian.conf was refused at " + WHEN, FIRMWARE_S)
        vm.wait_for("Baton: E(53|63): ", PAGE_S)
        check_waits(vm)


def test_memory_lost(tmp_path):
    """Power off before the next start could read the record: nothing is known, nothing is told, the boot goes on."""
    vm = refused_machine(tmp_path, "reset-after 600")
    with vm:
        vm.wait_for(problem_pattern(81), FIRMWARE_S)
    with sound_machine(tmp_path) as vm:
        vm.wait_for(SHELL, BOOT_S)
        vm.send("exit\n")
        result = finish(vm)
    assert "was refused" not in result.text
    check_good(result, 2)


def test_variable_that_cannot_be_written(tmp_path):
    """Firmware refuses to change a variable's attributes: told from memory alone, and said that it was not kept."""
    vm = refused_machine(tmp_path, "reset-after 1", "on-failure reboot")
    add_refusal(str(tmp_path / "first-vars.fd"), count=5, attributes=3)
    with vm:
        vm.wait_for("The last start of debian.conf was refused at " + WHEN + r", 6 in a row", FIRMWARE_S)
        vm.wait_for(problem_pattern(2) + "variable BatonLastRefusal: writing: .*; told this once", PAGE_S)
        check_waits(vm)


def add_refusal(path, count, attributes):
    """Puts a sound variable, as docs/report.md describes it, behind the others."""
    fields = struct.pack("<QIIIIIIIIQQ32s32s64s128s", 0x4c41535546455242, 1, 312, 312, 0, 81, count, 0, 3, 0, 0,
                         b"0.1", b"", b"old.conf", b"an old refusal")
    fields = fields[:20] + struct.pack("<I", zlib.crc32(fields)) + fields[24:]
    vendor = uuid.UUID(VARIABLE.split("BatonLastRefusal-")[1])
    with open(path, "rb") as f:
        volume = bytearray(f.read())
    at = ovmfvars.end_of_variables(volume)
    added = ovmfvars.variable("BatonLastRefusal", fields, vendor, attributes)
    volume[at:at + len(added)] = added
    with open(path, "wb") as f:
        f.write(volume)


@pytest.mark.quick
def test_reset_ends_qemu_unless_asked():
    assert "-no-reboot" in qemu.Machine(firmware=False).command
    assert "-no-reboot" not in qemu.Machine(firmware=False, reboot=True).command
