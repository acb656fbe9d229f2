# SPDX-License-Identifier: MIT
"""The block's rare ways: CPUs that answer nothing, INIT by policy, both ends of a handover that must not happen; and
what it hands over to a kernel that needs the old interrupt controllers."""
import os
import re

import pytest

from harness import APPEND, FAULTS, FIRMWARE_S, boot, finish, machine, problem_pattern, write_disk

SMP = 3
DEAD = "baton.fault=ignore-kick:2:dead"


@pytest.fixture(autouse=True)
def faults_build():
    assert os.path.exists(FAULTS), FAULTS + " is missing: make faults"


def verdicts(result):
    assert result.report, result.reason + "\n" + result.tail()
    return {cpu["apic_id"]: cpu["verdict"] for cpu in result.report["cpus"]}


def test_lost_cpu_is_refused(tmp_path):
    """A CPU that answers neither HALT nor INIT: no jump, E83, and the reset that the policy asks for."""
    result = boot(tmp_path, smp=SMP, baton=FAULTS, options=DEAD, conf=("lost-cpu refuse", "reset-after 3"))
    assert result.event("error")["code"] == "E83", result.tail()
    assert any(e.get("apic") == "2" and e["verdict"] == "LOST" for e in result.all("cpu")), result.tail()
    assert result.event("handover") is None and "Linux version" not in result.text
    assert result.reason == "guest-reset", result.reason


def test_lost_cpu_is_left_behind(tmp_path):
    """The fallback asked for here is an EFI program, for which there is no firmware then: said, and not loaded."""
    result = boot(tmp_path, smp=SMP, baton=FAULTS, options=DEAD, conf=("lost-cpu continue", "on-failure fallback a-program"),
                  change={"/loader/entries/a-program.conf": b"title A\nefi /EFI/BOOT/BOOTX64.EFI\n"})
    assert re.search(r"Baton: E15: on-failure fallback a-program: it is an EFI program.*; goes on without", result.text)
    assert verdicts(result) == {0: "ONLINE", 1: "HALTED", 2: "LOST"}
    assert result.report["inits"] == 1 and result.facts["report_check"] == "1", "LOST is a finding"
    assert result.reason == "guest-shutdown", result.reason


def test_init_hold(tmp_path):
    """INIT without SIPI: the CPU waits for the next kernel's, which takes it. The fallback asked for is not there."""
    result = boot(tmp_path, smp=SMP, baton=FAULTS, options="baton.fault=ignore-kick:2:nmi",
                  conf=("init hold", "on-failure fallback nowhere"))
    assert "Baton: E14: on-failure fallback nowhere: no other entry has that name; goes on without" in result.text
    assert verdicts(result) == {0: "ONLINE", 1: "HALTED", 2: "INIT_HELD"}
    assert result.facts["report_check"] == "1", "not provable is a finding"
    assert result.facts["cpus_online"] == str(SMP)


def test_kernel_that_knows_no_apic(tmp_path):
    """Its timer comes through the 8259 and LINT0, the virtual wire that firmware set up: it stands without it."""
    result = boot(tmp_path, smp=1, append=APPEND + " nolapic noapic", deadline_s=120)
    assert result.facts.get("report_check") == "0" and result.reason == "guest-shutdown", result.tail()
    assert "APIC disabled via kernel command line" in result.text


def test_failure_halts_with_a_heartbeat(tmp_path):
    disk = write_disk(str(tmp_path / "disk.img"), baton=FAULTS, conf=("on-failure halt",))
    with machine(tmp_path, disk, smp=SMP, options="baton.fault=flip:kernel") as vm:
        vm.wait_for(problem_pattern(81), FIRMWARE_S)
        vm.wait_for(r"event=halted seconds=0$", 10)
        assert "event=reset" not in vm.text() and vm.process.poll() is None


def test_failure_resets(tmp_path):
    disk = write_disk(str(tmp_path / "disk.img"), baton=FAULTS, conf=("on-failure reboot", "reset-after 3"))
    with machine(tmp_path, disk, smp=SMP, options="baton.fault=flip:kernel") as vm:
        failed, _ = vm.wait_for(problem_pattern(81), FIRMWARE_S)
        last, _ = vm.wait_for(r"event=reset in=1$", 20)
        result = finish(vm, 20)
    assert result.reason == "guest-reset", result.reason
    assert [e["in"] for e in result.all("reset")] == ["3", "2", "1"]
    assert 1.5 < last - failed < 15, "three seconds, on a busy host a little more"
