# SPDX-License-Identifier: MIT
"""baton-faults.efi: faults on purpose, each with its verdict. kernel/faults.h lists the words of baton.fault=."""
import os
import re

import pytest

from harness import FAULTS, FIRMWARE_S, INITRD, boot, finish, machine, problem_pattern, write_disk

IVT_NMI = (8, 4)    # address and size of the real-mode NMI vector
SEGMENTS = ("kernel", "initrd", "boot_params", "setup_data", "block")


@pytest.fixture(autouse=True)
def faults_build():
    assert os.path.exists(FAULTS), FAULTS + " is missing: make faults"


def fault_disk(tmp_path, *conf):
    return write_disk(str(tmp_path / "disk.img"), baton=FAULTS, conf=conf)


@pytest.mark.parametrize("segment", SEGMENTS)
def test_flipped_byte_is_found_and_named(tmp_path, segment):
    """One byte of a placed segment changes between reading and the check: no jump, the page is named."""
    disk = fault_disk(tmp_path, "on-failure halt")
    with machine(tmp_path, disk, smp=4, options="baton.fault=flip:" + segment) as vm:
        _, match = vm.wait_for("|".join(problem_pattern(n) for n in (81, 82)), FIRMWARE_S)
        assert re.search(r"\bsegment=%s\b" % segment, match.string), match.string
        flipped = re.search(r"event=fault flipped=%s .*\bpage=(0x[0-9a-f]+)" % segment, vm.text())
        named = re.search(r"\bpage=(0x[0-9a-f]+)", match.string)
        assert flipped and named and flipped[1] == named[1], (flipped and flipped[0], match.string)
        assert "Linux version" not in vm.text()


def test_what_has_a_source_is_copied_again(tmp_path):
    """The command line is still in Baton's own memory: told to the byte, mended, started; the report does not call it good.
    Kernel and initrd lie in each other's place until the block copies them, in circles and chains of pages."""
    behind = tmp_path / "behind"
    behind.write_bytes(bytes(12 << 20))
    result = boot(tmp_path, smp=4, baton=FAULTS, initrds=(INITRD, str(behind)), options="baton.fault=flip:cmdline,exchange")
    faults = result.all("fault")
    flipped, mended = next(e for e in faults if "flipped" in e), result.event("mended")
    exchanged = next(e for e in faults if "exchanged" in e)
    assert int(exchanged["pages"]) * 4096 > 12 << 20 and "copy" in [e["name"] for e in result.all("phase")]
    places = {s["name"]: s["addr"] for s in result.all("segment")}
    assert exchanged["exchanged"] == places["kernel"] + "," + places["initrd"]
    assert mended and mended["segment"] == "cmdline" and mended["page"] == flipped["page"], result.tail()
    lines = {e["which"]: e for e in result.all("bytes")}
    at = int(flipped["address"], 16)
    assert all(int(e["address"], 16) == at & ~15 for e in lines.values())
    expected, actual = (bytes.fromhex(lines[which]["hex"]) for which in ("expected", "actual"))
    assert [i for i in range(16) if expected[i] != actual[i]] == [at & 15] and expected[at & 15] ^ actual[at & 15] == 0x10
    digests = {e["which"]: e["sha256"] for e in result.all("digest")}
    assert set(digests) == {"expected", "actual"} and digests["expected"] != digests["actual"]
    assert result.event("error") is None and result.facts["report_check"] == "1" and result.facts["cmdline"].split()
    segment, = (s for s in result.report["segments"] if s["name"] == "cmdline")
    assert segment["verified"] == 3 and segment["bad_page"] == flipped["page"]


def test_copy_that_is_damaged_too(tmp_path):
    disk = fault_disk(tmp_path, "on-failure halt")
    with machine(tmp_path, disk, smp=2, options="baton.fault=flip:cmdline,flip:cmdline-backup") as vm:
        _, match = vm.wait_for(problem_pattern(81), FIRMWARE_S)
        assert "segment=cmdline " in match.string and "also when copied again" in match.string, match.string
        assert "event=mended" not in vm.text()


def test_post_code(tmp_path):
    """The last number on port 0x80 is the failure's; QEMU's debug console listens there."""
    disk = fault_disk(tmp_path, "on-failure halt")
    log = str(tmp_path / "post")
    args = ["-chardev", "file,id=post,path=" + log, "-device", "isa-debugcon,iobase=0x80,chardev=post"]
    with machine(tmp_path, disk, smp=2, options="baton.fault=flip:kernel", args=args) as vm:
        vm.wait_for(r"event=halted", FIRMWARE_S)
        vm.qmp("stop")
        with open(log, "rb") as f:
            assert f.read()[-1:] == b"\x81"


def test_canary(tmp_path):
    """One byte of the free-memory sample changes between placing and the jump: no jump, the address is named."""
    disk = fault_disk(tmp_path, "on-failure halt")
    with machine(tmp_path, disk, smp=2, options="baton.fault=canary") as vm:
        _, match = vm.wait_for(r"event=fault flipped=canary address=0x([0-9a-f]+)", FIRMWARE_S)
        address = int(match[1], 16) & ~7
        vm.wait_for(problem_pattern(84) + ".*0x%x was written" % address, FIRMWARE_S)
        assert "Linux version" not in vm.text()


# One fault for each CPU but the boss and CPU 9; 200 is no CPU, and 10 is one that the MADT leaves out. CPU 5 is parked in MWAIT
# (park mix), the others but CPU 3, 7 and 9 in HLT.
MISBEHAVING = ("deaf:1,late:2,twice:3,ignore-kick:4:spin,lost-store:5,ignore-kick:6:nmi,ignore-kick:7:counter,ignore-kick:8:dead,"
               "listed-twice:3,listed-off:200,unlisted:10")
BROUGHT_UP = {"0": "ONLINE", "1": "NO_ANSWER", "2": "NO_ANSWER", "200": "DISABLED", **{str(n): "ONLINE" for n in range(3, 10)}}
GOT_WORSE = {"6": "INIT_RECALLED", "7": "INIT_RECALLED", "8": "LOST"}


def brought_up(text):
    """Verdicts of bring-up, each CPU once."""
    found = re.findall(r"event=cpu apic=(\d+) verdict=(\w+) us=", text)
    assert len(found) == len(dict(found)), found
    return dict(found)


def got_worse(text):
    """Verdicts in the block, of those that did not acknowledge HALT."""
    return dict(re.findall(r"event=cpu apic=(\d+) verdict=(\w+) nmis=", text))


def halts_in_the_page(vm, cpu):
    """In 64-bit code below 640 KiB, so behind the trampoline's gate: where it ends for an APIC ID that is in no table."""
    text = vm.monitor("info registers -a").split("CPU#%d" % cpu)[1]
    rip, halted, cr0 = (int(re.search(r"\b%s=([0-9a-f]+)" % name, text)[1], 16) for name in ("RIP", "HLT", "CR0"))
    return halted and 0x1000 <= rip < 0xa0000 and cr0 >> 31


def test_all_misbehave_and_a_lost_cpu_refuses(tmp_path):
    """Each CPU in its own way, all at once: each has its verdict, and the one that nothing reaches ends it (E83)."""
    disk = fault_disk(tmp_path, "park mix", "on-failure halt", "lost-cpu refuse")
    with machine(tmp_path, disk, smp=11, options="baton.fault=" + MISBEHAVING) as vm:
        _, match = vm.wait_for(problem_pattern(83), FIRMWARE_S)
        assert "1 CPU(s) answer neither HALT nor INIT" in match.string, match.string
        assert brought_up(vm.text()) == BROUGHT_UP and got_worse(vm.text()) == GOT_WORSE
        vm.wait_for("event=halted", FIRMWARE_S)
        assert halts_in_the_page(vm, 10), "the CPU that is not listed"
        assert "event=handover" not in vm.text() and "Linux version" not in vm.text()


def test_all_misbehave_and_a_lost_cpu_is_left_behind(tmp_path):
    """The same with lost-cpu continue: Linux starts, and takes every CPU; the report has each verdict and what it took."""
    result = boot(tmp_path, smp=11, baton=FAULTS, conf=("park mix", "lost-cpu continue"), options="baton.fault=" + MISBEHAVING)
    assert result.report, result.reason + "\n" + result.tail()
    assert brought_up(result.text) == BROUGHT_UP and got_worse(result.text) == GOT_WORSE, result.tail()
    cpus = {cpu["apic_id"]: cpu for cpu in result.report["cpus"]}
    assert {n: cpu["verdict"] for n, cpu in cpus.items()} == {
        0: "ONLINE", 1: "NO_ANSWER", 2: "NO_ANSWER", 3: "HALTED", 4: "HALTED", 5: "HALTED", 6: "INIT_RECALLED",
        7: "INIT_RECALLED", 8: "LOST", 9: "HALTED", 200: "DISABLED"}
    # An acknowledgement counts once, whoever says it twice; NMIs brought back the one that spun and the one that missed the store.
    assert (result.report["kicks"], result.report["kick_answers"], result.report["inits"]) == (7, 6, 3), result.report
    assert cpus[4]["nmis_sent"] >= 1 and cpus[5]["nmis_sent"] >= 1
    assert result.facts["report_check"] == "1", "NO_ANSWER, INIT and LOST are findings"
    assert result.facts["cpus_online"] == "11", "INIT-SIPI takes them all"


@pytest.mark.parametrize("policy", ("refuse", "continue"))
def test_cpu_that_comes_in_and_arrives_too_late(tmp_path, policy):
    """Past the trampoline's gate in time, given up before it arrives: it runs on the kernel's tables, so each policy refuses."""
    disk = fault_disk(tmp_path, "on-failure halt", "lost-cpu " + policy)
    with machine(tmp_path, disk, smp=3, options="baton.fault=slow:2") as vm:
        _, match = vm.wait_for(problem_pattern(61), FIRMWARE_S)
        assert "1 CPUs were lost on their way in" in match.string, match.string
        assert brought_up(vm.text()) == {"0": "ONLINE", "1": "ONLINE", "2": "LOST"}
        vm.wait_for("event=halted", FIRMWARE_S)
        assert "event=handover" not in vm.text() and "Linux version" not in vm.text()


def test_counter_stands_still_after_recall(tmp_path):
    """Nobody writes to the block any more once Linux runs: the never returning CPU's counter, in its slot, stands still."""
    disk = fault_disk(tmp_path)
    with machine(tmp_path, disk, smp=4, options="baton.fault=ignore-kick:2:counter") as vm:
        _, match = vm.wait_for(r"event=block base=(0x[0-9a-f]+) size=(\d+)", FIRMWARE_S)
        block = int(match[1], 16), int(match[2])
        ivt = vm.read_memory(*IVT_NMI)
        vm.wait_for("event=cpus ", FIRMWARE_S)
        vm.wait_for("event=park .*apic=2", FIRMWARE_S)
        vm.wait_for("guest: begin", 120)
        first = vm.read_memory(*block)
        vm.wait_for("guest: iomem", 60)
        assert any(first) and vm.read_memory(*block) == first
        assert vm.read_memory(*IVT_NMI) == ivt, "the real-mode NMI vector was not given back"
        result = finish(vm)
    verdicts = {cpu["apic_id"]: cpu["verdict"] for cpu in result.report["cpus"]}
    assert verdicts[2] == "INIT_RECALLED", verdicts


@pytest.mark.parametrize("policy", ("refuse", "continue"))
def test_cpu_that_never_reaches_the_lot(tmp_path, policy):
    """An AP takes the order to park and stays where it is: E61 under each policy, since it may run in memory that Linux
    takes for free. The CPU is named and the others are parked."""
    disk = fault_disk(tmp_path, "on-failure halt", "lost-cpu " + policy)
    with machine(tmp_path, disk, smp=4, options="baton.fault=no-park:2") as vm:
        _, match = vm.wait_for(problem_pattern(61), FIRMWARE_S)
        assert "1 CPUs did not reach the lot" in match.string, match.string
        verdicts = dict(re.findall(r"event=park apic=(\d+) verdict=(\w+)", vm.text()))
        assert verdicts == {"1": "PARKED", "2": "LOST", "3": "PARKED"}
        vm.wait_for("event=halted", FIRMWARE_S)
        assert "event=handover" not in vm.text() and "Linux version" not in vm.text()
