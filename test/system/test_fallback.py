# SPDX-License-Identifier: MIT
"""on-failure fallback: the other entry, loaded beside the chosen one, by both doors. Behind a BIOS it is the state probe,
whose start is quick to see."""
import os
import re
import time

import pytest

import harness
from harness import APPEND, BUILD, CONF, FAULTS, FIRMWARE_S, INITRD, KERNEL, finish, machine, mkimage, qemu

SMP = 3
PROBE = os.path.join(BUILD, "probe", "probe.bin")
ENTRY = "/loader/entries/debian.conf"
RESCUE = "/loader/entries/rescue.conf"
POLICY = (*CONF, "reset-after 1")
MCE = "mce 0 1 0xb200000000000000 0x4 0 0"      # fatal, in CPU 0's bank 1; a machine check in progress


@pytest.fixture(autouse=True)
def faults_build():
    assert os.path.exists(FAULTS), FAULTS + " is missing: make faults"


def with_rescue(files, rescue=None, name="rescue"):
    """The tree's entry, falling back on rescue.conf, which is the same with one word more if it is not given."""
    text = files[ENTRY].decode()
    files[ENTRY] = (text + "baton-on-failure fallback %s\n" % name).encode()
    files[RESCUE] = rescue or text.replace("options ", "options rescued=1 ").encode()
    return files


def efi_disk(tmp_path, rescue=None):
    path = str(tmp_path / "disk.img")
    mkimage.make_image(path, with_rescue(mkimage.baton_tree(FAULTS, KERNEL, [INITRD], APPEND, POLICY), rescue))
    return path


def bundle_file(tmp_path, rescue=None, name="rescue"):
    bundle = str(tmp_path / "bundle.cpio")
    tree = harness.baton_bundle.bundle_tree(PROBE, [], "console=ttyS0", POLICY, True, ())
    harness.baton_bundle.write_bundle(bundle, with_rescue(tree, rescue, name))
    return bundle


def bios_machine(tmp_path, fault, rescue=None, mem="512M", name="rescue"):
    bundle = bundle_file(tmp_path, rescue, name)
    return qemu.Machine(str(tmp_path / "bios"), smp=2, mem=mem, cpu="max", firmware=False, boot_args=[
        "-kernel", FAULTS, "-initrd", bundle, "-append", "baton.console=ttyS0,115200" + (fault and " baton.fault=" + fault)])


def wait_in_block(vm):
    """The boss is past commit."""
    _, block = vm.wait_for(r"event=block base=0x([0-9a-f]+) size=(\d+)", FIRMWARE_S)
    inside = range(int(block[1], 16), int(block[1], 16) + int(block[2]))
    deadline = time.monotonic() + FIRMWARE_S
    while int(re.search(r"\bRIP=([0-9a-f]+)", vm.monitor("info registers"))[1], 16) not in inside:
        assert time.monotonic() < deadline, "the boss does not enter the block"
        time.sleep(0.1)


def test_other_entry_is_started(tmp_path):
    """The chosen entry differs: the other one is verified and started, and its report tells."""
    with machine(tmp_path, efi_disk(tmp_path), smp=SMP, options="baton.fault=flip:kernel") as vm:
        result = finish(vm)
    started, error = result.event("fallback"), result.event("error")
    assert error["code"] == started["code"] == "E81" and started["entry"] == "rescue.conf", result.tail()
    assert "rescued=1" in result.facts["cmdline"] and result.reason == "guest-shutdown", result.tail()
    report = result.report
    assert report["fell_back"] == 81 and report["fell_back_entry"] == "debian.conf" and report["entry"] == "rescue.conf"
    assert "segment kernel" in report["fell_back_text"] and report["state"] == "handed-over" and report["failure"] == 0
    assert {cpu["apic_id"]: cpu["verdict"] for cpu in report["cpus"]} == {0: "ONLINE", 1: "HALTED", 2: "HALTED"}
    told = {s["name"]: s["verified"] for s in report["segments"]}
    assert told["kernel"] == 2 and result.facts["report_check"] == "1", "falling back is a finding"
    assert all(told["fallback-" + name] == 1 for name in ("kernel", "initrd", "boot_params", "cmdline")), told


@pytest.mark.parametrize("fault,code,text", (
    ("flip:boot_params", "E81", "segment boot_params chunk 0 "),
    ("flip:digests", "E82", "digest table at "),
    ("crash-block:once", "E63", "vector 6 at "),
    ("crash-block:double", "E63", "vector 8 at "),
    ("hang-block", "E63", "vector 18 at "),
), ids=("segment", "table", "exception", "double-fault", "machine-check"))
def test_whatever_fails_the_chosen_entry(tmp_path, fault, code, text):
    """The other one lies above 4 GiB."""
    with bios_machine(tmp_path, fault, mem="5G") as vm:
        if fault == "hang-block":
            wait_in_block(vm)
            vm.monitor(MCE)
        vm.wait_for(r"event=segment name=fallback-kernel .*addr=0x[0-9a-f]{9} ", FIRMWARE_S)
        vm.wait_for(r"event=error code=%s .*text=\"%s" % (code, text), FIRMWARE_S)
        vm.wait_for(r"event=fallback verdict=started code=%s entry=\"rescue.conf\"" % code, FIRMWARE_S)
        vm.wait_for(r"^probe: cmdline rescued=1 ", FIRMWARE_S)
        vm.wait_for(r"^probe: mcg_status=0x0{16}", FIRMWARE_S)


def test_behind_a_real_kexec(tmp_path):
    """Debian's kernel has started Baton."""
    guest = harness.write_kexec_initrd(str(tmp_path / "guest.img"), bundle_file(tmp_path), "-s", baton=FAULTS,
                                       words="baton.console=ttyS0,115200 baton.fault=flip:boot_params")
    with qemu.Machine(str(tmp_path / "kexec"), smp=2, mem="1G", cpu="max", firmware=False, boot_args=[
            "-kernel", KERNEL, "-initrd", guest,
            "-append", "console=ttyS0,115200 panic=-1 guest.kexec " + harness.UNDER_TCG]) as vm:
        vm.wait_for(r"event=door name=linux64 ", harness.BOOT_S)
        vm.wait_for(r"event=fallback verdict=started code=E81 entry=\"rescue.conf\"", FIRMWARE_S)
        vm.wait_for(r"^probe: cmdline rescued=1 ", FIRMWARE_S)


@pytest.mark.parametrize("second,line", (
    ("fallback-boot_params", r"event=error code=E81 segment=fallback-boot_params "),
    ("fallback-digests", r"event=error code=E82 text=\"the fallback's digest table at "),
    ("fallback-plan", r"event=fallback verdict=damaged page=0x"),
), ids=("segment", "table", "plan"))
def test_both_are_damaged(tmp_path, second, line):
    """Each is told, and then the machine restarts."""
    with bios_machine(tmp_path, "flip:boot_params,flip:" + second) as vm:
        result = finish(vm)
    assert [e.get("segment") for e in result.all("error")][:1] == ["boot_params"], result.tail()
    assert re.search(line, result.text), result.tail()
    assert result.event("handover") is None and result.reason == "guest-reset", result.tail()


def test_damaged_block_is_shared(tmp_path):
    """What both share is no reason to try the other."""
    with bios_machine(tmp_path, "flip:block") as vm:
        result = finish(vm)
    assert result.event("fallback") is None and result.event("error")["code"] == "E82", result.tail()


@pytest.mark.parametrize("rescue,line", (
    (b"title Other\nlinux /debian/none\n", r"code=E20 text=\"on-failure fallback rescue: /debian/none: .*; goes on without"),
    (None, r"code=E14 text=\"on-failure fallback nowhere: no other entry has that name; goes on without"),
), ids=("missing", "nowhere"))
def test_none_behind_a_bios(tmp_path, rescue, line):
    """One line says why, and the chosen entry is started."""
    with bios_machine(tmp_path, "", rescue, name="rescue" if rescue else "nowhere") as vm:
        vm.wait_for(line, FIRMWARE_S)
        vm.wait_for(r"^probe: begin", FIRMWARE_S)


def test_memory_that_holds_only_one(tmp_path):
    """One line names the entry and what is missing; the chosen one is started all the same."""
    with machine(tmp_path, efi_disk(tmp_path), smp=1, mem="192M") as vm:
        vm.wait_for(r"Baton: E50: on-failure fallback rescue: /debian/vmlinuz: no memory .*; goes on without", FIRMWARE_S)
        vm.wait_for(r"event=handover ", FIRMWARE_S)
