# SPDX-License-Identifier: MIT
"""The block's rare ways: CPUs that answer nothing, INIT by policy, both ends of a handover that must not happen; and
what it hands over to a kernel that needs the old interrupt controllers."""
import os

import pytest

from harness import (APPEND, BUILD, CONF, FAULTS, FIRMWARE_S, INITRD, KERNEL, boot, finish, machine, mkimage,
                     problem_pattern, write_disk)

SMP = 3
PROBE = os.path.join(BUILD, "probe", "probe.bin")
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
    result = boot(tmp_path, smp=SMP, baton=FAULTS, options=DEAD, conf=("lost-cpu continue",))
    assert verdicts(result) == {0: "ONLINE", 1: "HALTED", 2: "LOST"}
    assert result.report["inits"] == 1 and result.facts["report_check"] == "1", "LOST is a finding"
    assert result.reason == "guest-shutdown", result.reason


def test_init_hold(tmp_path):
    """INIT without SIPI: the CPU waits for the next kernel's, which takes it."""
    result = boot(tmp_path, smp=SMP, baton=FAULTS, options="baton.fault=ignore-kick:2:nmi", conf=("init hold",))
    assert verdicts(result) == {0: "ONLINE", 1: "HALTED", 2: "INIT_HELD"}
    assert result.facts["report_check"] == "1", "not provable is a finding"
    assert result.facts["cpus_online"] == str(SMP)


def test_kernel_that_knows_no_apic(tmp_path):
    """Its timer comes through the 8259 and LINT0, the virtual wire that firmware set up: it stands without it."""
    result = boot(tmp_path, smp=1, append=APPEND + " nolapic noapic", deadline_s=120)
    assert result.facts.get("report_check") == "0" and result.reason == "guest-shutdown", result.tail()
    assert "APIC disabled via kernel command line" in result.text


def fallback_disk(tmp_path, kernel=KERNEL):
    """Two entries: debian.conf, and rescue.conf, which is the same with one word more."""
    files = mkimage.baton_tree(FAULTS, kernel, [INITRD], APPEND, (*CONF, "reset-after 1"))
    text = files["/loader/entries/debian.conf"].decode()
    files["/loader/entries/debian.conf"] = (text + "baton-on-failure fallback rescue\n").encode()
    files["/loader/entries/rescue.conf"] = text.replace("options ", "options rescued=1 ").encode()
    mkimage.make_image(str(tmp_path / "disk.img"), files)
    return str(tmp_path / "disk.img")


def test_fallback_is_started(tmp_path):
    """The chosen entry differs: the other one, loaded beside it, is verified and started, and its report tells."""
    with machine(tmp_path, fallback_disk(tmp_path), smp=SMP, options="baton.fault=flip:kernel") as vm:
        result = finish(vm)
    started, error = result.event("fallback"), result.event("error")
    assert error["code"] == started["code"] == "E81" and started["entry"] == "rescue.conf", result.tail()
    assert "rescued=1" in result.facts["cmdline"] and result.reason == "guest-shutdown", result.tail()
    report = result.report
    assert report["fell_back"] == 81 and report["fell_back_entry"] == "debian.conf" and report["entry"] == "rescue.conf"
    assert "segment kernel" in report["fell_back_text"] and report["state"] == "handed-over" and report["failure"] == 0
    assert verdicts(result) == {0: "ONLINE", 1: "HALTED", 2: "HALTED"}
    told = {s["name"]: s["verified"] for s in report["segments"]}
    assert told["kernel"] == 2 and result.facts["report_check"] == "1", "falling back is a finding"
    assert all(told["fallback-" + name] == 1 for name in ("kernel", "initrd", "boot_params", "cmdline")), told


def test_fallback_after_a_fault_in_the_block(tmp_path):
    """The other entry is the state probe here, whose start is quick to see."""
    with machine(tmp_path, fallback_disk(tmp_path, PROBE), smp=2, options="baton.fault=crash-block:once") as vm:
        vm.wait_for(r"event=fallback verdict=started code=E63 entry=\"rescue.conf\"", FIRMWARE_S)
        vm.wait_for(r"^probe: begin", FIRMWARE_S)


def test_fallback_differs_too(tmp_path):
    """Both are damaged: each is told, and then the machine restarts."""
    disk = fallback_disk(tmp_path, PROBE)
    with machine(tmp_path, disk, smp=2, options="baton.fault=flip:kernel,flip:fallback-kernel") as vm:
        result = finish(vm)
    assert [e.get("segment") for e in result.all("error")] == ["kernel", "fallback-kernel"], result.tail()
    assert result.event("handover") is None and result.reason == "guest-reset", result.tail()


def test_fallback_that_memory_does_not_hold(tmp_path):
    """One line names the entry and what is missing; the chosen one is started all the same."""
    with machine(tmp_path, fallback_disk(tmp_path), smp=1, mem="192M") as vm:
        vm.wait_for(r"Baton: E50: on-failure fallback rescue: /debian/vmlinuz: no memory .*; goes on without", FIRMWARE_S)
        vm.wait_for(r"event=handover ", FIRMWARE_S)


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
